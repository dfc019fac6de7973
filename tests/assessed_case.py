"""One case with the example client, made once for all tests that look at assessments of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sentinel import resources

if TYPE_CHECKING:
    from sentinel.assess.model import Assessment

CAPTURE = resources.pcaps() / "plant-attack.pcapng"


@pytest.fixture(scope="session")
def client_case(tmp_path_factory) -> Path:
    """The folder of a case of the bundled plant, with its client's lists and answers. Not to be written to."""
    from sentinel import pipeline
    from sentinel.assess import example
    from sentinel.store.case import Case

    folder = tmp_path_factory.mktemp("client") / "case"
    pipeline.analyze([CAPTURE], folder)
    with Case.open(folder) as case:
        example.take_in(case, example.folder_of("plant-attack"))
    return folder


@pytest.fixture(scope="session")
def client_assessment(client_case: Path) -> Assessment:
    """What the assessment of that case says."""
    from sentinel.assess import engine
    from sentinel.store.case import Case

    with Case.open(client_case, mode="read") as case:
        return engine.assess(case, detectable={"T0843", "T0858"})
