"""The tables of a profile as the report prints them."""

from __future__ import annotations

from sentinel.assess.model import Text
from sentinel.report.profile import matrix, profile, words


def test_matrix_is_that_of_the_specification():
    table = matrix("gb20984-ot-1")
    assert len(table) == 25
    assert (table[4, 4], table[3, 4], table[5, 3], table[1, 5]) == (4, 3, 4, 2)


def test_a_profile_inherits_what_it_does_not_say():
    assert profile("gb20984-2007-mult")["weights"] == profile("gb20984-ot-1")["weights"]
    assert matrix("gb20984-2007-mult") == {}


def test_no_profile_is_empty_and_reaches_no_file():
    assert profile("no-such-profile") == {} == profile("../../etc/passwd")


def test_words():
    assert words({"zh": "高", "en": "high"}) == Text("高", "high")
