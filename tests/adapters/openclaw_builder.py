"""Builds small OpenClaw logs, line by line, with ids and times that count up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

SESSION_ID = "3b1f8a52-0c4d-4e6f-9a7b-1c2d3e4f5a6b"
START = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
USAGE = {
    "input": 1000,
    "output": 20,
    "cacheRead": 300,
    "cacheWrite": 0,
    "totalTokens": 1320,
    "cost": {"total": 0.0123455},
}


class LogBuilder:
    """Appends entries, each the child of the one before unless told otherwise."""

    def __init__(self, session_id: str = SESSION_ID, *, version: object = 3) -> None:
        header = {"type": "session", "version": version, "id": session_id}
        self.lines: list[str] = [dump({**header, "timestamp": iso(0), "cwd": "/home/demo"})]
        self.last: str | None = None

    def entry(self, kind: str, **fields: object) -> str:
        """Append an entry; ``parentId`` and ``id`` may be given among the fields."""
        number = len(self.lines)
        record = {"type": kind, "id": f"e{number:07d}", "parentId": self.last}
        record |= {"timestamp": iso(number)} | fields
        self.lines.append(dump(record))
        self.last = str(record["id"])
        return self.last

    def message(
        self,
        role: str,
        content: object,
        *,
        entry: dict[str, object] | None = None,
        **fields: object,
    ) -> str:
        """Append a message entry."""
        body = {"role": role, "content": content, "timestamp": 1_795_237_779_000, **fields}
        return self.entry("message", **({"message": body} | (entry or {})))

    def user(self, text: str, *, entry: dict[str, object] | None = None, **fields: object) -> str:
        """Append a request."""
        return self.message("user", [{"type": "text", "text": text}], entry=entry, **fields)

    def assistant(
        self, *blocks: dict[str, object], entry: dict[str, object] | None = None, **fields: object
    ) -> str:
        """Append a response, by default complete and with known usage."""
        base: dict[str, object] = {"provider": "local", "model": "m-1", "usage": USAGE}
        return self.message(
            "assistant", list(blocks), entry=entry, **{**base, "stopReason": "stop", **fields}
        )

    def raw(self, line: str) -> None:
        """Append a line as it is."""
        self.lines.append(line)

    def data(self) -> bytes:
        """The whole log."""
        return "".join(f"{line}\n" for line in self.lines).encode("utf-8", "surrogatepass")

    def write(self, path: Path) -> Path:
        """Write the whole log to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data())
        return path


def conversation(turns: Iterable[tuple[str, str]], session_id: str = SESSION_ID) -> LogBuilder:
    """A log of plain questions and answers."""
    log = LogBuilder(session_id)
    for question, answer in turns:
        log.user(question)
        log.assistant(text(answer))
    return log


def text(value: str) -> dict[str, object]:
    """A text block."""
    return {"type": "text", "text": value}


def iso(seconds: int) -> str:
    """The time of the n-th line."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def dump(record: object) -> str:
    """Compact JSON, as OpenClaw writes it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
