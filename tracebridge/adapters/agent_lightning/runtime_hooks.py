"""The rollout hooks that Agent Lightning's ``load_hooks`` loads from this file.

Each one leaves a mark that can be read back from the store, because the trainer prints what a
hook raises and goes on: only an effect proves that a hook ran.
"""

from __future__ import annotations

from typing import Any

from agentlightning.hooks import RolloutHooks, TraceWriter
from agentlightning.schemas import DEFAULT_ATTEMPT_ID, Rollout, RolloutCreate

from tracebridge.adapters.agent_lightning.hook_marks import ENQUEUED, MARK, signature


class TraceBridgeHooks(RolloutHooks):  # type: ignore[misc] # the package is untyped
    """Marks a rollout when it is enqueued, and signs what the store holds when it has ended."""

    def __init__(self) -> None:
        self._started = False

    def on_startup(self, store: Any | None = None) -> None:  # noqa: ARG002 - the base's signature
        self._started = True

    def on_enqueue(self, request: RolloutCreate) -> RolloutCreate:
        details = request.metadata
        known = details if isinstance(details, dict) else details.model_dump() if details else {}
        mark = ENQUEUED if self._started else None
        return request.model_copy(update={"metadata": {**known, MARK: mark}})

    def on_succeeded(
        self, rollout: Rollout, events: dict[str, list[Any]], store: TraceWriter
    ) -> None:
        for attempt_id, attempt in events.items():
            signed = signature((event.event_type, event.data) for event in attempt)
            store.add_event(rollout.rollout_id, attempt_id, MARK, signed)

    def on_failed(self, rollout: Rollout, store: TraceWriter) -> None:
        attempt_id = rollout.status.last_attempt_id or DEFAULT_ATTEMPT_ID
        store.add_event(rollout.rollout_id, attempt_id, MARK, {"state": rollout.status.state.value})
