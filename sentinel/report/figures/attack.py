"""The ATT&CK for ICS matrix in four states; what was not seen is never drawn as if it were good news."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sentinel.assess.model import Assessment
from sentinel.assess.techniques import knowledge
from sentinel.report.figures import _svg as svg

ORDER = (
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "evasion",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "inhibit-response-function",
    "impair-process-control",
    "impact",
)
TACTICS_ZH = dict(
    zip(
        ORDER,
        (
            "初始访问",
            "执行",
            "持久化",
            "权限提升",
            "规避",
            "发现",
            "横向移动",
            "收集",
            "命令与控制",
            "抑制响应功能",
            "破坏过程控制",
            "影响",
        ),
        strict=True,
    )
)
STATES: Mapping[str, tuple[str, str, str, str]] = {
    "seen": ("#E69F00", "rise", "见到", "seen"),
    "tested": ("#56B4E9", "dots", "仅演练验证", "tested in an exercise only"),
    "detectable": ("#FFFFFF", "none", "可检测，未见（不等于没有）", "detectable, not seen (no proof of absence)"),
    "not_observable": (
        "#DDE1E5", "cross", "本版本不可检测或被动流量不可见", "no rule for it here, or not observable passively",
    ),
}
"""State -> ground, hatch, words in Chinese and English."""
PER_ROW = 7
WIDTH = 56.0
HEIGHT = 24.0


def states(assessment: Assessment) -> dict[str, str]:
    """Technique -> state."""
    return {str(row["id"]): str(row["state"]) for row in assessment.techniques}


def seen(assessment: Assessment) -> set[str]:
    """Techniques that were seen."""
    return {ident for ident, state in states(assessment).items() if state == "seen"}


def names(assessment: Assessment, lang: str) -> dict[str, str]:
    """Technique -> name; in English where the assessment does not name it."""
    found = {row["id"]: str(row["name"]) for row in knowledge()["techniques"]}
    return found | {str(row["id"]): row["name"].in_(lang) for row in assessment.techniques}


def by_tactic() -> Iterator[tuple[str, str, list[str]]]:
    """Tactic, its English name and its techniques that are in force, in the order of the matrix."""
    data = knowledge()
    titles = {row["shortname"]: row["name"] for row in data["tactics"]}
    live = [row for row in data["techniques"] if not row["deprecated"] and not row["revoked"]]
    for tactic in ORDER:
        yield tactic, titles.get(tactic, tactic), sorted(row["id"] for row in live if tactic in row["tactics"])


def draw(assessment: Assessment, lang: str) -> str:
    """One band a tactic, one cell a technique."""
    zh = lang == "zh"
    state = states(assessment)
    words = names(assessment, lang)
    parts = []
    y = 2.0
    for tactic, english, techniques in by_tactic():
        rows = -(-len(techniques) // PER_ROW)
        band = max(rows, 1) * HEIGHT
        parts.append(svg.rect(0, y, 460, band + 2, fill=svg.SHADE))
        heading = TACTICS_ZH[tactic] if zh else english
        for index, piece in enumerate(svg.wrap(heading, 58, 7.5, 3)):
            parts.append(svg.label(3, y + 10 + index * 8.5, piece, 7.5, font_weight="bold"))
        for index, ident in enumerate(techniques):
            row, column = divmod(index, PER_ROW)
            parts.append(_technique(64 + column * WIDTH, y + 1 + row * HEIGHT, ident, words[ident], state.get(ident)))
        y += band + 4
    used = set(state.values())
    keys = [(ground, pattern, a if zh else b) for name, (ground, pattern, a, b) in STATES.items() if name in used]
    drawn, y = svg.legend(4, y + 12, keys, 450, 8)
    drawn += svg.label(
        4, y, f"MITRE ATT&CK for ICS {knowledge()['edition']} {knowledge()['notice']}", 5.5, fill=svg.QUIET
    )
    return svg.drawing(460, y + 6, "".join(parts) + drawn, "ATT&CK for ICS 矩阵" if zh else "ATT&CK for ICS matrix")


def _technique(x: float, y: float, ident: str, name: str, state: str | None) -> str:
    ground, pattern, *_ = STATES["detectable"] if state is None else STATES[state]
    strong = state in ("seen", "tested")
    border = {"stroke": svg.INK if strong else svg.LINE, "stroke_width": 1 if strong else 0.5}
    parts = [svg.patterned(x, y, WIDTH - 2, HEIGHT - 2, ground, "none", **border)]
    if pattern != "none":
        # the hatch stays beside the words, so that it never strikes through them
        parts.append(svg.rect(x + WIDTH - 12, y + 0.5, 9.5, 8.5, fill=f"url(#{pattern})"))
    parts.append(svg.label(x + 2, y + 7, ident, 6, font_weight="bold"))
    for index, piece in enumerate(svg.wrap(name, WIDTH - 5, 5.2, 2)):
        parts.append(svg.label(x + 2, y + 13 + index * 5.8, piece, 5.2))
    return "".join(parts)
