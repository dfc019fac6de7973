"""Teaching material: nothing of the client is left, and the same thing is replaced by the same other thing."""

from __future__ import annotations

import dataclasses
import json

import pytest
from fake_assessment import empty, full

from sentinel import resources
from sentinel.assess.model import Assessment
from sentinel.assess.snapshot import dump
from sentinel.report import _packets
from sentinel.report.anonymise import Mask, anonymised
from sentinel.store.evidence import Frame, read_frames

scapy = pytest.importorskip("scapy.all")


def test_no_address_name_or_person_is_left() -> None:
    base = full()
    masked, _ = anonymised(base)
    text = dump(masked).decode()
    secrets = {ip for asset in base.site.assets for ip in asset.ips} | {m for a in base.site.assets for m in a.macs}
    secrets |= {asset.name for asset in base.site.assets if len(asset.name) > 2}
    secrets |= {str(base.site.engagement[key]) for key in ("client", "site") if base.site.engagement.get(key)}
    assert not sorted(secret for secret in secrets if json.dumps(secret, ensure_ascii=False)[1:-1] in text)


def test_numbers_are_untouched_and_the_same_address_stays_the_same() -> None:
    base = full()
    masked, mask = anonymised(base)
    assert [r.score for r in masked.risks] == [r.score for r in base.risks]
    assert [len(a.ips) for a in masked.site.assets] == [len(a.ips) for a in base.site.assets]
    first = next(a for a in base.site.assets if a.ips)
    twin = next(a for a in masked.site.assets if a.ips)
    assert mask.text(first.ips[0]) == twin.ips[0] != first.ips[0]


def test_devices_of_one_subnet_stay_in_one() -> None:
    mask = Mask(full())
    a, b, c = (mask.ip(bytes(x)) for x in ((192, 168, 1, 1), (192, 168, 1, 2), (192, 168, 2, 1)))
    assert a[:3] == b[:3] != c[:3]
    assert len({a, b, c}) == 3
    assert a[0] == 10
    assert mask.ip(bytes((8, 8, 8, 8)))[:2] == bytes((198, 18))


def test_it_is_the_same_every_time_and_works_on_nothing() -> None:
    assert anonymised(full())[0] == anonymised(full())[0]
    assert anonymised(empty())[0].findings == ()


def test_frames_are_rewritten_with_right_checksums() -> None:
    mask = Mask(full())
    seen = 0
    for frame in read_frames(resources.pcaps() / "plant-attack.pcapng"):
        out = mask.frame(frame)
        assert len(out.data) == len(frame.data)
        packet = scapy.Ether(out.data)
        old = scapy.Ether(frame.data)
        assert packet.src != old.src
        if not packet.haslayer("IP"):
            continue
        assert packet["IP"].src != old["IP"].src
        again = packet.copy()
        del again["IP"].chksum
        if again.haslayer("TCP"):
            del again["TCP"].chksum
        assert bytes(scapy.Ether(bytes(again))) == out.data
        seen += 1
    assert seen > 1000


def test_names_in_a_payload_are_blotted_out() -> None:
    packet = scapy.Ether() / scapy.IP() / scapy.UDP(dport=9) / b"station PUMP-7 here"
    out = _packets.rewrite(1, bytes(packet), bytes, bytes, {b"PUMP-7": b"xxxxxx"})
    assert b"PUMP-7" not in out
    assert b"station xxxxxx here" in out


@pytest.mark.parametrize("link", [1, 113])
def test_what_is_not_read_is_emptied(link: int) -> None:
    raw = bytes(12) + b"\x88\xcc" + b"a name that LLDP tells"
    out = _packets.rewrite(link, raw, bytes, bytes, {})
    assert len(out) == len(raw)
    assert b"LLDP" not in out


@pytest.mark.parametrize("kind", ["0800", "86dd", "0806", "8100"])
def test_cut_frames_of_every_length_are_rewritten(kind: str) -> None:
    for length in range(90):
        raw = (bytes(12) + bytes.fromhex(kind) + b"\x45" + bytes(80))[:length]
        assert len(Mask(empty()).frame(Frame(1, 0, 1, length, raw)).data) == length


def test_nothing_that_the_client_named_is_left(client_assessment: Assessment) -> None:
    site = client_assessment.site
    masked, _ = anonymised(client_assessment)
    text = dump(dataclasses.replace(masked, packs=())).decode()
    kept = ("classification", "classification_en", "version", "standards", "timezone")
    names = {v for k, v in site.engagement.items() if isinstance(v, str) and k not in kept and len(v) > 2}
    names |= {zone.name.zh for zone in site.zones} | {ticket.id for ticket in site.tickets}
    names |= {asset.number for asset in site.assets if asset.number} | {tag.name for tag in site.tags}
    names |= {answer.author for answer in site.answers.values() if answer.state != "wire"}
    names |= {answer.note for answer in site.answers.values() if len(answer.note) > 7}
    names |= {ticket.note for ticket in site.tickets if ticket.note}
    suppliers = site.answers["Q-SUP-05.rows"].value
    names |= {row[column] for row in suppliers for column in ("name", "contract") if row.get(column)}
    assert len(names) > 30
    assert sorted(name for name in names if json.dumps(name, ensure_ascii=False)[1:-1] in text) == []
    assert masked.site.engagement["reviewer_en"] != site.engagement["reviewer_en"]


def test_what_the_standards_say_is_untouched(client_assessment: Assessment) -> None:
    assert anonymised(client_assessment)[0].packs == client_assessment.packs


def test_a_name_inside_a_word_is_no_name() -> None:
    base = full()
    site = dataclasses.replace(base.site, engagement={**base.site.engagement, "author": "Ann"})
    mask = Mask(dataclasses.replace(base, site=site))
    assert mask.text("Ann is in the Annex") == "author-001 is in the Annex"
