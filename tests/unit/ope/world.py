"""A small world with known policy values: chats that keep their arm, and turns inside them.

A chat is about code (40 %) or talk; it draws one arm with the logged propensity and keeps it.
Every turn's reward is the mean of (chat kind, length, arm) plus the chat's mood plus noise, so
turns of a chat depend on one another and only chats are independent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracebridge.domain.replay import Cell, Family, Policy, PolicyRule

ARMS = ("baseline", "winner", "loser", "null")
P_CODE = 0.4
CONTEXTS: Mapping[str, Mapping[str, str]] = {
    f"kind={kind}|length={length}": {"kind": kind, "length": length}
    for kind in ("code", "talk")
    for length in ("long", "short")
}
PROPENSITY = {
    "code": {"baseline": 0.4, "winner": 0.2, "loser": 0.2, "null": 0.2},
    "talk": {"baseline": 0.55, "winner": 0.15, "loser": 0.15, "null": 0.15},
}
EFFECT = {"baseline": 0.0, "winner": 0.12, "loser": -0.12, "null": 0.0}


def policy(policy_id: str, *rules: PolicyRule) -> Policy:
    return Policy(
        policy_id=policy_id,
        family=None if policy_id == "baseline" else Family.ROUTE,
        parent=None if policy_id == "baseline" else "baseline",
        factor=None,
        description="",
        arms=(),
        rules=rules,
        digest="",
    )


def always(policy_id: str, **distribution: float) -> Policy:
    return policy(policy_id, PolicyRule({}, distribution))


BASELINE = always("baseline", baseline=1.0)
WINNER = always("winner", winner=1.0)
LOSER = always("loser", loser=1.0)
NULL = always("null", null=1.0)
MIXED = policy(
    "mixed",
    PolicyRule({"kind": ("code",)}, {"winner": 0.5, "baseline": 0.5}),
    PolicyRule({}, {"baseline": 1.0}),
)
ABSENT = always("absent", absent=1.0)
LOGGED = policy(
    "logged",
    PolicyRule({"kind": ("code",)}, PROPENSITY["code"]),
    PolicyRule({}, PROPENSITY["talk"]),
)
POLICIES = (BASELINE, WINNER, LOSER, NULL, MIXED)


def mean_reward(kind: str, length: str, arm: str) -> float:
    context = (0.1 if kind == "code" else -0.1) + (0.05 if length == "long" else -0.05)
    return 0.5 + context + EFFECT[arm] * (1.5 if kind == "code" else 0.5)


def true_value(of: Policy) -> float:
    """Expected reward per turn if ``of`` chose every arm."""
    value = 0.0
    for context in CONTEXTS.values():
        kind, length = context["kind"], context["length"]
        share = 0.5 * (P_CODE if kind == "code" else 1 - P_CODE)
        for arm, probability in of.distribution(context).items():
            value += share * probability * mean_reward(kind, length, arm)
    return value


def logged_cells(
    seed: int, chats: int, *, max_turns: int = 6, mood: float = 0.15, noise: float = 0.2
) -> list[Cell]:
    """One cell per turn; folds by chat."""
    rng = np.random.default_rng(seed)
    cells = []
    for chat in range(chats):
        kind = "code" if rng.random() < P_CODE else "talk"
        propensity = PROPENSITY[kind]
        arm = ARMS[rng.choice(len(ARMS), p=[propensity[a] for a in ARMS])]
        offset = rng.normal(0, mood)
        for _ in range(rng.integers(1, max_turns + 1)):
            length = "long" if rng.random() < 0.5 else "short"
            reward = mean_reward(kind, length, arm) + offset + rng.normal(0, noise)
            cells.append(
                Cell(
                    unit=f"chat-{chat}",
                    fold=chat % 5,
                    context_key=f"kind={kind}|length={length}",
                    arm=arm,
                    propensity=propensity[arm],
                    n=1,
                    total_micros=round(reward * 1e6),
                )
            )
    return cells
