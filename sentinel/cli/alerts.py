"""Decide about alerts of a case (acknowledge, suppress, reopen), and see what was decided."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sentinel.cli._case import case_option, opened, opened_to_decide
from sentinel.cli._format import moment, tame
from sentinel.cli._settings import current
from sentinel.errors import UsageError

JSON_LISTS = ("techniques", "evidence", "flows")
"""Columns of an alert whose text is a JSON list."""

_alert = click.argument("alert", metavar="ALERT")
_reason = click.option("--reason", required=True, help="Why; kept in the history of the alert.")
_author = click.option("--author", help="Who decides; otherwise the name of the login.")


@click.group(
    "alerts",
    help="""Decide about alerts of a case (acknowledge, suppress, reopen), and see what was decided.

    ALERT is an alert's id, or as much of its beginning as no other alert shares. A decision is added to the alert's
    history, which nothing takes away; it stays when captures are analysed again or added.
    """,
)
def command() -> None:
    """The group of what can be done with an alert."""


@command.command("ack")
@_alert
@case_option
@_reason
@_author
def acknowledge(alert: str, folder: Path, reason: str, author: str | None) -> None:
    """Acknowledge an alert: somebody knows of it and takes care."""
    _decide(folder, alert, "acknowledged", reason, author)


@command.command("suppress")
@_alert
@case_option
@_reason
@_author
def suppress(alert: str, folder: Path, reason: str, author: str | None) -> None:
    """Suppress an alert: it is as it should be here, and the page only counts it."""
    _decide(folder, alert, "suppressed", reason, author)


@command.command("reopen")
@_alert
@case_option
@_reason
@_author
def reopen(alert: str, folder: Path, reason: str, author: str | None) -> None:
    """Reopen an alert that was acknowledged or suppressed."""
    _decide(folder, alert, "open", reason, author)


@command.command("show")
@_alert
@case_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with all columns and the history.")
def show(alert: str, folder: Path, as_json: bool) -> None:
    """Show an alert and what people decided about it."""
    with opened(folder) as case:
        row = case.alert(alert)
        history = case.alert_history(row["alert"])
    if as_json:
        row |= {name: json.loads(row[name]) for name in JSON_LISTS}
        click.echo(json.dumps({**row, "history": history}, ensure_ascii=False))
        return
    settings = current()
    click.echo(_line(row))
    for name in ("why", "action"):
        if row[f"{name}_{settings.lang}"]:
            click.echo(f"  {tame(row[f'{name}_{settings.lang}'])}")
    if not history:
        click.echo(f"  {settings.say('Nobody has decided anything about it.')}")
    for entry in history:
        said = settings.say("{state} by {author}: {reason}", state=settings.say(entry["state"]), author=entry["author"],
                            reason=entry["reason"])  # fmt: skip
        click.echo(f"  {moment(entry['time'])}  {tame(said)}")


def _decide(folder: Path, alert: str, state: str, reason: str, author: str | None) -> None:
    """Add one decision to the history of an alert."""
    if not reason.strip():
        raise UsageError("--reason says nothing")
    with opened_to_decide(folder) as case:
        case.set_alert_state(alert, state, reason.strip(), author or _login())
        row = case.alert(alert)
    if not current().quiet:
        click.echo(_line(row))


def _line(row: Mapping[str, Any]) -> str:
    """Id, state, and title of an alert."""
    settings = current()
    title = row[f"title_{settings.lang}"] or row["name"]
    return tame(f"{row['alert']}  {settings.say(row['state'])}  {title}")


def _login() -> str:
    """The name of whoever runs the command, or his number where no name is known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
