from __future__ import annotations

import pytest

from tests.unit.replay.builders import a_trajectory, a_turn
from tracebridge.domain.replay import InvariantReport, Policy
from tracebridge.replay.policies import BASELINE, POLICY_SCHEMA, parse_policy
from tracebridge.replay.response import INVARIANTS, MESSAGE_LIMIT, broken_invariants, check_answers


def reply_policy(transforms: str, **rule: object) -> Policy:
    return parse_policy(
        {
            "schema": POLICY_SCHEMA,
            "policy_id": "reply",
            "family": "response",
            "parent": "baseline",
            "factor": "response.transforms",
            "description": "Another shape.",
            "arms": {"plain": {"transforms": transforms}},
            "rules": [
                *([{"when": rule, "distribution": {"plain": 1.0}}] if rule else []),
                {"distribution": {"baseline" if rule else "plain": 1.0}},
            ],
        },
        file="reply.toml",
    )


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        ("See https://a.example/x", "See https://a.example/y", ("urls", "words")),
        ("It costs 12.50", "It costs 12.5", ("numbers", "words")),
        ("All of these words", "All these words", ("words",)),
        ("one two", "two one", ("words",)),
        ("```\na  b\n```", "```\na b\n```", ("code",)),
        ("Run `rm  -i`", "Run `rm -i`", ("code",)),
        ("Fine.", "Fine." + " " * 100, ("length",)),
        ("...", "   ", ("length",)),
        ("x " * (MESSAGE_LIMIT // 2 - 1), "x  " * (MESSAGE_LIMIT // 2 - 1), ("length", "messages")),
        ("Same text.", "Same text.", ()),
    ],
)
def test_every_invariant_catches_its_own_breach(
    before: str, after: str, broken: tuple[str, ...]
) -> None:
    assert broken_invariants(before, after) == broken


def test_every_invariant_can_be_broken() -> None:
    breaches = {
        "urls": ("http://a.b", "http://a.c"),
        "numbers": ("1", "2"),
        "words": ("a", "b"),
        "code": ("`a  b`", "`a b`"),
        "length": ("a", "a" + " " * 99),
        "messages": ("a" * MESSAGE_LIMIT, "a" * MESSAGE_LIMIT + "."),
    }
    assert set(breaches) == set(INVARIANTS)
    for name, (before, after) in breaches.items():
        assert name in broken_invariants(before, after)


def test_answers_are_counted_changed_and_checked() -> None:
    turns = [
        a_turn("tn_1", answer="# Title\ntext"),
        a_turn("tn_2", answer="Nothing to change."),
        a_turn("tn_3", answer=""),
    ]
    report = check_answers([a_trajectory(turn) for turn in turns], reply_policy("unwrap_headings"))
    assert report == InvariantReport("reply", answers=2, changed=1, violations={})


def test_a_breach_is_counted_by_answer() -> None:
    """A heading at the edge of a message spills over when stars are added."""
    edge = "# T\n" + "x" * (MESSAGE_LIMIT - 4)
    turns = [a_turn(f"tn_{index}", answer=edge) for index in range(3)]
    report = check_answers([a_trajectory(turn) for turn in turns], reply_policy("unwrap_headings"))
    assert report.violations == {"messages": 3}


def test_only_contexts_in_which_the_policy_plays_count() -> None:
    policy = reply_policy("unwrap_headings", length=["long"])
    short = a_trajectory(a_turn("tn_1", answer="# T"), context={"length": "short"})
    long = a_trajectory(a_turn("tn_2", answer="# T"), context={"length": "long"})
    assert check_answers([short, long], policy).answers == 1
    assert check_answers([short, long], BASELINE).answers == 0
