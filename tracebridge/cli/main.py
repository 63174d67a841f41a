"""The entry point: finds the command, keeps the promises that hold for every command.

Exit codes: 0 done or positive; 1 a negative answer; 2 usage or configuration; 3 could not
complete. An error is one sentence on stderr; ``--debug`` shows where it came from.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

import click

from tracebridge.cli.output import Negative
from tracebridge.domain.errors import TraceBridgeError

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("workspace", "Make a workspace and say what logs this machine holds."),
    "doctor": ("workspace", "Check versions, rights, logs and disk; change nothing."),
    "demo": ("demo", "Run the whole cycle on simulated agents whose truth is known."),
    "import": ("imports", "Read session logs, scrub them, keep them."),
    "scrub": ("scrub", "Clean or audit a file of private data and secrets."),
    "feedback": ("feedback", "Reactions: import them, report on them."),
    "labels": ("labels", "What people's reactions say about answers."),
    "inspect": ("reading", "One session: turns, tools, labels, rewards."),
    "rewards": ("rewards", "How turns are judged."),
    "policies": ("policies", "Behavior variants: list, check, learn."),
    "gap": ("gap", "Tool plans: levels and critical path."),
    "ope": ("ope", "Off-policy evaluation of any logged-bandit table."),
    "cycle": ("cycle", "The daily shadow cycle."),
    "bundle": ("bundle", "Sealed cycles: list, verify, make again."),
    "review": ("review", "Phase-1 exit criteria, each with its evidence."),
    "export": ("export", "Datasets for training, and the consumer's check."),
    "gate": ("gate", "Judge a candidate on a sealed bundle."),
    "promote": ("gate", "Let a judged candidate into the canary, signed by a person."),
    "canary": ("canary", "The live slice: status, report, rollback."),
    "schema": ("schema", "Print the JSON Schema of a file kind."),
}
"""Command to (module in ``tracebridge.cli``, one-line help), in the order of the cycle."""

_FLAGS: Final = frozenset({"--json", "--debug"})


class CycleOrderGroup(click.Group):
    """Commands in the order of the cycle; a command's module is imported when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tracebridge.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return show_common_options(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands, in the order of the cycle"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=CycleOrderGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--workspace", type=click.Path(), help="The workspace; default: here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.version_option(package_name="tracebridge")
@click.pass_context
def cli(ctx: click.Context, workspace: str | None, as_json: bool, debug: bool) -> None:
    """Turn an agent's session logs and the emoji under its answers into an honest daily verdict.

    --workspace, --json and --debug may stand anywhere on the line.
    """
    ctx.obj = {"workspace": workspace, "json": as_json, "debug": debug}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code that the contract promises."""
    line = common_options_first(list(sys.argv[1:] if arguments is None else arguments))
    try:
        result = cli.main(args=line, prog_name="tracebridge", standalone_mode=False)
    except Negative:
        return 1
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        click.echo(f"tracebridge: {error.format_message()}", err=True)
        return 2
    except click.Abort:
        click.echo("tracebridge: interrupted; nothing that was unfinished counts", err=True)
        return 3
    except BrokenPipeError:
        return 3
    except (TraceBridgeError, OSError) as error:
        if "--debug" in line:
            raise
        click.echo(f"tracebridge: {error}", err=True)
        return error.exit_code if isinstance(error, TraceBridgeError) else 3
    return result if isinstance(result, int) else 0


def common_options_first(line: list[str]) -> list[str]:
    """The line with --workspace, --json and --debug moved before the command.

    They mean the same everywhere, so a user need not know where they belong. What follows
    ``--`` is left alone.
    """
    front: list[str] = []
    rest: list[str] = []
    words = iter(line)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in _FLAGS or word.startswith("--workspace="):
            front.append(word)
        elif word == "--workspace":
            front += [word, *[value for value in [next(words, None)] if value is not None]]
        else:
            rest.append(word)
    return front + rest


def show_common_options(command: click.Command) -> click.Command:
    """Let a command's help name the options that hold everywhere (they are parsed before it)."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            show_common_options(below)
        return command
    shown = [
        click.Option(["--workspace"], expose_value=False, metavar="PATH", help="The workspace."),
        click.Option(["--json"], is_flag=True, expose_value=False, help="One JSON document."),
    ]
    known = {option.name for option in command.params}
    command.params += [option for option in shown if option.name not in known]
    return command


def run() -> None:
    """Console script."""
    sys.exit(main())
