"""The questionnaire: export it for interviews, import answers, look at them, answer one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sentinel.cli._case import case_option, opened
from sentinel.cli._client import author_option, check_free, report_refusals
from sentinel.cli._settings import current
from sentinel.errors import AssessmentError, UsageError

STATUS = {"answered": "answered", "wire": "seen on the wire", "skipped": "not asked", "open": "to be answered"}


@click.group("questions", help="The questionnaire: export it for interviews, import answers, look at them, answer one.")
def command() -> None:
    """The group."""


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@case_option
@click.option("--both", is_flag=True, help="Chinese and English beside each other.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def export(file: Path, folder: Path, both: bool, force: bool) -> None:
    """Write the questionnaire with what is known: .xlsx (a sheet a topic), .csv or .yaml."""
    from sentinel.assess import engine, workbook

    settings = current()
    check_free(file, force)
    with opened(folder) as case:
        looked = engine.look(case)
        journal = {id_: entry["value"] for id_, entry in case.current("answer").items()}
    workbook.write(file, looked.site, looked.results, journal, "both" if both else settings.lang)
    if not settings.quiet:
        click.echo(settings.say("written: {path}", path=file))


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@case_option
@author_option
def import_(file: Path, folder: Path, author: str) -> None:
    """Take answers out of a workbook, csv or YAML file; bad ones are refused with their place, the others kept."""
    from sentinel.assess import answers
    from sentinel.store.case import Case

    settings = current()
    found = answers.read(file)
    with Case.open(folder, "decide") as case:
        stored = answers.store(case, found, author)
    if not settings.quiet:
        counts = {"new": stored.new, "changed": stored.changed, "same": stored.same, "removed": stored.removed}
        sentence = settings.say(
            "{file}: {new} new, {changed} changed, {removed} taken back, {same} unchanged", file=file, **counts
        )
        click.echo(sentence)
    report_refusals(file, stored.refusals)


@command.command("show")
@case_option
@click.option(
    "--topic", metavar="TOPIC", help="Only one topic: ORG, POL, HR, SUP, BLD, OPS, PHY, IR, BCK, DAT, CLD, IDN."
)
@click.option("--open", "only_open", is_flag=True, help="Only what is still to be answered.")
def show(folder: Path, topic: str | None, only_open: bool) -> None:
    """List the questions with their answers, and what the capture says to them."""
    from rich.table import Table
    from rich.text import Text

    from sentinel.assess import engine, questions

    settings = current()
    if topic is not None and topic.upper() not in questions.TOPICS:
        raise UsageError("there is no topic {topic}; there are {names}", topic=topic, names=", ".join(questions.TOPICS))
    with opened(folder) as case:
        looked = engine.look(case)
    rows = questions.sheet(looked.site, looked.results)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in (settings.say("Question"), "", settings.say("Answer"), settings.say("State")):
        table.add_column(head, overflow="fold")
    for row in rows:
        if topic is not None and row["topic"] != topic.upper() or only_open and row["status"] != "open":
            continue
        state = questions.STATES.get(row["state"])
        shown = settings.say(STATUS[row["status"]]) if state is None else state.in_(settings.lang)
        cells = (row["id"], row["text"].in_(settings.lang), _shown(row, settings.lang), shown)
        table.add_row(*(Text(cell) for cell in cells))
    settings.out().print(table)
    if not settings.quiet:
        counted = {status: sum(1 for row in rows if row["status"] == status) for status in STATUS}
        sentence = settings.say(
            "answered {answered}, seen on the wire {wire}, not asked {skipped}, open {open}", **counted
        )
        click.echo(sentence)


@command.command("answer")
@click.argument("question", metavar="ID")
@click.argument("value", metavar="VALUE")
@case_option
@click.option(
    "--state", type=click.Choice(["stated", "documented", "verified"]), default="stated", show_default=True,
    help="How sure it is: somebody said so, showed a document, or it was checked.",
)  # fmt: skip
@click.option("--note", help="A remark; needed where something does not apply.")
@click.option("--date", "day", metavar="DATE", help="The day on which it was answered, if not today.")
@author_option
def answer(question: str, value: str, folder: Path, state: str, note: str | None, day: str | None, author: str) -> None:
    """Answer one question; the answer before stays in the journal."""
    from sentinel.assess import questions
    from sentinel.assess._fields import BadCell
    from sentinel.store.case import Case

    settings = current()
    try:
        entry = questions.entry(question, _given(question, value), state, "", day, note)
    except BadCell as error:
        raise AssessmentError(
            "{question}: {reason}", question=question, reason=error.reason.in_(settings.lang)
        ) from error
    with Case.open(folder, "decide") as case:
        case.record([("answer", question, entry)], author)
    if not settings.quiet:
        click.echo(settings.say("{question}: recorded", question=question))


def _given(question: str, value: str) -> Any:
    """The value as it was typed; the rows of a register as YAML or JSON."""
    from sentinel.assess import _yaml, questions

    asked = questions.find(question)
    return _yaml.parse(value, question) if asked is not None and asked.type == "table" else value


def _shown(row: Any, lang: str) -> str:
    if row["answer"] is None:
        return row["reason"].in_(lang) if row["reason"] is not None else ""
    if row["label"] is not None:
        return str(row["label"].in_(lang))
    if row["type"] == "table":
        return current().count(len(row["answer"]), "{n} row", "{n} rows")
    return str(row["answer"])
