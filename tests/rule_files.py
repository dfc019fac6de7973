"""Rule files for the tests of the rule engine's parts."""

from __future__ import annotations

from pathlib import Path

GOOD = """\
title: Controller stopped
id: 11111111-1111-4111-8111-111111111111
name: stopped
description: A test rule.
tags:
    - attack.t0858
logsource:
    product: ics
    service: s7comm
    category: message
detection:
    selection:
        event.action: plc_stop
        ics.kind: request
    condition: selection
falsepositives:
    - Planned work.
level: high
sentinel:
    title_zh: 控制器被停止
    why:
        en: "{src} stopped {dst}[ unit {unit}]."
        zh: "{src} 停止了 {dst}[ 单元 {unit}]。"
    action:
        en: Ask {src}.
        zh: 询问 {src}。
    falsepositives_zh:
        - 计划内作业。
    example:
        - {kind: request, operation: plc_stop}
    counterexample:
        - {kind: request, operation: plc_start}
"""

COUNTING = """\
title: Read
id: 22222222-2222-4222-8222-222222222222
name: many_read
logsource: {product: ics, category: message}
detection:
    selection: {ics.activity: read}
    condition: selection
---
title: Many reads
id: 33333333-3333-4333-8333-333333333333
name: many
correlation:
    type: event_count
    rules: many_read
    group-by: source.ip
    timespan: 1m
    condition: {gt: 2}
level: low
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yml"
    path.write_text(text, encoding="utf-8")
    return path
