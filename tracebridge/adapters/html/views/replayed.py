"""What recorded steps give when scheduled or shaped again: exact arithmetic, never a quality."""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.adapters.html import formats, plots
from tracebridge.adapters.html.reading import Node


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """One tool policy over the recorded calls: time one by one, by levels, at best, and as run."""

    policy_id: str
    headline: str
    note: str
    bars: tuple[plots.Bar, ...]


@dataclass(frozen=True, slots=True)
class Transform:
    """One response policy: how many recorded answers it changes, and what it would break."""

    policy_id: str
    answers: str
    changed: str
    violations: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ReplayedView:
    """The section's figures."""

    plans: tuple[ToolPlan, ...]
    transforms: tuple[Transform, ...]


def replayed_of(summary: Node) -> ReplayedView:
    """Tool plans and response transforms of the summary."""
    return ReplayedView(
        plans=tuple(map(_plan, summary["replayed"])),
        transforms=tuple(map(_transform, summary["invariants"])),
    )


def _plan(row: Node) -> ToolPlan:
    times = {key: row[f"{key}_ms"].number() for key in ("serial", "level", "wall", "critical_path")}
    return ToolPlan(
        policy_id=row["policy_id"].words(),
        headline=_headline(times["serial"], times["wall"]),
        note=_note(row),
        bars=plots.bars(
            [
                ("One by one", times["serial"], _time(times, "serial"), "as recorded", "calm"),
                ("By levels", times["level"], _time(times, "level"), "with barriers", "replayed"),
                ("As scheduled", times["wall"], _time(times, "wall"), "this plan", "replayed"),
                (
                    "Critical path",
                    times["critical_path"],
                    _time(times, "critical_path"),
                    "no plan can be faster",
                    "faint",
                ),
            ]
        )
        if times["serial"] and times["wall"] != times["serial"]
        else (),
    )


def _note(row: Node) -> str:
    eligible, turns = row["eligible_turns"].number(), row["turns"].number()
    if eligible == 0:
        return f"no turn of {formats.count(turns)} has calls that it could schedule otherwise"
    return (
        f"in the {formats.count(eligible)} of {formats.plural(turns, 'turn')} that it could "
        f"change, {formats.count(row['calls_replayed'].number())} of "
        f"{formats.plural(row['calls_recorded'].number(), 'call')} would run"
    )


def _time(times: dict[str, float | None], key: str) -> str:
    return formats.duration(times[key])


def _headline(serial_ms: float | None, wall_ms: float | None) -> str:
    if serial_ms is None or wall_ms is None:
        return "the saving is unknown"
    if serial_ms <= 0 or wall_ms == serial_ms:
        return "would have saved nothing"
    change = formats.share(abs(serial_ms - wall_ms) / serial_ms, 0)
    saved = formats.duration(abs(serial_ms - wall_ms))
    if wall_ms > serial_ms:
        return f"would have cost {saved} more of tool time ({change})"
    return f"would have saved {saved} of tool time ({change})"


def _transform(row: Node) -> Transform:
    answers = row["answers"].number()
    return Transform(
        policy_id=row["policy_id"].words(),
        answers=formats.count(answers),
        changed=formats.count(row["changed"].number()),
        violations=tuple(
            (
                formats.words(name),
                formats.count(number.number()),
                "good" if number.number() == 0 else "bad",
            )
            for name, number in row["violations"].pairs()
        ),
    )
