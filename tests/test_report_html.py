"""The HTML file: complete in itself, accessible, and deaf to markup in names."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import fake_assessment as fake
import pytest

pytest.importorskip("jinja2")

from sentinel.report import html  # noqa: E402
from sentinel.report.build import build  # noqa: E402
from sentinel.report.document import Column  # noqa: E402

VOID = {"meta", "br", "hr", "col", "input", "link", "img"}


class Page(HTMLParser):
    """Checks that every element is closed, and keeps what a test asks for."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if "id" in values and tag != "pattern":
            self.ids.append(values["id"] or "")
        if tag == "a":
            self.links.append(values.get("href") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)


@pytest.fixture(scope="module", params=[("full", "zh"), ("full", "en"), ("empty", "zh"), ("hostile", "en")], ids=str)
def page(request: pytest.FixtureRequest) -> str:
    name, lang = request.param
    return html.render(build(getattr(fake, name)(), lang)).decode()


def test_it_is_one_file_that_loads_nothing(page: str):
    parsed = Page(page)
    names = {"http://www.w3.org/2000/svg"}
    assert not set(re.findall(r"https?://[^\s\"'<>)]+", page)) - names
    assert not [tag for tag, _ in parsed.tags if tag in ("link", "img", "iframe", "object", "base", "form")]
    assert not [v for _, v in parsed.tags if "src" in v or "onclick" in v or "onload" in v]
    policy = next(
        v["content"] for t, v in parsed.tags if t == "meta" and v.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'") and "script-src 'sha256-" in policy


def test_every_link_leads_somewhere_and_no_id_is_used_twice(page: str):
    parsed = Page(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)
    assert all(link.startswith("#") for link in parsed.links)


def test_it_can_be_read_without_eyes(page: str):
    parsed = Page(page)
    assert parsed.tags[0] == ("html", {"lang": "zh-CN"}) or parsed.tags[0] == ("html", {"lang": "en"})
    assert all(v.get("scope") for t, v in parsed.tags if t == "th")
    assert all(v.get("aria-label") and v.get("role") == "img" for t, v in parsed.tags if t == "svg")
    levels = [int(t[1]) for t, _ in parsed.tags if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - higher <= 1 for higher, deeper in zip(levels, levels[1:], strict=False) if higher > 1)
    assert parsed.links[0] == "#content"


def test_hostile_names_are_words():
    page = html.render(build(fake.hostile(), "zh")).decode()
    parsed = Page(page)
    assert sum(tag == "script" for tag, _ in parsed.tags) == 1
    words = "".join(parsed.words)
    assert "<script>alert(1)</script>" in words and "{{ 7*7 }}" in words
    assert not set(page) & set("\u202e\u202c\x00\x07\x1b")


def test_the_same_document_gives_the_same_bytes():
    assert html.render(build(fake.full(), "zh")) == html.render(build(fake.full(), "zh"))


def test_tables_have_their_rows():
    page = html.render(build(fake.full(), "en")).decode()
    assert "15.04–20.00" in page and "data-tools" in page
    assert html.shares((Column("a", 1), Column("b", 3))) == ["25.0", "75.0"]


def test_anchors_are_ids():
    assert html.anchor("finding-a b/名") == "x-finding-a_20b_2f_540d"


def test_heads_that_a_printed_page_repeats_are_drawn():
    css = (Path(html.__file__).parent / "report.css").read_text(encoding="utf-8")
    printed = css[css.index("@media print") :]
    # Chromium leaves buttons out of the heads that it repeats
    assert "th button{display:contents}" in printed and "thead" in printed.split("break-after:avoid")[0]
