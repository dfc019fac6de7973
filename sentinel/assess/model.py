"""The nouns of the assessment: what the client says, what checks find, what follows, and why.

Every value is frozen and plain (text, numbers, tuples, mappings), so that an assessment is one JSON document and two
runs over the same case give the same bytes. Times are nanoseconds since 1970-01-01 UTC. Whatever a person reads is a
`Text`, in Chinese and English. Source of the vocabulary: GB/T 20984-2022, GB/T 36466-2018, IEC 62443-3-2 and -3-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence or title in both languages."""

    zh: str
    en: str

    def in_(self, lang: str) -> str:
        """The text in `zh` or `en`."""
        return self.zh if lang == "zh" else self.en

    @classmethod
    def of(cls, said: str) -> Text:
        """What a person wrote: both halves of `自动化部门 / Automation`, anything else the same in both languages."""
        zh, mark, en = said.partition(" / ")
        if mark and " / " not in en and not zh.isascii() and en.isascii() and en:
            return cls(zh, en)
        return cls(said, said)


class Outcome(StrEnum):
    """What is known of a requirement, strongest first: the order of truth when several tests bear on one control."""

    VIOLATED = "violated"
    """Traffic proves that it is not met."""
    CONTRADICTED = "contradicted"
    """An answer or drawing says it is met, and traffic says otherwise."""
    CONFIRMED = "confirmed"
    """Traffic, or an answer that somebody verified, proves that it is met."""
    PASS_UNVERIFIED = "pass_unverified"
    """Stated or documented, nothing seen against it, nothing that proves it."""
    NOT_OBSERVED = "not_observed"
    """Nothing against it was seen within the coverage; that is no proof."""
    NOT_ASSESSABLE = "not_assessable"
    """There is no source for it here: no answer, or traffic that this program or these taps cannot see."""
    NOT_APPLICABLE = "not_applicable"
    """A person said, with a reason, that it does not apply."""


class Observability(StrEnum):
    """How far traffic can tell (specification, 2.1)."""

    TRAFFIC = "T"
    PARTLY = "P"
    INTERVIEW = "I"


class Provenance(StrEnum):
    """Where an input comes from; what is stated or assumed is varied when the uncertainty of a risk is computed."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    STATED = "stated"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that a statement rests on.

    `kind` is frames (of the capture `sha256`), answer (`ref`: question id), record (`ref`: kind/subject of the client's
    list), alert (`ref`: alert id; its frames beside it) or coverage (`ref`: empty; what was captured at all).
    """

    kind: str
    ref: str = ""
    capture: int | None = None
    sha256: str = ""
    frames: tuple[int, ...] = ()
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """When a cited frame was, and between whom: so that it is found in any other record of the same traffic."""

    capture: int
    frame: int
    time: int | None = None
    src: str | None = None
    dst: str | None = None
    src_port: int | None = None
    dst_port: int | None = None
    transport: str | None = None
    protocol: str | None = None
    """Of the message, else of the flow where its payload proves it; a port alone proves nothing."""


# --- what the client knows -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the case's journal: what a person or a file said about a subject, by whom and when.

    `kind` and `subject` name what it is about; a later entry replaces an earlier one of the same name.
    `source` is `edit` for a person's own entry and `import:<file name>` for one that came out of a file.
    """

    entry: int
    kind: str
    subject: str
    value: Any
    author: str
    time: int
    source: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the plant with one trust level (IEC 62443-3-2, 4.3). A proposed one says why it was proposed."""

    id: str
    name: Text
    level: str = ""
    """Purdue level: 0, 1, 2, 3, 3.5, 4 or 5; empty where unknown."""
    kind: str = "ot"
    """ot, it, dmz, sis, wireless, cloud, identifier, park, remote or external."""
    subnets: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    members: tuple[str, ...] = ()
    """Addresses (IP or MAC) that belong to it whatever their subnet."""
    sl_t: int | None = None
    declared: bool = True
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class Conduit:
    """What the client allows between two zones."""

    id: str
    source: str
    target: str
    protocols: tuple[str, ...] = ()
    """Protocol labels (`modbus`) or transport and port (`tcp/443`); empty: none is allowed. `*`: any."""
    one_way: bool = False
    """Payload may only go from `source` to `target`."""
    declared: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """A device of the site: what was seen of it joined with what the client's list says.

    `provenance`: attribute -> `wire:<evidence kind>`, `list` or `assumed`. `cia` and the two importances are 1 to 5.
    """

    id: str
    name: str
    observed: bool
    listed: bool
    ips: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    unit: int | None = None
    kind: str = "unknown"
    """plc, rtu, sis, hmi, engineering, historian, server, switch, router, gateway, sensor, drive, host or unknown."""
    role: str = ""
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    level: str = ""
    zone: str = ""
    owner: str = ""
    location: str = ""
    criticality: int | None = None
    cia: tuple[int | None, int | None, int | None] = (None, None, None)
    bearing: int | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    number: str = ""
    """The client's own number or tag for it."""
    conflicts: Mapping[str, str] = field(default_factory=dict)
    """Attribute -> what the other source says, as `wire: Siemens`: the value above is the one that is believed."""


@dataclass(frozen=True, slots=True)
class Tag:
    """The client's name for a process value."""

    device: str
    unit: int | None
    object: str
    block: int | None
    address: int
    name: str
    unit_of_measure: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An approved change or a maintenance window: what happens inside it is explained by it."""

    id: str
    kind: str
    """change or window."""
    start: int
    end: int
    sources: tuple[str, ...] = ()
    """Addresses from where; empty: any."""
    targets: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    """`sentinel.model.Activity` in lower case; empty: any."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answered to a question."""

    question: str
    value: Any
    state: str
    """stated, documented or verified; wire where the capture answered it."""
    author: str
    time: int
    note: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """All that is known of the plant, from the wire and from the client."""

    assets: tuple[Asset, ...] = ()
    zones: tuple[Zone, ...] = ()
    conduits: tuple[Conduit, ...] = ()
    tags: tuple[Tag, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    engagement: Mapping[str, Any] = field(default_factory=dict)
    """client, site, author, reviewer, approver, number, classification, authorisation, standards, process, ..."""


# --- what was looked at -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the plant the captures could show.

    `taps`: one row a capture with hours, frames, loss, cut, one-sided and unknown share. `zones` and `conduits`: seen
    or not, hours, packets. `share` is the visibility of the whole, 0 to 1; None where no zone is known.
    """

    taps: tuple[Mapping[str, Any], ...] = ()
    zones: tuple[Mapping[str, Any], ...] = ()
    conduits: tuple[Mapping[str, Any], ...] = ()
    hours: float = 0.0
    frames: int = 0
    loss: float | None = None
    one_sided: float | None = None
    unknown: float | None = None
    share: float | None = None
    statements: tuple[Text, ...] = ()
    """What the reader must know: what these captures could not show."""

    def of_zone(self, zone: str) -> float:
        """Visibility of one zone, 0 to 1."""
        return next((float(row["visibility"]) for row in self.zones if row["zone"] == zone), 0.0)


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that a check saw, about one subject."""

    id: str
    """Hash of check, subject and kind: the same thing seen again is the same observation."""
    check: str
    subject: str
    """Stable and short: addresses, zone ids, protocol."""
    outcome: Outcome
    title: Text
    detail: Text
    """A sentence with the values of this observation."""
    assets: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    protocol: str = ""
    techniques: tuple[str, ...] = ()
    count: int = 1
    first_time: int | None = None
    last_time: int | None = None
    evidence: tuple[Evidence, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and names behind the sentence, for tables and for the risk engine (`cvss`, `days`, `events`, ...)."""
    ticket: str = ""
    """The ticket that explains it; an explained observation is no violation."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check says of the site."""

    check: str
    outcome: Outcome
    reason: Text
    observations: tuple[Observation, ...] = ()
    by_zone: Mapping[str, Outcome] = field(default_factory=dict)
    """Zone -> outcome there, where the check can tell zones apart."""
    coverage: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """Rows for the special sheets, such as `remote_sessions` or `data_flows`."""


# --- packs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a control: a check with parameters, or a question with the answers that satisfy it."""

    check: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    min_coverage: float | None = None
    """`not_observed` below this coverage is `not_assessable`."""
    question: str = ""
    satisfied_by: tuple[Any, ...] = ("yes",)


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement of a framework, in our own words."""

    framework: str
    id: str
    title: Text
    paraphrase: Text
    group: Text
    """Layer, part or family under which the framework lists it."""
    levels: tuple[str, ...] = ()
    """Levels, classes or grades at which it is required; empty: always."""
    observability: Observability = Observability.INTERVIEW
    unit: str = ""
    zones: tuple[str, ...] = ()
    """Kinds of zone that it applies to; empty: the whole site."""
    maps_to: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    report: str = ""
    """Special sheet or chapter that shows it, for clauses of a programme."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A standard or measure as data: a folder of `rulesets/frameworks`."""

    id: str
    kind: str
    """catalog, programme, workflow, method or technique."""
    title: Text
    edition: str
    source: str
    verified_by: str | None = None
    verified_on: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    checksum: Mapping[str, int] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    tables: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the pack brings as data: record forms, phases, due dates, thresholds."""
    watermark: Text | None = None
    """What is printed where the text was not checked against the official one."""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """The verdict on one control, for the site or one zone."""

    framework: str
    control: str
    scope: str
    """Zone id, or `site`."""
    outcome: Outcome
    display: Text
    """符合 / 部分符合 / 不符合 / 不适用 / 待现场核查, and their English words."""
    reasons: tuple[Text, ...] = ()
    checks: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An answer or a drawing against the wire."""

    id: str
    question: str
    said: Text
    seen: Text
    observations: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


# --- what follows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remediation:
    """What to do about a finding, and how to prove afterwards that it worked."""

    steps: tuple[Text, ...]
    horizon: str
    """quick, 90-day, shutdown or project."""
    window: Text
    rollback: Text
    owner: str
    cost_class: str
    """A (no purchase), B (within a department's budget), C (needs a project)."""
    verification_check: str
    verification_params: Mapping[str, Any] = field(default_factory=dict)
    compensating: Text | None = None
    planned_e: int = 2
    """Value of the existing measure E once it is done and verified, 0 to 2."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One root cause, with all that was observed because of it."""

    id: str
    number: str
    """F-01, in order of risk."""
    root_cause: str
    title: Text
    seen: Text
    why: Text
    observations: tuple[str, ...]
    alerts: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    controls: tuple[tuple[str, str], ...] = ()
    techniques: tuple[str, ...] = ()
    first_time: int | None = None
    last_time: int | None = None
    status: str = "open"
    """open, accepted, fixed, reopened or false_positive."""
    history: tuple[Entry, ...] = ()
    remediation: Remediation | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """One number that went into a risk, and where it comes from."""

    value: int
    provenance: Provenance
    source: Text


@dataclass(frozen=True, slots=True)
class Risk:
    """One line of the risk register. Numbers are decimals as text, with four places; `score` has two."""

    id: str
    number: str
    finding: str
    asset: str
    scenario: Text
    threat: str
    """Technique group (specification, 3.1 step 9)."""
    inputs: Mapping[str, Input]
    values: Mapping[str, str]
    """Vc, AVraw, AV, T, Ve, L, F, R, Lstar, Fstar."""
    score: str
    grade: int
    low: str
    high: str
    grades: tuple[int, ...]
    """All grades that the uncertain inputs allow; one grade is robust."""
    settle: str = ""
    """The question whose answer would settle the grade."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """score and grade once the remediation is in place, with the inputs that change."""
    treatment: str = "treat"
    """treat, decide or accept (by the profile), or what a person decided."""
    accepted_by: str = ""
    alternative: Mapping[str, Any] = field(default_factory=dict)
    """The grade under another profile, where one was asked for."""


@dataclass(frozen=True, slots=True)
class SecurityLevel:
    """SL-T and the interval of SL-A of one zone and foundational requirement (IEC 62443-3-3)."""

    zone: str
    fr: str
    target: int
    lower: int
    upper: int
    gaps: tuple[str, ...] = ()
    """Requirements that break the lower bound, those that traffic disproves first."""
    disproved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A special sheet: a table, or one line that says why there is none."""

    id: str
    title: Text
    columns: tuple[Text, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    """Cells are text, numbers, Text or None."""
    notes: tuple[Text, ...] = ()
    empty: Text | None = None
    clauses: tuple[str, ...] = ()
    """Clauses of the programme that it answers (M14)."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """A frozen snapshot of everything above; `id` is a hash of its content."""

    id: str
    as_of: int
    """Time of the newest thing that went in (capture, import, answer), not of the computation."""
    program: str
    profile: str
    packs: tuple[Pack, ...]
    site: Site
    coverage: Coverage
    captures: tuple[Mapping[str, Any], ...]
    alerts: tuple[Mapping[str, Any], ...]
    checks: tuple[CheckResult, ...]
    controls: tuple[ControlResult, ...]
    contradictions: tuple[Contradiction, ...]
    findings: tuple[Finding, ...]
    risks: tuple[Risk, ...]
    business: Mapping[str, Any]
    levels: tuple[SecurityLevel, ...]
    sheets: tuple[Sheet, ...]
    questionnaire: tuple[Mapping[str, Any], ...]
    """One row a question: id, topic, text, answer, state, author, proof from the wire, still open or not."""
    calendar: tuple[Mapping[str, Any], ...] = ()
    previous: Mapping[str, Any] = field(default_factory=dict)
    """Comparison with an earlier assessment: new, closed and unchanged findings, changed grades."""
    techniques: tuple[Mapping[str, Any], ...] = ()
    """One row a technique of ATT&CK for ICS: id, name, tactics, state, rules, alerts, evidence (`techniques.py`)."""
    roadmap: tuple[Mapping[str, Any], ...] = ()
    """Remediation in order: finding, horizon, start and end week, owner, cost class."""
    plots: tuple[Mapping[str, Any], ...] = ()
    """What process values did around the gravest alerts (`plots.py`)."""
    traces: tuple[Trace, ...] = ()
    """Time and addresses of every frame that is cited (`traces.py`)."""
