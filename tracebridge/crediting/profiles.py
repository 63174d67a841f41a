"""Reward profiles: which components count, how much, and against which budgets.

A profile is a small TOML document (``rewards/*.toml``). Weights lie in fixed ranges, so that no
profile can make form or speed worth more than being right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracebridge.domain.errors import RewardError

PROFILE_SCHEMA = "tracebridge.reward.v1"

TASK_OUTCOME = "correctness.task_outcome"
LABEL = "correctness.label"
FORMAT = "format"
EFFICIENCY = "efficiency"
SAFETY = "safety"

COMPONENT_NAMES = (TASK_OUTCOME, LABEL, FORMAT, EFFICIENCY, SAFETY)
"""Every component there is, in the order in which rewards list them."""

SENSITIVE_FINDS = ("CARD", "EMAIL", "PHONE", "SECRET", "SSN")
"""Kinds of finds that a profile may hold against an answer."""

_RANGES = {
    "correctness": (0.50, 0.60),
    FORMAT: (0.20, 0.20),
    EFFICIENCY: (0.10, 0.15),
    SAFETY: (0.10, 0.15),
}
_TOLERANCE = 1e-9
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class WeightedComponent:
    """A component that counts, and how much."""

    name: str
    """One of `COMPONENT_NAMES`."""
    weight: float
    """In (0, 1]."""


@dataclass(frozen=True, slots=True)
class RewardProfile:
    """A checked profile."""

    name: str
    description: str
    components: tuple[WeightedComponent, ...]
    """In the order of `COMPONENT_NAMES`; their weights sum to 1."""
    latency_budget_ms: int = 60_000
    """Request to final answer; slower answers lose efficiency in proportion."""
    tool_call_budget: int = 12
    """Tool calls and failed model responses of one turn."""
    sensitive_finds: tuple[str, ...] = ("CARD", "SECRET", "SSN")
    """Kinds of scrubber finds that make an answer unsafe."""
    forbidden_tools: tuple[str, ...] = ()

    @property
    def weights(self) -> dict[str, float]:
        """Component name to weight, in order."""
        return {component.name: component.weight for component in self.components}


DEFAULT_PROFILE = RewardProfile(
    name="general",
    description=(
        "Did the tools succeed in the end, what did people say, was it whole, quick and safe."
    ),
    components=(
        WeightedComponent(TASK_OUTCOME, 0.40),
        WeightedComponent(LABEL, 0.20),
        WeightedComponent(FORMAT, 0.20),
        WeightedComponent(EFFICIENCY, 0.10),
        WeightedComponent(SAFETY, 0.10),
    ),
)
"""What ``rewards/general.toml`` says, for a workspace that has no such file."""


def parse_profile(document: Mapping[str, Any], *, file: str) -> RewardProfile:
    """A profile from its parsed TOML.

    Keys: ``schema``, ``name``, ``description`` (optional), ``[weights]`` with ``format``,
    ``efficiency``, ``safety`` and a table ``correctness``; optional ``[budgets]`` with
    ``latency_ms`` and ``tool_calls``; optional ``[safety]`` with ``sensitive_finds`` and
    ``forbidden_tools``.

    Args:
        document: the parsed file.
        file: its name, for error messages.

    Raises:
        RewardError: unknown key or component, value of a wrong type, weight out of its range,
            weights that do not sum to 1; the message names file, field and mend.
    """
    top = _Table(file, "", document)
    if top.text("schema") != PROFILE_SCHEMA:
        raise top.wrong("schema", f'"{PROFILE_SCHEMA}"')
    name = top.text("name")
    if not _NAME.fullmatch(name):
        raise top.wrong("name", "lower-case letters, digits, '-' and '_', a letter first")
    description = top.text("description", "")
    components = _components(top.table("weights"))
    budgets, safety = top.table("budgets", optional=True), top.table("safety", optional=True)
    profile = RewardProfile(
        name=name,
        description=description,
        components=components,
        latency_budget_ms=budgets.count("latency_ms", DEFAULT_PROFILE.latency_budget_ms),
        tool_call_budget=budgets.count("tool_calls", DEFAULT_PROFILE.tool_call_budget),
        sensitive_finds=_finds(safety),
        forbidden_tools=safety.texts("forbidden_tools", DEFAULT_PROFILE.forbidden_tools),
    )
    for table in (budgets, safety, top):
        table.close()
    return profile


def _components(table: _Table) -> tuple[WeightedComponent, ...]:
    correctness = table.table("correctness")
    given: dict[str, float] = {}
    for part, prefix in ((table, ""), (correctness, "correctness.")):
        for key in part.names():
            if "." in key or prefix + key not in COMPONENT_NAMES:
                raise RewardError(
                    f"{part.file}: {part.path}{key} is no component; "
                    f"use {', '.join(f'weights.{name}' for name in COMPONENT_NAMES)}"
                )
            given[prefix + key] = part.weight(key)
    for group, (low, high) in _RANGES.items():
        share = math.fsum(weight for name, weight in given.items() if name.split(".")[0] == group)
        if not low - _TOLERANCE <= share <= high + _TOLERANCE:
            wanted = f"{low:.2f}" if low == high else f"from {low:.2f} to {high:.2f}"
            raise RewardError(
                f"{table.file}: weights.{group} is {share:g} in all; it takes {wanted}"
            )
    total = math.fsum(given.values())
    if abs(total - 1.0) > _TOLERANCE:
        raise RewardError(f"{table.file}: weights sum to {total:.12g}; make them sum to 1")
    return tuple(WeightedComponent(it, given[it]) for it in COMPONENT_NAMES if it in given)


def _finds(safety: _Table) -> tuple[str, ...]:
    finds = safety.texts("sensitive_finds", DEFAULT_PROFILE.sensitive_finds)
    if not set(finds) <= set(SENSITIVE_FINDS):
        raise safety.wrong("sensitive_finds", f"kinds among {', '.join(SENSITIVE_FINDS)}")
    return finds


class _Table:
    """One table of the document, read key by key; what is left over is refused."""

    def __init__(self, file: str, path: str, values: Mapping[str, Any]) -> None:
        self.file = file
        self.path = path
        self._left = dict(values)

    def names(self) -> tuple[str, ...]:
        return tuple(self._left)

    def text(self, key: str, preset: str | None = None) -> str:
        value = self._left.pop(key, preset)
        if not isinstance(value, str) or (not value and preset is None):
            raise self.wrong(key, "a text")
        return value

    def texts(self, key: str, preset: tuple[str, ...]) -> tuple[str, ...]:
        value = self._left.pop(key, list(preset))
        if not isinstance(value, list) or not all(isinstance(it, str) and it for it in value):
            raise self.wrong(key, "a list of texts")
        return tuple(sorted(set(value)))

    def count(self, key: str, preset: int) -> int:
        value = self._left.pop(key, preset)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**53:
            raise self.wrong(key, "a whole number above 0")
        return value

    def weight(self, key: str) -> float:
        value = self._left.pop(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise self.wrong(key, "a number above 0 and up to 1; leave out what does not count")
        return float(value)

    def table(self, key: str, *, optional: bool = False) -> _Table:
        value = self._left.pop(key, {} if optional else None)
        if not isinstance(value, Mapping):
            raise self.wrong(key, "a table")
        return _Table(self.file, f"{self.path}{key}.", value)

    def close(self) -> None:
        for key in sorted(self._left):
            raise RewardError(
                f"{self.file}: unknown key {self.path}{key}; remove it or mend its spelling"
            )

    def wrong(self, key: str, wanted: str) -> RewardError:
        return RewardError(f"{self.file}: {self.path}{key} takes {wanted}")
