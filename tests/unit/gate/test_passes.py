"""A gate pass is given by a positive verdict only, and shows every alteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.domain.errors import GateError
from tracebridge.domain.verdict import GateBinding, Outcome, Verdict
from tracebridge.gate.passes import pass_document, pass_record, verify_pass

JUDGED = datetime(2026, 2, 9, 12, 0, tzinfo=UTC)
ADMITTED = Verdict(Outcome.ADMIT, "route-strong", "It is better.", ())
BOUND = GateBinding("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64)
WHOLE = pass_document(pass_record(ADMITTED, BOUND, judged_at=JUDGED))


def test_a_pass_survives_its_document() -> None:
    given_pass = pass_record(ADMITTED, BOUND, judged_at=JUDGED)
    assert verify_pass(WHOLE, file="pass.json") == given_pass
    assert given_pass.binding == BOUND
    assert given_pass.outcome is Outcome.ADMIT


def test_the_zone_of_the_judge_changes_nothing() -> None:
    local = JUDGED.astimezone(timezone(timedelta(hours=9)))
    assert pass_document(pass_record(ADMITTED, BOUND, judged_at=local)) == WHOLE


@pytest.mark.parametrize(
    "outcome", [each for each in Outcome if each not in {Outcome.ADMIT, Outcome.PROMOTE}]
)
def test_no_other_verdict_gives_a_pass(outcome: Outcome) -> None:
    with pytest.raises(GateError, match=outcome.value):
        pass_record(replace(ADMITTED, outcome=outcome), BOUND, judged_at=JUDGED)


@pytest.mark.parametrize("name", [field.name for field in fields(GateBinding)])
def test_a_pass_is_bound_to_every_digest(name: str) -> None:
    with pytest.raises(GateError, match=name):
        pass_record(ADMITTED, replace(BOUND, **{name: ""}), judged_at=JUDGED)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(GateError, match="zone"):
        pass_record(ADMITTED, BOUND, judged_at=JUDGED.replace(tzinfo=None))


@pytest.mark.parametrize("key", sorted(WHOLE))
@pytest.mark.parametrize(
    "alter",
    [
        lambda document, key: document.update({key: document[key] + "x"}),
        lambda document, key: document.update({key: ""}),
        lambda document, key: document.update({key: None}),
        lambda document, key: document.update({key: ["a"]}),
        lambda document, key: document.pop(key),
        lambda document, key: document.update({key + "2": "surplus"}),
    ],
)
def test_any_alteration_is_found(
    key: str, alter: Callable[[dict[str, object], str], object]
) -> None:
    document: dict[str, object] = dict(WHOLE)
    alter(document, key)
    with pytest.raises(GateError, match=r"pass\.json"):
        verify_pass(document, file="pass.json")


def test_a_refusal_cannot_be_resealed_as_a_pass() -> None:
    """The digest alone is no right: what it seals must be a pass at all."""
    from tracebridge.gate import passes

    for change in (
        {"outcome": "reject"},
        {"outcome": "maybe"},
        {"judged_at": "yesterday"},
        {"judged_at": "2026-02-09T12:00:00"},
        {"schema": "tracebridge.gate_pass.v9"},
    ):
        content = {key: value for key, value in WHOLE.items() if key != "digest"} | change
        with pytest.raises(GateError):
            verify_pass(content | {"digest": passes._digest(content)}, file="pass.json")


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.dictionaries(st.text(), x)))
def test_no_document_raises_anything_but_a_gate_error(document: object) -> None:
    with pytest.raises(GateError):
        verify_pass(document, file="pass.json")
