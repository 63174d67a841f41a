"""What the agent did: turns, their steps, episodes, and what they were worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Trigger(StrEnum):
    """Who started a turn, decided by structure, never by a word in a person's text."""

    PERSON = "person"
    CRON = "cron"
    HEARTBEAT = "heartbeat"
    SYSTEM = "system"


class TurnStatus(StrEnum):
    """How a turn ended, read from stop reasons and structure."""

    COMPLETED = "completed"
    """A final answer with text exists."""
    SILENT = "silent"
    """The model chose not to answer (``NO_REPLY``)."""
    FAILED = "failed"
    """The model call failed and no answer followed."""
    ABORTED = "aborted"
    """Somebody stopped the run."""
    OPEN = "open"
    """The log ends before an answer."""


class StepKind(StrEnum):
    """Who acted: the model, or a tool it called."""

    MODEL = "model"
    TOOL = "tool"


class StepStatus(StrEnum):
    """How a step ended, read from structure."""

    OK = "ok"
    ERROR = "error"
    ABORTED = "aborted"
    NO_RESULT = "no_result"
    """A tool call without a recorded result."""


@dataclass(frozen=True, slots=True)
class Step:
    """One model response or one tool call of a turn."""

    step_id: str
    turn_id: str
    seq: int
    """Position in the turn, from 0."""
    kind: StepKind
    parent_step_id: str | None
    """Model step: the step before it. Tool step: the model step that issued the call."""
    event_ids: tuple[str, ...]
    status: StepStatus
    started_at: datetime
    ended_at: datetime
    duration_ms: int | None
    """As logged; else the gap between call and result; ``None`` if neither is known."""
    duration_inferred: bool = False
    model: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    arguments: str | None = None
    """Canonical JSON, scrubbed."""
    output: str | None = None
    """Scrubbed."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One request through its final reply."""

    turn_id: str
    """``tn_`` + 24 hex, derived from the id of the triggering event."""
    session_id: str
    seq: int
    """Position among the session's turns, from 0."""
    episode_id: str
    trigger: Trigger
    chat_id: str | None
    chat_type: str | None
    """``direct`` or ``group`` where the log says so."""
    thread_id: str | None
    inbound_message_ids: tuple[int, ...]
    """Telegram ids of the messages that made the request, ascending."""
    request_event_id: str
    answer_event_id: str | None
    answer_entry_ids: tuple[str, ...]
    """Transcript entries that carry the final answer."""
    started_at: datetime
    ended_at: datetime
    status: TurnStatus
    request_text: str
    answer_text: str
    """As the person saw it; of an aborted run, what it had written by then."""
    steps: tuple[Step, ...]
    model: str | None
    thinking_level: str | None
    latency_ms: int | None
    """Request to final answer; ``None`` while there is no answer."""
    tokens_in: int | None
    tokens_out: int | None
    cost_usd_micros: int | None
    """``None`` unless every model step's cost is known."""
    answer_finds: Mapping[str, int] = field(default_factory=dict)
    """What the scrubber removed from the answer, by type: safety reads it."""
    stop_reason: str | None = None
    """Why the last model response ended, as logged (``stop``, ``length``, ``error`` ...)."""
    after_reset: bool = False
    """The session was reset between the turn before and this one."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of turns in one chat without a reset and without a long pause."""

    episode_id: str
    """Derived from its first turn, so later turns never change it."""
    chat_key: str
    """Chat id, or the session id where the log names no chat."""
    session_id: str
    turn_ids: tuple[str, ...]
    started_at: datetime
    ended_at: datetime


class Provenance(StrEnum):
    """Where a propensity came from."""

    LOGGED = "logged"
    MODELLED = "modelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Ordered steps of one rollout: here one turn, with the arm that served it."""

    trajectory_id: str
    turn: Turn
    unit: str
    """What was randomized: chat, or episode where there is one owner."""
    arm: str
    policy_id: str | None
    propensity: float | None
    propensity_provenance: Provenance
    decision_id: str | None
    context: Mapping[str, str]
    """Known before the answer; coarse, free of text."""


@dataclass(frozen=True, slots=True)
class ComponentScore:
    """One named part of a reward. ``value is None`` abstains: there was no evidence."""

    name: str
    weight: float
    """Declared, in (0, 1]."""
    value: float | None
    """In [0, 1]."""
    evidence: str
    """What outcome was read, in a few words; never the outcome's wording itself."""


@dataclass(frozen=True, slots=True)
class Reward:
    """A turn's reward under one profile, or an abstention."""

    turn_id: str
    profile: str
    components: tuple[ComponentScore, ...]
    total: float | None
    """In [0, 1], weighted over components with evidence; ``None``: abstained."""
    outcome_total: float | None
    """The same without human labels: what is observed on every turn alike."""
    label: float | None
    """Mean score of the labels in use, in [-2, +2]; ``None``: nobody reacted."""
    evidence_weight: float
    """Share of the declared weight that had evidence, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A step's share of its turn's reward. Shares of one turn sum to the total."""

    turn_id: str
    step_id: str
    share: float
    rule: str
