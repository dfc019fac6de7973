"""Print the script that lets a shell complete Sentinel's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from sentinel.cli.main import cli


@click.command(
    "completion",
    help="""Print the script that lets a shell complete Sentinel's commands and options.

    \b
    bash: sentinel completion bash > ~/.local/share/bash-completion/completions/sentinel
    zsh:  sentinel completion zsh > "${fpath[1]}/_sentinel"
    fish: sentinel completion fish > ~/.config/fish/completions/sentinel.fish
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Write the completion script of `shell` to standard output."""
    script = get_completion_class(shell)
    assert script is not None  # the choice above names exactly those that click has
    click.echo(script(cli, {}, "sentinel", "_SENTINEL_COMPLETE").source())
