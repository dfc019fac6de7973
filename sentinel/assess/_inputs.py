"""Where the inputs of a risk come from: what was measured, what the client said, what the profile assumes.

Whatever is read here is told with its provenance, so that the uncertainty of a risk follows from what nobody measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from sentinel.assess.checks._look import lasting
from sentinel.assess.checks._plant import DAY
from sentinel.assess.model import (
    Answer,
    Asset,
    CheckResult,
    Coverage,
    Finding,
    Input,
    Observation,
    Outcome,
    Provenance,
    Site,
    Text,
    Zone,
)
from sentinel.assess.profiles import Profile, clip
from sentinel.assess.remediation import Catalogue, Cause
from sentinel.assess.verdicts import counted

MEASURED, DOCUMENTED = Provenance.MEASURED, Provenance.DOCUMENTED
STATED, ASSUMED = Provenance.STATED, Provenance.ASSUMED

UNCERTAINTY = (MEASURED, DOCUMENTED, STATED, ASSUMED)
"""From what is surest to what is least sure."""

_STATES = {"verified": DOCUMENTED, "documented": DOCUMENTED, "wire": MEASURED}
_NO = ("no", "na", "unknown", "", None, False)
_LEVELS = {"0": 50, "1": 50, "2": 40, "3": 30, "3.5": 25, "4": 20, "5": 10}
_KINDS = {"sis": 60, "ot": 40, "dmz": 25, "wireless": 15, "identifier": 15, "it": 20, "park": 10}
"""Trust of a zone: by its Purdue level, else by its kind; outside is 0. Only the order means anything."""


def trust(zone: Zone) -> int:
    """How far a zone is trusted: traffic from a smaller number into a larger one is what a boundary is for."""
    if zone.kind in ("external", "remote", "cloud"):
        return 0
    if zone.kind == "sis":
        return _KINDS["sis"]
    return _LEVELS.get(zone.level, _KINDS.get(zone.kind, 0))


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that one risk is about: of one kind and, unless `zone` is empty, in one zone. None: the site itself."""

    kind: str
    zone: str
    assets: tuple[Asset, ...]


class World:
    """The site as the risk engine sees it: look-ups that every risk needs, made once."""

    def __init__(
        self,
        site: Site,
        results: Mapping[str, CheckResult],
        runs: Iterable[CheckResult],
        findings: Sequence[Finding],
        profile: Profile,
        coverage: Coverage,
        catalogue: Catalogue,
    ):
        self.site = site
        self.results = results
        self.profile = profile
        self.coverage = coverage
        self.catalogue = catalogue
        self.assets = {asset.id: asset for asset in site.assets}
        self.zones = {zone.id: zone for zone in site.zones}
        self.trust = {zone.id: trust(zone) for zone in site.zones}
        self.observations = {o.id: o for result in (*runs, *results.values()) for o in result.observations}
        # technique group -> device that it endangers (empty: any) -> id of an event -> the event
        self._events: dict[str, dict[str, dict[str, Observation]]] = {}
        for finding in findings:
            cause = catalogue.causes.get(finding.root_cause)
            if cause is not None and cause.events and finding.status != "false_positive":
                for observation in self.of(finding):
                    for asset in ("", *self.affected(observation)):
                        by_asset = self._events.setdefault(cause.threat, {})
                        by_asset.setdefault(asset, {})[observation.id] = observation

    def of(self, finding: Finding) -> list[Observation]:
        """The observations of a finding that weigh against the site."""
        found = (self.observations[id_] for id_ in finding.observations if id_ in self.observations)
        return [observation for observation in found if counted(observation)]

    def cause(self, finding: Finding) -> Cause:
        """The root cause of a finding; the fallback where the catalogue does not know it any more."""
        return self.catalogue.causes.get(finding.root_cause, self.catalogue.causes[self.catalogue.fallback])

    def affected(self, observation: Observation) -> tuple[str, ...]:
        """The devices that an observation endangers, as its lead says; where it says `others`, and the devices stand
        in zones of different trust, those on the most trusted side."""
        known = [id_ for id_ in observation.assets if id_ in self.assets]
        affects = self.catalogue.affects(observation)
        if affects == "all" or len(known) < 2:
            return tuple(known)
        if affects == "first":
            return tuple(known[:1])
        ranks = [self.trust.get(self.assets[id_].zone) for id_ in known]
        certain = [rank for rank in ranks if rank is not None]
        if len(certain) == len(known) and len(set(certain)) > 1:
            return tuple(id_ for id_, rank in zip(known, ranks, strict=True) if rank == max(certain))
        return tuple(known[1:])

    # --- asset value -----------------------------------------------------------------------------------------------

    def worth(self, asset: Asset | None, kind: str) -> dict[str, Input]:
        """C, I, A, bearing and business importance of a device, or of the site."""
        default = self.profile.kind(kind)
        assumed = Text(f"方案默认值（{default.title.zh}）", f"default of the profile ({default.title.en})")
        said = (None, None, None) if asset is None else asset.cia
        found = {}
        for name, value, fallback in zip("CIA", said, default.cia, strict=True):
            found[name] = _said(asset, "cia", value) if value is not None else Input(fallback, ASSUMED, assumed)
        bearing = None if asset is None else asset.bearing
        found["bearing"] = (
            _said(asset, "bearing", bearing) if bearing is not None else Input(default.bearing, ASSUMED, assumed)
        )
        found["business"] = self._business
        return found

    @cached_property
    def _business(self) -> Input:
        value = self.site.engagement.get("business_importance")
        if isinstance(value, int) and 1 <= value <= 5:
            return Input(
                value, DOCUMENTED, Text("项目约定的业务重要性", "business importance agreed for the engagement")
            )
        return Input(
            self.profile.business, ASSUMED, Text("方案默认的业务重要性", "default business importance of the profile")
        )

    # --- threat ----------------------------------------------------------------------------------------------------

    def capability(self, cause: Cause) -> Input:
        """Tc of the technique group: what the engagement agreed, else what the root cause needs."""
        agreed = self.site.engagement.get("threat_capability")
        value = agreed.get(cause.threat) if isinstance(agreed, Mapping) else None
        if isinstance(value, int) and 1 <= value <= 5:
            return Input(value, DOCUMENTED, Text("项目约定的威胁能力", "capability agreed for the engagement"))
        title = self.profile.threats.get(cause.threat, Text(cause.threat, cause.threat))
        return Input(cause.capability, ASSUMED, Text(f"“{title.zh}”所需的能力", f"what {title.en} takes"))

    def frequency(self, cause: Cause, group: Group) -> Input:
        """Tf of the technique group against these devices, from the events that no ticket explains."""
        by_asset = self._events.get(cause.threat, {})
        found: dict[str, Observation] = {}
        for id_ in [asset.id for asset in group.assets] or [""]:
            found.update(by_asset.get(id_, {}))
        seen = found.values()
        events = sum(_number(o, "events", 1) for o in seen)
        days = self._days(seen)
        value = self.profile.frequency(events, days)
        span = lasting(int((days or 0) * DAY))
        if events and days is not None:
            return Input(
                value,
                MEASURED,
                Text(
                    f"{span.zh}内 {events} 次无工单事件",
                    f"{events} event{'' if events == 1 else 's'} without a ticket in {span.en}",
                ),
            )
        if days is not None and (not group.zone or self.coverage.of_zone(group.zone) > 0):
            return Input(
                value,
                MEASURED,
                Text(f"{span.zh}内未见，取行业先验", f"none seen in {span.en}; prior of the sector"),
            )
        return Input(value, ASSUMED, Text("没有观测，取行业先验", "nobody looked; prior of the sector"))

    def _days(self, observations: Iterable[Observation]) -> Decimal | None:
        """For how long was looked: what the checks say, else what the captures cover."""
        said = [days for o in observations if (days := decimal_of(o.values.get("days"))) is not None and days > 0]
        if said:
            return max(said)
        return Decimal(str(self.coverage.hours)) / 24 if self.coverage.hours > 0 else None

    # --- exploitability --------------------------------------------------------------------------------------------

    def exposure(self, cause: Cause, observations: Sequence[Observation]) -> dict[str, Input]:
        """e0 and x of a weakness, or of the worst vulnerability that was matched."""
        none = Input(0, DOCUMENTED, Text("不涉及已知漏洞利用", "no exploitation of a CVE concerned"))
        if cause.exposure != "cvss":
            # a state that nobody saw rests on what people said
            provenance = MEASURED if observations else STATED
            meaning = self.profile.tables["exposures"][cause.exposure]["meaning"]
            value = self.profile.exposures[cause.exposure]
            return {"e0": Input(value, provenance, Text(**meaning)), "x": none}
        found = [each for o in observations if (each := self._vulnerability(o)) is not None]
        if found:
            return max(found, key=lambda each: (each["e0"].value + each["x"].value, each["e0"].value))
        value = self.profile.exposures["legacy"]
        return {"e0": Input(value, ASSUMED, Text("漏洞细节未知", "details of the vulnerability not known")), "x": none}

    def _vulnerability(self, observation: Observation) -> dict[str, Input] | None:
        vector, score = observation.values.get("cvss_vector"), decimal_of(observation.values.get("cvss"))
        value = self.profile.exposure_of_vector(vector) if isinstance(vector, str) else None
        # match class B: the version is not known, so the vulnerability is only possible
        sure = observation.values.get("match") != "B"
        if value is not None:
            e0 = Input(value, DOCUMENTED if sure else ASSUMED, Text(f"CVSS {vector}", f"CVSS {vector}"))
        elif score is not None:
            e0 = Input(self.profile.exposure_of_score(score), ASSUMED, Text(f"CVSS {score}", f"CVSS score {score}"))
        else:
            return None
        known = observation.values.get("kev") is True
        epss = decimal_of(observation.values.get("epss"))
        x = self.profile.exploited(known, epss)
        why = (
            Text("KEV 收录或 EPSS 达到阈值", "in KEV, or EPSS at the threshold")
            if x
            else Text("未见在野利用记录", "no known exploitation")
        )
        return {"e0": e0, "x": Input(x, DOCUMENTED, why)}

    def reach(self, zone: str, observations: Sequence[Observation]) -> Input:
        """0: a path from a zone of lower trust was seen or is permitted; -1: from the same zone only; -2: none."""
        said = [value for o in observations if isinstance(value := o.values.get("reach"), int) and -2 <= value <= 0]
        if said:
            return Input(max(said), MEASURED, Text("检查给出的可达性", "reach as the check saw it"))
        if zone not in self.zones:
            return Input(0, ASSUMED, Text("所在区域未知，按可达计", "zone not known; taken as reachable"))
        # where the zones are only proposed, so is what crosses between them
        firm = MEASURED if self.zones[zone].declared else ASSUMED
        crossing = any(self._lower(other, zone) for o in observations for other in o.zones)
        if crossing or zone in self._entered:
            return Input(0, firm, Text("已见来自信任度更低区域的通信", "traffic from a zone of lower trust was seen"))
        if zone in self._permitted:
            why = Text("规划允许来自信任度更低区域的通信", "the plan permits traffic from a zone of lower trust")
            return Input(0, DOCUMENTED, why)
        looked = self.coverage.of_zone(zone) > 0
        return Input(-1, firm if looked else ASSUMED, Text("仅见区域内可达", "only reached from its own zone"))

    def _lower(self, other: str, zone: str) -> bool:
        return other in self.trust and zone in self.trust and self.trust[other] < self.trust[zone]

    @cached_property
    def _entered(self) -> set[str]:
        """Zones that traffic from a zone of lower trust was seen to enter."""
        matrix = self.results.get("SG-01")
        rows = () if matrix is None else matrix.tables.get("conduit_matrix", ())
        pairs = {(str(row.get("source_zone", "")), str(row.get("target_zone", ""))) for row in rows}
        return {b for a, b in pairs if self._lower(a, b)} | {a for a, b in pairs if self._lower(b, a)}

    @cached_property
    def _permitted(self) -> set[str]:
        """Zones that a declared conduit opens to a zone of lower trust."""
        return {c.target for c in self.site.conduits if c.declared and c.protocols and self._lower(c.source, c.target)}

    def measure(self, cause: Cause, zone: str) -> Input:
        """E: what is proven to work against the cause, 2 for all of it, 1 for part; what is declared alone is 0."""
        states = [self._proven(each, zone) for each in cause.measures]
        if states and all(state == 2 for state in states):
            return Input(2, MEASURED, Text("已有措施经核实有效", "existing measures verified"))
        if any(states):
            return Input(1, MEASURED, Text("已有措施部分经核实", "existing measures verified in part"))
        return Input(0, MEASURED, Text("没有经核实的已有措施", "no existing measure is verified"))

    def _proven(self, source: str, zone: str) -> int:
        if source.startswith("Q-"):
            answer = self.site.answers.get(source)
            if answer is None or answer.state not in ("verified", "wire") or answer.value in _NO:
                return 0
            return 1 if answer.value == "partly" else 2
        result = self.results.get(source)
        if result is None:
            return 0
        outcome = result.by_zone.get(zone, result.outcome) if zone else result.outcome
        return 2 if outcome is Outcome.CONFIRMED else 0

    # --- impact ----------------------------------------------------------------------------------------------------

    def impact(self, asset: Asset | None, kind: str) -> tuple[Input, bool]:
        """Vi, and whether it is a consequence of class 5 in safety or environment."""
        default = self.profile.kind(kind)
        given = self._consequences(asset)
        if given is not None:
            row, provenance = given
            columns = self.profile.tables["consequences"]["columns"]
            classes = {name: value for name in columns if isinstance(value := row.get(name), int) and 1 <= value <= 5}
            worst = max(classes, key=lambda name: (classes[name], name == "safety"))
            cell = self.profile.tables["consequences"]["classes"][str(classes[worst])][worst]
            words = Text(f"{columns[worst]['zh']}：{cell['zh']}", f"{columns[worst]['en']}: {cell['en']}")
            return self._eased(Input(classes[worst], provenance, words), classes.get("safety") == 5)
        words = Text(f"方案默认值（{default.title.zh}）", f"default of the profile ({default.title.en})")
        return self._eased(Input(default.impact, ASSUMED, words), default.safety and default.impact == 5)

    def _eased(self, impact: Input, safety: bool) -> tuple[Input, bool]:
        """A restore or bypass that was tested lowers the impact, but not that of an injury."""
        answer = self.site.answers.get(self.profile.questions.get("restore", ""))
        tested = answer is not None and answer.state == "verified" and answer.value not in _NO
        if safety or not tested:
            return impact, safety
        value = clip(impact.value - self.profile.tables["restored"])
        source = Text(f"{impact.source.zh}；恢复经过演练", f"{impact.source.en}; a restore was tested")
        return Input(value, impact.provenance, source), safety

    def _consequences(self, asset: Asset | None) -> tuple[Mapping[str, Any], Provenance] | None:
        """The worst case that the client gave for the device or for its zone, with where it comes from."""
        if asset is None:
            return None
        zone = self.zones.get(asset.zone)
        names = {asset.id, asset.name, asset.zone} | (set() if zone is None else {zone.name.zh, zone.name.en})
        for rows, provenance in self._worst_cases:
            for row in rows:
                target = row.get("asset") or row.get("zone")
                if target and str(target) in names and _classes(row, self.profile):
                    return row, provenance
        return None

    @cached_property
    def _worst_cases(self) -> tuple[tuple[tuple[Mapping[str, Any], ...], Provenance], ...]:
        """Rows with `zone` or `asset` and a class of 1 to 5 for each column that matters."""
        answer = self.site.answers.get(self.profile.questions.get("consequence", ""))
        said = () if answer is None else _rows(answer.value)
        agreed = _rows(self.site.engagement.get("consequences"))
        return (agreed, DOCUMENTED), (said, provenance_of(answer))


def _classes(row: Mapping[str, Any], profile: Profile) -> bool:
    columns = profile.tables["consequences"]["columns"]
    return any(isinstance(row.get(name), int) and 1 <= row[name] <= 5 for name in columns)


def _rows(value: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(row for row in value if isinstance(row, Mapping)) if isinstance(value, list | tuple) else ()


def _said(asset: Asset | None, attribute: str, value: int) -> Input:
    """What the client's list says of a device."""
    source = "" if asset is None else asset.provenance.get(attribute, "list")
    provenance = {"list": DOCUMENTED, "assumed": ASSUMED, "stated": STATED}.get(source, DOCUMENTED)
    return Input(value, provenance, Text("资产清单", "asset list"))


def provenance_of(answer: Answer | None) -> Provenance:
    """How sure an answer is."""
    return STATED if answer is None else _STATES.get(answer.state, STATED)


def least_sure(inputs: Iterable[Input]) -> Provenance:
    """The provenance of a number that several inputs make: that of the least sure of them."""
    return max((each.provenance for each in inputs), key=UNCERTAINTY.index)


def decimal_of(value: Any) -> Decimal | None:
    """A number of a check as a decimal, through its shortest text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _number(observation: Observation, name: str, default: int) -> int:
    value = observation.values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default
