"""``tracebridge inspect``: one session, read as what it was, not as a line of totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import click

from tracebridge.cli.arguments import day_of
from tracebridge.cli.output import counted, emit, listed, plain, settings, table

VIEW_NAMES: Final = ("history", "artifacts", "events", "summary")
TEXT_WIDTH: Final = 100
"""Characters of a request or an answer that people are shown; the document has all of it."""

type Shown = Mapping[str, Any]


@click.command("inspect")
@click.argument("session")
@click.option(
    "--view",
    type=click.Choice(VIEW_NAMES),
    default="history",
    show_default=True,
    help="Turns with tools, labels and rewards; bundles that hold it; events; or figures.",
)
@click.option("--day", help="UTC day, YYYY-MM-DD; everything up to its end. Default: today.")
def inspect_command(session: str, view: str, day: str | None) -> None:
    """Read one SESSION, named by its id or the beginning of it."""
    from tracebridge.cycle import end_of
    from tracebridge.operations.inspection import VIEWS

    document = VIEWS[view](settings(), session, end_of(day_of(day)))
    emit(document, _LINES[view](document))


def _history_lines(document: Shown) -> Iterator[str]:
    yield f"session {plain(document['session_id'])}: {counted(len(document['turns']), 'turn')}"
    for turn in document["turns"]:
        yield ""
        yield _turn_line(turn)
        yield f"  asks     {plain(turn['request'], TEXT_WIDTH)}"
        for step in turn["steps"]:
            name = plain(step["name"] or "unnamed")
            yield f"  {step['kind']:<8} {name}: {step['status']}, {_duration(step)}"
        yield f"  answers  {plain(turn['answer'], TEXT_WIDTH) or '-'}"
        yield from (_label_line(label) for label in turn["labels"])
        yield f"  reward   {_reward(turn['reward'])}"


def _turn_line(turn: Shown) -> str:
    parts = [
        f"turn {turn['seq']}",
        turn["started_at"][:19].replace("T", " "),
        f"by {turn['trigger']}",
        turn["status"],
        _seconds(turn["latency_ms"]) if turn["latency_ms"] is not None else "no latency",
        f"{turn['cost_usd']:.4f} USD" if turn["cost_usd"] is not None else "cost unknown",
        f"arm {plain(turn['arm'])}",
    ]
    return "  ".join(parts)


def _duration(step: Shown) -> str:
    if step["duration_ms"] is None:
        return "duration unknown"
    return _seconds(step["duration_ms"]) + (" (inferred)" if step["duration_inferred"] else "")


def _label_line(label: Shown) -> str:
    unused = "" if label["weight"] else ", not used"
    return (
        f"  label    {label['score']:+g} for the {_SCOPES[label['scope']]} "
        f"({label['rule']}, confidence {label['confidence']:g}{unused})  {label['label_id']}"
    )


def _reward(reward: Shown) -> str:
    if reward["total"] is None:
        return "abstains: nothing to judge by"
    outcome = "no outcome" if reward["outcome"] is None else f"outcome {reward['outcome']:.2f}"
    return f"{reward['total']:.2f} ({outcome}) by profile {reward['profile']}"


def _artifacts_lines(document: Shown) -> list[str]:
    return table(
        ["bundle", "day", "status", "turns", "labels", "report"],
        [
            [it[key] for key in ("bundle_id", "day", "status", "turns", "labels", "report")]
            for it in document["bundles"]
        ],
        empty="no sealed bundle holds this session; `tracebridge cycle run` seals one",
    )


def _events_lines(document: Shown) -> list[str]:
    return table(
        ["seq", "time", "kind", "tool", "status", "line"],
        [
            [it["seq"], it["ts"], it["kind"], it["tool"], it["status"], it["source_ref"]]
            for it in document["events"]
        ],
        empty="no event of this session is that old",
    )


def _summary_lines(document: Shown) -> list[str]:
    tokens, cost, latency = document["tokens"], document["cost_usd"], document["latency_ms"]
    rewards, turns = document["rewards"], document["turns"]
    known = f"known for {document['cost_known_turns']} of {counted(turns, 'turn')}"
    rows = [
        ["session", document["session_id"]],
        ["read from", ", ".join(document["files"])],
        ["agent", document["agent"]],
        ["models", ", ".join(document["models"]) or None],
        ["chats", ", ".join(document["chats"]) or None],
        ["from", document["started_at"]],
        ["to", document["ended_at"]],
        ["events", document["events"]],
        ["turns", f"{turns}: {listed(document['turn_status']) or 'none'}"],
        ["started by", listed(document["triggers"])],
        ["tool calls", f"{document['tool_calls']}, {document['tool_errors']} of them failed"],
        ["tokens", listed({k: "unknown" if v is None else v for k, v in tokens.items()})],
        ["cost", "unknown" if cost is None else f"{cost:.4f} USD, {known}"],
        ["latency", None if latency["p50"] is None else _latency(latency)],
        ["labels", listed(document["labels"])],
        ["outcome reward", _mean(rewards)],
    ]
    return [f"{name:<15} {'-' if value is None else plain(str(value))}" for name, value in rows]


def _latency(latency: Shown) -> str:
    return (
        f"half within {_seconds(latency['p50'])}, 95 % within {_seconds(latency['p95'])} "
        f"of {counted(latency['n'], 'answered turn')}"
    )


def _mean(rewards: Shown) -> str | None:
    if rewards["mean_outcome"] is None:
        return None
    return f"mean {rewards['mean_outcome']:.2f} of {counted(rewards['judged'], 'judged turn')}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


_SCOPES: Final = {"batch": "answer", "chunk": "part of an answer"}
_LINES: Final[Mapping[str, Callable[[Shown], Any]]] = {
    "history": _history_lines,
    "artifacts": _artifacts_lines,
    "events": _events_lines,
    "summary": _summary_lines,
}
