"""A session log that tests write entry by entry, as a reader and the scrubber would give it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tracebridge.domain.events import EventKind, EventStatus, JsonValue, ScrubbedEvent, TraceEvent

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
OWNER = "500001"


class Session:
    """Entries get one event each, but for a response: thinking, message, then its calls."""

    def __init__(self, session_id: str = "s1", chat_id: str | None = OWNER) -> None:
        self.session_id = session_id
        self.chat_id = chat_id
        self.events: list[ScrubbedEvent] = []
        self.at = START
        self._entry = 0
        self._message_id = 100

    def wait(self, **span: float) -> Session:
        self.at += timedelta(**span)
        return self

    def opened(self, model: str = "local/small", thinking: str = "low") -> Session:
        self._add(EventKind.SESSION)
        self._add(EventKind.MODEL_CHANGE, model=model)
        return self._add(EventKind.MODEL_CHANGE, attrs={"thinking_level": thinking})

    def user(
        self,
        text: str = "Please do it.",
        *,
        trigger: str = "person",
        chat_id: str | None = None,
        chat_type: str | None = "direct",
        thread_id: str | None = None,
        message_id: int | None = None,
    ) -> Session:
        self._message_id += 1
        chat = chat_id or self.chat_id
        attrs: dict[str, JsonValue] = {"trigger": trigger}
        if chat and trigger == "person":
            attrs |= {
                "chat_id": chat,
                "chat_type": chat_type,
                "thread_id": thread_id,
                "message_id": str(message_id or self._message_id),
            }
        return self._add(EventKind.USER_MESSAGE, text=text, role="user", attrs=attrs)

    def reply(
        self,
        text: str = "",
        *,
        calls: tuple[tuple[str, str], ...] = (),
        stop: str | None = None,
        thinking: bool = False,
        model: str = "local/small",
        tokens: tuple[int, int] | None = (10, 5),
        cost: int | None = 7,
        finds: Mapping[str, int] | None = None,
        calls_first: bool = False,
    ) -> Session:
        """One model response; ``calls`` are (call id, tool)."""
        stop = stop or ("toolUse" if calls else "stop")
        status = {"error": EventStatus.ERROR, "aborted": EventStatus.ABORTED}.get(stop)
        self._entry += 1
        if thinking:
            self._event(EventKind.THINKING, text="hm")
        message: dict[str, object] = {
            "role": "assistant",
            "text": text,
            "model": model,
            "status": status or EventStatus.OK,
            "tokens_in": tokens and tokens[0],
            "tokens_out": tokens and tokens[1],
            "cost_usd_micros": cost,
            "attrs": {"stop_reason": stop},
        }
        if not calls_first:
            self._event(EventKind.ASSISTANT_MESSAGE, finds=finds, **message)
        for call_id, tool in calls:
            self._event(EventKind.TOOL_CALL, tool_name=tool, tool_call_id=call_id, text="{}")
        if calls_first:
            self._event(EventKind.ASSISTANT_MESSAGE, finds=finds, **message)
        return self

    def result(
        self,
        call_id: str,
        tool: str = "exec",
        *,
        status: EventStatus = EventStatus.OK,
        text: str = "done",
        duration_ms: int | None = None,
    ) -> Session:
        return self._add(
            EventKind.TOOL_RESULT,
            tool_name=tool,
            tool_call_id=call_id,
            status=status,
            text=text,
            duration_ms=duration_ms,
        )

    def compaction(self) -> Session:
        return self._add(EventKind.COMPACTION, text="summary")

    def custom(self, **attrs: JsonValue) -> Session:
        return self._add(EventKind.SYSTEM, attrs=attrs)

    def reset(self) -> Session:
        return self.custom(entry_type="reset")

    def _add(self, kind: EventKind, **fields: object) -> Session:
        self._entry += 1
        return self._event(kind, **fields)

    def _event(
        self,
        kind: EventKind,
        *,
        finds: Mapping[str, int] | None = None,
        attrs: Mapping[str, JsonValue] | None = None,
        **fields: object,
    ) -> Session:
        seq = len(self.events)
        digest = hashlib.sha256(f"{self.session_id}:{seq}".encode()).hexdigest()[:24]
        event = TraceEvent(
            event_id=f"ev_{digest}",
            source="openclaw",
            source_ref=f"{self.session_id}.jsonl:{self._entry}",
            session_id=self.session_id,
            seq=seq,
            parent_event_id=self.events[-1].event.event_id if self.events else None,
            ts=self.at,
            kind=kind,
            attrs={"entry_id": f"e{self._entry}", **(attrs or {})},
            **fields,
        )
        self.events.append(ScrubbedEvent(event, "1", dict(finds or {})))
        return self
