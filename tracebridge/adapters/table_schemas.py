"""Arrow schemas of every table that a bundle holds. UTC microseconds, canonical JSON."""

from __future__ import annotations

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
_TEXTS = pa.list_(pa.field("item", pa.string(), nullable=False))
_INTS = pa.list_(pa.field("item", pa.int64(), nullable=False))


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


EVENT_SCHEMA = pa.schema(
    [
        _required("event_id", _TEXT),
        _required("source", _TEXT),
        _required("source_ref", _TEXT),
        _required("session_id", _TEXT),
        _required("seq", pa.int64()),
        pa.field("parent_event_id", _TEXT),
        _required("ts", _TIME),
        _required("kind", _TEXT),
        pa.field("role", _TEXT),
        pa.field("agent", _TEXT),
        pa.field("model", _TEXT),
        pa.field("tool_name", _TEXT),
        pa.field("tool_call_id", _TEXT),
        pa.field("status", _TEXT),
        pa.field("duration_ms", pa.int64()),
        pa.field("tokens_in", pa.int64()),
        pa.field("tokens_out", pa.int64()),
        pa.field("cost_usd_micros", pa.int64()),
        pa.field("text", _TEXT),
        pa.field("arm", _TEXT),
        pa.field("propensity", pa.float64()),
        _required("scrub_version", _TEXT),
        _required("attrs", _TEXT),
        _required("finds", _TEXT),
    ]
)
"""Grain: one event. The published event v1 columns, then ``finds``: what the scrubber replaced."""

TURN_SCHEMA = pa.schema(
    [
        _required("turn_id", _TEXT),
        _required("session_id", _TEXT),
        _required("seq", pa.int64()),
        _required("episode_id", _TEXT),
        _required("trigger", _TEXT),
        pa.field("chat_id", _TEXT),
        pa.field("chat_type", _TEXT),
        pa.field("thread_id", _TEXT),
        _required("inbound_message_ids", _INTS),
        _required("request_event_id", _TEXT),
        pa.field("answer_event_id", _TEXT),
        _required("answer_entry_ids", _TEXTS),
        _required("started_at", _TIME),
        _required("ended_at", _TIME),
        _required("status", _TEXT),
        _required("request_text", _TEXT),
        _required("answer_text", _TEXT),
        pa.field("model", _TEXT),
        pa.field("thinking_level", _TEXT),
        pa.field("latency_ms", pa.int64()),
        pa.field("tokens_in", pa.int64()),
        pa.field("tokens_out", pa.int64()),
        pa.field("cost_usd_micros", pa.int64()),
        _required("steps", pa.int64()),
        _required("tool_calls", pa.int64()),
        _required("tool_errors", pa.int64()),
        _required("answer_finds", _TEXT),
    ]
)
"""Grain: one turn. The steps themselves are in the trajectories."""

LABEL_SCHEMA = pa.schema(
    [
        _required("label_id", _TEXT),
        _required("turn_id", _TEXT),
        _required("session_id", _TEXT),
        _required("chat_id", _TEXT),
        _required("score", pa.float64()),
        _required("scope", _TEXT),
        _required("rule", _TEXT),
        _required("confidence", pa.float64()),
        _required("anchor_message_id", pa.int64()),
        _required("chunk_ids", _INTS),
        _required("update_ids", _INTS),
        _required("weight", pa.float64()),
        _required("reacted_at", _TIME),
    ]
)
"""Grain: one label. Score in [-2, +2], confidence in (0, 1], weights of a turn sum to 1."""

STEP_TYPE = pa.struct(
    [
        _required("step_id", _TEXT),
        _required("seq", pa.int64()),
        _required("kind", _TEXT),
        pa.field("parent_step_id", _TEXT),
        _required("event_ids", _TEXTS),
        _required("status", _TEXT),
        _required("started_at", _TIME),
        _required("ended_at", _TIME),
        pa.field("duration_ms", pa.int64()),
        _required("duration_inferred", pa.bool_()),
        pa.field("model", _TEXT),
        pa.field("tool_name", _TEXT),
        pa.field("tool_call_id", _TEXT),
        pa.field("arguments", _TEXT),
        pa.field("output", _TEXT),
        pa.field("tokens_in", pa.int64()),
        pa.field("tokens_out", pa.int64()),
        pa.field("cost_usd_micros", pa.int64()),
        pa.field("credit", pa.float64()),
        pa.field("credit_rule", _TEXT),
    ]
)
"""One step, with its share of the turn's reward where one was assigned."""

TRAJECTORY_SCHEMA = pa.schema(
    [
        _required("trajectory_id", _TEXT),
        _required("turn_id", _TEXT),
        _required("session_id", _TEXT),
        _required("episode_id", _TEXT),
        _required("unit", _TEXT),
        _required("arm", _TEXT),
        pa.field("policy_id", _TEXT),
        pa.field("propensity", pa.float64()),
        _required("propensity_provenance", _TEXT),
        pa.field("decision_id", _TEXT),
        _required("context", _TEXT),
        _required("stop_reason", _TEXT),
        _required("steps", pa.list_(_required("item", STEP_TYPE))),
    ]
)
"""Grain: one rollout. ``propensity`` in (0, 1]; ``stop_reason`` is the turn's status."""

REWARD_SCHEMA = pa.schema(
    [
        _required("turn_id", _TEXT),
        _required("profile", _TEXT),
        pa.field("total", pa.float64()),
        pa.field("outcome_total", pa.float64()),
        pa.field("label", pa.float64()),
        _required("evidence_weight", pa.float64()),
        _required(
            "components",
            pa.list_(
                _required(
                    "item",
                    pa.struct(
                        [
                            _required("name", _TEXT),
                            _required("weight", pa.float64()),
                            pa.field("value", pa.float64()),
                            _required("evidence", _TEXT),
                        ]
                    ),
                )
            ),
        ),
    ]
)
"""Grain: turn and profile. Totals and values in [0, 1]; null abstains; label in [-2, +2]."""

REPLAY_ROW_SCHEMA = pa.schema(
    [
        _required("row_id", _TEXT),
        _required("unit", _TEXT),
        _required("session_id", _TEXT),
        _required("day", _TEXT),
        _required("context_key", _TEXT),
        _required("context", _TEXT),
        _required("arm", _TEXT),
        pa.field("propensity", pa.float64()),
        _required("provenance", _TEXT),
        _required("split", _TEXT),
        _required("fold", pa.int64()),
        pa.field("outcome", pa.float64()),
        pa.field("label", pa.float64()),
        pa.field("cost_usd", pa.float64()),
        pa.field("latency_s", pa.float64()),
    ]
)
"""Grain: one decision. A metric that was not observed is null, never zero."""
