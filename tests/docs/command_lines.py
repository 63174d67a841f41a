"""Command lines in the documentation, held against the real command tree."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import click

from tests.docs.pages import Block, blocks_of, inline_code, name_of, pages
from tracebridge.cli.main import cli, common_options_first

type CommandPath = tuple[str, ...]

SHELLS = frozenset({"console", "bash", "sh", "shell", "cron", "ini"})
COMMON = frozenset({"--workspace", "--json", "--debug", "--help", "-h", "--version"})
_CALL = re.compile(r"(?:^|[\s/(])tracebridge(?P<rest>(?:\s.*)?)$")
_OPERATORS = re.compile(r"[|&;<>()]+")
_HISTORY = "CHANGELOG.md"
"""It speaks of commands as they were."""


class UnknownLineError(AssertionError):
    """A documented line that the command tree does not know."""


@dataclass(frozen=True)
class Mention:
    """One place where a command is written down."""

    where: str
    text: str
    words: tuple[str, ...]
    """What stands behind ``tracebridge``."""
    is_whole: bool
    """A line to be run, not a name in a sentence."""


@dataclass(frozen=True)
class Target:
    """The command that a mention means."""

    path: CommandPath
    command: click.Command
    words: tuple[str, ...]
    """What stands behind the command's name, common options left out."""
    options: frozenset[str]
    """Long names of the command's own options among them."""


def leaves_of(name: str) -> dict[CommandPath, click.Command]:
    """Every command that does something below a top-level one, by its words."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, name
    return dict(_leaves(command, (name,)))


@cache
def mentions() -> tuple[Mention, ...]:
    """Everywhere that a page names a command."""
    found: list[Mention] = []
    for page in pages():
        if name_of(page) == _HISTORY:
            continue
        for code in inline_code(page):
            if re.match(r"(?:\.venv/bin/)?tracebridge(?: |$)", code):
                words = code.split()[1:]
                found.append(Mention(name_of(page), code, tuple(words), is_whole=False))
        for block in blocks_of(page):
            found += _calls(block)
    return tuple(found)


def target_of(mention: Mention) -> Target:
    """The command that a mention means.

    Raises:
        UnknownLineError: there is no such command or option.
    """
    path: CommandPath = ()
    command: click.Command = cli
    words = _without_common(mention.words)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        context = click.Context(command, info_name="tracebridge")
        try:
            name, below, words = command.resolve_command(context, words)
        except click.UsageError as error:
            raise UnknownLineError(f"{mention.where}: {mention.text}: {error.message}") from error
        if below is None or name is None:
            raise UnknownLineError(f"{mention.where}: {mention.text}: no such command")
        path, command = (*path, name), below
    return Target(path, command, tuple(words), frozenset(_options(mention, command, words)))


def check_whole(mention: Mention) -> None:
    """Parse a line as the program would, without running it.

    Raises:
        UnknownLineError: an argument is missing, or a value is not possible.
    """
    target = target_of(mention)
    if isinstance(target.command, click.Group):
        return
    try:
        target.command.make_context(target.path[-1], list(target.words))
    except click.exceptions.Exit:
        return
    except click.ClickException as error:
        sentence = error.format_message()
        raise UnknownLineError(f"{mention.where}: {mention.text}: {sentence}") from error


def own_options(command: click.Command) -> list[click.Option]:
    """The options that are the command's own."""
    return [
        it
        for it in command.params
        if isinstance(it, click.Option) and not COMMON.intersection(it.opts)
    ]


def long_name(option: click.Option) -> str:
    return max(option.opts, key=len)


def _leaves(
    command: click.Command, path: CommandPath
) -> Iterator[tuple[CommandPath, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None, (*path, name)
        yield from _leaves(below, (*path, name))


def _calls(block: Block) -> Iterator[Mention]:
    if block.language not in SHELLS:
        return
    has_prompts = any(line.startswith("$ ") for line in block.lines)
    for number, line in enumerate(block.lines, block.line + 1):
        if line.lstrip().startswith("#") or (has_prompts and not line.startswith("$ ")):
            continue
        found = _CALL.search(_code_of(line.removeprefix("$ ")))
        if found:
            where = f"{name_of(block.page)}:{number}"
            yield Mention(where, line, tuple(_split(found["rest"])), is_whole=True)


def _code_of(line: str) -> str:
    """The part of a line that calls the program, up to the next operator outside of quotes."""
    start = max(line.rfind("/tracebridge ") + 1, line.find("tracebridge "), 0)
    lexer = shlex.shlex(line[start:].rstrip("'"), posix=False, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if _OPERATORS.fullmatch(word):
            break
        words.append(word)
    return line[:start] + " ".join(words)


def _split(rest: str) -> Sequence[str]:
    return shlex.split(rest, comments=True)


def _without_common(words: Sequence[str]) -> list[str]:
    line = common_options_first([word for word in words if word not in COMMON - {"--workspace"}])
    while line and line[0].startswith("--workspace"):
        line = line[1 if "=" in line[0] else 2 :]
    return line


def _options(mention: Mention, command: click.Command, words: Sequence[str]) -> set[str]:
    known = {name: long_name(it) for it in own_options(command) for name in it.opts}
    used = set()
    for word in words:
        name = word.lstrip("[").rstrip("]").partition("=")[0]
        if not re.fullmatch(r"--?[a-z][a-z-]*", name) or name in COMMON:
            continue
        if name not in known:
            raise UnknownLineError(f"{mention.where}: {mention.text!r}: no such option: {name}")
        used.add(known[name])
    return used
