"""The router's evidence: one line per decision, one file per UTC day, appended whole.

A decision that cannot be written is not evidence, so the caller must not serve it. Lines are not
synced one by one: a crash of the process loses nothing, a power cut may lose the last seconds.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tracebridge.canary.documents import Fields, canonical_json, parse_json, time_text
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.replay import Decision

_KEYS = frozenset(
    {
        "decision_id",
        "ts",
        "unit",
        "context_digest",
        "context",
        "policy_id",
        "arm",
        "propensity",
        "stage",
        "reason",
        "request_ref",
    }
)


def decision_line(decision: Decision) -> bytes:
    """The decision as one canonical JSON line with its newline.

    Raises `CanaryError` where a field has no UTF-8 or no finite number.
    """
    document = {
        "decision_id": decision.decision_id,
        "ts": time_text(decision.ts),
        "unit": decision.unit,
        "context_digest": decision.context_digest,
        "context": dict(decision.context),
        "policy_id": decision.policy_id,
        "arm": decision.arm,
        "propensity": decision.propensity,
        "stage": decision.stage,
        "reason": decision.reason,
        "request_ref": decision.request_ref,
    }
    try:
        return canonical_json(document).encode() + b"\n"
    except ValueError as error:
        raise CanaryError(f"decision {decision.decision_id} cannot be written: {error}.") from error


def parse_decision_line(line: bytes, *, where: str) -> Decision:
    """Read one line back; raises `CanaryError` when it is not exactly a decision."""
    fields = Fields(parse_json(line, where=where), _KEYS, where=where)
    propensity = fields.number("propensity")
    if not 0 < propensity <= 1:
        fields.refuse("propensity", "a probability in (0, 1]")
    context: Mapping[str, str] = fields.text_mapping("context")
    return Decision(
        decision_id=fields.text("decision_id"),
        ts=fields.moment("ts"),
        unit=fields.text("unit"),
        context_digest=fields.text("context_digest"),
        context=context,
        policy_id=fields.text("policy_id"),
        arm=fields.text("arm"),
        propensity=propensity,
        stage=fields.text("stage"),
        reason=fields.text("reason"),
        request_ref=fields.optional_text("request_ref"),
    )


class DecisionLog:
    """Appends to ``<folder>/<YYYY-MM-DD>.jsonl``; safe to share among threads and processes."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is ``memory/decisions`` of a workspace; it is made when first needed."""
        self._folder = folder
        self._lock = threading.Lock()

    def append(self, decision: Decision) -> None:
        """Write the line with one append; raises `CanaryError` when any byte of it is missing."""
        path = self._folder / f"{_utc_day(decision.ts)}.jsonl"
        line = decision_line(decision)
        try:
            with self._lock:
                self._write(path, line)
        except OSError as error:
            raise CanaryError(
                f"memory/decisions/{path.name} cannot be written ({error}); free the disk or mend "
                "the folder's rights."
            ) from error

    def _write(self, path: Path, line: bytes) -> None:
        descriptor = _open(path)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("it is not a regular file")
            # A writer that died inside its line must not swallow ours.
            data = line if _ends_clean(descriptor) else b"\n" + line
            if os.write(descriptor, data) != len(data):
                raise OSError("the disk took a part of the line")
        finally:
            os.close(descriptor)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)


def _ends_clean(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _utc_day(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise CanaryError("a decision's time has no zone; give the router an aware clock.")
    return moment.astimezone(UTC).date().isoformat()
