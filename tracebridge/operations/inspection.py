"""One session as it is known now: its turns, its events, its figures, the bundles that hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from tracebridge.adapters.tables import read_table
from tracebridge.domain.bundle import SealedBundle
from tracebridge.domain.errors import ConfigurationError
from tracebridge.domain.events import JsonValue, ScrubbedEvent
from tracebridge.domain.feedback import Label
from tracebridge.domain.trajectory import Reward, Step, StepKind, Trajectory
from tracebridge.operations.evidence import Evidence, evidence_of
from tracebridge.reporting.observed import rewards_section, turn_counts, turn_facts
from tracebridge.settings import Settings
from tracebridge.wiring import bundle_store, open_workspace

type Document = dict[str, JsonValue]
type View = Callable[[Settings, str, datetime], Document]

_NAMED_AT_MOST = 5


def session_named(name: str, known: Sequence[str]) -> str:
    """The id among ``known`` that ``name`` is, or is the beginning of.

    Raises:
        ConfigurationError: no session, or more than one, begins so.
    """
    if name in known:
        return name
    found = [session_id for session_id in known if name and session_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not known:
        raise ConfigurationError(
            f"{name}: no session is stored here yet; `tracebridge import PATH` brings logs in"
        )
    shown = ", ".join((found or known)[:_NAMED_AT_MOST])
    more = " ..." if len(found or known) > _NAMED_AT_MOST else ""
    what = "several sessions begin so" if found else "no stored session begins so"
    raise ConfigurationError(f"{name}: {what}; name one of: {shown}{more}")


def history(settings: Settings, name: str, until: datetime) -> Document:
    """The session's turns in order, each with its steps, labels and reward.

    Raises:
        ConfigurationError: `session_named` refuses the name.
    """
    session_id = _session(settings, name)
    evidence = evidence_of(settings, until)
    return {
        "schema": "tracebridge.session_history.v1",
        "session_id": session_id,
        "turns": [
            _turn(
                it,
                evidence.rewards[it.turn.turn_id],
                [label for label in evidence.labels if label.turn_id == it.turn.turn_id],
            )
            for it in _of_session(evidence, session_id)
        ],
    }


def events(settings: Settings, name: str, until: datetime) -> Document:
    """The events on the session's active branch, in order. Raises as `history` does."""
    session_id = _session(settings, name)
    stored = open_workspace(settings).store.session(session_id, until)
    return {
        "schema": "tracebridge.session_events.v1",
        "session_id": session_id,
        "events": [_event(scrubbed) for scrubbed in stored],
    }


def summary(settings: Settings, name: str, until: datetime) -> Document:
    """The session's figures; what no log tells is unknown. Raises as `history` does."""
    session_id = _session(settings, name)
    stored = open_workspace(settings).store.session(session_id, until)
    evidence = evidence_of(settings, until)
    turns = [it.turn for it in _of_session(evidence, session_id)]
    labels = [label for label in evidence.labels if label.session_id == session_id]
    counts = turn_counts(turns, ())
    return {
        "schema": "tracebridge.session_summary.v1",
        "session_id": session_id,
        "files": [*sorted({it.event.source_ref.rpartition(":")[0] for it in stored})],
        "format": stored[0].event.source if stored else None,
        "agent": next((it.event.agent for it in stored if it.event.agent), None),
        "models": [*sorted({turn.model for turn in turns if turn.model})],
        "chats": [*sorted({turn.chat_id for turn in turns if turn.chat_id})],
        "started_at": _moment(min((it.event.ts for it in stored), default=None)),
        "ended_at": _moment(max((it.event.ts for it in stored), default=None)),
        "events": len(stored),
        "turns": counts["turns"],
        "steps": counts["steps"],
        "tool_calls": counts["tool_calls"],
        "tool_errors": counts["tool_errors"],
        **turn_facts(turns),
        "labels": dict(sorted(Counter(f"{label.score:+g}" for label in labels).items())),
        "rewards": rewards_section(
            settings.reward_profile, [evidence.rewards[turn.turn_id] for turn in turns]
        ),
    }


def artifacts(settings: Settings, name: str, until: datetime) -> Document:
    """The sealed bundles that hold turns of the session, oldest first. Raises as `history` does.

    Bundles of later days than ``until`` are left out, and so are tables that cannot be read.
    """
    session_id = _session(settings, name)
    rows: list[JsonValue] = []
    for bundle in bundle_store(settings).sealed():
        turns = _rows_of(bundle, "turns.parquet", session_id)
        if turns and bundle.manifest.day < until.date().isoformat():
            rows.append(
                {
                    "bundle_id": bundle.manifest.bundle_id,
                    "day": bundle.manifest.day,
                    "status": bundle.manifest.status,
                    "turns": turns,
                    "labels": _rows_of(bundle, "labels.parquet", session_id),
                    "report": str(bundle.path / "report.html"),
                }
            )
    return {
        "schema": "tracebridge.session_artifacts.v1",
        "session_id": session_id,
        "bundles": rows,
    }


VIEWS: Mapping[str, View] = {
    "history": history,
    "artifacts": artifacts,
    "events": events,
    "summary": summary,
}
"""The ways to look at a session, by name."""


def _session(settings: Settings, name: str) -> str:
    return session_named(name, open_workspace(settings).store.session_ids())


def _of_session(evidence: Evidence, session_id: str) -> list[Trajectory]:
    of_session = (it for it in evidence.trajectories if it.turn.session_id == session_id)
    return sorted(of_session, key=lambda it: it.turn.seq)


def _turn(trajectory: Trajectory, reward: Reward, labels: Sequence[Label]) -> Document:
    turn = trajectory.turn
    return {
        "turn_id": turn.turn_id,
        "seq": turn.seq,
        "started_at": turn.started_at.isoformat(),
        "trigger": turn.trigger.value,
        "status": turn.status.value,
        "chat_id": turn.chat_id,
        "arm": trajectory.arm,
        "propensity": trajectory.propensity,
        "model": turn.model,
        "latency_ms": turn.latency_ms,
        "tokens_in": turn.tokens_in,
        "tokens_out": turn.tokens_out,
        "cost_usd": _usd(turn.cost_usd_micros),
        "request": turn.request_text,
        "answer": turn.answer_text,
        "steps": [_step(step) for step in turn.steps],
        "labels": [
            {
                "label_id": label.label_id,
                "score": label.score,
                "scope": label.scope.value,
                "rule": label.rule.value,
                "confidence": label.confidence,
                "weight": label.weight,
            }
            for label in labels
        ],
        "reward": {
            "profile": reward.profile,
            "total": reward.total,
            "outcome": reward.outcome_total,
            "label": reward.label,
        },
    }


def _step(step: Step) -> Document:
    return {
        "seq": step.seq,
        "kind": step.kind.value,
        "name": step.tool_name if step.kind is StepKind.TOOL else step.model,
        "status": step.status.value,
        "duration_ms": step.duration_ms,
        "duration_inferred": step.duration_inferred,
        "tokens_in": step.tokens_in,
        "tokens_out": step.tokens_out,
    }


def _event(scrubbed: ScrubbedEvent) -> Document:
    event = scrubbed.event
    return {
        "event_id": event.event_id,
        "seq": event.seq,
        "ts": event.ts.isoformat(),
        "kind": event.kind.value,
        "role": event.role,
        "tool": event.tool_name,
        "status": event.status.value if event.status else None,
        "duration_ms": event.duration_ms,
        "source_ref": event.source_ref,
    }


def _rows_of(bundle: SealedBundle, table: str, session_id: str) -> int:
    """Rows of a bundle's table that are of the session; 0 where there is no readable table."""
    path = bundle.path / table
    if not path.is_file():
        return 0
    try:
        sessions: list[str] = read_table(path).column("session_id").to_pylist()
    except (OSError, ValueError):
        # Arrow's errors are ValueErrors: `tracebridge bundle verify` tells of the damage.
        return 0
    return sessions.count(session_id)


def _usd(micros: int | None) -> float | None:
    return None if micros is None else micros / 1e6


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
