"""List, check and test the Sigma rules: those that come with Sentinel, or your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.cli._settings import current
from sentinel.errors import InputError

if TYPE_CHECKING:
    from sentinel.rules.load import RuleSet

_SAID = {
    "fine": {"en": "{n} rules, nothing to complain about.", "zh": "{n} 条规则，没有问题。"},
    "findings": {"en": "{n} rules, {found} findings.", "zh": "{n} 条规则，{found} 个问题。"},
    "tested": {
        "en": "{n} rules: every example fires, no counterexample does.",
        "zh": "{n} 条规则：例子均触发，反例均不触发。",
    },
    "failed": {"en": "{n} rules, {found} failures.", "zh": "{n} 条规则，{found} 个失败。"},
}

_paths = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@click.group("rules")
def command() -> None:
    """List, check and test the Sigma rules: those that come with Sentinel, or your own."""


@command.command("list")
@_paths
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_rules(paths: tuple[Path, ...], as_json: bool) -> None:
    """List the rules in PATHS (files or folders); without PATHS those that come with Sentinel."""
    import json

    language = current().lang
    ruleset = _load(paths)
    shown = sorted((rule for rule in ruleset.rules if rule.emit), key=lambda rule: rule.name)
    for rule in shown:
        kind = rule.kind
        if as_json:
            fields = {
                "id": rule.id,
                "name": rule.name,
                "level": kind.level,
                "protocol": rule.protocol,
                "table": rule.table,
            }
            row = fields | {"title": kind.title, "techniques": kind.techniques, "falsepositives": rule.falsepositives}
            click.echo(json.dumps(row | {"path": rule.path}, ensure_ascii=False))
        else:
            click.echo(f"{kind.level:<14}{rule.name:<36}{','.join(kind.techniques):<14}{kind.title[language]}")
    _complain(ruleset)


@command.command("lint")
@_paths
@click.pass_context
def lint_rules(context: click.Context, paths: tuple[Path, ...]) -> None:
    """Check PATHS as the shipped rules are checked. Exit code 1 where there is something to mend."""
    from sentinel.plugins import load_parsers
    from sentinel.rules.lint import lint

    ruleset = _load(paths)
    found = lint(ruleset, load_parsers())
    for problem in found:
        click.echo(str(problem))
    _say("findings" if found else "fine", n=len(ruleset.rules), found=len(found))
    context.exit(1 if found else 0)


@command.command("test")
@_paths
@click.option("--name", "names", multiple=True, help="Only this rule; may be repeated.")
@click.pass_context
def test_rules(context: click.Context, paths: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """Run each rule over its example and its counterexample. Exit code 1 where one does not do as it should."""
    from sentinel.rules.examples import failures

    ruleset = _load(paths)
    known = {rule.name for rule in ruleset.rules}
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no rule is named {name}", param_hint="--name")
    tested = [rule for rule in ruleset.rules if rule.emit and (not names or rule.name in names)]
    failed = 0
    for rule in tested:
        for sentence in failures(ruleset, rule):
            failed += 1
            click.echo(f"{rule.path}:{rule.line}: {rule.name}: {sentence}")
    failed += _complain(ruleset)
    _say("failed" if failed else "tested", n=len(tested), found=failed)
    context.exit(1 if failed else 0)


def _load(paths: tuple[Path, ...]) -> RuleSet:
    from sentinel.rules.load import RuleSet

    ruleset = RuleSet.load(paths or None)
    if not ruleset.rules and not ruleset.problems:
        raise InputError("no rule (*.yml) in {path}", path=", ".join(map(str, paths)))
    return ruleset


def _complain(ruleset: RuleSet) -> int:
    """Says on standard error which files are no rules; how many there are."""
    for problem in ruleset.problems:
        click.echo(str(problem), err=True)
    return len(ruleset.problems)


def _say(what: str, **values: int) -> None:
    click.echo(_SAID[what][current().lang].format(**values), err=True)
