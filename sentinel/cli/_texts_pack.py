"""The catalogue of `sentinel pack`: what a person reads, in Chinese. The English sentence is its own key."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

TEXTS: dict[str, str] = {
    "List, check, show, begin and export packs: standards and measures as data.":
        "列出、检查、查看、新建和导出清单包：以数据形式存放的标准和政策措施。",
    "A pack is a folder; PACK is the id of one that comes with Sentinel, or the path of any other.":
        "清单包是一个文件夹；PACK 是自带清单包的编号，或其他清单包的路径。",
    "List the packs that come with Sentinel.": "列出自带的清单包。",
    "* not compared item by item with the official text; the report says so.":
        "* 尚未与正式文本逐条核对；报告中会注明。",
    "Check packs against their schema, the checks, questions and packs they name, and their own counts.":
        "按模式检查清单包，并核对其中引用的检查项、问题、其他清单包以及自身的条目数。",
    "Without PACK all that come with Sentinel. Exit code 1 where there is something to mend.":
        "不给 PACK 时检查全部自带的清单包。有需要修改之处时退出码为 1。",
    "{n} packs, {found} findings.": "{n} 个清单包，{found} 个问题。",
    "{n} packs, nothing to complain about.": "{n} 个清单包，没有问题。",
    "Show what a pack is and each of its requirements.": "查看清单包的说明及其每一条要求。",
    "Only what is required at this level, class or grade.": "只显示该级别、类别或等级所要求的条目。",
    "Print the whole pack as one JSON object.": "把整个清单包输出为一个 JSON 对象。",
    "{pack} has no level {level}; it has {levels}": "{pack} 没有级别 {level}；已有级别：{levels}",
    "Begin a pack: write the folder DIR/ID with a skeleton that passes the check.":
        "新建清单包：写出文件夹 DIR/ID，其中的骨架能通过检查。",
    "{path} is there; edit it, then run sentinel pack check {path}": "已写出 {path}；请编辑后运行 sentinel pack check {path}",
    "Write a pack in a format that other tools read.": "把清单包写成其他工具能读取的格式。",
    "As an OSCAL catalog (JSON).": "写成 OSCAL 目录（JSON）。",
    "The file to write; otherwise standard output.": "要写出的文件；不给出时写到标准输出。",
    "say which format: --oscal is the one there is": "请指明格式：目前只有 --oscal",
    "Edition: {edition}": "版本：{edition}",
    "Source: {source}": "来源：{source}",
    "Valid: {begin} to {end}": "有效期：{begin} 至 {end}",
    "Verified: {who}, {day}": "核对：{who}，{day}",
    "{path}: cannot be read: {why}": "{path}：无法读取：{why}",
    "{path}: cannot be written: {why}": "{path}：无法写入：{why}",
    "{path}: larger than {size} bytes; split it": "{path}：大于 {size} 字节；请拆分",
    "{path}: not UTF-8 at byte {offset}; save it as UTF-8": "{path}：第 {offset} 字节不是 UTF-8；请另存为 UTF-8",
    "{place}:{line}: no YAML: {why}": "{place}:{line}：不是 YAML：{why}",
    "{place}: no YAML: {why}": "{place}：不是 YAML：{why}",
    "{place}:{line}: {what}": "{place}:{line}：{what}",
    "an alias; write the value out": "别名；请直接写出值",
    "a second document; keep one in a file": "第二个文档；一个文件只放一个",
    "the tag {tag}; write a plain value": "标签 {tag}；请写普通的值",
    "more than {n} values; split the file": "超过 {n} 个值；请拆分文件",
    "a key that is no text": "键不是文本",
    "the key {key} for the second time": "键 {key} 重复出现",
    "more than {n} levels": "嵌套超过 {n} 层",
    "{pack}: no pack of that id and no folder with a pack.yaml; there are {known}":
        "{pack}：没有该编号的清单包，也不是含有 pack.yaml 的文件夹；可用：{known}",
    "{place}: nothing is called {name}; `sentinel pack check` says more":
        "{place}：没有名为 {name} 的内容；`sentinel pack check` 给出详情",
    "{place}: {why}; `sentinel pack check` says more": "{place}：{why}；`sentinel pack check` 给出详情",
    "{id}: a pack's id has small letters, digits and hyphens, 2 to 64 of them":
        "{id}：清单包编号只用小写字母、数字和连字符，2 至 64 个",
    "{path}: is already there; choose another id or folder": "{path}：已经存在；请换一个编号或文件夹",
    "{path}: no controls*.yaml beside pack.yaml": "{path}：pack.yaml 旁边没有 controls*.yaml",
    "{path}: more than {n} files of controls": "{path}：要求文件超过 {n} 个",
    "{path}: `controls` is no list": "{path}：`controls` 不是列表",
    "{path}: control {number} has no id that is text; quote a number":
        "{path}：第 {number} 条要求没有文本编号；数字请加引号",
    "{path}: not a mapping of keys to values": "{path}：不是由键和值组成的映射",
    "checking a pack needs jsonschema: pip install 'sentinel-ics[report]'":
        "检查清单包需要 jsonschema：pip install 'sentinel-ics[report]'",
    "{pack}: has no controls, and an OSCAL catalog must have some": "{pack}：没有任何要求，而 OSCAL 目录必须有",
}  # fmt: skip
