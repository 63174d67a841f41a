"""The head of the page: which cycle this is, what it concludes, and what failed if anything did."""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.adapters.html import formats
from tracebridge.adapters.html.reading import Node

_OUTCOMES = {
    "admit": ("Admit to the canary", "good"),
    "promote": ("Promote", "good"),
    "reject": ("Reject", "bad"),
    "rollback": ("Roll back", "bad"),
    "insufficient_evidence": ("Insufficient evidence", "open"),
    "invalid": ("Invalid", "bad"),
}
_MARKS = {"pass": ("✓", "good"), "fail": ("✕", "bad"), "unknown": ("?", "open")}


@dataclass(frozen=True, slots=True)
class Check:
    """One check with its mark: passed, failed, or unknown for want of evidence."""

    name: str
    result: str
    mark: str
    tone: str
    measured: str
    required: str
    detail: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that broke, and its sentence."""

    step: str
    detail: str


@dataclass(frozen=True, slots=True)
class Header:
    """Which cycle this is."""

    day: str
    status: str
    seed: str
    code_version: str
    unit_kind: str


@dataclass(frozen=True, slots=True)
class VerdictView:
    """The verdict in words and its reasons."""

    title: str
    tone: str
    subject: str | None
    sentence: str
    needs: str | None
    checks: tuple[Check, ...]
    tally: str
    failures: tuple[Failure, ...]


def header_of(summary: Node) -> Header:
    """Day, status, seed and versions; what a broken cycle never wrote is unknown."""
    status = summary["status"].text()
    return Header(
        day=formats.day(summary["day"].text()),
        status=status if status in {"ok", "failed"} else formats.UNKNOWN,
        seed=summary["seed"].words(),
        code_version=summary["code_version"].words(),
        unit_kind=summary["unit_kind"].words(),
    )


def verdict_of(summary: Node) -> VerdictView:
    """The verdict; without one, the page says so in its place."""
    verdict = summary["verdict"]
    title, tone = outcome_words(verdict["outcome"])
    checks = tuple(map(check_of, verdict["reasons"]))
    return VerdictView(
        title=title,
        tone=tone,
        subject=verdict["subject"].text(),
        sentence=verdict["sentence"].text()
        or "This cycle reached no verdict: it ended before it could judge.",
        needs=verdict["needs"].text(),
        checks=checks,
        tally=_tally(checks),
        failures=tuple(
            Failure(
                formats.words(step["name"].words()),
                step["detail"].text() or "no detail was recorded",
            )
            for step in summary["steps"]
            if step["outcome"].text() == "failed"
        ),
    )


def outcome_words(outcome: Node) -> tuple[str, str]:
    """A verdict's outcome as title and tone."""
    return _OUTCOMES.get(outcome.text() or "", ("No verdict", "open"))


def check_of(reason: Node) -> Check:
    """A check of a verdict or of the cycle's integrity; an unknown result is not a pass."""
    result = reason["result"].text()
    if result not in _MARKS:
        result = "unknown"
    mark, tone = _MARKS[result]
    return Check(
        name=formats.words(reason["check"].words()),
        result=result,
        mark=mark,
        tone=tone,
        measured=reason["measured"].words(),
        required=reason["required"].words(),
        detail=reason["detail"].text() or "",
    )


def _tally(checks: tuple[Check, ...]) -> str:
    results = [check.result for check in checks]
    parts = [
        f"{results.count(result)} {word}"
        for result, word in (("pass", "passed"), ("fail", "failed"), ("unknown", "unknown"))
        if result in results
    ]
    return ", ".join(parts)
