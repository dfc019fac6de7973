"""URIs of receivers: what they may say, and one sentence for what they may not."""

from __future__ import annotations

import pytest

from sentinel.errors import SinkError
from sentinel.sinks import base
from sentinel.sinks.base import Target, open_sink, parse, schemes


def test_a_uri_is_taken_apart() -> None:
    target = parse("syslog+tls://siem.example:6514?format=leef&severity=high")
    assert (target.scheme, target.host, target.port) == ("syslog+tls", "siem.example", 6514)
    assert target.options == {"format": "leef", "severity": "high"}
    assert target.name == target.receiver == "syslog+tls://siem.example:6514"


def test_an_ipv6_address_keeps_its_brackets() -> None:
    assert parse("kafka://[2001:db8::1]:9092/x").name == "kafka://[2001:db8::1]:9092/x"


def test_a_name_of_its_own_is_the_receivers_place() -> None:
    assert parse("file:///x/y?name=archive").receiver == "archive"


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("siem.example", "not a URI"),
        ("syslog:siem", "not a URI"),
        ("syslog://host:port", "not a URI"),
        ("syslog://h:70000", "not a URI"),
        ("gopher://h", "no scheme gopher"),
        ("syslog://h?format", "not a URI"),
        ("syslog://h?format=cef&format=leef", "given twice"),
        ("syslog://h?format=xml", "is none of cef, leef, plain"),
        ("syslog://h?colour=red", "no option colour"),
        ("syslog://?format=cef", "names no host"),
        ("syslog://h?format=cef#x", "begins no option"),
        ("syslog://h?facility=24", "is no number from 0 to 23"),
        ("syslog://h?ca_certs=/etc/hosts", "of no use without TLS"),
        ("smtp://h?from=a@b&to=c@d&starttls=perhaps", "neither yes nor no"),
    ],
)
def test_what_is_wrong_is_one_sentence(uri, why) -> None:
    with pytest.raises(SinkError, match=why) as caught:
        open_sink(parse(uri))
    assert caught.value.exit_code == 10
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["syslog://me:s3cret@h", "elasticsearch+https://me:s3cret@h:9200", "kafka://s3cret@h"])
def test_a_password_in_a_uri_is_refused_and_not_repeated(uri) -> None:
    with pytest.raises(SinkError, match="do not belong in a URI") as caught:
        parse(uri)
    assert "s3cret" not in str(caught.value)


def test_an_unknown_option_does_not_show_its_value() -> None:
    with pytest.raises(SinkError) as caught:
        open_sink(parse("syslog://h?password=s3cret"))
    assert "s3cret" not in str(caught.value)


def test_a_secret_comes_from_a_file_or_the_environment(tmp_path, monkeypatch) -> None:
    (tmp_path / "key").write_text(" abc \n")
    (tmp_path / "empty").write_text("\n")
    monkeypatch.setenv("USUAL", "usual")
    monkeypatch.setenv("OTHER", "other")

    def secret(**options: str) -> str | None:
        return Target("x", "h", None, "", options).secret("key", "USUAL")

    assert secret(key_file=str(tmp_path / "key")) == "abc"
    assert secret(key_env="OTHER") == "other"
    assert secret() == "usual"
    monkeypatch.delenv("USUAL")
    assert secret() is None
    with pytest.raises(SinkError, match="is empty"):
        secret(key_file=str(tmp_path / "empty"))
    with pytest.raises(SinkError, match="cannot be read"):
        secret(key_file=str(tmp_path / "none"))
    with pytest.raises(SinkError, match="the environment has no NOWHERE"):
        secret(key_env="NOWHERE")


def test_quantities_have_units() -> None:
    target = Target("x", "h", None, "", {"size": "64k", "every": "15m", "n": "7"})
    assert target.size("size", 1, 0, 1 << 30) == 65536
    assert target.seconds("every", 1, 0, 86400) == 900
    assert target.integer("n", 1, 0, 10) == 7
    assert target.integer("absent", 3, 0, 10) == 3
    with pytest.raises(SinkError, match="is no number"):
        Target("x", "h", None, "", {"n": "9" * 40}).integer("n", 1, 0, 10)


def test_every_file_of_the_folder_is_found_by_its_name() -> None:
    assert {"elasticsearch", "file", "kafka", "smtp", "stix", "syslog", "webhook"} <= set(base.modules())
    assert schemes()["syslog+tls"] == "syslog"


def test_every_sink_says_what_is_missing_in_one_sentence() -> None:
    for scheme in schemes():
        with pytest.raises(SinkError) as caught:
            open_sink(parse(f"{scheme}://"))
        assert "\n" not in str(caught.value)
