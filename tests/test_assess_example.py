"""The example client."""

from __future__ import annotations

from sentinel import resources
from sentinel.assess import example, site
from sentinel.store.case import Case


def test_every_client_belongs_to_a_bundled_capture() -> None:
    names = {path.name.partition(".")[0] for path in resources.pcaps().glob("*.pcap*")}
    assert set(example.CLIENTS) <= names
    assert example.folder_of("no such capture") is None


def test_its_files_are_taken_whole_and_once(tmp_path) -> None:
    folder = example.folder_of("plant-attack")
    with Case.open(tmp_path / "c") as case:
        example.take_in(case, folder)
        before = case.journal()
        example.take_in(case, folder)
        assert case.journal() == before
        plant = site.build(case)
    assert len(plant.assets) >= 7
    assert plant.answers and plant.tickets and plant.tags and plant.conduits
    assert all(zone.declared for zone in plant.zones)
    assert plant.engagement["client"]
