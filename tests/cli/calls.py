"""Calls of the command line in this process, and the commands that there are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import pytest

from tracebridge.adapters.schemas import kinds, violations
from tracebridge.cli.main import COMMANDS, cli, main


@dataclass(frozen=True)
class Answer:
    """What one call left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """stdout as the one JSON document that it must be, true to the schema that it names."""
        document: dict[str, Any] = json.loads(self.out)
        kind = document["schema"].removeprefix("tracebridge.").removesuffix(".v1")
        assert kind in kinds(), f"no schema for {document['schema']}"
        assert violations(kind, document) == ()
        return document

    @property
    def sentence(self) -> str:
        """The one line on stderr that an error is."""
        assert self.err.startswith("tracebridge: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("tracebridge: ").rstrip("\n")


type Call = Callable[..., Answer]


def call_of(capsys: pytest.CaptureFixture[str]) -> Call:
    """A function that runs one command line and takes what it printed."""

    def call(*words: str) -> Answer:
        capsys.readouterr()
        code = main(words)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


def paths() -> list[tuple[str, ...]]:
    """The words of every command and every group of commands."""
    return [path for name in COMMANDS for path in _below(name)]


def _below(name: str) -> Iterator[tuple[str, ...]]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    yield (name,)
    if isinstance(command, click.Group):
        yield from ((name, below) for below in command.commands)
