"""Writes the simulated world as OpenClaw leaves it on disk.

Session logs are JSONL of format version 3, with Telegram metadata blocks in the user's text;
direct chats share one session a day, each group has its own. The exact delivery map goes into
``state/openclaw.sqlite`` (table ``plugin_state_entries``) and reactions into a file of Bot API
updates. Every name and secret in the texts is invented.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tracebridge.demo.world import COST_FACTOR, LATENCY_FACTOR, STRONG, Ending, Request, Run

STATE_SCHEMA_VERSION = 18
BOT_ID = 7_000_000_001
CHUNK_LIMIT = 4000
MODELS: Mapping[str, str] = {STRONG: "atlas-large-2"}
DEFAULT_MODEL = "atlas-small-1"
MODEL_MS = 2200
TOOL_MS: Mapping[str, int] = {"web_search": 1900, "read": 700, "exec": 3400}
MAP_MISSING_EVERY = 9
"""Every ninth answer has no delivery record, as after a retry: the bracket rule must serve."""
_PARAGRAPH = (
    "The cold room log and the sample sheet agree on the morning rounds, and the two open points "
    "are the green key ring and the label printer. Sign on the line, note the time beside your "
    "initials, and tell one colleague in the room before you take the next bench. "
)
_PRIVATE = (
    "You can reach me at dana.demo{n}@example.org or +1 415-555-01{n:02d}.",
    "The card for the order is 4111 1111 1111 1111, please keep it out of the notes.",
    "The service key is sk-proj-{key}, rotate it when you are done.",
)


@dataclass(slots=True)
class Session:
    """One session log that grows entry by entry."""

    path: Path
    session_id: str
    lines: list[bytes] = field(default_factory=list)
    leaf: str | None = None
    count: int = 0
    free_at: datetime | None = None
    """When the session's queue is empty: one turn at a time."""


@dataclass(slots=True)
class DeliveredAnswer:
    """The Telegram messages of one answer; none where the run was aborted."""

    run: Run
    entry_id: str
    message_ids: tuple[int, ...]
    sent_at: datetime
    mapped: bool


class OpenClawFolder:
    """An OpenClaw state folder that a simulated day is written into."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._seed = seed
        self._sessions: dict[str, Session] = {}
        self._next_id: dict[str, int] = {}
        self._update_id = 810_000_000
        self._answers = 0
        (root / "agents" / "main" / "sessions").mkdir(parents=True, exist_ok=True)
        (root / "state").mkdir(exist_ok=True)
        self._database = sqlite3.connect(root / "state" / "openclaw.sqlite")
        _create_state(self._database)

    def inbound_id(self, chat_id: int) -> int:
        """The Telegram id that the next message of a person will have."""
        return self._next_id.get(_counter(chat_id), 100) + 1

    def write_turn(self, run: Run, asked_at: datetime) -> DeliveredAnswer:
        """Append one whole turn to its session log; returns what was delivered."""
        chat = run.request.chat
        session = self._session(chat.chat_id, chat.chat_type, asked_at)
        clock = max(asked_at, session.free_at or asked_at)
        inbound = self._take_id(chat.chat_id)
        user_text = _envelope(run, inbound, asked_at) + self.request_text(run.request)
        self._message(session, clock, "user", {"content": [_text(user_text)]})
        clock = self._work(session, run, clock)
        answer = _answer_text(run)
        clock += _milliseconds(MODEL_MS, run)
        stop = "aborted" if run.ending is Ending.ABORTED else "stop"
        entry = self._assistant(session, clock, run, [_text(answer)], stop=stop)
        session.free_at = clock + timedelta(seconds=1)
        return self._deliver(run, entry, answer, clock)

    def write_bad_line(self, asked_at: datetime) -> None:
        """A line as a full disk leaves it: cut in the middle."""
        session = self._session(0, "direct", asked_at)
        session.lines.append(b'{"type":"message","id":"0badc0de","message":{"role":"assi\n')

    def react(self, answer: DeliveredAnswer, updates: Path, day_end: datetime) -> None:
        """Append the reaction of the run, if there is one, as a Bot API update."""
        if answer.run.emoji is None or not answer.message_ids:
            return
        chat = answer.run.request.chat
        self._update_id += 1
        when = min(answer.sent_at + timedelta(minutes=3), day_end - timedelta(seconds=1))
        update = {
            "update_id": self._update_id,
            "message_reaction": {
                "chat": {
                    "id": chat.chat_id,
                    "type": "supergroup" if chat.chat_type == "group" else "private",
                },
                "message_id": answer.message_ids[-1],
                "date": int(when.timestamp()),
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": answer.run.emoji}],
                "user": {"id": chat.person, "is_bot": False, "first_name": "Person"},
            },
        }
        with updates.open("ab") as file:
            file.write(_line(update))

    def flush(self) -> None:
        """Write what the day added."""
        for session in self._sessions.values():
            with session.path.open("ab") as file:
                file.writelines(session.lines)
            session.lines.clear()
        self._database.commit()

    def close(self) -> None:
        """Flush, and let go of the state database."""
        self.flush()
        self._database.close()

    def _session(self, chat_id: int, chat_type: str, at: datetime) -> Session:
        name = f"group{chat_id}" if chat_type == "group" else f"main-{at.date()}"
        if name not in self._sessions:
            session_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._seed}:{name}"))
            folder = self._root / "agents" / "main" / "sessions"
            session = Session(folder / f"{session_id}.jsonl", session_id)
            self._sessions[name] = session
            header = {"type": "session", "version": 3, "id": session_id, "timestamp": _iso(at)}
            session.lines.append(_line({**header, "cwd": "/home/demo/workspace"}))
            self._entry(session, at, "model_change", provider="demo", modelId=DEFAULT_MODEL)
            self._entry(session, at, "thinking_level_change", thinkingLevel="low")
        return self._sessions[name]

    def _take_id(self, chat_id: int) -> int:
        taken = self.inbound_id(chat_id)
        self._next_id[_counter(chat_id)] = taken
        return taken

    def request_text(self, request: Request) -> str:
        """What the next turn's request says in full: now and then, in long ones, private things."""
        number = self._answers % 97
        if request.kind.name != "task" or number % 4:
            return request.text
        key = hashlib.sha256(f"{self._seed}:{self._answers}".encode()).hexdigest()[:40]
        return f"{request.text} {_PRIVATE[number % 3].format(n=number % 90, key=key)}"

    def _work(self, session: Session, run: Run, clock: datetime) -> datetime:
        for batch in _batches(run):
            clock += _milliseconds(MODEL_MS, run)
            calls = [
                _call(session, position, tool, run) for position, (tool, _) in enumerate(batch)
            ]
            self._assistant(session, clock, run, calls, stop="toolUse")
            spent = [_milliseconds(TOOL_MS[tool], run) for tool, _ in batch]
            for call, (tool, fails), duration in zip(calls, batch, spent, strict=True):
                body = {"toolCallId": call["id"], "toolName": tool}
                details = _details(duration, fails=fails)
                self._message(session, clock + duration, "toolResult", {**body, **details})
            clock += max(spent)
        return clock

    def _assistant(
        self, session: Session, at: datetime, run: Run, content: Sequence[object], *, stop: str
    ) -> str:
        tokens = len(json.dumps(content)) // 4
        read = 900 + 40 * session.count % 400
        cost = round((read * 2e-6 + tokens * 8e-6) * COST_FACTOR[run.arm], 9)
        usage = {
            "input": read,
            "output": tokens,
            "cacheRead": 0,
            "cacheWrite": 0,
            "totalTokens": read + tokens,
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": cost},
        }
        model = {"provider": "demo", "model": MODELS.get(run.arm, DEFAULT_MODEL)}
        body = {"content": content, "api": "demo", **model, "usage": usage, "stopReason": stop}
        return self._message(session, at, "assistant", body)

    def _message(
        self, session: Session, at: datetime, role: str, body: Mapping[str, object]
    ) -> str:
        message = {"role": role, **body, "timestamp": int(at.timestamp() * 1000)}
        return self._entry(session, at, "message", message=message)

    def _entry(self, session: Session, at: datetime, kind: str, **body: object) -> str:
        session.count += 1
        entry_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{session.session_id}:{session.count}"))
        entry = {"type": kind, "id": entry_id, "parentId": session.leaf, "timestamp": _iso(at)}
        session.lines.append(_line({**entry, **body}))
        session.leaf = entry_id
        return entry_id

    def _deliver(self, run: Run, entry: str, answer: str, at: datetime) -> DeliveredAnswer:
        chat = run.request.chat
        if run.ending is Ending.ABORTED:
            # The draft is deleted; the notice in its place is no part of any answer.
            self._take_id(chat.chat_id)
            return DeliveredAnswer(run, entry, (), at, mapped=False)
        self._answers += 1
        parts = -(-len(answer) // CHUNK_LIMIT)
        ids = tuple(self._take_id(chat.chat_id) for _ in range(parts))
        mapped = self._answers % MAP_MISSING_EVERY != 0
        if mapped:
            namespace = "telegram.message-cache"
            retained = chat.chat_type == "group"
            for part, message_id in enumerate(ids):
                shown = f"{message_id:010d}" if retained else str(message_id)
                value = {
                    "version": 1,
                    "sourceMessage": {"message_id": message_id, "chat": {"id": chat.chat_id}},
                    "promptContextProjection": {
                        "transcriptMessageId": entry,
                        "partIndex": part,
                        "finalPart": part == parts - 1,
                    },
                }
                self._database.execute(
                    "INSERT OR REPLACE INTO plugin_state_entries VALUES (?, ?, ?, ?, ?, NULL)",
                    (
                        "telegram",
                        f"@retained.{namespace}" if retained else namespace,
                        f"demo:default:{chat.chat_id}:{shown}",
                        json.dumps(value),
                        int(at.timestamp() * 1000),
                    ),
                )
        return DeliveredAnswer(run, entry, ids, at, mapped)


def moment(day: date, second: int) -> datetime:
    """A second of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)


def _batches(run: Run) -> Iterator[list[tuple[str, bool]]]:
    """Tool calls by model step: (tool, whether it fails)."""
    tools = list(run.request.kind.tools)
    if not tools:
        return
    fails = run.ending in {Ending.RECOVERED, Ending.UNRESOLVED}
    if run.arm == "parallel" and len(tools) > 2:
        yield [(tool, False) for tool in tools[:-1]]
        tools = tools[-1:]
    for position, tool in enumerate(tools):
        yield [(tool, fails and position == len(tools) - 1)]
    if run.ending is Ending.RECOVERED:
        yield [(tools[-1], False)]


def _call(session: Session, position: int, tool: str, run: Run) -> dict[str, object]:
    arguments: dict[str, object] = {"path": f"notes-{session.count % 7}-{position}.md"}
    if tool == "exec":
        arguments = {"command": f"sh check.sh --set {run.request.kind.name}"}
    if tool == "web_search":
        arguments = {"query": run.request.text}
    call_id = f"call_{session.count:06x}{position}"
    return {"type": "toolCall", "id": call_id, "name": tool, "arguments": arguments}


def _details(took: timedelta, *, fails: bool) -> dict[str, object]:
    text = "sheet of the week, seven rows, signed on every line"
    if fails:
        text = "check stopped: one error in the label file"
    details = {"status": "completed", "exitCode": 2 if fails else 0}
    duration = {"durationMs": round(took / timedelta(milliseconds=1))}
    return {"content": [_text(text)], "details": {**details, **duration}, "isError": False}


def _answer_text(run: Run) -> str:
    if run.request.kind.name != "task":
        return "Done, and it is written down in the notes of today. Ask if you need the details."
    length = 3000 + 3800 * (run.parts - 1)
    return (_PARAGRAPH * (length // len(_PARAGRAPH) + 1))[:length].rstrip()


def _envelope(run: Run, message_id: int, at: datetime) -> str:
    chat = run.request.chat
    info: dict[str, object] = {
        "chat_id": f"telegram:{chat.chat_id}",
        "message_id": str(message_id),
        "sender_id": str(chat.person),
        "sender": "Person",
        "timestamp": at.strftime("%a %Y-%m-%d %H:%M UTC"),
    }
    if chat.chat_type == "group":
        info |= {"group_subject": "Lab", "is_group_chat": True, "was_mentioned": True}
    sender = {"label": f"Person ({chat.person})", "id": str(chat.person), "name": "Person"}
    return (
        f"Conversation info (untrusted metadata):\n```json\n{json.dumps(info, indent=2)}\n```\n\n"
        f"Sender (untrusted metadata):\n```json\n{json.dumps(sender, indent=2)}\n```\n\n"
    )


def _counter(chat_id: int) -> str:
    """Direct messages of one bot share a counter; every group has its own."""
    return "direct" if chat_id > 0 else str(chat_id)


def _milliseconds(base: int, run: Run) -> timedelta:
    return timedelta(milliseconds=round(base * run.jitter * LATENCY_FACTOR[run.arm]))


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _create_state(database: sqlite3.Connection) -> None:
    database.executescript(
        f"""
        PRAGMA user_version = {STATE_SCHEMA_VERSION};
        CREATE TABLE IF NOT EXISTS plugin_state_entries (
          plugin_id TEXT NOT NULL, namespace TEXT NOT NULL, entry_key TEXT NOT NULL,
          value_json TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER,
          PRIMARY KEY (plugin_id, namespace, entry_key)) STRICT;
        """
    )
