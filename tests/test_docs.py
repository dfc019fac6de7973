"""The generated pages say what the program declares; links inside the documentation lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(p for p in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("pcaps/*.md")))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current(generate: ModuleType) -> None:
    old = [path.name for path, text in generate.pages().items() if not path.exists() or path.read_text("utf-8") != text]
    assert not old, f"{', '.join(old)}: run `make docs`"


def test_counts_name_operations_that_exist(generate: ModuleType) -> None:
    parsers = {p.name: {o.name for o in p.operations.values()} for p in generate.load_parsers().protocols}
    exercised = generate.json.loads(generate.GOLDEN.read_text("utf-8")) if generate.GOLDEN.exists() else {}
    unknown = [f"{p}.{o}" for p, counts in exercised.items() for o in counts if o not in parsers.get(p, ())]
    assert not unknown, "tests/golden/operations.json counts operations that no parser declares"


def test_markdown_escapes_bars(generate: ModuleType) -> None:
    assert generate.markdown(("a", "b"), [("x|y", "")]) == "| a | b |\n| --- | --- |\n| x\\|y |  |"


def test_member_docstrings_belong_to_their_member(generate: ModuleType) -> None:
    said = generate.member_docstrings()
    assert said["Fault", "STREAM_TAIL"].startswith("The stream ended")
    assert ("Fault", "NONE") not in said


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    broken = [t for t in targets if "://" not in t and not t.startswith("mailto:") and not (page.parent / t).exists()]
    assert not broken
