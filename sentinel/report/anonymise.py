"""Teaching material: addresses, MACs and names replaced, each by the same other one everywhere, slices included.

Addresses of one /24 (IPv6: /64) stay together; those that were public come out of 198.18.0.0/15 (RFC 2544), private
ones out of 10.0.0.0/8, IPv6 out of 2001:db8::/32 (RFC 3849). MACs become locally administered. What people wrote in
their own words is left out, since nobody can tell what stands in it. Nothing is random: the same assessment gives the
same material. What cannot be replaced safely (a layer that is not read, an address inside an application's data) is
said in `LIMITS`, and frames of link types that are not Ethernet are emptied behind their first bytes.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.assess.model import Assessment, Text
from sentinel.assess.snapshot import content, dump, identify, load
from sentinel.report import _packets
from sentinel.store.evidence import Frame

LIMITS = Text(
    "教学材料：地址、MAC 与名称已一致替换；应用数据内部的二进制地址无法可靠识别，未作替换。",
    "Teaching material: addresses, MACs and names are replaced consistently; binary addresses inside application data"
    " cannot be recognised reliably and were left.",
)
REMOVED = "[…]"

_TOKEN = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"
    r"|(?<![\w:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:])"
    r"|(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
)
_PLAIN = ("version", "classification", "standards", "timezone")
"""Fields of the engagement that name nobody."""
_WORDS = ("process", "scope")
"""Fields of the engagement that are sentences."""
_STRUCTURE = frozenset(
    ("zone", "source", "target", "source_zone", "target_zone", "protocol", "level", "class", "domain", "reviewed")
)
"""Columns of the questionnaire's registers that hold no names; what stands in any other text column is replaced."""
_MIN_NAME = 3
"""Characters; a shorter name would be replaced where it is none."""
_MIN_SAYING = 8
"""Characters of a remark that is taken out wherever it is quoted; half as many Chinese ones."""
_LONG = 40
"""Characters of an answer; a longer one is somebody's own words."""


class Mask:
    """What replaces what. Build it once and use it for the assessment and for the frames."""

    def __init__(self, assessment: Assessment):
        text = dump(assessment).decode()
        found = {match.group() for match in _TOKEN.finditer(text)}
        self.addresses: dict[bytes, bytes] = {}
        self._words: dict[str, str] = {}
        self._networks: dict[Any, int] = {}
        self._hosts: dict[Any, dict[bytes, int]] = {}
        addresses = [address for address in map(_address, found) if address is not None]
        for address in sorted(addresses, key=lambda a: (a.version, int(a))):
            self._place(address)
        self.macs = {
            bytes.fromhex(mac.replace(":", "")): bytes((2, 0, 0)) + number.to_bytes(3, "big")
            for number, mac in enumerate(sorted(token.lower() for token in found if _is_mac(token)), 1)
        }
        self._name_all(assessment)
        known = "|".join(map(re.escape, sorted(self._words, key=len, reverse=True)))
        # not inside a longer word: `Li` is nobody in `Limit`
        self._names_pattern = re.compile(f"(?<![A-Za-z0-9_])(?:{known})(?![A-Za-z0-9_])") if known else None
        self.names = {name.encode(): b"x" * len(name.encode()) for name, to in self._words.items() if to != REMOVED}

    def assessment(self, assessment: Assessment) -> Assessment:
        """The assessment with everything replaced, under an id of its own."""
        plain = self._without_words(content(assessment))
        packs = plain["packs"]  # standards speak of no client, and of much that is also somebody's name
        return identify(load(dump({**self._walk({**plain, "packs": []}), "packs": packs})))

    def text(self, text: str) -> str:
        """A text with everything replaced that is known."""
        if self._names_pattern is not None:
            text = self._names_pattern.sub(lambda match: self._words[match.group()], text)
        return _TOKEN.sub(self._token, text)

    def frame(self, frame: Frame) -> Frame:
        """A frame with addresses, MACs and names replaced and its checksums made right again."""
        data = _packets.rewrite(frame.link, frame.data, self.ip, self.mac, self.names)
        return frame._replace(data=data)

    def ip(self, packed: bytes) -> bytes:
        """The other address of an IPv4 or IPv6 address; one that was not known gets one now."""
        if packed not in self.addresses:
            self._place(ipaddress.ip_address(packed))
        return self.addresses[packed]

    def mac(self, packed: bytes) -> bytes:
        """The other MAC of a MAC; group addresses (broadcast, multicast) stay."""
        if packed[0] & 1:
            return packed
        return self.macs.setdefault(packed, bytes((2, 0, 0)) + (len(self.macs) + 1).to_bytes(3, "big"))

    def _place(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        if address.is_multicast or address.is_unspecified or address.is_loopback or int(address) == 0xFFFFFFFF:
            self.addresses[address.packed] = address.packed
            return
        private = address.is_private
        network = (address.version, private, int(address) >> (8 if address.version == 4 else 64))
        rank = self._networks.setdefault(network, sum(key[:2] == network[:2] for key in self._networks))
        hosts = self._hosts.setdefault(network, {})
        host = hosts.setdefault(address.packed, len(hosts) + 1)
        if address.version == 6:
            base = int(ipaddress.IPv6Address("2001:db8::"))
            other: Any = ipaddress.IPv6Address(base + (rank << 64) + host)
        elif private:
            other = ipaddress.IPv4Address(0x0A000000 + ((rank & 0xFFFF) << 8) + (host & 0xFF))
        else:
            other = ipaddress.IPv4Address(0xC6120000 + ((rank & 0x1FF) << 8) + (host & 0xFF))
        self.addresses[address.packed] = other.packed

    def _token(self, match: re.Match[str]) -> str:
        token = match.group()
        if _is_mac(token):
            return ":".join(f"{byte:02x}" for byte in self.mac(bytes.fromhex(token.replace(":", ""))))
        address = _address(token)
        return token if address is None else str(ipaddress.ip_address(self.ip(address.packed)))

    def _name_all(self, assessment: Assessment) -> None:
        """Give each name something that stands for it, the first of its kind 001."""
        counts: dict[str, int] = {}
        whole = ((kind, part) for kind, name in _named(assessment) for part in _parts(name))
        for kind, name in whole:
            # two Chinese characters are a name, two Latin letters stand in too many words
            long_enough = len(name) >= (_MIN_NAME if name.isascii() else _MIN_NAME - 1)
            if long_enough and _address(name) is None and not _is_mac(name) and name not in self._words:
                counts[kind] = counts.get(kind, 0) + 1
                self._words[name] = f"{kind}-{counts[kind]:03d}"

        # what somebody wrote is quoted in reasons; a single short word is left, since it may be any word
        for said in _sayings(assessment):
            if len(said) >= (_MIN_SAYING if said.isascii() else _MIN_SAYING // 2):
                self._words.setdefault(said, REMOVED)

    def _without_words(self, plain: Any) -> Any:
        """Leaves out what people wrote in their own words; the engagement is replaced field by field, however short."""
        site = plain["site"]
        for key, value in site["engagement"].items():
            field = key.removesuffix("_en")
            if isinstance(value, str) and field not in _PLAIN:
                site["engagement"][key] = REMOVED if field in _WORDS else self._words.get(value, f"{field}-001")
        for entry in (*site["tickets"], *site["conduits"]):
            entry["note"] = ""
        for answer in site["answers"].values():
            answer["note"] = ""
            if isinstance(answer["value"], str) and len(answer["value"]) > _LONG:
                answer["value"] = REMOVED
            for piece in answer["evidence"]:
                piece["note"] = None
        for row in plain["questionnaire"]:
            row["note"] = ""
        for result in plain["controls"]:
            for piece in result["evidence"]:
                piece["note"] = None
        for finding in plain["findings"]:
            finding["history"] = []
        return plain

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(key): self._walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._walk(item) for item in value]
        return value


def anonymised(assessment: Assessment) -> tuple[Assessment, Mask]:
    """The assessment as teaching material, and the mask that its frames need."""
    mask = Mask(assessment)
    masked = mask.assessment(assessment)
    coverage = dataclasses.replace(masked.coverage, statements=(*masked.coverage.statements, LIMITS))
    return identify(dataclasses.replace(masked, coverage=coverage)), mask


def _named(assessment: Assessment) -> Iterator[tuple[str, str]]:
    """(kind, name) of whatever has a name, in an order that is always the same."""
    site = assessment.site
    for asset in site.assets:
        yield from ((asset.kind, asset.name), ("device", asset.number), ("serial", asset.serial))
        yield from (("owner", asset.owner), ("place", asset.location))
    for zone in site.zones:
        yield from (("zone", zone.name.zh), ("zone", zone.name.en))
    yield from (("tag", tag.name) for tag in site.tags)
    yield from (("ticket", ticket.id) for ticket in site.tickets)
    for key, value in sorted(site.engagement.items()):
        if isinstance(value, str) and key.removesuffix("_en") not in (*_PLAIN, *_WORDS):
            yield key.removesuffix("_en"), value
    for _, answer in sorted(site.answers.items()):
        yield "person", answer.author if answer.state != "wire" else ""
        for row in answer.value if isinstance(answer.value, list | tuple) else ():
            for column, value in row.items() if isinstance(row, Mapping) else ():
                if isinstance(value, str) and column not in _STRUCTURE:
                    yield "entry", value
    yield from (("person", risk.accepted_by) for risk in assessment.risks)
    for capture in assessment.captures:
        path = str(capture.get("path", ""))
        yield from (("capture", path), ("capture", path.rpartition("/")[2]))


def _sayings(assessment: Assessment) -> Iterator[str]:
    """Whatever people wrote in their own words, with each of its lines, since tables quote them one by one."""
    site = assessment.site
    texts = [*(ticket.note for ticket in site.tickets), *(conduit.note for conduit in site.conduits)]
    for _, answer in sorted(site.answers.items()):
        texts += [answer.note, *([answer.value] if isinstance(answer.value, str) and len(answer.value) > _LONG else [])]
    for text in texts:
        yield from dict.fromkeys(part for line in (text, *text.splitlines()) for part in _parts(line.strip()) if part)


def _parts(said: str) -> tuple[str, ...]:
    """What somebody wrote, and its halves where it is in both languages."""
    both = Text.of(said)
    return (said,) if both.zh == both.en else (said, both.zh, both.en)


def _address(token: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(token)
    except ValueError:
        return None


def _is_mac(token: str) -> bool:
    return re.fullmatch(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", token) is not None
