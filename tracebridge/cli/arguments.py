"""What commands are given: days, files and folders, refused in one sentence if they cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from tracebridge.days import parse_day
from tracebridge.domain.errors import ConfigurationError

PATH = click.Path(path_type=Path, readable=False)
"""A path as it was typed: whether it can be used is found out, and told, where it is used."""


def day_of(value: str | None) -> date:
    """A UTC day: ``YYYY-MM-DD``, ``today`` (also where none is given) or ``yesterday``.

    Raises:
        ConfigurationError: it is no such day.
    """
    return parse_day(value, now=datetime.now(UTC))


def existing(path: Path) -> Path:
    """The path of a file or folder that is there. Raises `ConfigurationError` for another."""
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no such file or folder; check the path")
    return path


def existing_file(path: Path) -> Path:
    """The path of a file that is there. Raises `ConfigurationError` for another."""
    if existing(path).is_dir():
        raise ConfigurationError(f"{path}: is a folder; name a file")
    return path


def existing_folder(path: Path) -> Path:
    """The path of a folder that is there. Raises `ConfigurationError` for another."""
    if not existing(path).is_dir():
        raise ConfigurationError(f"{path}: is a file; name a folder")
    return path


def writable_file(path: Path) -> Path:
    """The path of a file to write. Raises `ConfigurationError` where a folder has its place."""
    if path.is_dir():
        raise ConfigurationError(f"{path}: is a folder; name a file in it with -o")
    return path
