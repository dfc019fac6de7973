"""The case: what is committed can be read, what is not cannot; every bad folder is one clear error."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest
from store_rows import SHA_A, SHA_B, T0, alert, analyse, frame, messages

from sentinel import schema
from sentinel.errors import CaseError, NoSuchRow
from sentinel.store import _parts, tables
from sentinel.store._errors import explain
from sentinel.store.case import Case

ROOT = Path(__file__).resolve().parent.parent

# -- what is written can be read -----------------------------------------------------------------------------------


def test_every_table_can_be_scanned_in_an_empty_case(tmp_path):
    with Case.open(tmp_path / "case") as case:
        for table in schema.TABLES:
            df = case.scan(table).collect()
            assert df.height == 0
            assert dict(df.schema) == tables.polars_schema(table)
        with pytest.raises(NoSuchRow, match="no table nonsense"):
            case.scan("nonsense")
        with pytest.raises(NoSuchRow, match="ext/modbus"):
            case.scan("ext/modbus")


def test_what_was_written_is_read_back_with_zero_and_absence_apart(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A, "path": "a.pcap"}]) as run:
            written = messages(run, 5).with_columns(
                pl.Series("address", [0, None, 1, 65535, None], dtype=pl.Int64), pl.Series("name", list("abcde"))
            )
            run.write("messages", written)
            run.write("faults", frame("faults", 2, code="length"))
            assert run.finish(run.captures, [], [], [], {"messages": 5})
        back = case.scan("messages").collect()
        assert back.equals(written)
        assert back["message"][0] == 1 << 40
        assert case.scan("faults").collect().height == 2
        assert case.captures()["state"].to_list() == ["complete"]
        summary = case.summary()
        assert summary["rows"]["messages"] == 5
        assert summary["runs"][0]["summary"] == {"messages": 5}
        assert case.check() == []
    with Case.open(tmp_path / "case", "read") as case:
        assert case.scan("messages").collect().equals(written)
        assert case.known(SHA_A)["path"] == "a.pcap"
        assert case.known(SHA_B) is None
        with pytest.raises(ValueError, match="opened to read"):
            case.begin_run([])


def test_categories_and_reordered_columns_are_kept_as_the_schema_says(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}]) as run:
            df = messages(run, 4)
            run.write("messages", df.with_columns(pl.col("protocol").cast(pl.Categorical)))
            run.write("messages", df.with_columns(pl.col("protocol").cast(pl.Enum(["modbus", "s7comm"]))))
            run.write("messages", df.with_columns(pl.col("time").cast(pl.Int64)).select(reversed(df.columns)))
            run.finish(run.captures, [], [], [], {})
        back = case.scan("messages").collect()
        assert back.equals(pl.concat([df, df, df]))


def test_categories_are_read_back_as_text_by_any_reader(tmp_path):
    with Case.open(tmp_path / "case") as case:
        with case.begin_run([{"sha256": SHA_A}]) as run:
            # a value that looks like the key of the types stays what it is
            df = messages(run, 2).with_columns(pl.Series("name", ["ARROW:schema", ""], dtype=pl.Categorical))
            run.write("messages", df.with_columns(pl.col("protocol").cast(pl.Enum(["modbus"]))))
            run.finish(run.captures, [], [], [], {})
        (part,) = (tmp_path / "case" / "messages").glob("*.parquet")
        back = pl.read_parquet(part)
        assert back.schema["protocol"] == back.schema["name"] == pl.String
        assert back.schema["time"] == pl.Datetime("ns", "UTC")
        assert back["name"].to_list() == ["ARROW:schema", ""]


def test_points_are_read_with_what_their_messages_say(tmp_path):
    with Case.open(tmp_path) as case:
        with case.begin_run([{"sha256": SHA_A}]) as run:
            kinds = pl.Series("kind", ["request", "response", "request"])
            ends = {"src": "10.0.0.9", "dst": "10.0.0.5"}
            batch = messages(run, 3).with_columns(kinds, pl.Series("frame", [7, 8, 9]))
            run.write("messages", batch.with_columns(pl.lit(value).alias(name) for name, value in ends.items()))
            number = pl.Series([run.base + 2, run.base + 1, run.base + 1], dtype=pl.Int64)
            run.write(
                "points", frame("points", 3, message=number, object="coil", address=pl.Series([4, 0, 1]), value=1.0)
            )
            run.finish(run.captures, [], [], [], {})
        points = case.scan("points").collect()
        assert dict(points.schema) == tables.polars_schema("points")
        found = points.select("frame", "address", "device", "unit", "protocol", "capture").rows()
        assert [row[:3] for row in found] == [(9, 4, "10.0.0.5"), (8, 0, "10.0.0.9"), (8, 1, "10.0.0.9")]
        assert {row[3:] for row in found} == {(0, "modbus", 1)}
        assert case.scan("points").filter(pl.col("frame") == 9).select("value").collect().rows() == [(1.0,)]


# -- people's decisions --------------------------------------------------------------------------------------------


def test_what_a_person_decides_is_append_only_and_outlives_a_new_run(tmp_path):
    with Case.open(tmp_path / "case") as case:
        analyse(case, SHA_A, alerts=[alert("x")])
        case.set_alert_state("x", "acknowledged", "seen", "ann", T0)
        case.set_alert_state("x", "suppressed", "maintenance window", "bob", T0 + 1)
        analyse(case, SHA_B, alerts=[alert("x")])
        assert case.alert("x")["state"] == "suppressed"
        assert [h["author"] for h in case.alert_history("x")] == ["ann", "bob"]
        with pytest.raises(NoSuchRow, match="no alert nope"):
            case.set_alert_state("nope", "open", "", "ann")
        with pytest.raises(ValueError, match="state"):
            case.set_alert_state("x", "gone", "", "ann")
    with sqlite3.connect(tmp_path / "case/case.db") as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("DELETE FROM alert_history")


# -- bad folders, bad disks -------------------------------------------------------------------------------------------


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(p): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.endswith(("-shm", "-wal", ".lock"))
    }


def test_a_folder_that_is_no_case_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CaseError, match=r"no case, but not empty \(it holds thesis\.txt\)"):
        Case.open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(CaseError, match="this is a file"):
        Case.open(tmp_path / "thesis.txt")
    with pytest.raises(CaseError, match="there is no case here"):
        Case.open(tmp_path, "read")


def test_a_creation_that_was_killed_is_done_again(tmp_path):
    (tmp_path / "case.lock").write_text("12345\n")
    (tmp_path / "case.db.new").write_bytes(b"half")
    (tmp_path / "case.db.new-journal").write_bytes(b"half")
    with Case.open(tmp_path) as case:
        assert case.summary()["runs"] == []
    assert not (tmp_path / "case.db.new").exists()


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_newer_and_an_older_case_are_refused(tmp_path, mode):
    Case.open(tmp_path).close()
    for version, word in ((schema.SCHEMA_VERSION + 1, "newer Sentinel"), (0, "older Sentinel")):
        with sqlite3.connect(tmp_path / "case.db") as db:
            db.execute(f"PRAGMA user_version = {version}")
        db.close()
        before = snapshot(tmp_path)
        with pytest.raises(CaseError, match=word):
            Case.open(tmp_path, mode)
        assert snapshot(tmp_path) == before


@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "other"])
def test_a_damaged_database_is_refused_and_kept(tmp_path, mode, damage):
    with Case.open(tmp_path) as case:
        analyse(case, SHA_A, alerts=[alert(f"x{k}") for k in range(500)])
    path = tmp_path / "case.db"
    if damage == "other":
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE birds (name)")
        db.close()
    else:
        whole = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"not a database" * 100, "cut": whole[: len(whole) // 2]}[damage])
    before = snapshot(tmp_path)
    with pytest.raises(CaseError, match=r"case\.db: .*(damaged|half written)"), Case.open(tmp_path, mode) as case:
        case.alerts()
    assert snapshot(tmp_path) == before


def test_a_damaged_or_missing_part_is_said(tmp_path):
    with Case.open(tmp_path) as case:
        analyse(case, SHA_A)
        part = next(tmp_path.glob("messages/*"))
        whole = part.read_bytes()
        part.write_bytes(whole[:-10])
        with pytest.raises(CaseError, match=r"parquet: the case is damaged or only half written \(\d+ bytes where"):
            case.scan("messages")
        part.write_bytes(bytes(len(whole)))
        assert len(case.check()) == 1
        part.unlink()
        with pytest.raises(CaseError, match="the file is missing"):
            case.scan("messages")
        assert "missing" in case.check()[0]


def test_one_writer_at_a_time_and_a_stale_lock_holds_nobody_up(tmp_path):
    first = Case.open(tmp_path)
    with pytest.raises(CaseError, match=f"process {os.getpid()} is writing this case"):
        Case.open(tmp_path)
    Case.open(tmp_path, "read").close()
    first.close()
    (tmp_path / "case.lock").write_text("1\n")
    Case.open(tmp_path).close()


def test_a_read_only_folder_is_said(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(CaseError, match=r"cannot be written or opened \(Read-only file system\)"):
        Case.open(tmp_path / "case")
    monkeypatch.undo()
    Case.open(tmp_path / "case").close()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CaseError, match="cannot be written"):
        Case.open(tmp_path / "case")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left to write"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no space left to write"),
        (OSError(errno.EACCES, "Permission denied"), "cannot be written or opened"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error; check the path and the disk"),
        ("SQLITE_FULL", "no space left to write"),
        ("SQLITE_READONLY_DIRECTORY", "cannot be written or opened"),
        ("SQLITE_CORRUPT_INDEX", "damaged or only half written"),
        ("SQLITE_BUSY_SNAPSHOT", "another program holds the case's database"),
        ("SQLITE_IOERR_WRITE", "cannot be used"),
    ],
)
def test_every_error_names_the_path_and_says_what_to_do(error, sentence):
    if isinstance(error, str):
        name, error = error, sqlite3.OperationalError("words of sqlite")
        error.sqlite_errorname = name
    said = str(explain(error, Path("/plant/case")))
    assert said.startswith("/plant/case: ")
    assert sentence in said
    assert "\n" not in said


def test_a_disk_error_in_the_writer_surfaces_and_the_case_stays_good(tmp_path, monkeypatch):
    with Case.open(tmp_path / "case") as case:
        analyse(case, SHA_A, 4)

        def refuse(_handle):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(_parts, "PART_ROWS", 1)
        monkeypatch.setattr(_parts.os, "fsync", refuse)
        with case.begin_run([{"sha256": SHA_B}]) as run:
            with pytest.raises(CaseError, match="no space left to write"):
                while True:  # the writer, a thread, comes to it at some time
                    run.write("messages", messages(run, 10))
            with pytest.raises(CaseError, match="no space left to write"):
                run.finish(run.captures, [], [], [], {})
        monkeypatch.undo()
        assert case.scan("messages").collect().height == 4
        assert len(list((tmp_path / "case/messages").iterdir())) == 1
        assert analyse(case, SHA_B)


LIMITED = """
    import resource, sys
    sys.path[:0] = [{root!r}, {tests!r}]
    from sentinel.errors import CaseError
    from sentinel.store.case import Case
    from store_rows import alert, messages, SHA_A, SHA_B, analyse
    {prepare}
    folder = {folder!r}
    with Case.open(folder) as case:
        analyse(case, SHA_A, 3)
        {limit}
        try:
            with case.begin_run([{{"sha256": SHA_B}}]) as run:
                {work}
            print("no error")
        except CaseError as error:
            print(error)
    with Case.open(folder, "read") as case:
        print(case.scan("messages").collect().height, case.alerts().height, case.captures().height)
"""


def limited(folder: Path, prepare: str, limit: str, work: str, *before: str) -> list[str]:
    program = textwrap.dedent(LIMITED).format(
        root=str(ROOT), tests=str(ROOT / "tests"), folder=str(folder), prepare=prepare, limit=limit, work=work
    )
    done = subprocess.run([*before, sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


BIG_PART = 'run.write("messages", messages(run, 500_000)); run.finish(run.captures, [], [], [], {})'
BIG_DB = 'run.finish(run.captures, [], [], [alert(f"x{k}", why_en="y" * 9000) for k in range(400)], {})'


@pytest.mark.parametrize("work", [BIG_PART, BIG_DB], ids=["part", "database"])
def test_a_file_size_limit_is_one_clear_error(tmp_path, work):
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, {resource.RLIM_INFINITY}))"
    said = limited(tmp_path / "case", "", limit, work)
    assert len(said) == 2
    assert str(tmp_path) in said[0]
    assert said[1] == "3 0 1"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("work", [BIG_PART, BIG_DB], ids=["part", "database"])
def test_a_full_disk_is_one_clear_error(tmp_path, work):
    """A real small disk, in a mount namespace of its own."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "t", str(tmp_path)]
    prepare = f"import subprocess; subprocess.run({mount!r}, check=True)"
    if subprocess.run(["unshare", "-m", *mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")
    said = limited(tmp_path / "case", prepare, "pass", work, "unshare", "-m")
    assert "no space left to write" in said[0]
    assert said[1] == "3 0 1"


FULL = 'Path(folder, "rest").write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))'
READ_ONLY = 'subprocess.run(["mount", "-o", "remount,ro", folder], check=True)'


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize(("spoil", "why"), [(READ_ONLY, "cannot be written"), (FULL, "no space left")])
def test_a_case_where_nothing_can_be_written_can_be_read(tmp_path, spoil, why):
    program = f"""
        import os, subprocess, sys
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
        from pathlib import Path
        from sentinel.errors import CaseError
        from sentinel.store.case import Case
        from store_rows import analyse, SHA_A
        folder = {str(tmp_path)!r}
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "t", folder], stderr=subprocess.DEVNULL).returncode:
            sys.exit("skip")
        with Case.open(folder + "/case") as case:
            analyse(case, SHA_A, 3)
        {spoil}
        with Case.open(folder + "/case", "read") as case:
            print(case.scan("messages").collect().height, case.captures().height)
        for name in ("/case", "/new"):
            try:
                Case.open(folder + name)
            except CaseError as error:
                print(error)
    """
    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    if "skip" in done.stderr or "unshare" in done.stderr:
        pytest.skip("this machine allows no mount namespaces")
    assert done.stderr == ""
    said = done.stdout.splitlines()
    assert said[0] == "3 1"
    assert len(said) == 3
    assert all(why in line for line in said[1:])


def test_the_journal_keeps_every_entry_and_shows_the_newest(tmp_path):
    with Case.open(tmp_path / "c") as case:
        assert case.record([("zone", "a", {"name": "old"}), ("zone", "b", 0)], "Li") == 2
        case.record([("zone", "a", {"name": "new"}), ("zone", "b", None)], "Wang", "import:zones.xlsx")
    with Case.open(tmp_path / "c", mode="read") as case:
        assert {s: e["value"] for s, e in case.current("zone").items()} == {"a": {"name": "new"}}
        history = case.journal("zone", "a")
        assert [(e["author"], e["source"]) for e in history] == [("Li", "edit"), ("Wang", "import:zones.xlsx")]
        assert case.journal("answer") == []


def test_what_people_said_cannot_be_changed_or_deleted(tmp_path):
    with Case.open(tmp_path / "c") as case:
        case.record([("zone", "a", 1)], "Li")
        case.save_assessment({"assessment": "aa", "as_of": 1, "profile": "p", "packs": []}, b"{}")
    db = sqlite3.connect(tmp_path / "c" / "case.db")
    for statement in ("UPDATE journal SET author = 'x'", "DELETE FROM journal", "DELETE FROM assessments"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    db.close()


def test_an_assessment_is_kept_once_and_found_by_its_beginning(tmp_path):
    row = {"assessment": "abc123", "as_of": 5, "profile": "gb20984-ot-1", "packs": ["cn-miit-14"]}
    with Case.open(tmp_path / "c") as case:
        case.save_assessment(row, b"content")
        case.save_assessment(row, b"content")
        case.save_assessment({**row, "assessment": "abd"}, b"other")
        assert [a["assessment"] for a in case.assessments()] == ["abc123", "abd"]
        assert case.assessments()[0]["packs"] == ["cn-miit-14"]
        assert case.assessment("abc") == b"content"
        for nothing in ("ab", "x", ""):
            with pytest.raises(NoSuchRow):
                case.assessment(nothing)


# -- deciding beside an analysis --------------------------------------------------------------------------------------

DECIDER = """
import sys
from sentinel.store.case import Case
n = 0
while True:
    n += 1
    with Case.open(sys.argv[1], "decide") as case:
        case.set_alert_state("a1", ("acknowledged", "open")[n % 2], f"reason {n}", "anna")
        case.record([("answer", "q", n)], "anna")
    print(n, flush=True)
"""


def test_decisions_are_made_beside_a_run_and_survive_its_checkpoints(tmp_path) -> None:
    with Case.open(tmp_path / "case") as sensor:
        run = sensor.begin_run([{"sha256": SHA_A, "path": "/x/a.pcap"}])
        run.checkpoint(run.captures, alerts=[alert("a1")])
        with pytest.raises(CaseError, match="is writing this case"):
            Case.open(tmp_path / "case")
        with Case.open(tmp_path / "case", "decide") as person:
            with pytest.raises(ValueError, match="decide"):
                person.begin_run([])
            with pytest.raises(CaseError, match="is writing this case"):
                Case.open(tmp_path / "case", "decide")
            person.set_alert_state("a1", "suppressed", "known", "anna")
            assert person.record([("answer", "q", 1), ("answer", "q", 2)], "anna") == 2
        run.checkpoint((), alerts=[{**alert("a1"), "count": 7}])
        (row,) = sensor.alerts().to_dicts()
        assert (row["state"], row["count"]) == ("suppressed", 7)
        run.finish(run.captures, [], [], [{**alert("a1"), "count": 9}], {})
        (row,) = sensor.alerts().to_dicts()
        assert (row["state"], row["count"]) == ("suppressed", 9)


def test_whoever_decides_may_be_killed_beside_a_run(tmp_path) -> None:
    folder = tmp_path / "case"
    with Case.open(folder) as sensor:
        run = sensor.begin_run([{"sha256": SHA_A, "path": "/x/a.pcap"}])
        run.checkpoint(run.captures, alerts=[alert("a1")])
        said = 0
        for n in range(3):
            person = subprocess.Popen(
                [sys.executable, "-c", DECIDER, str(folder)], stdout=subprocess.PIPE, text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            assert person.stdout is not None
            for count in range(20):
                line = person.stdout.readline()
                run.checkpoint((), alerts=[{**alert("a1"), "count": 100 * n + count}])
                assert line.strip() == str(count + 1)
            person.kill()
            person.communicate()
            said += 20
            history = sensor.alert_history("a1")
            answers = sensor.journal("answer")
            assert said <= len(answers) <= len(history) <= len(answers) + 1 + n
            run.checkpoint((), alerts=[{**alert("a1"), "count": 1000 + n}])
            (row,) = sensor.alerts().to_dicts()
            assert (row["state"], row["count"]) == (history[-1]["state"], 1000 + n)
            said = len(answers)
        run.finish(run.captures, [], [], [alert("a1")], {})
        assert sensor.check() == []
