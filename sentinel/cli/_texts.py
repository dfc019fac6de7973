"""The catalogue: what a person reads, in Chinese. The English sentence is its own key.

A sentence that is missing here is shown in English; `tests/test_cli_texts.py` sees to it that none is.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

from sentinel.cli import (
    _texts_box,
    _texts_client,
    _texts_pack,
    _texts_report,
    _texts_risk,
    _texts_room,
    _texts_scale,
    _texts_sensor,
    _texts_sinks,
)

_HELP = {
    "Usage:": "用法：",
    "Options": "选项",
    "Commands": "命令",
    "Show this message and exit.": "显示本说明并退出。",
    "Sentinel reads captures of industrial networks and says who is there, what they speak and what happened.":
        "Sentinel 读取工业网络的抓包文件，说明网络里有谁、它们说什么协议、发生了什么。",
    "Show the version, the build and the Python that runs it.": "显示版本、构建方式和所用的 Python。",
    "Say what is done (-vv: everything); show tracebacks.": "说明正在做什么（-vv：全部细节），并显示错误堆栈。",
    "Print nothing but errors and what was asked for.": "只输出错误和所要求的内容。",
    "Language of what people read; otherwise SENTINEL_LANG or the locale decides.":
        "给人看的文字所用的语言；未指定时由 SENTINEL_LANG 或系统区域决定。",
    "Read captures into a case and say who is there, what they speak and what happened.":
        "把抓包读入案例，说明网络里有谁、说什么协议、发生了什么。",
    "PATH is a capture (pcap or pcapng; gzip, zstd, xz, lz4 or bzip2 around it), a folder of them, or - for standard "
    "input. The case is a folder: made where there is none, added to where there is one. The same capture is never "
    "counted twice.":
        "PATH 是抓包文件（pcap 或 pcapng，可用 gzip、zstd、xz、lz4、bzip2 压缩）、存放抓包的文件夹，或用 - 表示标准输入。"
        "案例是一个文件夹：没有就新建，已有就追加。同一个抓包不会重复计入。",
    "Exit codes: 0 everything was read, whatever was found; 3 nothing could be read; 4 the case cannot be used; 5 a "
    "capture was read up to a fault; 130 interrupted. See docs/exit-codes.md.":
        "退出码：0 全部读完（与是否有告警无关）；3 什么也读不了；4 案例不可用；5 某个抓包读到故障处为止；130 被中断。"
        "详见 docs/exit-codes.md。",
    "Folder of the case.": "案例文件夹。",
    "Print one JSON object instead of the page.": "不显示摘要页，输出一个 JSON 对象。",
    "A folder of Sigma rules to use as well as the shipped ones; may be repeated.":
        "除自带规则外还要使用的 Sigma 规则文件夹；可多次给出。",
    "No progress and no page.": "不显示进度和摘要页。",
    "Print the script that lets a shell complete Sentinel's commands and options.":
        "输出让 shell 自动补全 Sentinel 命令和选项的脚本。",
    "Folder of the case; otherwise a new temporary one.": "案例文件夹；不给出时新建一个临时文件夹。",
    "Name the captures there are.": "列出已有的抓包。",
    "Decode a capture and print every message, for people or as JSON Lines.":
        "解码抓包并输出每条报文，供人阅读或为 JSON Lines。",
    "Decode a capture and print every message, for people or (--jsonl) as one JSON object a line.":
        "解码抓包并输出每条报文，供人阅读，或（--jsonl）每行一个 JSON 对象。",
    "In JSON a key that a message has nothing to say to is absent; zero is a value. `time` is in seconds since 1970 UTC, "
    "`time_ns` the same in nanoseconds. The fields are explained in docs/fields.md, what is decoded in docs/protocols.md.":
        "JSON 中没有内容的键不会出现；零是有效值。`time` 是自 1970 年（UTC）以来的秒数，`time_ns` 是同一时刻的纳秒数。"
        "字段说明见 docs/fields.md，解码范围见 docs/protocols.md。",
    "Exit code 5: the capture was read up to a fault; the messages before it were printed.":
        "退出码 5：抓包读到故障处为止；之前的报文已输出。",
    "One JSON object a message.": "每条报文一个 JSON 对象。",
    "Stop after so many messages.": "输出这么多条报文后停止。",
    "Only messages of that protocol.": "只输出该协议的报文。",
    "Check the installation: build, dependencies, plugins, tools, disk; say what to do where something is wrong.":
        "检查安装情况：构建、依赖、插件、工具、磁盘；有问题时说明怎么办。",
    "Exit code 0: Sentinel can work; 1: something must be mended.": "退出码 0：Sentinel 可以工作；1：有问题需要修复。",
    "Write the frames of an alert to a capture that opens in Wireshark.": "把一条告警的帧写成可用 Wireshark 打开的抓包。",
    "Write the frames of an alert to a capture that opens in Wireshark; comments on the packets name the alert.":
        "把一条告警的帧写成可用 Wireshark 打开的抓包；数据包注释里写明是哪条告警。",
    "ALERT is an alert's id, or as much of its beginning as no other alert shares. The captures must be unchanged: their "
    "SHA-256 is compared. Where they were moved, say where to with --look-in.":
        "ALERT 是告警编号，或足以与其他告警区分的开头部分。抓包文件必须未被改动：会核对其 SHA-256。"
        "文件已移走时用 --look-in 指明新位置。",
    "The pcapng file to write.": "要写出的 pcapng 文件。",
    "So many frames of the same flows before and after each frame as well.": "同时写出每帧前后同一条流的这么多帧。",
    "A folder to which captures were moved; may be repeated.": "抓包文件移到的文件夹；可多次给出。",
    "Explain one frame of a capture: Sentinel's decoding beside tshark's.": "解释抓包中的一帧：Sentinel 与 tshark 的解码并排显示。",
    "FRAME is the frame's number, from 1, as in alerts and in Wireshark. The second opinion needs tshark and the extra "
    "`oracle` (pyshark); without them Sentinel's own decoding is shown, and what is missing.":
        "FRAME 是帧号，从 1 开始，与告警和 Wireshark 中一致。第二意见需要 tshark 和附加组件 `oracle`（pyshark）；"
        "没有时只显示 Sentinel 自己的解码，并说明缺少什么。",
    "For tshark: read a port as a protocol, as in tcp.port==1502,mbtcp; may be repeated.":
        "给 tshark：把某端口按某协议解读，例如 tcp.port==1502,mbtcp；可多次给出。",
    "Show a table of a case: flows, messages, points, facts, assets, alerts, faults ...":
        "显示案例中的表：流、报文、数值、事实、设备、告警、故障等。",
    "Show a table of a case, or the part of it for which a SQL condition holds.": "显示案例中的一张表，或其中满足 SQL 条件的部分。",
    "TABLE is flows, messages, items, points, facts, assets, alerts, faults or captures, or ext/PROTOCOL for what only one "
    "protocol has; polls and trends hold what was counted for want of room, thinned says how much that was. The condition "
    "is what stands behind WHERE in SQL; the columns are listed in docs/fields.md. Times are UTC.":
        "TABLE 是 flows、messages、items、points、facts、assets、alerts、faults 或 captures；ext/PROTOCOL 是某个协议独有的列；"
        "polls 和 trends 保存因空间不足而合并计数的内容，thinned 说明其数量。"
        "条件即 SQL 中 WHERE 之后的内容；各列见 docs/fields.md。时间均为 UTC。",
    "List, check and test the Sigma rules: those that come with Sentinel, or your own.":
        "列出、检查和测试 Sigma 规则：自带的，或您自己的。",
    "List the rules in PATHS (files or folders); without PATHS those that come with Sentinel.":
        "列出 PATHS（文件或文件夹）中的规则；不给 PATHS 时列出自带的规则。",
    "One JSON object a line.": "每行一个 JSON 对象。",
    "Check PATHS as the shipped rules are checked. Exit code 1 where there is something to mend.":
        "按检查自带规则的标准检查 PATHS。有需要修改之处时退出码为 1。",
    "Run each rule over its example and its counterexample. Exit code 1 where one does not do as it should.":
        "对每条规则运行其正例和反例。有规则结果不符时退出码为 1。",
    "Only this rule; may be repeated.": "只测试这条规则；可多次给出。",
    "Run a small plant of our own with real protocol stacks, record it with labels, and check stored captures.":
        "用真实协议栈运行自带的模拟工厂，录制抓包并加标注，检查已保存的抓包。",
    "Run a plant of our own and record it with labels; nothing outside it is ever contacted.":
        "运行自带的模拟工厂，录制抓包并加标注；绝不与工厂之外的任何主机通信。",
    "List the scenarios, with how long each runs.": "列出各场景及其运行时间。",
    "Run scenarios (`all` for every short one) and store capture, labels and manifest line.":
        "运行场景（`all` 为全部短场景），保存抓包、标注和清单条目。",
    "Output folder.": "输出文件夹。",
    "Run on 127.0.0.0/8 even where namespaces are to be had.": "即使可用网络命名空间，也在 127.0.0.0/8 上运行。",
    "Check that captures, labels and manifest of DIRECTORY (default: those that come with Sentinel) agree.":
        "检查 DIRECTORY（默认为自带的抓包）中的抓包、标注和清单是否一致。",
    "A SQL condition over the columns of the table.": "针对该表各列的 SQL 条件。",
    "Columns to show, or `all`.": "要显示的列，或 `all`（全部）。",
    "At most so many rows; 0: all. (Screen: 50, otherwise all.)": "最多这么多行；0 为全部。（屏幕上默认 50 行，其余默认全部。）",
    "How to write it.": "输出格式。",
    "Decide about alerts of a case (acknowledge, suppress, reopen), and see what was decided.":
        "对案例中的告警作出决定（确认、抑制、重新打开），并查看已有的决定。",
    "ALERT is an alert's id, or as much of its beginning as no other alert shares. A decision is added to the alert's "
    "history, which nothing takes away; it stays when captures are analysed again or added.":
        "ALERT 是告警编号，或足以与其他告警区分的开头部分。决定会追加到告警的历史中，不会被删除；重新分析或追加抓包后仍然有效。",
    "Acknowledge an alert: somebody knows of it and takes care.": "确认告警：已有人知悉并在处理。",
    "Suppress an alert: it is as it should be here, and the page only counts it.":
        "抑制告警：此处属正常情况，摘要页只计数而不显示。",
    "Reopen an alert that was acknowledged or suppressed.": "重新打开已确认或已抑制的告警。",
    "Show an alert and what people decided about it.": "显示一条告警以及人们对它的决定。",
    "Why; kept in the history of the alert.": "理由；保存在告警的历史中。",
    "Who decides; otherwise the name of the login.": "作决定的人；不给出时为登录名。",
    "Print one JSON object, with all columns and the history.": "输出一个 JSON 对象，含所有列和历史。",
    "Write to a file.": "写入文件。",
}  # fmt: skip

_PAGE = {
    "WHAT WAS CAPTURED": "抓到了什么",
    "WHO IS THERE": "网络里有谁",
    "WHAT THEY SPEAK": "它们说什么协议",
    "WHAT HAPPENED": "发生了什么",
    "WHAT THIS CANNOT SHOW": "这份抓包看不到什么",
    "WHERE IT LIES, WHAT TO RUN NEXT": "结果在哪里，下一步做什么",
    "{n} captures": "{n} 个抓包",
    "read in {time}": "用时 {time}",
    ", {n} frames/s": "，每秒 {n} 帧",
    "Interrupted: this is what was read until then.": "已中断：以下是中断前读到的内容。",
    "{n} frames": "{n} 帧",
    "{n} flows": "{n} 条流",
    "{n} messages": "{n} 条报文",
    "{n} values": "{n} 个数值",
    "{n} facts": "{n} 条事实",
    "{n} devices": "{n} 台设备",
    "{n} alerts": "{n} 条告警",
    "no gaps": "流无缺口",
    "no frame cut": "无截断帧",
    "no copies": "无重复帧",
    "no loss told": "未报告丢帧",
    "{n} gaps in streams": "流中有 {n} 处缺口",
    "{n} frames cut": "{n} 帧被截断",
    "{n} copies dropped": "丢弃 {n} 个重复帧",
    "{n} frames lost": "丢失 {n} 帧",
    "{n} flows one-sided": "{n} 条流只有单向",
    "{n} time stamps backwards": "{n} 处时间戳倒退",
    "The case holds {n} captures; what follows is about all of them.": "该案例共有 {n} 个抓包；以下内容针对全部抓包。",
    "File": "文件", "Format": "格式", "Frames": "帧数", "From": "开始时间",
    "Captures that were not begun: {n}.": "尚未开始读取的抓包：{n} 个。",
    "already in the case": "案例中已有",
    "a copy of {name}": "{name} 的副本",
    "No device was seen.": "没有看到任何设备。",
    "Address": "地址", "Device": "设备", "Role": "角色", "Level": "层级", "Speaks": "协议",
    "unit {n}": "单元 {n}",
    "firmware {version}": "固件 {version}",
    "serial {number}": "序列号 {number}",
    "answers": "应答", "asks": "请求", "both": "双向",
    "PLC": "PLC", "RTU": "RTU", "gateway": "网关", "HMI": "HMI", "engineering station": "工程师站", "client": "客户端",
    "router": "路由器", "host": "主机", "broadcast": "广播", "unknown": "未知",
    "Protocol": "协议", "Sure": "把握", "Because of": "依据", "Flows": "流", "Messages": "报文",
    "payload of both sides": "双向载荷", "payload of one side": "单向载荷", "port only": "仅凭端口",
    "framing only": "仅凭报文封装",
    "not recognised": "未识别",
    "guesses": "猜测",
    "{share} of the payload": "占载荷的 {share}",
    "Nothing that carries an application protocol.": "没有承载应用协议的流量。",
    "critical": "严重", "high": "高", "medium": "中", "low": "低", "info": "提示",
    "open": "未处理", "acknowledged": "已确认", "suppressed": "已抑制",
    "{n} suppressed not counted": "另有已抑制 {n} 条未计入",
    "Every alert was suppressed: {command}": "所有告警均已抑制：{command}",
    "No rule fired. Read below what that does not prove.": "没有规则命中。这不能证明什么，请看下文。",
    "{n} times": "{n} 次",
    "also": "另有",
    "also {n} more between other addresses": "另有 {n} 条，涉及其他地址",
    "frame": "帧", "frames": "帧",
    "… and {n} more: {command}": "……还有 {n} 条：{command}",
    "Case:": "案例：",
    "the frames of the first alert, for Wireshark": "第一条告警的帧，可用 Wireshark 打开",
    "one of them, decoded by Sentinel and by tshark": "其中一帧，由 Sentinel 和 tshark 分别解码",
    "every write there was": "所有写操作",
    "what the devices said about themselves": "设备对自身的说明",
    "{n} s": "{n} 秒",
    "{minutes} min {seconds} s": "{minutes} 分 {seconds} 秒",
    "{hours} h {minutes} min": "{hours} 小时 {minutes} 分",
    "{days} d {hours} h": "{days} 天 {hours} 小时",
}  # fmt: skip

_COVERAGE = {
    "It covers {length}. What happens less often, or happened elsewhere in the network, is not in it.":
        "它覆盖 {length}。更少发生的事，或发生在网络其他位置的事，不在其中。",
    "Nothing was probed: a device that stayed silent is missing, and so is what nobody asked it.":
        "没有进行任何主动探测：未发言的设备不在其中，没有人询问的内容也不在其中。",
    "Frames cut by the snap length: {n}. What stood behind the cut was not read.": "因抓包长度限制而被截断的帧：{n}。截断之后的内容没有读到。",
    "Frames that the capturing host says it lost: {n}.": "抓包主机自报丢失的帧：{n}。",
    "Gaps in streams: {n} ({size}). Messages in there were not seen.": "流中的缺口：{n} 处（{size}）。其中的报文没有看到。",
    "TCP flows of which only one direction was captured: {n} of {all}. An answer that was not seen may have refused.":
        "只抓到单向的 TCP 流：{n} / {all}。没看到的应答可能是拒绝。",
    "Flows that began before the capture: {n}. How they were opened is unknown.": "抓包开始前已存在的流：{n}。如何建立的不得而知。",
    "Flows in protocols that were not recognised: {n} ({share} of the payload). Nothing is said about them.":
        "协议未识别的流：{n}（占载荷的 {share}）。对它们不作任何判断。",
    "Flows labelled by their port alone: {n}. A guess: no message and no alert was made of it.":
        "仅凭端口给出标签的流：{n}。这只是猜测，不据此产生报文或告警。",
    "Idle flows evicted to bound the memory: {n}. Each goes on as a new flow.": "为限制内存而移出的空闲流：{n}。之后的流量算作新的流。",
    "Frames of kinds that are not read: {n} ({kinds}).": "不读取其类型的帧：{n}（{kinds}）。",
}  # fmt: skip

_COMMANDS = {
    "stopping; what was read is being kept (Ctrl-C again: stop at once)": "正在停止，并保存已读取的内容（再按 Ctrl-C：立即停止）",
    "{frames} frames  {messages} messages  {alerts} alerts": "{frames} 帧  {messages} 条报文  {alerts} 条告警",
    "the same path is given twice": "同一路径给出了两次",
    "{path}: no such file or folder": "{path}：没有这个文件或文件夹",
    "{path}: not an ordinary file; name another": "{path}：不是普通文件；请换一个文件名",
    "{path}: a capture of this case, which is not overwritten; name another file":
        "{path}：这是案例所依据的抓包，不会覆盖；请换一个文件名",
    "Nobody has decided anything about it.": "尚无人对它作出决定。",
    "{state} by {author}: {reason}": "{author}：{state}，{reason}",
    "--reason says nothing": "--reason 没有内容",
    "{path}: a folder; name a file": "{path}：这是文件夹；请给出文件名",
    "{path}: no such folder; make it first": "{path}：没有这个文件夹；请先建立",
    "{path}: cannot be written: permission denied": "{path}：无法写入：没有权限",
    "the case has no alert whose id begins with {prefix!r}": "案例中没有编号以 {prefix!r} 开头的告警",
    "several alerts begin with {prefix!r}: {several}; give more of the id":
        "有多条告警的编号以 {prefix!r} 开头：{several}；请多给几位",
    "--where {where!r} is not a SQL condition: {why}": "--where {where!r} 不是 SQL 条件：{why}",
    "no column {name!r}; did you mean {names}?": "没有列 {name!r}；是否指 {names}？",
    "no column {name!r}; there are {names}": "没有列 {name!r}；可用：{names}",
    ' (write "{name}" in double quotes)': '（"{name}" 要写在双引号中）',
    "Parquet is not for the screen; add -o FILE": "Parquet 不能显示在屏幕上；请加 -o FILE",
    "--decode-as {text!r} is not SELECTOR,PROTOCOL, as tcp.port==1502,mbtcp":
        "--decode-as {text!r} 不是 SELECTOR,PROTOCOL 的形式，例如 tcp.port==1502,mbtcp",
    "{path}: neither a file nor a folder; give a pipe as standard input":
        "{path}：既不是文件也不是文件夹；管道请用标准输入给出",
    "{path}: a folder; name one capture": "{path}：这是文件夹；请指定一个抓包文件",
    "no protocol {name!r}; there are {names}": "没有协议 {name!r}；可用：{names}",
    "--columns names no column": "--columns 没有指定任何列",
    "{path}: no such file": "{path}：没有这个文件",
    "there is no scenario {name!r}: `sentinel exercise list` names them":
        "没有名为 {name!r} 的场景：`sentinel exercise list` 可列出全部",
    "no network namespaces here ({reason}): running on loopback, with rewritten addresses":
        "这里没有网络命名空间（{reason}）：改在环回地址上运行，并改写地址",
    "{n} captures agree with {path}": "{n} 个抓包与 {path} 一致",
    "no rule (*.yml) in {path}": "{path} 中没有规则（*.yml）",
    "no capture came with this installation": "此安装不含任何抓包",
    "no capture {name!r}; there are {names}": "没有名为 {name!r} 的抓包；已有：{names}",
    "{file}: alert {alert}, {title}; frames: {frames}, of which evidence: {evidence}":
        "{file}：告警 {alert}，{title}；共 {frames} 帧，其中证据 {evidence} 帧",
    "capture {capture} does not hold frame {frame} any more": "抓包 {capture} 中已没有第 {frame} 帧",
    "{path}: there is no frame {n}": "{path}：没有第 {n} 帧",
    "Sentinel, frame {n}": "Sentinel，第 {n} 帧",
    "No second opinion: {why}.": "没有第二意见：{why}。",
    "No flow is known for this frame.": "不知道此帧属于哪条流。",
    "No message ends in this frame, begins in it or runs through it.": "没有报文在此帧结束、开始或经过。",
    "Flow": "流", "Fact": "事实", "Fault": "故障",
    "  {protocol}{tunnel}, {percent} % sure: {why}": "  {protocol}{tunnel}，把握 {percent} %：{why}",
    "  protocol not recognised{tunnel}": "  协议未识别{tunnel}",
    "  who asks whom was told from: {why}": "  谁向谁请求的依据：{why}",
    "handshake": "握手", "payload": "载荷", "port": "端口", "first-frame": "首帧",
    "  in frames {first} to {last}": "  跨第 {first} 至 {last} 帧",
    "  … and {n} more values": "  ……还有 {n} 个数值",
    "{name}: {total}": "{name}：共 {total} 行",
    "{name}: {shown} of {total}; --limit 0 shows all.": "{name}：{total} 行中的 {shown} 行；--limit 0 显示全部。",
    "no table {table!r}; there are {names}": "没有表 {table!r}；可用：{names}",
    "{said}: 3.11 or later is needed": "{said}：需要 3.11 或更高版本",
    "{said}: later than those that Sentinel is tested with": "{said}：比 Sentinel 测试过的版本新",
    "{version}, compiled": "{version}，已编译",
    "{version}, uncompiled: right, but slow; install without SENTINEL_PURE=1":
        "{version}，未编译：结果正确但慢；安装时不要设置 SENTINEL_PURE=1",
    "{version}: {file} changed after it was compiled; run make build": "{version}：{file} 在编译之后改动过；请运行 make build",
    "not installed; install Sentinel again": "未安装；请重新安装 Sentinel",
    "not installed (optional)": "未安装（可选）",
    "not installed (optional; sentinel explain shows its opinion beside Sentinel's)":
        "未安装（可选；sentinel explain 会把它的结果与 Sentinel 的并排显示）",
    "parsers": "解析器", "parser {name}": "解析器 {name}", "rules": "规则", "knowledge": "知识库", "data": "数据",
    "none was found": "一个也没有找到",
    "cache": "缓存", "free space": "可用空间",
    "{path}: {error}; set SENTINEL_CACHE to a folder that can be written": "{path}：{error}；请把 SENTINEL_CACHE 设为可写的文件夹",
    "interrupted; what was written until then is kept.": "已中断；之前写入的内容已保留。",
    "an error inside Sentinel ({what}); please report it with {log}.": "Sentinel 内部错误（{what}）；请附上 {log} 报告此问题。",
    "an error inside Sentinel ({what}); please report it with the output of -v.":
        "Sentinel 内部错误（{what}）；请附上 -v 的输出报告此问题。",
    "standard output": "标准输出",
}  # fmt: skip

_ERRORS = {
    "{path}: no such file or folder.": "{path}：没有这个文件或文件夹。",
    "{path}: cannot be read ({why}); check the path and its permissions.": "{path}：无法读取（{why}）；请检查路径和权限。",
    "{path}: cannot be read ({why})": "{path}：无法读取（{why}）",
    "{path}: no capture in this folder or below it (pcap or pcapng, plain or compressed).":
        "{path}：该文件夹及其子文件夹中没有抓包文件（pcap 或 pcapng，可压缩）。",
    "{path}: {why} (offset {offset}); give a pcap or pcapng file, plain or compressed.":
        "{path}：不能作为抓包读取：{why}（偏移 {offset}）；请给出 pcap 或 pcapng 文件，可压缩。",
    "{path}: {fault}": "{path}：读到故障处为止：{fault}",
    "{path}: there is no case here; make one with: sentinel analyze CAPTURE --case {path}":
        "{path}：这里没有案例；可这样新建：sentinel analyze CAPTURE --case {path}",
    "{path}: a case is a folder, and this is a file; give another path.": "{path}：案例是文件夹，而这是一个文件；请给出其他路径。",
    "{path}: no case, but not empty (it holds {name}); give a new folder.":
        "{path}：不是案例，又不是空文件夹（其中有 {name}）；请给出新的文件夹。",
    "{path}: the case has no table {table}; it has {names}.": "{path}：案例中没有表 {table}；有 {names}。",
    "{path}: the case has no alert {alert}; list them with: sentinel show alerts.":
        "{path}：案例中没有告警 {alert}；用 sentinel show alerts 可列出全部。",
    "{path}: several alerts begin with {alert}; give more of the id.": "{path}：有多条告警的编号以 {alert} 开头；请多给几位。",
    "{path}: {why}; check the path and the disk, then repeat.": "{path}：{why}；请检查路径和磁盘，然后重试。",
    "{path}: another program holds the case's database; wait until it has ended, then repeat.":
        "{path}：另一个程序正占用案例的数据库；等它结束后再试。",
    "{path}: the case's database cannot be used ({why}); nothing in it was changed.":
        "{path}：案例的数据库无法使用（{why}）；其中内容未改动。",
    "{path}: no space left to write ({why}); what was analysed before is whole: free some space and repeat.":
        "{path}：没有空间可写（{why}）；之前分析的内容完好：请腾出空间后重试。",
    "{path}: cannot be written or opened ({why}); change its permissions or take another folder.":
        "{path}：无法写入或打开（{why}）；请修改权限或换一个文件夹。",
    "a write-ahead log waits to be folded in": "有预写日志尚待并入",
    "{path}: the case is damaged or only half written ({why}); nothing was changed: restore it from a copy, or analyse the "
    "captures again into a new folder.":
        "{path}：案例已损坏或只写了一半（{why}）；未作任何改动：请从备份恢复，或把抓包重新分析到新文件夹。",
    "the file is missing": "文件不见了",
    "{actual} bytes where {size} were written": "现有 {actual} 字节，写入时为 {size} 字节",
    "it is no database of this program": "不是本程序的数据库",
    "{path}: the case was written by a newer Sentinel (case version {version}, this program reads {own}); upgrade this "
    "program.":
        "{path}：案例由更新版本的 Sentinel 写成（案例版本 {version}，本程序读取 {own}）；请升级本程序。",
    "{path}: the case was written by an older Sentinel (case version {version}, this program reads {own}); analyse its "
    "captures again into a new folder.":
        "{path}：案例由较旧版本的 Sentinel 写成（案例版本 {version}，本程序读取 {own}）；请把其抓包重新分析到新文件夹。",
    "{path}: the capture with SHA-256 {sha256} is in the case already, as number {capture}; leave it out.":
        "{path}：SHA-256 为 {sha256} 的抓包已在案例中，编号 {capture}；请不要再给出它。",
    "{path}: the interrupted analysis of these captures had also read {names}; analyse them together, so that nothing is "
    "lost.":
        "{path}：被中断的那次分析还读取了 {names}；请一并分析，以免丢失内容。",
    "{path}: column {name} of ext/{protocol} was {before} when the case was begun and is {now} in this program; analyse the "
    "captures into a new folder.":
        "{path}：ext/{protocol} 的列 {name} 在建立案例时是 {before}，在本程序中是 {now}；请把抓包分析到新文件夹。",
    "{path}: process {number} is writing this case; wait until it ends, or use another one.":
        "{path}：进程 {number} 正在写这个案例；请等它结束，或使用另一个案例。",
    "alert {alert} cites no frames": "告警 {alert} 没有引用任何帧",
    "{path}: cannot be written ({why}); choose another place.": "{path}：无法写入（{why}）；请另选位置。",
    "capture {capture} came from standard input and was not kept; there is nothing to read again":
        "抓包 {capture} 来自标准输入，未被保存；没有可再次读取的内容",
    "{path}: the capture is no longer there; put it back, or say in which folder it lies now":
        "{path}：抓包已不在原处；请放回，或说明它现在所在的文件夹",
    "{path}: the file has changed since it was analysed (its SHA-256 is not {sha256}); evidence is only taken from the "
    "capture itself":
        "{path}：该文件在分析之后被改动过（其 SHA-256 不是 {sha256}）；证据只取自原抓包",
    "{path}: {why}": "{path}：{why}",
    "{path} cannot be written: {why}": "{path} 无法写入：{why}",
    "--where {where!r}: {why}": "--where {where!r}：{why}",
    "{problems}": "{problems}",
    "tshark is not installed (Debian and Ubuntu: apt install tshark)": "未安装 tshark（Debian 和 Ubuntu：apt install tshark）",
    "pyshark is not installed (pip install 'sentinel-ics[oracle]')": "未安装 pyshark（pip install 'sentinel-ics[oracle]'）",
    "tshark cannot read {path}: {why}": "tshark 无法读取 {path}：{why}",
    "{path}: {why}: choose another folder with -o": "{path}：{why}：请用 -o 另选文件夹",
    "the exercise needs {names}: run `pip install sentinel-ics[lab]`": "演练需要 {names}：请运行 `pip install sentinel-ics[lab]`",
    "{name} did not come to its end": "{name} 没有运行到结束",
    "the {name} server of {host} did not start: {why}": "{host} 的 {name} 服务未能启动：{why}",
    "{actor}: {step}: {why}": "{actor}：{step}：{why}",
    "{name}: {why}": "{name}：{why}",
    "ip: {why}": "ip：{why}",
    "the plant was built in the namespace of the program itself": "模拟工厂建在了程序自身的命名空间里",
}  # fmt: skip

ZH: dict[str, str] = {
    **_HELP,
    **_PAGE,
    **_COVERAGE,
    **_COMMANDS,
    **_ERRORS,
    **_texts_box.TEXTS,
    **_texts_client.TEXTS,
    **_texts_pack.TEXTS,
    **_texts_report.TEXTS,
    **_texts_risk.TEXTS,
    **_texts_room.TEXTS,
    **_texts_scale.TEXTS,
    **_texts_sensor.TEXTS,
    **_texts_sinks.TEXTS,
}


def translated(sentence: str, lang: str) -> str:
    """The sentence in `lang` (`en` or `zh`); as it is where there is no translation."""
    return ZH.get(sentence, sentence) if lang == "zh" else sentence
