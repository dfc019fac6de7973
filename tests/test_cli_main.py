"""The group: commands are files, help is cheap, whatever goes wrong is one sentence and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sentinel import errors
from sentinel.cli import main
from sentinel.cli._settings import Settings, current, language
from sentinel.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("alerts", "analyze", "completion", "demo", "dissect", "doctor", "evidence", "explain", "show")

FILE = '''"""A command for tests."""
import errno
import click
from sentinel import errors
from sentinel.cli._settings import current

@click.command(help="A command for tests.\\n\\n\\b\\n  kept as it is")
@click.option("--what", help="Folder of the case.")
def command(what):
    click.echo(f"begun in {current().lang}")
    raise {error}
'''


def raising(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str) -> None:
    """Let the commands be one file `go_wrong.py` that raises."""
    package = f"commands_{tmp_path.name}".replace("-", "_")
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "go_wrong.py").write_text(FILE.replace("{error}", error))
    monkeypatch.setattr(main, "FOLDER", folder)
    monkeypatch.setattr(main, "PACKAGE", package)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path / "cache"))


def run(*arguments: str) -> Result:
    """`sentinel` with these arguments."""
    return CliRunner().invoke(main.cli, arguments, prog_name="sentinel")


def test_help_lists_every_command_with_its_first_line():
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", result.output, re.MULTILINE), name


def test_help_imports_no_command():
    code = "import sys; from sentinel.cli.main import cli; cli(['--help'], standalone_mode=False); "
    code += "print('loaded:', [m for m in sys.modules if m in ('polars', 'numpy', 'rich', 'sentinel.cli.analyze')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded: []\n")


def test_every_command_has_a_docstring_and_its_own_help():
    for name in COMMANDS:
        assert run(name, "--help").exit_code == 0, name


def test_helpers_are_no_commands():
    assert run("_settings").exit_code == 2
    assert run("main").exit_code == 2


def test_unknown_command_names_its_neighbour():
    result = run("analyse")
    assert result.exit_code == 2
    assert "analyze" in result.stderr


def test_version_says_which_build_runs():
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith(f"sentinel {VERSION} (")
    assert "compiled" in result.output and f"{sys.version_info.major}.{sys.version_info.minor}" in result.output


def test_python_dash_m_runs_it():
    done = subprocess.run([sys.executable, "-m", "sentinel", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout[:8]) == (0, "sentinel")


def test_names_have_hyphens_where_files_have_underscores(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "errors.InputError('x: empty')")
    assert "go-wrong" in run("--help").output
    assert run("go_wrong").exit_code == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_help_is_in_the_language_of_the_person(monkeypatch, tmp_path, lang):
    raising(monkeypatch, tmp_path, "errors.InputError('x')")
    text = run("--lang", lang, "go-wrong", "--help").output
    assert ("案例文件夹。" in text) == (lang == "zh")
    assert "    kept as it is" in text
    assert ("工业网络" in run("--lang", lang, "--help").output) == (lang == "zh")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("errors.SentinelError('seen')", 1),
        ("errors.UsageError('seen')", 2),
        ("errors.InputError('seen')", 3),
        ("errors.CaseError('seen')", 4),
        ("errors.NoSuchRow('seen')", 4),
        ("errors.FaultyCapture('seen')", 5),
        ("errors.MissingExtra('seen')", 6),
        ("errors.OutputError('seen')", 7),
        ("errors.RuleError('seen')", 8),
        ("OSError(errno.ENOSPC, 'seen', 'file')", 7),
    ],
)
def test_an_expected_error_is_one_sentence_and_its_code(monkeypatch, tmp_path, error, code):
    raising(monkeypatch, tmp_path, error)
    result = run("go-wrong")
    assert result.exit_code == code
    assert result.stderr.startswith("sentinel: ") and result.stderr.endswith("seen\n")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "cache").exists()


def test_interrupted(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "KeyboardInterrupt")
    result = run("go-wrong")
    assert (result.exit_code, result.stderr.count("\n")) == (130, 1)


def test_a_broken_pipe_is_quiet(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "BrokenPipeError")
    result = run("go-wrong")
    assert (result.exit_code, result.stderr) == (141, "")


@pytest.mark.parametrize("arguments", ["completion bash", "doctor"])
def test_a_reader_that_leaves_is_no_error(arguments):
    command = f"{sys.executable} -m sentinel {arguments}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr == "" and int(done.stdout) in (0, 141)


def test_a_defect_asks_to_be_reported_with_its_log(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "ZeroDivisionError('by nought')")
    result = run("go-wrong")
    assert result.exit_code == 70
    assert "ZeroDivisionError: by nought" in result.stderr and result.stderr.count("\n") == 1
    (log,) = (tmp_path / "cache" / "log").iterdir()
    assert str(log) in result.stderr
    assert "Traceback" in log.read_text(encoding="utf-8") and "Traceback" not in result.stderr


def test_a_defect_shows_its_traceback_when_asked(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "ZeroDivisionError('by nought')")
    assert "Traceback" in run("-v", "go-wrong").stderr


def test_a_defect_is_reported_where_no_log_can_be_written(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "ZeroDivisionError('by nought')")
    (tmp_path / "cache").write_text("a file where the folder should be")
    result = run("go-wrong")
    assert result.exit_code == 70 and "-v" in result.stderr


def test_global_options_reach_the_command(monkeypatch, tmp_path):
    raising(monkeypatch, tmp_path, "errors.InputError('x')")
    monkeypatch.setenv("SENTINEL_LANG", "zh")
    assert run("go-wrong").stdout == "begun in zh\n"
    assert run("--lang", "en", "go-wrong").stdout == "begun in en\n"


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "SENTINEL_LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN", "SENTINEL_LANG": "en"}, "en"),
    ],
)
def test_language_of_the_environment(environ, lang):
    assert language(environ) == lang


def test_settings_outside_a_command_are_those_of_the_environment(monkeypatch):
    monkeypatch.setenv("SENTINEL_LANG", "zh")
    assert current() == Settings("zh")


@pytest.mark.parametrize(("n", "text"), [(0, "0 frames"), (1, "1 frame"), (1234, "1,234 frames")])
def test_counts_have_their_plural(n, text):
    assert Settings().count(n, "{n} frame", "{n} frames") == text


def test_completion_offers_commands_without_loading_them(monkeypatch):
    environment = {**os.environ, "_SENTINEL_COMPLETE": "bash_complete", "COMP_WORDS": "sentinel ev", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from sentinel.cli.main import main; main()"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "plain,evidence\n"


def test_the_page_of_exit_codes_names_every_code_and_exception():
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| `?(\w*)`? ?\|", page, re.MULTILINE))
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.SentinelError)]
    told = {str(kind.exit_code) for kind in kinds}
    told |= {str(v) for k, v in vars(errors).items() if k.startswith("EXIT_")}
    assert set(rows) == told
    for kind in kinds:
        assert f"`{kind.__name__}`" in page
        assert kind.__name__ in (errors.__doc__ or "")


def test_a_group_below_is_localised_too():
    @click.group(help="Folder of the case.")
    def group():
        """A group."""

    @group.command(help="Folder of the case.")
    def inner():
        """A command."""

    twin = main.localised(group, "zh")
    assert (twin.help, twin.commands["inner"].help) == ("案例文件夹。", "案例文件夹。")
    assert group.commands["inner"].help == "Folder of the case."
