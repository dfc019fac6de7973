"""The catalogue of what bounds a case and a sensor, in Chinese: `case compact`, and their lines of `status`."""

# ruff: noqa: E501  (a sentence and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Make a case smaller: reads become counts.": "缩小案例：把读取合并为计数。",
    "Each run of repeated reads becomes a row of `polls`, its values rows of `trends`. Writes, controls, what identifies a device, faults, alerts and what they cite stay as they are. With neither option all reads are counted; only with --keep are counts and flows dropped, the oldest first. `sentinel show thinned` says what went. See docs/sensor.md.":
        "重复的读取合并为 `polls` 中的一行，其数值合并为 `trends` 中的行。写入、控制、用于识别设备的报文、故障、告警及其引用的内容保持不变。两个选项都不给时，全部读取合并为计数；只有给出 --keep 时才会删除计数和流，从最旧的开始。`sentinel show thinned` 说明去掉了什么。详见 docs/sensor.md。",
    "Count the reads of runs that ended before; ISO 8601, UTC where it names no zone.":
        "合并在此时间之前结束的分析中的读取；ISO 8601 格式，未写时区时为 UTC。",
    "Go on until the case takes no more, as 500M or 20G: the oldest counts and flows are dropped.":
        "缩小到不超过此大小为止，例如 500M 或 20G：从最旧的开始删除计数和流。",
    "{counted} messages are counts now, {dropped} counts and flows are gone; {before} became {used} bytes.":
        "已有 {counted} 条报文合并为计数，{dropped} 条计数和流被删除；大小由 {before} 字节变为 {used} 字节。",
    "{path}: nothing is left in the case that may be given up, and it is still larger than {size}.":
        "{path}：案例中已没有可以舍弃的内容，但仍大于 {size}。",
    "{text}: is no size; write it as 500M or 20G": "{text}：不是大小；请写成 500M 或 20G",
    "{text}: is no time; write it as 2026-03-01 or 2026-03-01T08:00": "{text}：不是时间；请写成 2026-03-01 或 2026-03-01T08:00",
    "case": "案例",
    "{used} MiB of {most}": "{used} MiB，上限 {most}",
    "{n} messages became counts: sentinel show polls": "{n} 条报文已合并为计数：sentinel show polls",
    "{n} counts and flows were dropped: sentinel show thinned": "{n} 条计数和流已删除：sentinel show thinned",
    "nothing is left that may be given up: begin a new case, or allow more room":
        "已没有可以舍弃的内容：请另建案例，或允许更大的空间",
    "of {most} MiB; given up so far: {steps}": "上限 {most} MiB；已先后舍弃：{steps}",
    "{n} values were not kept": "{n} 个数值未保存",
    "free memory": "空闲内存",
    "batches": "批量大小",
    "the run": "本次运行",
    "counts of the inventory": "资产清单的统计",
    "flows": "流",
    "read values": "读取的数值",
}  # fmt: skip
