"""Process values around alerts."""

from __future__ import annotations

from sentinel.assess import plots
from sentinel.assess.model import Assessment, Site, Tag
from sentinel.assess.view import Rows, View

SECOND = 1_000_000_000
PLC = {"capture": 1, "device": "10.0.0.1", "unit": 0, "protocol": "modbus", "object": "coil"}


def point(frame: int, second: int, value: float, access: str = "read", address: int = 0) -> dict:
    return {**PLC, "frame": frame, "time": second * SECOND, "value": value, "access": access, "address": address}


def view(points: list[dict], severity: str = "high", site: Site | None = None) -> View:
    alert = {
        "alert": "a", "severity": severity, "evidence": "[[1, 3]]", "state": "open", "title_zh": "被切换",
        "title_en": "switched", "first_time": 100 * SECOND, "last_time": 100 * SECOND,
    }  # fmt: skip
    return View(Rows(captures=[{"capture": 1, "sha256": "aa"}], alerts=[alert], points=points), site)


SEEN = [point(1, 90, 1), point(2, 95, 1), point(3, 100, 0, "write"), point(4, 105, 0)]


def test_the_value_that_the_alert_is_about_is_followed() -> None:
    (row,) = plots.around(view(SEEN))
    assert (row["device"], row["address"], row["unit"]) == ("10.0.0.1", 0, 0)
    assert row["values"] == (1, 1, 0, 0)
    assert row["written"] == (False, False, True, False)
    assert row["times"][2] == 100 * SECOND
    assert row["alert_start"] <= 100 * SECOND < row["alert_end"]


def test_other_addresses_and_far_times_are_left_out() -> None:
    (row,) = plots.around(view([*SEEN, point(5, 106, 7, address=1), point(6, 900, 1)]))
    assert len(row["times"]) == 4


def test_what_was_written_goes_before_what_was_read_in_the_same_frame() -> None:
    others = [point(3, second, 5, address=9) for second in range(90, 110)]
    (row,) = plots.around(view([*others, *SEEN]))
    assert row["address"] == 0


def test_a_single_value_is_no_line_and_an_alert_without_values_has_none() -> None:
    assert plots.around(view(SEEN[2:3])) == ()
    assert plots.around(view([])) == ()
    assert plots.around(View(Rows())) == ()


def test_many_values_are_thinned_but_writes_stay() -> None:
    many = [point(n, 50 + n // 100, n % 2) for n in range(10, 6000)]
    (row,) = plots.around(view([*many, *SEEN]))
    assert len(row["times"]) <= 2 * plots.VALUES
    assert any(row["written"])


def test_the_clients_name_stands_with_it() -> None:
    site = Site(tags=(Tag("10.0.0.1", 0, "coil", None, 0, "P-101.RUN", "on/off"),))
    (row,) = plots.around(view(SEEN, site=site))
    assert (row["tag"], row["unit_of_measure"]) == ("P-101.RUN", "on/off")


def test_the_plant_has_plots(client_assessment: Assessment) -> None:
    assert 1 <= len(client_assessment.plots) <= plots.PLOTS
    assert all(len(row["times"]) == len(row["values"]) == len(row["written"]) for row in client_assessment.plots)
