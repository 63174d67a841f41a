"""The SQL files of the warehouse: one result each, and checks that select offenders."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable


class Severity(StrEnum):
    """What an offender does to the load."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Check:
    """A query that must find nothing; its first column names an offender."""

    name: str
    severity: Severity
    sql: str


@cache
def statement(name: str) -> str:
    """The text of ``sql/<name>.sql``: one SELECT."""
    return _folder().joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def checks() -> tuple[Check, ...]:
    """Every check of ``sql/checks``, in the order of their names."""
    files = sorted(_folder().joinpath("checks").iterdir(), key=lambda file: file.name)
    return tuple(_check(file) for file in files if file.name.endswith(".sql"))


def _check(file: Traversable) -> Check:
    sql = file.read_text(encoding="utf-8")
    severity = Severity(sql.partition("\n")[0].removeprefix("-- "))
    return Check(file.name.removesuffix(".sql"), severity, sql)


def _folder() -> Traversable:
    return resources.files(__package__).joinpath("sql")
