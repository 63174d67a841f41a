"""What learning must find, must leave alone, and must never touch."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.domain.errors import TrainingError
from tracebridge.domain.replay import Arm, Family, Metric, ReplayRow, context_key
from tracebridge.replay.policies import parse_policy
from tracebridge.training.learn import (
    Document,
    LearningRules,
    NotLearnable,
    NotLearnableReason,
    learn_route_policy,
)
from tracebridge.training.policy_toml import to_toml

STRONG = Arm("strong", Family.ROUTE, {"model": "strong"})
CHEAP = Arm("cheap", Family.ROUTE, {"model": "cheap"})
LENGTHS = ("short", "medium", "long")
FORMS = ("question", "code")
SHARES = {"baseline": 0.6, "strong": 0.25, "cheap": 0.15}


def simulate(
    seed: int,
    success: Mapping[tuple[str, str], float],
    *,
    units: int = 400,
    turns: int = 3,
    usual: float = 0.5,
) -> list[ReplayRow]:
    """``success[(arm, length)]`` is the chance of a good outcome; ``usual`` elsewhere."""
    draw = random.Random(seed)
    rows = []
    for unit in range(units):
        for turn in range(turns):
            context = {"length": draw.choice(LENGTHS), "form": draw.choice(FORMS)}
            arm = draw.choices(list(SHARES), list(SHARES.values()))[0]
            good = draw.random() < success.get((arm, context["length"]), usual)
            rows.append(
                ReplayRow(
                    row_id=f"tn_{unit}_{turn}",
                    unit=f"chat:{unit}",
                    session_id=f"s{unit}",
                    day="2026-01-01",
                    context_key=context_key(context),
                    context=context,
                    arm=arm,
                    propensity=SHARES[arm],
                    provenance="logged",
                    split="train",
                    fold=unit % 5,
                    values={Metric.OUTCOME: float(good)},
                )
            )
    return rows


def learn(rows: list[ReplayRow], **changes: object) -> Document | NotLearnable:
    arguments = {
        "parent_digest": "p" * 64,
        "replay_set_digest": "r" * 64,
        "seed": 7,
        "min_rows": 200,
    }
    return learn_route_policy(rows, [STRONG, CHEAP], **{**arguments, **changes})  # type: ignore[arg-type]


def played(document: Document, context: Mapping[str, str]) -> str:
    policy = parse_policy(document, file="learned")
    (arm,) = policy.distribution(context)
    return arm


def test_the_arm_that_is_better_in_one_context_is_played_there_and_only_there() -> None:
    """Found in each of 8 worlds; in at most 2 may chance add another context."""
    exact = 0
    for seed in range(8):
        found = learn(simulate(seed, {("strong", "long"): 0.85}))
        assert isinstance(found, dict)
        for form in FORMS:
            assert played(found, {"length": "long", "form": form}) == "strong"
        others = {
            played(found, {"length": length, "form": form})
            for length in ("short", "medium")
            for form in FORMS
        }
        exact += others == {"baseline"}
    assert exact >= 6


def test_each_context_gets_its_own_best_arm() -> None:
    found = learn(simulate(2, {("strong", "long"): 0.9, ("cheap", "short"): 0.9}, units=600))
    assert isinstance(found, dict)
    assert played(found, {"length": "long", "form": "code"}) == "strong"
    assert played(found, {"length": "short", "form": "code"}) == "cheap"
    assert played(found, {"length": "medium", "form": "code"}) == "baseline"


def test_an_arm_that_is_worse_everywhere_is_never_played() -> None:
    worse = {("strong", length): 0.2 for length in LENGTHS}
    found = learn(simulate(3, worse))
    assert isinstance(found, NotLearnable)
    assert found.reason is NotLearnableReason.NO_ADVANTAGE


def test_noise_leaves_the_baseline_alone_in_nearly_every_world() -> None:
    """Nominal 5 % of worlds, some more for choosing the features; 12 of 40 would be broken."""
    fooled = [seed for seed in range(40) if isinstance(learn(simulate(seed, {}, units=150)), dict)]
    assert len(fooled) <= 6, fooled


def test_an_arm_is_not_played_in_a_context_where_the_log_never_showed_it() -> None:
    rows = [
        row
        for row in simulate(4, {("strong", length): 0.9 for length in LENGTHS})
        if not (row.arm == "strong" and row.context == {"length": "short", "form": "code"})
    ]
    found = learn(rows)
    assert isinstance(found, dict)
    assert played(found, {"length": "short", "form": "question"}) == "strong"
    assert played(found, {"length": "short", "form": "code"}) == "baseline"
    assert played(found, {"length": "short", "form": "statement"}) == "baseline"
    assert played(found, {}) == "baseline"


def test_an_arm_with_too_few_rows_is_not_played_however_good_it_looks() -> None:
    rows = simulate(5, {("strong", "long"): 1.0})
    strong = [row for row in rows if row.arm == "strong"][:25]
    others = [row for row in rows if row.arm != "strong"]
    assert isinstance(learn([*others, *strong]), NotLearnable)


def test_confounding_by_context_does_not_fool_it() -> None:
    """The arm is drawn where everything goes well; weights undo that, a raw mean would not."""
    draw = random.Random(6)
    rows = []
    for row in simulate(6, {}, units=500):
        easy = row.context["form"] == "question"
        share = 0.6 if easy else 0.1
        arm = "strong" if draw.random() < share else "baseline"
        good = draw.random() < (0.9 if easy else 0.2)
        rows.append(
            replace(
                row,
                arm=arm,
                propensity=share if arm == "strong" else 1 - share,
                values={Metric.OUTCOME: float(good)},
            )
        )
    assert isinstance(learn(rows), NotLearnable)


def test_a_hold_out_row_is_refused() -> None:
    rows = simulate(1, {})
    rows[17] = replace(rows[17], split="holdout")
    with pytest.raises(TrainingError, match="tn_5_2"):
        learn(rows)


def test_a_propensity_that_is_none_teaches_nothing_and_one_that_is_no_probability_is_refused() -> (
    None
):
    rows = [replace(row, propensity=None) for row in simulate(1, {("strong", "long"): 0.9})]
    found = learn(rows)
    assert isinstance(found, NotLearnable)
    assert found.reason is NotLearnableReason.NO_PROPENSITY
    with pytest.raises(TrainingError, match="propensity"):
        learn([replace(row, propensity=1.5) for row in rows])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], NotLearnableReason.TOO_FEW_ROWS),
        (simulate(1, {}, units=20), NotLearnableReason.TOO_FEW_ROWS),
        (
            [replace(row, arm="baseline", propensity=1.0) for row in simulate(1, {})],
            NotLearnableReason.NO_SUPPORTED_ARM,
        ),
    ],
)
def test_too_little_to_learn_from_is_a_refusal_with_its_reason(
    rows: list[ReplayRow], reason: NotLearnableReason
) -> None:
    found = learn(rows)
    assert isinstance(found, NotLearnable)
    assert found.reason is reason


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = simulate(1, {("strong", "long"): 0.85})
    shuffled = random.Random(0).sample(rows, len(rows))
    assert learn(rows) == learn(shuffled)


def test_seed_and_parent_and_data_enter_the_name() -> None:
    rows = simulate(1, {("strong", "long"): 0.85})
    names = set()
    for change in ({}, {"seed": 8}, {"parent_digest": "q"}, {"replay_set_digest": "s"}):
        found = learn(rows, **change)
        assert isinstance(found, dict)
        names.add(found["policy_id"])
    assert len(names) == 4


def test_arms_of_two_factors_are_refused() -> None:
    thinking = Arm("thinks", Family.ROUTE, {"thinking_level": "high"})
    with pytest.raises(TrainingError, match="one factor"):
        learn_route_policy([], [STRONG, thinking], parent_digest="", replay_set_digest="", seed=0)
    with pytest.raises(TrainingError, match="one factor"):
        learn_route_policy([], [], parent_digest="", replay_set_digest="", seed=0)


def test_stricter_rules_refuse_what_the_defaults_accept() -> None:
    rows = simulate(1, {("strong", "long"): 0.85})
    assert isinstance(learn(rows), dict)
    assert isinstance(learn(rows, rules=LearningRules(min_arm_units=500)), NotLearnable)


def test_a_learned_document_survives_toml_and_the_policy_parser() -> None:
    found = learn(simulate(1, {("strong", "long"): 0.85}))
    assert isinstance(found, dict)
    back = tomllib.loads(to_toml(found))
    assert back == found
    policy = parse_policy(back, file="learned.toml")
    assert policy.policy_id == found["policy_id"]
    assert policy.learned_from == "r" * 64
    assert policy.family is Family.ROUTE
    assert policy.factor == "route.model"


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SCALARS = (
    TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)


@given(
    head=st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4),
    arms=st.dictionaries(
        TEXTS, st.dictionaries(TEXTS, SCALARS, max_size=3), min_size=1, max_size=3
    ),
    rules=st.lists(
        st.dictionaries(
            TEXTS, SCALARS | st.dictionaries(TEXTS, st.lists(TEXTS, max_size=3)), max_size=3
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_whatever_can_be_written_is_read_back_equal(
    head: dict[str, object], arms: dict[str, object], rules: list[object]
) -> None:
    document = {**head, "arms": arms, "rules": rules}
    assert tomllib.loads(to_toml(document)) == document  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "\ud800"])
def test_what_toml_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(TrainingError):
        to_toml({"a": value})  # type: ignore[dict-item]
