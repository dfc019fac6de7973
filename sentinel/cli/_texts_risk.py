"""The catalogue of risk profiles, root causes and decisions: what a person reads, in Chinese."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

TEXTS: dict[str, str] = {
    "{file}: {why}": "{file}：{why}",
    "{file}: {place}: {why}": "{file}：{place}：{why}",
    "{name} is missing": "缺少 {name}",
    "{name} is not known here": "此处没有 {name} 这一项",
    "must be a mapping": "应为映射",
    "must be a list": "应为列表",
    "must be a text": "应为文本",
    "{value} is none of {names}": "{value} 不在以下取值之中：{names}",
    "must be an integer from {low} to {high}": "应为 {low} 至 {high} 的整数",
    "must be a number in quotes": "应为带引号的数字",
    "must be a finite number": "应为有限数",
    "must have {rows} rows of {columns} numbers": "应有 {rows} 行，每行 {columns} 个数",
    "must not be empty": "不能为空",
    "there is another root cause {name}": "已有同名的根因 {name}",
    "must be the first and the last week": "应为起始周和结束周",
    "must name {{target}}, and may name {{actor}}, in both languages": "中英文都须包含 {{target}}，可以包含 {{actor}}",
    "must name one check, one question or one condition": "应指明一个检查项、一个问题或一个条件",
    "conditions on observations belong to a check": "对观察结果的条件只能用于检查项",
    "{folder}: no file says the horizons, or which root cause is the fallback.":
        "{folder}：没有文件说明整改期限，或哪一个根因作为兜底。",
    "there is no risk profile {name}; there are {names}.": "没有名为 {name} 的风险计算方法；现有：{names}。",
    "a profile that is extended may not extend another one": "被继承的计算方法不能再继承其他方法",
    "the weights must be positive and add up to 1": "权重应为正数且合计为 1",
    "must have the members 1 to 5": "应有 1 至 5 共五项",
    "must have five exponents": "应有五个指数",
    "{name} is missing, which its method needs": "缺少其计算方式所需的 {name}",
    "must be four rising numbers": "应为四个递增的数",
    "journal entry {entry}: a finding cannot be {status}; it is one of {names}.":
        "记录 {entry}：发现的状态不能是 {status}；可用的状态：{names}。",
    "journal entry {entry}: {kind} must be a mapping.": "记录 {entry}：{kind} 应为映射。",
    "journal entry {entry}: no risk has the input {name} of {value}.": "记录 {entry}：风险没有取值为 {value} 的输入 {name}。",
    "journal entry {entry}: there is no treatment {name}; there are {names}.":
        "记录 {entry}：没有 {name} 这种处置方式；可用的方式：{names}。",
}  # fmt: skip
