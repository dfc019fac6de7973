"""Time zones by name or offset."""

from __future__ import annotations

import datetime

import pytest

from sentinel.assess import timezones
from sentinel.errors import UsageError


@pytest.mark.parametrize("name", ["Asia/Shanghai", "+08:00", None])
def test_a_time_zone_by_name_offset_or_of_the_machine(name):
    zone, said = timezones.time_zone(name)
    assert said and (zone is None) == (name is None)


@pytest.mark.parametrize("name", ["Mars/Olympus", "+99:99", "../etc/passwd", "Asia", "\0"])
def test_a_time_zone_that_does_not_exist(name):
    with pytest.raises(UsageError, match="there is no time zone"):
        timezones.time_zone(name)


def test_the_zone_of_a_site_is_what_was_stated():
    zone, name = timezones.of_site({"timezone": "Asia/Shanghai"})
    assert name == "Asia/Shanghai"
    assert datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC).astimezone(zone).hour == 8


@pytest.mark.parametrize(("stated", "name"), [({}, ""), ({"timezone": "Mars/Olympus"}, "Mars/Olympus")])
def test_nothing_is_guessed(stated, name):
    assert timezones.of_site(stated) == (None, name)
