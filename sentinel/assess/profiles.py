"""Risk profiles: the tables of a calculation as data, and the arithmetic over them.

Decimal arithmetic throughout. Every intermediate number is rounded to four decimals (half up) before it is used
further, so that whoever recomputes a risk from the printed numbers gets the printed result. Source of the structure:
GB/T 20984-2022; of the orders of magnitude: IEC 62443-3-2, ZCR 5. docs/risk.md explains the steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sentinel import resources
from sentinel.assess import _data
from sentinel.assess._data import Item
from sentinel.assess.model import Text
from sentinel.errors import AssessmentError, Sentence

_CONTEXT = Context(prec=40, rounding=ROUND_HALF_UP)
_FOUR, _TWO = Decimal("0.0001"), Decimal("0.01")

METHODS = ("product", "tables", "order")
"""product: L and F are geometric means, R their product; tables: matrices of the old annex; order: powers of ten."""

_HEAD = (
    "id", "title", "note", "method", "weights", "business", "kinds", "capability", "frequency", "cvss", "exposures",
    "exploited", "reach", "measures", "questions", "restored", "consequences", "matrix", "safety_floor",
    "business_bins", "grades", "threats",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What is assumed of a kind of device where the client says nothing; all 1 to 5."""

    title: Text
    cia: tuple[int, int, int]
    bearing: int
    impact: int
    safety: bool
    """Its consequence class 5 is one of safety or environment."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """One run of the formulae over the five inputs, as they are printed."""

    threat: Decimal
    likelihood: Decimal
    loss: Decimal
    risk: Decimal
    likelihood_step: int
    loss_step: int
    grade: int

    @property
    def score(self) -> Decimal:
        """R with two decimals."""
        return two(self.risk)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One calculation: its tables, checked, and the steps over them. Inputs are integers from 1 to 5 throughout."""

    id: str
    title: Text
    note: Text
    method: str
    weights: tuple[Decimal, Decimal, Decimal]
    business: int
    kinds: Mapping[str, Kind]
    exposures: Mapping[str, int]
    threats: Mapping[str, Text]
    questions: Mapping[str, str]
    grades: Mapping[int, Text]
    treatments: Mapping[int, str]
    tables: Mapping[str, Any]
    """The document as it is written, for the annex that prints it."""

    def kind(self, name: str) -> Kind:
        """What is assumed of devices of this kind; `unknown` where the profile does not name the kind."""
        return self.kinds.get(name, self.kinds["unknown"])

    # --- step 1 to 3: what goes in ---------------------------------------------------------------------------------

    def asset_value(self, cia: tuple[int, int, int], bearing: int, business: int) -> tuple[Decimal, Decimal, int]:
        """Vc, AVraw and AV of a device."""
        total = sum((w * 2**v for w, v in zip(self.weights, cia, strict=True)), Decimal(0))
        vc = four(_CONTEXT.divide(_CONTEXT.ln(total), _CONTEXT.ln(Decimal(2))))
        raw = four(_CONTEXT.power(vc * bearing * business, _CONTEXT.divide(Decimal(1), Decimal(3))))
        return vc, raw, clip(rhu(raw))

    def frequency(self, events: int, days: Decimal | None) -> int:
        """Tf of so many distinct events without a ticket in so many days; None: nobody looked, the prior holds."""
        table = self.tables["frequency"]
        if events == 0 or days is None:
            return int(table["prior"])
        rate = _CONTEXT.divide(Decimal(table["per_days"]) * events, max(days, Decimal(table["least_days"])))
        return int(next((b["value"] for b in table["bins"] if rate <= Decimal(b["to"])), table["above"]))

    def exposure_of_vector(self, vector: str) -> int | None:
        """e0 of a CVSS 3 vector; None where it names no attack vector that the profile knows."""
        metrics = dict(part.split(":", 1) for part in vector.split("/") if ":" in part)
        table = self.tables["cvss"]
        value = table["vector"].get(metrics.get("AV", ""))
        if value is None:
            return None
        opened = table["open"] if metrics.get("PR") == "N" and metrics.get("UI") == "N" else 0
        return clip(value + opened + (table["hard"] if metrics.get("AC") == "H" else 0))

    def exposure_of_score(self, score: Decimal) -> int:
        """e0 of a vulnerability of which only the CVSS score is known."""
        bins = self.tables["cvss"]["scores"]
        return int(next((b["value"] for b in bins if score >= Decimal(b["from"])), bins[-1]["value"]))

    def exploited(self, known: bool, epss: Decimal | None) -> int:
        """x: whether exploitation is known (KEV) or probable (EPSS)."""
        table = self.tables["exploited"]
        return int(table["value"]) if known or (epss is not None and epss >= Decimal(table["epss"])) else 0

    # --- step 4 to 6: what comes out -------------------------------------------------------------------------------

    def numbers(self, av: int, tc: int, tf: int, ve: int, vi: int, safety: bool = False) -> Numbers:
        """T, L, F, R and the grade; `safety`: an impact of 5 is one of safety or environment."""
        return _numbers(self, av, tc, tf, ve, vi, safety)

    def business_risk(self, risks: Sequence[tuple[Decimal, int]]) -> tuple[Decimal, int]:
        """Rb and its grade, from (score, bearing) of each risk.

        Rb is the mean of fourth powers, so that one high risk is not averaged away. It uses the scores as they are
        printed, with two decimals; no risk at all is 0.
        """
        weight = sum(bearing for _, bearing in risks)
        total = sum((bearing * two(score) ** 4 for score, bearing in risks), Decimal(0))
        mean = _CONTEXT.divide(total, Decimal(weight)) if weight else Decimal(0)
        value = two(_CONTEXT.sqrt(_CONTEXT.sqrt(mean)))
        return value, _bin(value, self.tables["business_bins"])


@cache
def _numbers(profile: Profile, av: int, tc: int, tf: int, ve: int, vi: int, safety: bool) -> Numbers:
    threat = root(tc * tf)
    if profile.method == "product":
        likelihood, loss = root(threat * ve), root(av * vi)
        risk = four(likelihood * loss)
        steps = clip(rhu(likelihood)), clip(rhu(loss))
        grade = _product_grade(profile, risk, steps)
    elif profile.method == "tables":
        tables = profile.tables["tables"]
        likelihood, first = _cell(tables["likelihood"], clip(rhu(threat)), ve)
        loss, second = _cell(tables["loss"], av, vi)
        steps = first, second
        risk, grade = _cell(tables["risk"], second, first)
    else:
        steps = clip(rhu(root(threat * ve))), vi
        likelihood, loss = Decimal(steps[0]), Decimal(vi)
        exponent = reduction(profile, steps[0], vi)
        risk, grade = Decimal(max(0, exponent)), _bin(Decimal(exponent), profile.tables["order"]["grades"])
    floor = profile.tables["safety_floor"]
    if safety and vi == 5 and floor is not None:
        grade = max(grade, floor)
    return Numbers(threat, likelihood, loss, risk, *steps, grade)


def _product_grade(profile: Profile, risk: Decimal, steps: tuple[int, int]) -> int:
    matrix = profile.tables["matrix"]
    if matrix is None:
        return _bin(Decimal(rhu(risk)), profile.tables["bins"])
    return int(matrix[steps[1] - 1][steps[0] - 1])


def _cell(table: Mapping[str, Any], row: int, column: int) -> tuple[Decimal, int]:
    value = Decimal(table["rows"][row - 1][column - 1])
    return value, _bin(value, table["levels"])


def reduction(profile: Profile, likelihood: int, consequence: int) -> int:
    """The exponent of CRRF = UL / TF for a likelihood and a consequence class of 1 to 5; needs the `order` tables."""
    order = profile.tables["order"]
    return int(order["likelihood"][likelihood - 1]) - int(order["tolerable"][consequence - 1])


# --- arithmetic ------------------------------------------------------------------------------------------------------


def rhu(number: Decimal) -> int:
    """Rounded half up: floor(x + 0.5)."""
    return int((number + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))


def clip(number: int) -> int:
    """The nearest value from 1 to 5."""
    return min(5, max(1, number))


def four(number: Decimal) -> Decimal:
    """With four decimals, half up: the precision of everything between input and score."""
    return number.quantize(_FOUR, context=_CONTEXT)


def two(number: Decimal) -> Decimal:
    """With two decimals, half up: the precision of a score."""
    return number.quantize(_TWO, context=_CONTEXT)


def root(number: Decimal | int) -> Decimal:
    """The square root with four decimals."""
    return four(_CONTEXT.sqrt(Decimal(number)))


def _bin(value: Decimal, ends: Iterable[int]) -> int:
    """The grade 1 to 5 whose upper end is not exceeded."""
    return 1 + sum(value > end for end in ends)


# --- files -----------------------------------------------------------------------------------------------------------


@cache
def profiles() -> Mapping[str, Profile]:
    """The profiles that come with the program, by id."""
    found = (load(path) for path in sorted((resources.rulesets() / "profiles").glob("*.yaml")))
    return {profile.id: profile for profile in found}


def load_profile(id_: str) -> Profile:
    """The profile of that id; AssessmentError that lists those that there are."""
    if id_ not in profiles():
        raise AssessmentError(
            "there is no risk profile {name}; there are {names}.", name=id_, names=", ".join(profiles())
        )
    return profiles()[id_]


def load(path: Path) -> Profile:
    """A profile out of its file, with what it takes over from the one that it extends; AssessmentError where wrong."""
    root_ = _data.read(path)
    written = root_.members()
    if "extends" in written:
        base = _data.read(path.with_name(f"{written['extends'].word()}.yaml"))
        if "extends" in base.members():
            raise base.wrong(Sentence("a profile that is extended may not extend another one"))
        own = {key: value for key, value in root_.value.items() if key != "extends"}
        root_ = Item(root_.file, "", {**base.value, **own})
    return _profile(root_)


def _profile(item: Item) -> Profile:
    has = item.members()
    method = has["method"].word(METHODS) if "method" in has else ""
    fields = item.fields(_HEAD, ("bins", "tables", "order"))
    _check_method(item, fields, method)
    _check_tables(fields)
    weights = fields["weights"].fields(("C", "I", "A"))
    whole = tuple(weights[name].decimal() for name in ("C", "I", "A"))
    if sum(whole) != 1 or min(whole) < 0:
        raise fields["weights"].wrong(Sentence("the weights must be positive and add up to 1"))
    kinds = {name: _kind(kind) for name, kind in fields["kinds"].members().items()}
    for needed in ("unknown", "site"):
        if needed not in kinds:
            raise fields["kinds"].wrong(Sentence("{name} is missing", name=needed))
    grades = {grade: each.fields(("title", "treatment")) for grade, each in _five(fields["grades"]).items()}
    return Profile(
        id=fields["id"].word(),
        title=fields["title"].both(),
        note=fields["note"].both(),
        method=method,
        weights=(whole[0], whole[1], whole[2]),
        business=fields["business"].integer(1, 5),
        kinds=kinds,
        exposures={
            name: each.fields(("value", "meaning"))["value"].integer(1, 5)
            for name, each in fields["exposures"].members().items()
        },
        threats={
            name: each.fields(("title", "source", "type"))["title"].both()
            for name, each in fields["threats"].members().items()
        },
        questions={name: each.word() for name, each in fields["questions"].members().items()},
        grades={grade: each["title"].both() for grade, each in grades.items()},
        treatments={grade: each["treatment"].word(("treat", "decide", "accept")) for grade, each in grades.items()},
        tables=item.value,
    )


def _kind(item: Item) -> Kind:
    fields = item.fields(("title", "C", "I", "A", "bearing", "Vi"), ("safety",))
    numbers = {name: fields[name].integer(1, 5) for name in ("C", "I", "A", "bearing", "Vi")}
    safety = "safety" in fields and fields["safety"].value is True
    cia = numbers["C"], numbers["I"], numbers["A"]
    return Kind(fields["title"].both(), cia, numbers["bearing"], numbers["Vi"], safety)


def _five(item: Item) -> dict[int, Item]:
    """The members 1 to 5 of a mapping, in that order."""
    found = item.members()
    if set(found) != {"1", "2", "3", "4", "5"}:
        raise item.wrong(Sentence("must have the members 1 to 5"))
    return {n: found[str(n)] for n in range(1, 6)}


def _check_method(item: Item, fields: Mapping[str, Item], method: str) -> None:
    """Whether the tables are there that the method needs."""
    if method == "product" and fields["matrix"].value is not None:
        fields["matrix"].table(5, 5, 1, 5)
    elif method == "product":
        _ends(_need(item, fields, "bins"))
    elif method == "tables":
        tables = _need(item, fields, "tables").fields(("likelihood", "loss", "risk"))
        for table in tables.values():
            parts = table.fields(("rows", "levels"))
            parts["rows"].table(5, 5, 1, 25)
            _ends(parts["levels"])
    else:
        order = _need(item, fields, "order").fields(
            ("likelihood", "tolerable", "grades", "prior_likelihood", "measure", "sis_segmentation")
        )
        for name in ("likelihood", "tolerable"):
            if len([each.integer(-9, 9) for each in order[name].list()]) != 5:
                raise order[name].wrong(Sentence("must have five exponents"))
        _ends(order["grades"])
        order["prior_likelihood"].integer(1, 5)
        order["measure"].integer(0, 4)
        order["sis_segmentation"].integer(0, 4)


def _need(item: Item, fields: Mapping[str, Item], name: str) -> Item:
    if name not in fields:
        raise item.wrong(Sentence("{name} is missing, which its method needs", name=name))
    return fields[name]


def _ends(item: Item) -> None:
    """Whether these are the upper ends of the first four of five classes."""
    ends = [each.integer(-9, 25) for each in item.list()]
    if len(ends) != 4 or ends != sorted(set(ends)):
        raise item.wrong(Sentence("must be four rising numbers"))


def _check_tables(fields: Mapping[str, Item]) -> None:
    """Whether the tables that every method reads hold what the steps ask of them."""
    frequency = fields["frequency"].fields(("per_days", "least_days", "inapplicable", "prior", "bins", "above"))
    for name in ("per_days", "least_days"):
        frequency[name].integer(1, 366)
    for name in ("inapplicable", "prior", "above"):
        frequency[name].integer(1, 5)
    for each in frequency["bins"].list():
        parts = each.fields(("to", "value"))
        parts["to"].decimal()
        parts["value"].integer(1, 5)
    cvss = fields["cvss"].fields(("vector", "open", "hard", "scores"))
    for each in cvss["vector"].fields(("N", "A", "L", "P")).values():
        each.integer(1, 5)
    cvss["open"].integer(0, 4)
    cvss["hard"].integer(-4, 0)
    for each in cvss["scores"].list():
        parts = each.fields(("from", "value"))
        parts["from"].decimal()
        parts["value"].integer(1, 5)
    if not cvss["scores"].list():
        raise cvss["scores"].wrong(Sentence("must not be empty"))
    exploited = fields["exploited"].fields(("epss", "value"))
    exploited["epss"].decimal()
    exploited["value"].integer(0, 4)
    fields["restored"].integer(0, 4)
    for each in (*fields["capability"].list(), *fields["reach"].list(), *fields["measures"].list()):
        parts = each.fields(("value", "meaning"))
        parts["value"].integer(-2, 5)
        parts["meaning"].both()
    consequences = fields["consequences"].fields(("columns", "classes"))
    columns = {name: column.both() for name, column in consequences["columns"].members().items()}
    for each in _five(consequences["classes"]).values():
        for cell in each.fields(columns).values():
            cell.both()
    _ends(fields["business_bins"])
    if fields["safety_floor"].value is not None:
        fields["safety_floor"].integer(1, 5)
