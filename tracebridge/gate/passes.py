"""The written form of a positive verdict: what it opens, for how long, and for which digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from hashlib import sha256

from tracebridge.domain.errors import GateError
from tracebridge.domain.verdict import GateBinding, GatePass, Outcome, Verdict

SCHEMA = "tracebridge.gate_pass.v1"

OPENING = frozenset({Outcome.ADMIT, Outcome.PROMOTE})

_BOUND = tuple(field.name for field in fields(GateBinding))
_KEYS = frozenset({"schema", "subject", "outcome", "judged_at", "sentence", "digest", *_BOUND})


def pass_record(verdict: Verdict, binding: GateBinding, *, judged_at: datetime) -> GatePass:
    """The pass that a positive verdict gives; raises `GateError` for any other verdict."""
    if verdict.outcome not in OPENING:
        raise GateError(
            f"Verdict {verdict.outcome} on {verdict.subject} gives no pass; see its reasons."
        )
    if judged_at.tzinfo is None:
        raise GateError("Field 'judged_at' has no zone; pass an aware UTC datetime.")
    if empty := [name for name in _BOUND if not getattr(binding, name)]:
        raise GateError(f"Field '{empty[0]}' is empty; a pass must be bound to every digest.")
    content = _content(verdict.subject, verdict.outcome, binding, judged_at, verdict.sentence)
    return GatePass(
        subject=verdict.subject,
        outcome=verdict.outcome,
        binding=binding,
        judged_at=judged_at.astimezone(UTC),
        sentence=verdict.sentence,
        digest=_digest(content),
    )


def pass_document(gate_pass: GatePass) -> dict[str, str]:
    """The pass as a JSON document of kind ``tracebridge.gate_pass.v1``."""
    content = _content(
        gate_pass.subject,
        gate_pass.outcome,
        gate_pass.binding,
        gate_pass.judged_at,
        gate_pass.sentence,
    )
    return content | {"digest": gate_pass.digest}


def verify_pass(document: object, *, file: str) -> GatePass:
    """Read a pass document back; raises `GateError` when anything in it was changed.

    It proves that the document is whole, not that it is fresh or fits: `promote` compares the
    digests with those of the moment.
    """
    text = _text_fields(document, file)
    if text["schema"] != SCHEMA:
        raise GateError(f"{file}: field 'schema' must be {SCHEMA}; give a gate pass.")
    content = {key: value for key, value in text.items() if key != "digest"}
    if text["digest"] != _digest(content):
        raise GateError(f"{file}: field 'digest' does not fit the content; judge again.")
    try:
        judged_at = datetime.fromisoformat(text["judged_at"])
        outcome = Outcome(text["outcome"])
    except ValueError as error:
        raise GateError(f"{file}: {error}; judge again.") from error
    if judged_at.tzinfo is None or outcome not in OPENING:
        raise GateError(f"{file}: it is no pass ({text['outcome']}, {text['judged_at']}).")
    return GatePass(
        subject=text["subject"],
        outcome=outcome,
        binding=GateBinding(**{name: text[name] for name in _BOUND}),
        judged_at=judged_at.astimezone(UTC),
        sentence=text["sentence"],
        digest=text["digest"],
    )


def _content(
    subject: str, outcome: Outcome, binding: GateBinding, judged_at: datetime, sentence: str
) -> dict[str, str]:
    moment = judged_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "schema": SCHEMA,
        "subject": subject,
        "outcome": outcome.value,
        "judged_at": moment,
        "sentence": sentence,
        **asdict(binding),
    }


def _digest(content: Mapping[str, str]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _text_fields(document: object, file: str) -> dict[str, str]:
    if not isinstance(document, dict):
        raise GateError(f"{file}: a gate pass must be a JSON object; run the gate again.")
    if wrong := sorted(map(str, document.keys() ^ _KEYS)):
        raise GateError(f"{file}: field '{wrong[0]}' is missing or unknown; judge again.")
    for key, value in document.items():
        if not isinstance(value, str) or not value:
            raise GateError(f"{file}: field '{key}' must be a non-empty text; judge again.")
    return {str(key): str(value) for key, value in document.items()}
