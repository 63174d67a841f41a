"""Judgements. A verdict is compared, never truth-tested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NoReturn


class Outcome(StrEnum):
    """What a judgement can say."""

    ADMIT = "admit"
    """Offline evidence suffices to enter the canary. It never promotes."""
    PROMOTE = "promote"
    """Only the randomized canary gives this."""
    REJECT = "reject"
    ROLLBACK = "rollback"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    INVALID = "invalid"

    def __bool__(self) -> NoReturn:
        raise TypeError("an Outcome has more than two answers; compare it with `is`")


class CheckResult(StrEnum):
    """What one check found."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    """The evidence is missing; that denies, and is not a failure of the candidate."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One check of a verdict, passing ones too."""

    check: str
    result: CheckResult
    measured: str
    required: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with every reason, and in words what would decide."""

    outcome: Outcome
    subject: str
    """Policy id, or ``cycle`` where no candidate stood."""
    sentence: str
    """One sentence for a busy reader."""
    reasons: tuple[Reason, ...]
    needs: str | None = None
    """What data would decide, and when it could be there."""

    def __bool__(self) -> NoReturn:
        raise TypeError("a Verdict has more than two answers; compare verdict.outcome with `is`")


@dataclass(frozen=True, slots=True)
class GateBinding:
    """The digests a gate pass speaks of; when one of them changes, the pass is void."""

    candidate_digest: str
    baseline_digest: str
    bundle_manifest_sha256: str
    report_sha256: str
    gate_config_digest: str


@dataclass(frozen=True, slots=True)
class GatePass:
    """A positive verdict, bound to exactly what was judged. It ages, and it opens one stage."""

    subject: str
    """Policy id of the candidate."""
    outcome: Outcome
    """``admit`` opens the canary, ``promote`` the next stage of it."""
    binding: GateBinding
    judged_at: datetime
    sentence: str
    digest: str
    """SHA-256 of the pass's canonical JSON without this field."""
