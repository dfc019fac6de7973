"""The catalogue of `sensor`, `status` and `config`: what a person reads, in Chinese. The English sentence is its key."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Listen at a mirror port for months: alerts within a second, everything else in the case.":
        "长期监听镜像端口：一秒内告警，其余一切写入案例。",
    "Not one frame is sent. What was captured is kept as segments beside the case, so that every alert leads to its "
    "frames; what was lost is counted. Ctrl-C and SIGTERM end in good order, SIGHUP reads rules and configuration again, "
    "SIGUSR1 writes the status to standard error.":
        "绝不发送任何数据帧。抓到的数据以分段文件保存在案例旁，每条告警都能追溯到原始帧；丢失多少都有计数。"
        "Ctrl-C 和 SIGTERM 有序结束，SIGHUP 重新读取规则和配置，SIGUSR1 把状态写到标准错误。",
    "Exit codes: 0 it was told to stop; 2 a wrong configuration; 3 a port cannot be listened at; 4 the case cannot be "
    "used; 7 the disk refuses the segments; 10 a receiver's URI is of no use. See docs/sensor.md.":
        "退出码：0 按指令停止；2 配置有误；3 端口无法监听；4 案例不可用；7 磁盘拒绝写入分段；10 接收端的 URI 不可用。详见 docs/sensor.md。",
    "Port to listen at, - or tcp://HOST:PORT; may be repeated.": "要监听的端口，或 -、tcp://主机:端口；可多次给出。",
    "Read the captures that another program drops into this folder; may be repeated.":
        "读取其他程序放入此文件夹的抓包文件；可多次给出。",
    "Receive a mirror session: vxlan://0.0.0.0:4789, tzsp://0.0.0.0:37008, erspan://0.0.0.0; may be repeated.":
        "接收镜像会话：vxlan://0.0.0.0:4789、tzsp://0.0.0.0:37008、erspan://0.0.0.0；可多次给出。",
    "{name}: write vxlan://ADDRESS[:PORT], tzsp://ADDRESS[:PORT] or erspan://IPV4-ADDRESS, and behind it "
    "?from=NETWORK,NETWORK where others than these senders shall be ignored":
        "{name}：请写成 vxlan://地址[:端口]、tzsp://地址[:端口] 或 erspan://IPv4 地址；若只接收某些发送方，在其后加 ?from=网段,网段",
    "{name}: no permission to open this socket; run as root, or grant it to the service with "
    "AmbientCapabilities=CAP_NET_RAW CAP_NET_BIND_SERVICE":
        "{name}：没有打开该套接字的权限；请以 root 运行，或在服务中授予 AmbientCapabilities=CAP_NET_RAW CAP_NET_BIND_SERVICE",
    "{name}: another program receives at this port; choose another one, or stop it":
        "{name}：该端口已被其他程序占用；请换一个端口，或停止该程序",
    "{name}: this machine has no such address; 0.0.0.0 stands for all it has":
        "{name}：本机没有此地址；0.0.0.0 表示本机的全部地址",
    "{name}: cannot be received ({why})": "{name}：无法接收（{why}）",
    "mirror sessions are received on 64-bit little-endian machines only": "镜像会话只能在 64 位小端机器上接收",
    "Processes that share the interfaces, by pairs of addresses.": "按地址对分担接口流量的进程数。",
    "{name}: a stream cannot be shared by workers; leave --workers away": "{name}：数据流不能由多个进程分担；请去掉 --workers",
    "workers were replaced {n} times; something is wrong with them": "工作进程已被替换 {n} 次，说明其本身有问题",
    "the process with the case is gone": "写入案例的进程已不在",
    "a worker reads no configuration": "工作进程不读取配置",
    "worker {n}": "工作进程 {n}",
    "{frames} frames, {dropped} lost in its ring; replaced {restarts} times, {lost} lost with that":
        "{frames} 帧，环形缓冲区丢失 {dropped} 帧；替换 {restarts} 次，随之丢失 {lost} 帧",
    "on": "已启用",
    "off": "未启用",
    "off: {why}": "未启用：{why}",
    "not installed (optional; with it the sensor gives up system calls)": "未安装（可选；安装后传感器会放弃用不到的系统调用）",
    "{name}: {frames} frames, {missing} never came": "{name}：{frames} 帧，{missing} 帧始终未到",
    "{n} from senders that are not listened to": "来自不接收的发送方：{n} 个",
    "Configuration file (TOML); options count more.": "配置文件（TOML）；命令行选项优先。",
    "Capture filter, as tcpdump takes it.": "抓包过滤条件，写法同 tcpdump。",
    "Folder for the segments instead of the case's own.": "存放分段文件的文件夹，代替案例自带的。",
    "Keep no frames: alerts then cite frames that nobody can look at.": "不保存数据帧：告警引用的帧将无法再查看。",
    "Become this user when the ports are open.": "端口打开后切换到此用户。",
    "Send alerts and data there while it runs (docs/sinks.md); may be repeated.":
        "运行期间把告警和数据发送到该处（见 docs/sinks.md）；可多次给出。",
    "{uri}: is given twice; give one of them a name with name=.": "{uri}：给出了两次；请用 name= 为其中一个命名。",
    "receiver": "接收端",
    "{path}: the frames were not recorded": "{path}：原始数据帧未保存",
    "took something {seconds} s ago": "{seconds} 秒前最后一次成功接收",
    "{sent} sent, {waiting} waiting, {refused} refused, {left_out} left out, {held} held, {dropped} dropped": (
        "已发送 {sent}，待发 {waiting}，被拒 {refused}，已过滤 {left_out}，限速暂扣 {held}，已丢弃 {dropped}"
    ),
    "gets nothing for {seconds} s: {problem}": "已有 {seconds} 秒未能接收：{problem}",
    "refused {n} documents; see why with: sentinel send --refused": "拒收 {n} 条；原因见：sentinel send --refused",
    "Print nothing but errors.": "只输出错误。",
    "listening at {names}; the case is {folder}": "正在监听 {names}；案例为 {folder}",
    "Check the sensor's configuration file, or print one with every key and what it means.":
        "检查传感器的配置文件，或输出一份列出全部键及其含义的配置。",
    "Say whether a configuration file can be used; exit code 2 and the key where it cannot.":
        "说明配置文件是否可用；不可用时退出码为 2，并指出是哪个键。",
    "Print a configuration file with every key, its default and what it means.": "输出一份配置文件，列出每个键、默认值和含义。",
    "{path}: good; {n} rules": "{path}：可用；规则 {n} 条",
    "Show how a running sensor does: ports, losses, queue, latency of alerts, memory.":
        "显示正在运行的传感器的状况：端口、丢帧、队列、告警延迟、内存。",
    "Exit codes: 0 a sensor runs on this case; 1 none does, and what is shown is the last that one wrote; 4 no sensor "
    "ever ran on it.":
        "退出码：0 有传感器正在写入此案例；1 没有，所示为上一个传感器最后写下的状态；4 此案例从未有传感器运行过。",
    "Print the status file as it is.": "原样输出状态文件。",
    "Show it again every second, until Ctrl-C.": "每秒刷新显示，直到按下 Ctrl-C。",
    "sensor": "传感器",
    "running, process {pid}, for {hours} h": "运行中，进程 {pid}，已 {hours} 小时",
    "not running; this was {seconds} s ago": "未运行；以下为 {seconds} 秒前的状态",
    "{frames} frames, {rate} a second, {dropped} lost": "{frames} 帧，每秒 {rate} 帧，丢失 {dropped} 帧",
    "silent: check the cable and the mirror session": "没有流量：请检查网线和镜像会话",
    "queue": "队列",
    "{waiting} of {most}, at most {deepest}": "{waiting}/{most}，最高 {deepest}",
    "alerts": "告警",
    "{n} at once; {mean} s from the frame to the case, at worst {worst} s": "即时 {n} 条；从数据帧到案例平均 {mean} 秒，最长 {worst} 秒",
    "open flows": "未结束的流",
    "{n} were given up: more than are kept": "{n} 条被放弃：超出保留数量",
    "one-sided": "单向",
    "clock was set": "时钟被调整",
    "segment": "分段",
    "frames are not kept": "不保存数据帧",
    "memory": "内存",
    "processor": "处理器",
    "{path}: no sensor ever ran on this case": "{path}：此案例从未有传感器运行过",
    "there is no user {name} on this machine": "本机没有用户 {name}",
    "only root can become the user {name}; start as root, or as that user": "只有 root 能切换为用户 {name}；请以 root 或该用户启动",
    "{path}: is no TOML ({why})": "{path}：不是 TOML 文件（{why}）",
    "{path}: there is no key {key}; there are {names}": "{path}：没有键 {key}；可用的有 {names}",
    "{path}: {key} must be {kind}": "{path}：{key} 必须是 {kind}",
    "name a port to listen at: -i INTERFACE": "请指定要监听的端口：-i INTERFACE",
    "live capture reads the ring of little-endian machines only; capture with tcpdump instead":
        "实时抓包只支持小端机器；请改用 tcpdump 抓包",
    "{name}: capturing needs the right to open packet sockets; run as root, or grant it to the service with "
    "AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN (packaging/sentinel.service has this line)":
        "{name}：抓包需要打开数据包套接字的权限；请以 root 运行，或用 AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN "
        "授予服务（packaging/sentinel.service 中有这一行）",
    "a capture filter needs libpcap; on Debian and Ubuntu: apt-get install libpcap0.8":
        "抓包过滤需要 libpcap；Debian 和 Ubuntu 上：apt-get install libpcap0.8",
    "the capture filter {filter} makes no sense: {why}": "抓包过滤条件 {filter} 无法理解：{why}",
    "{name}: no such interface; there are {known}": "{name}：没有这个接口；现有 {known}",
    "{name}: interfaces of hardware type {kind} are not captured; Ethernet ports are":
        "{name}：不支持抓取硬件类型为 {kind} 的接口；支持以太网端口",
    "{name}: no permission to capture; run as root or with CAP_NET_RAW and CAP_NET_ADMIN":
        "{name}：没有抓包权限；请以 root 运行，或授予 CAP_NET_RAW 和 CAP_NET_ADMIN",
    "{name}: no memory for the ring; make it smaller (ring_mib in the configuration)":
        "{name}：没有足够内存分配环形缓冲区；请减小配置中的 ring_mib",
    "{name}: the interface is down; bring it up with: ip link set {name} up":
        "{name}：接口未启用；请执行：ip link set {name} up",
    "capture {capture} was read from {port} without being recorded; there is nothing to read again":
        "抓包 {capture} 读自 {port}，但未录制；没有可以重新读取的内容",
    "{name}: no capture comes from there ({why})": "{name}：那里没有送来抓包数据（{why}）",
    "{name}: write tcp://host:port": "{name}：请写成 tcp://主机:端口",
    "{name}: cannot be captured ({why})": "{name}：无法抓包（{why}）",
}  # fmt: skip
