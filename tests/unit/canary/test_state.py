"""live.json: what is written is read back, and any defect is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.canary.rollouts import BASELINE, CANDIDATE, EXPLORATION, NOW, state
from tracebridge.canary.documents import digest_of
from tracebridge.canary.state import RolloutState, Stage, parse_state, state_bytes
from tracebridge.domain.errors import CanaryError

WHOLE = state_bytes(state())


@pytest.mark.parametrize(
    "live",
    [
        state(),
        state(Stage.CANARY_50, 0.5, kill_switch=True),
        state(Stage.FULL, 1.0),
        state(Stage.SHADOW, 0.0, candidate=None),
        state(Stage.EXPLORE, 0.0, candidate=None, baseline=EXPLORATION),
    ],
)
def test_a_state_survives_its_file(live: RolloutState) -> None:
    assert parse_state(state_bytes(live)) == live


@pytest.mark.parametrize(
    "live",
    [
        state(Stage.CANARY_10, 0.11),
        state(Stage.CANARY_10, 0.0),
        state(Stage.CANARY_50, 0.10),
        state(Stage.FULL, 0.99),
        state(Stage.SHADOW, 0.1, candidate=None),
        state(Stage.SHADOW, 0.0),
        state(Stage.CANARY_10, 0.1, candidate=None),
        state(Stage.CANARY_10, float("nan")),
    ],
)
def test_stage_share_and_candidate_must_agree(live: RolloutState) -> None:
    with pytest.raises(CanaryError, match=r"share|candidate"):
        state_bytes(live)


@given(st.integers(0, len(WHOLE) - 2), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_any_changed_byte_is_refused(at: int, flip: int) -> None:
    """The newline at the end is the only byte that carries nothing."""
    damaged = bytearray(WHOLE)
    damaged[at] ^= flip
    with pytest.raises(CanaryError):
        parse_state(bytes(damaged))


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_canary_error(data: bytes) -> None:
    with pytest.raises(CanaryError):
        parse_state(data)


def resealed(change: Callable[[dict[str, object]], object]) -> bytes:
    """A file with a valid integrity field over wrong content."""
    document = json.loads(WHOLE)
    change(document)
    document.pop("integrity", None)
    document["integrity"] = digest_of(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("schema", lambda d: d.update(schema="other")),
        ("stage", lambda d: d.update(stage="canary_99")),
        ("share", lambda d: d.update(share="0.1")),
        ("share", lambda d: d.update(share=True)),
        ("share", lambda d: d.update(share=0.5)),
        ("salt", lambda d: d.update(salt="")),
        ("since", lambda d: d.update(since="2026-02-09T12:00:00")),
        ("kill_switch", lambda d: d.update(kill_switch=0)),
        ("surplus", lambda d: d.update(surplus=1)),
        ("gate", lambda d: d.pop("gate")),
        ("gate", lambda d: d.update(gate={"a": 1})),
        ("candidate_digest", lambda d: d.update(candidate_digest="0" * 64)),
        ("baseline_digest", lambda d: d.update(baseline_digest=None)),
        ("candidate", lambda d: d["candidate"].update(policy_id=7)),
        ("rules", lambda d: d["candidate"]["rules"].append({"when": {}})),
        ("distribution", lambda d: d["candidate"]["rules"][0]["distribution"].update(strong=0.9)),
        ("distribution", lambda d: d["candidate"]["rules"][0].update(distribution={"ghost": 1.0})),
        ("distribution", lambda d: d["candidate"]["rules"][0].update(distribution={})),
        ("when", lambda d: d["candidate"]["rules"][0].update(when={"length": "long"})),
        ("family", lambda d: d["candidate"].update(family="style")),
        ("config", lambda d: d["candidate"]["arms"][0].update(config={"model": []})),
    ],
)
def test_sealed_nonsense_is_refused_by_field(
    field: str, change: Callable[[dict[str, object]], object]
) -> None:
    with pytest.raises(CanaryError, match=field):
        parse_state(resealed(change))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":"\\ud800"}',
        '{"a":' + "9" * 5000 + "}",
        "null",
        "7",
    ],
)
def test_hostile_json_is_a_canary_error(text: str) -> None:
    with pytest.raises(CanaryError):
        parse_state(text.encode())


def test_a_state_without_a_zone_cannot_be_written() -> None:
    with pytest.raises(CanaryError, match="zone"):
        state_bytes(replace(state(), since=NOW.replace(tzinfo=None)))


def test_the_policy_that_was_judged_is_the_policy_that_serves() -> None:
    back = parse_state(WHOLE)
    assert back.candidate == CANDIDATE
    assert back.baseline == BASELINE
