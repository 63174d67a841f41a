"""Reads exported datasets back as strictly as a trainer should, and says what it refuses.

Rows are held against the checks of ``row_checks.py``, against Agent Lightning's own schemas where
the package is installed, and against one another across files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from tracebridge.adapters.agent_lightning.export import FILES, MESSAGES, ROLLOUT_EVENTS, TRIPLETS
from tracebridge.adapters.agent_lightning.row_checks import (
    Complaint,
    Row,
    check_messages_row,
    check_rollout_row,
    check_triplet_row,
    reward_of_events,
)
from tracebridge.domain.errors import ConsumerError
from tracebridge.domain.events import JsonValue

type SchemaCheck = Callable[[Row], str | None]
"""From a row to the first field that the trainer's own schema refuses."""

MAX_PROBLEMS = 100
"""Problems that a report lists; the rest is counted."""

_CHECKS: Mapping[str, Callable[[Row], Iterator[Complaint]]] = {
    MESSAGES: check_messages_row,
    TRIPLETS: check_triplet_row,
    ROLLOUT_EVENTS: check_rollout_row,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a consumer refuses. No content of the row."""

    file: str
    line: int | None
    """1-based; ``None`` where the file as a whole is meant."""
    field: str
    what: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.field} {self.what}"


@dataclass(frozen=True, slots=True)
class ConsumerReport:
    """What was read and what was refused."""

    rows: Mapping[str, int]
    """File name to lines read."""
    schemas: str
    """``agentlightning <version>``, or ``absent``: then only the checks of this room ran."""
    problems: tuple[Problem, ...]
    """The first `MAX_PROBLEMS`, by file and line."""
    refused: int
    """All of them."""

    def to_json(self) -> dict[str, JsonValue]:
        """``tracebridge.consumer.v1``."""
        return {
            "schema": "tracebridge.consumer.v1",
            "rows": dict(self.rows),
            "schemas": self.schemas,
            "problems": [str(problem) for problem in self.problems],
            "refused": self.refused,
            "note": (
                "triplets are text: the logs hold no token ids, so Agent Lightning 1.0's trainer"
                " makes no gradient row of them"
            ),
        }


@dataclass(slots=True)
class _Reading:
    """What one pass over the files has learned."""

    rows: dict[str, int] = field(default_factory=dict)
    lines: dict[str, dict[str, int]] = field(default_factory=dict)
    """File name to turn id to line."""
    rewards: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    """File name to turn id to reward."""
    problems: list[Problem] = field(default_factory=list)


def check_exports(
    folder: Path,
    expected: Mapping[str, int],
    *,
    turn_ids: Iterable[str] | None = None,
    schemas: Mapping[str, SchemaCheck] | None = None,
) -> ConsumerReport:
    """Read every row of the exports in ``folder``.

    Args:
        folder: holds the files of ``export.py``.
        expected: file name to the rows that the export counted; a file that is not named is
            read if it is there.
        turn_ids: all turns that rows may speak of; ``None``: only the files vouch for each other.
        schemas: by file name, the trainer's own schemas; by default those of the installed
            package.

    Raises:
        ConsumerError: none of the files exists or is expected, or one cannot be read.
    """
    names = [name for name in FILES if name in expected or (folder / name).is_file()]
    if not names:
        raise ConsumerError(f"{folder.name}: holds no exports; expected {', '.join(FILES)}")
    checks = installed_schemas() if schemas is None else schemas
    reading = _Reading()
    for name in names:
        _read_file(folder / name, reading, checks.get(name))
        if name in expected and reading.rows[name] != expected[name]:
            what = f"are {reading.rows[name]} where the export counted {expected[name]}"
            reading.problems.append(Problem(name, None, "rows", what))
    reading.problems += _contradictions(reading, None if turn_ids is None else frozenset(turn_ids))
    return ConsumerReport(
        rows=reading.rows,
        schemas=f"agentlightning {metadata.version('agentlightning')}" if checks else "absent",
        problems=tuple(reading.problems[:MAX_PROBLEMS]),
        refused=len(reading.problems),
    )


def raise_on_problems(report: ConsumerReport) -> None:
    """Raise :class:`ConsumerError` with the first problem if the report has any."""
    if report.problems:
        raise ConsumerError(
            f"{report.problems[0]} ({report.refused} problems in all); export the day again"
        )


def installed_schemas() -> Mapping[str, SchemaCheck]:
    """Agent Lightning's schemas by file name; empty where the package is absent."""
    try:
        from agentlightning import schemas  # noqa: PLC0415 - it may be absent
    except ModuleNotFoundError as error:
        if error.name != "agentlightning":
            raise
        return {}
    from pydantic import BaseModel, ValidationError  # noqa: PLC0415 - comes with the package

    def refused(model: type[BaseModel], document: JsonValue, place: str) -> str | None:
        try:
            model.model_validate(document, strict=True)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            return ".".join(map(str, (place, *first["loc"])))
        return None

    data_models: dict[JsonValue, type[BaseModel]] = {
        "model_request": schemas.ModelRequestData,
        "reward": schemas.RewardData,
    }

    def check_rollout(row: Row) -> str | None:
        refusal = refused(schemas.RolloutCreate, row.get("rollout"), "rollout")
        events = row.get("events")
        for position, event in enumerate(events if isinstance(events, list) else ()):
            place = f"events[{position}]"
            refusal = refusal or refused(schemas.EventCreate, event, place)
            if isinstance(event, dict) and event.get("event_type") in data_models:
                model = data_models[event["event_type"]]
                refusal = refusal or refused(model, event.get("data"), f"{place}.data")
        return refusal

    return {ROLLOUT_EVENTS: check_rollout}


def _read_file(path: Path, reading: _Reading, schema: SchemaCheck | None) -> None:
    name = path.name
    reading.rows[name] = 0
    reading.lines[name], reading.rewards[name] = {}, {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                reading.rows[name] += 1
                for complaint_field, what in _check_line(name, line, number, reading, schema):
                    reading.problems.append(Problem(name, number, complaint_field, what))
    except FileNotFoundError:
        reading.problems.append(Problem(name, None, "file", "is missing"))
    except OSError as error:
        raise ConsumerError(f"{name}: cannot be read ({error.strerror})") from error


def _check_line(
    name: str, line: bytes, number: int, reading: _Reading, schema: SchemaCheck | None
) -> Iterator[Complaint]:
    if not line.endswith(b"\n"):
        yield "line", "is not terminated"
    try:
        row = json.loads(
            line.decode(), object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        yield "line", "is not strict JSON in UTF-8"
        return
    if not isinstance(row, dict):
        yield "line", "is not an object"
        return
    complaints = list(_CHECKS[name](row))
    yield from complaints
    if schema is not None and not complaints:
        refusal = schema(row)
        if refusal is not None:
            yield refusal, "is refused by the trainer's schema"
    yield from _remember(name, row, number, reading)


def _remember(name: str, row: Row, number: int, reading: _Reading) -> Iterator[Complaint]:
    if name == ROLLOUT_EVENTS:
        rollout = row.get("rollout")
        details = rollout.get("metadata") if isinstance(rollout, dict) else None
        turn_id = details.get("turn_id") if isinstance(details, dict) else None
        reward = reward_of_events(row.get("events"))
    else:
        turn_id, reward = row.get("turn_id"), row.get("reward")
    if not isinstance(turn_id, str):
        return
    if turn_id in reading.lines[name]:
        yield "turn_id", f"repeats line {reading.lines[name][turn_id]}"
        return
    reading.lines[name][turn_id] = number
    reading.rewards[name][turn_id] = reward


def _contradictions(reading: _Reading, known: frozenset[str] | None) -> Iterator[Problem]:
    """What single rows cannot show: unknown turns, and files that disagree about a reward."""
    truth = reading.rewards.get(MESSAGES, {})
    for name, lines in reading.lines.items():
        for turn_id, line in lines.items():
            reward = reading.rewards[name][turn_id]
            if known is not None and turn_id not in known:
                yield Problem(name, line, "turn_id", "is a turn that nobody knows")
            if turn_id in truth and reward != truth[turn_id]:
                yield Problem(name, line, "reward", f"differs from {MESSAGES}")
    yield from _missing(reading)


def _missing(reading: _Reading) -> Iterator[Problem]:
    if MESSAGES not in reading.lines:
        return
    rewarded = {turn for turn, reward in reading.rewards[MESSAGES].items() if reward is not None}
    completed = set(reading.lines[MESSAGES])
    for name, needed, allowed in (
        (TRIPLETS, rewarded, rewarded),
        (ROLLOUT_EVENTS, completed, None),
    ):
        if name not in reading.lines:
            continue
        lines = reading.lines[name]
        for turn_id in sorted(needed - lines.keys()):
            line = reading.lines[MESSAGES][turn_id]
            yield Problem(MESSAGES, line, "turn_id", f"has no row in {name}")
        for turn_id, line in lines.items():
            if allowed is not None and turn_id not in allowed:
                yield Problem(name, line, "turn_id", f"has no rewarded row in {MESSAGES}")


def _without_repeats(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("repeated key")
    return result


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no JSON number")
