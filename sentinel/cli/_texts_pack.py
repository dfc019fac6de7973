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
}  # fmt: skip
