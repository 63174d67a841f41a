"""What is live: the stage, the slice, both policies and the evidence that let them in.

The whole of it is one file, ``rollout/live.json``. Its ``integrity`` field is the SHA-256 of the
canonical JSON of all others, so a hand edit or a damaged byte is a defect, never a policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tracebridge.canary.documents import (
    Fields,
    canonical_json,
    digest_of,
    parse_json,
    parse_policy_document,
    policy_document,
    time_text,
)
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.replay import Policy

SCHEMA = "tracebridge.rollout.v1"

_KEYS = frozenset(
    {
        "schema",
        "stage",
        "share",
        "salt",
        "since",
        "candidate",
        "baseline",
        "candidate_digest",
        "baseline_digest",
        "gate",
        "kill_switch",
        "integrity",
    }
)


class Stage(StrEnum):
    """How far a candidate has come, in order; a stage is never skipped."""

    SHADOW = "shadow"
    """The baseline serves everyone; nothing is randomized."""
    EXPLORE = "explore"
    """The baseline document is a policy that draws among arms, to make tier A evidence."""
    CANARY_10 = "canary_10"
    CANARY_50 = "canary_50"
    FULL = "full"


WITHOUT_CANDIDATE = frozenset({Stage.SHADOW, Stage.EXPLORE})

_SHARES = {
    Stage.SHADOW: (0.0, 0.0),
    Stage.EXPLORE: (0.0, 0.0),
    Stage.CANARY_10: (0.0, 0.10),
    Stage.CANARY_50: (0.10, 0.50),
    Stage.FULL: (1.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class RolloutState:
    """One consistent content of ``rollout/live.json``."""

    stage: Stage
    share: float
    """Probability that a unit is in the candidate's slice, in [0, 1]."""
    salt: str
    """Kept over the life of a workspace, so that a unit keeps its place."""
    since: datetime
    """When this stage began, UTC."""
    candidate: Policy | None
    baseline: Policy
    gate: Mapping[str, str]
    """Digests and names that let the candidate in; empty without one."""
    kill_switch: bool


def check_state(state: RolloutState, *, where: str) -> RolloutState:
    """The same state, if stage, share and candidate agree; `CanaryError` otherwise."""
    above, ceiling = _SHARES[state.stage]
    holds = state.share == ceiling if above == ceiling else above < state.share <= ceiling
    if not holds:
        raise CanaryError(
            f"{where}: field 'share' is {state.share}, which stage {state.stage} does not allow; "
            f"it must be {f'in ({above}, {ceiling}]' if above < ceiling else ceiling}."
        )
    if (state.candidate is None) != (state.stage in WITHOUT_CANDIDATE):
        raise CanaryError(
            f"{where}: field 'candidate' does not fit stage {state.stage}; roll back or promote."
        )
    return state


def state_bytes(state: RolloutState, *, where: str = "rollout/live.json") -> bytes:
    """The file's bytes, one line; raises `CanaryError` for an inconsistent state."""
    check_state(state, where=where)
    candidate = state.candidate
    document: dict[str, object] = {
        "schema": SCHEMA,
        "stage": state.stage,
        "share": state.share,
        "salt": state.salt,
        "since": time_text(state.since),
        "candidate": None if candidate is None else policy_document(candidate),
        "baseline": policy_document(state.baseline),
        "candidate_digest": None if candidate is None else candidate.digest,
        "baseline_digest": state.baseline.digest,
        "gate": dict(state.gate),
        "kill_switch": state.kill_switch,
    }
    document["integrity"] = digest_of(document)
    return canonical_json(document).encode() + b"\n"


def parse_state(data: bytes, *, where: str = "rollout/live.json") -> RolloutState:
    """Read the file's bytes strictly. Raises `CanaryError` for any defect at all."""
    document = parse_json(data, where=where)
    fields = Fields(document, _KEYS, where=where)
    if fields.text("schema") != SCHEMA:
        fields.refuse("schema", SCHEMA)
    if fields.text("integrity") != _integrity(document):
        fields.refuse("integrity", "the digest of the file's own content")
    if fields.text("stage") not in set(Stage):
        fields.refuse("stage", "one of " + ", ".join(Stage))
    candidate = (
        None
        if fields.raw("candidate") is None
        else parse_policy_document(fields.raw("candidate"), where=f"{where}: candidate")
    )
    baseline = parse_policy_document(fields.raw("baseline"), where=f"{where}: baseline")
    if fields.optional_text("candidate_digest") != (candidate and candidate.digest):
        fields.refuse("candidate_digest", "the digest of the candidate beside it")
    if fields.text("baseline_digest") != baseline.digest:
        fields.refuse("baseline_digest", "the digest of the baseline beside it")
    state = RolloutState(
        stage=Stage(fields.text("stage")),
        share=fields.number("share"),
        salt=fields.text("salt"),
        since=fields.moment("since"),
        candidate=candidate,
        baseline=baseline,
        gate=fields.text_mapping("gate"),
        kill_switch=fields.flag("kill_switch"),
    )
    return check_state(state, where=where)


def _integrity(document: object) -> str:
    """Digest over all fields but the one that carries it."""
    if not isinstance(document, dict):
        return ""
    return digest_of({key: value for key, value in document.items() if key != "integrity"})
