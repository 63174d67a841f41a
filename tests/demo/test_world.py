"""The world is what its tables say, and the truth about it is what living in it comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

import pytest

from tracebridge.assembly.context import request_context
from tracebridge.crediting.profiles import RewardProfile
from tracebridge.demo import world
from tracebridge.demo.stage import exploration, fresh_workspace
from tracebridge.demo.truth import Truth, Worth, measure_worth, true_value
from tracebridge.demo.world import Difficulty, Ending, Mood, Request
from tracebridge.domain.replay import Policy, PolicyRule
from tracebridge.labeling.mapping import DEFAULT_MAPPING
from tracebridge.settings import Settings
from tracebridge.wiring import policies_of, profile_of, small_inputs

SEED = 11
CHATS = 2500
DAYS = [date(2026, 3, 2) + timedelta(days=number) for number in range(2)]

type Asked = tuple[date, Request]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return fresh_workspace(tmp_path_factory.mktemp("world") / "workspace", seed=SEED)


@pytest.fixture(scope="module")
def profile(settings: Settings) -> RewardProfile:
    return profile_of(settings, small_inputs(settings))


@pytest.fixture(scope="module")
def worth(profile: RewardProfile, tmp_path_factory: pytest.TempPathFactory) -> Worth:
    return measure_worth(tmp_path_factory.mktemp("worth"), profile)


@pytest.fixture(scope="module")
def policies(settings: Settings) -> dict[str, Policy]:
    declared = policies_of(small_inputs(settings))
    explore = exploration(declared)
    return {policy.policy_id: policy for policy in (*declared, explore)}


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    """What the people of a large world ask on two days."""
    return [
        (day, request)
        for chat in world.chats(SEED, CHATS)
        for day in DAYS
        for request in world.requests_of_day(SEED, chat, day)
    ]


def test_every_distribution_of_the_world_sums_to_one() -> None:
    distributions: dict[str, list[float]] = {
        "kinds": [kind.share for kind in world.KINDS],
        "good endings": list(world.GOOD_SPLIT.values()),
        "bad endings": list(world.BAD_SPLIT.values()),
        **{f"emoji {good}": [it[1] for it in world.EMOJI[good]] for good in (True, False)},
    }
    assert {name: math.fsum(parts) for name, parts in distributions.items()} == pytest.approx(
        dict.fromkeys(distributions, 1.0)
    )
    assert set(world.GOOD_SPLIT) | set(world.BAD_SPLIT) == set(Ending)
    assert not set(world.GOOD_SPLIT) & set(world.BAD_SPLIT)


def test_every_probability_of_the_world_is_one() -> None:
    chances = [*world.REACTS.values(), world.GLOOMY_SHARE, world.GROUP_SHARE]
    chances += [world.ACTIVE_SHARE, world.SECOND_TURN_SHARE]
    for kind in world.KINDS:
        assert set(kind.success) == set(world.LATENCY_FACTOR) == set(world.COST_FACTOR)
        chances += [
            world.success_probability(kind, arm, difficulty, shift)
            for arm in kind.success
            for difficulty in Difficulty
            for shift in (0.0, world.OUTAGE_SHIFT)
        ]
    assert all(0.0 < chance < 1.0 for chance in chances)


def test_the_emoji_of_the_world_score_as_the_shipped_mapping_has_it() -> None:
    for options in world.EMOJI.values():
        for emoji, _, score in options:
            assert DEFAULT_MAPPING.scores[emoji] == score


def test_what_is_drawn_depends_on_its_key_alone(asked: list[Asked]) -> None:
    day, request = asked[17]
    first = world.run(SEED, request, day, world.STRONG)
    for other_day, other in asked[:50]:
        world.run(SEED, other, other_day, world.STRONG)
    assert world.run(SEED, request, day, world.STRONG) == first
    assert world.requests_of_day(SEED, request.chat, day)[request.number] == request
    assert world.chats(SEED, 40) == world.chats(SEED, 400)[:40]


def test_shares_of_the_population_are_those_of_the_tables(asked: list[Asked]) -> None:
    people = world.chats(SEED, CHATS)
    first = [request for _, request in asked if request.number == 0]
    assert_share(sum(it.chat_type == "group" for it in people), CHATS, world.GROUP_SHARE)
    assert_share(sum(it.difficulty is Difficulty.EASY for it in people), CHATS, 0.5)
    assert_share(len(first), CHATS * len(DAYS), world.ACTIVE_SHARE)
    assert_share(len(asked) - len(first), len(first), world.SECOND_TURN_SHARE)
    assert_share(sum(it.mood is Mood.GLOOMY for it in first), len(first), world.GLOOMY_SHARE)
    for kind in world.KINDS:
        assert_share(sum(it.kind is kind for _, it in asked), len(asked), kind.share)


def assert_share(found: int, of: int, expected: float) -> None:
    """Within four standard errors of a binomial share."""
    error = math.sqrt(expected * (1.0 - expected) / of)
    assert abs(found / of - expected) < 4.0 * error, (found, of, expected)


def test_an_aborted_run_gives_no_answer_to_react_to(asked: list[Asked]) -> None:
    runs = [world.run(SEED, request, day, world.BASELINE) for day, request in asked]
    aborted = [it for it in runs if it.ending is Ending.ABORTED]
    assert len(aborted) > 100
    assert not [it for it in aborted if it.emoji]


def test_an_outage_strikes_and_slows(asked: list[Asked]) -> None:
    def good(*, struck: bool) -> float:
        runs = [world.run(SEED, it, day, world.STRONG, struck=struck) for day, it in asked]
        return sum(it.ending in world.GOOD_SPLIT for it in runs) / len(runs)

    assert good(struck=True) < 0.2 < 0.7 < good(struck=False)
    day, request = asked[0]
    slow = world.run(SEED, request, day, world.STRONG, struck=True)
    assert slow.jitter in {it * world.OUTAGE_SLOWDOWN for it in world.JITTER}


@dataclass
class Mean:
    """A mean over units of unequal size, and its standard error with chats as clusters."""

    value: float
    se: float

    @classmethod
    def of(cls, values: Mapping[int, list[float]]) -> Mean:
        every = [value for of_chat in values.values() for value in of_chat]
        mean = math.fsum(every) / len(every)
        residuals = [math.fsum(value - mean for value in of_chat) for of_chat in values.values()]
        return cls(mean, math.sqrt(math.fsum(it * it for it in residuals)) / len(every))


def lived(policy: Policy, asked: list[Asked], worth: Worth) -> dict[str, Mean]:
    """What the policy comes to when it is lived: the mean outcome, and the mean of what reactors say."""
    outcomes: dict[int, list[float]] = {}
    scores: dict[int, list[float]] = {}
    score_of = {emoji: score for options in world.EMOJI.values() for emoji, _, score in options}
    draw = Random(SEED)
    for day, request in asked:
        context = request_context(
            request.text, request.chat.chat_type, first_in_episode=request.first_in_episode
        )
        distribution = policy.distribution(context)
        [arm] = draw.choices(list(distribution), list(distribution.values()))
        happened = world.run(SEED, request, day, arm)
        value = worth[request.kind.name, arm, happened.ending]
        if value is not None:
            outcomes.setdefault(request.chat.chat_id, []).append(value)
        if happened.emoji is not None:
            scores.setdefault(request.chat.chat_id, []).append(score_of[happened.emoji])
    return {"outcome": Mean.of(outcomes), "label": Mean.of(scores)}


@pytest.mark.parametrize(
    "policy_id",
    ["baseline", "prompt-concise", "reply-plain", "route-strong", "tools-parallel", "explore"],
)
def test_the_truth_is_what_living_comes_to(
    policies: dict[str, Policy], asked: list[Asked], worth: Worth, policy_id: str
) -> None:
    policy = policies[policy_id]
    truth = true_value(policy, worth)
    found = lived(policy, asked, worth)
    for metric, exact in (("outcome", truth.outcome), ("label", truth.label)):
        mean = found[metric]
        assert exact is not None
        assert mean.se < 0.05, "else the comparison says nothing"
        assert abs(mean.value - exact) < 4.0 * mean.se, (metric, exact, mean)


def test_a_wrong_truth_would_be_found(
    policies: dict[str, Policy], asked: list[Asked], worth: Worth
) -> None:
    mean = lived(policies["route-strong"], asked, worth)["outcome"]
    other = true_value(policies["baseline"], worth).outcome
    assert other is not None
    assert abs(mean.value - other) > 8.0 * mean.se


def test_the_planted_ranks_are_true(policies: dict[str, Policy], worth: Worth) -> None:
    truths = {name: true_value(policy, worth) for name, policy in policies.items()}
    base = truths["baseline"].outcome
    strong, concise = truths["route-strong"].outcome, truths["prompt-concise"].outcome
    assert base is not None
    assert strong is not None
    assert concise is not None
    assert concise < base - 0.05 < base + 0.05 < strong
    assert truths["reply-plain"].outcome == pytest.approx(base), "the planted null"
    assert truths["route-experimental"] == Truth(None, None, None)


def test_reactors_are_not_everyone(policies: dict[str, Policy], worth: Worth) -> None:
    truth = true_value(policies["baseline"], worth)
    assert truth.label is not None
    assert truth.everyone is not None
    assert abs(truth.label - truth.everyone) > 0.05


def test_a_mixture_is_worth_the_mixture(policies: dict[str, Policy], worth: Worth) -> None:
    """Whether a turn can be judged does not depend on the arm, so the value is linear in it."""
    base = policies["baseline"]
    ends = [replace(base, rules=(PolicyRule({}, {arm: 1.0}),)) for arm in ("baseline", "strong")]
    half = replace(base, rules=(PolicyRule({}, {"baseline": 0.25, "strong": 0.75}),))
    low, high = (true_value(policy, worth).outcome for policy in ends)
    assert low is not None
    assert high is not None
    assert true_value(half, worth).outcome == pytest.approx(0.25 * low + 0.75 * high)


def test_worth_reads_outcomes_as_they_are(worth: Worth) -> None:
    for kind in world.KINDS:
        for arm in kind.success:
            values = {ending: worth[kind.name, arm, ending] for ending in Ending}
            if not kind.tools:
                assert values[Ending.CLEAN] is None, "a chat without a tool cannot be judged"
                continue
            clean, recovered, unresolved = (
                values[it] for it in (Ending.CLEAN, Ending.RECOVERED, Ending.UNRESOLVED)
            )
            assert clean is not None
            assert recovered is not None
            assert unresolved is not None
            assert 1.0 >= clean >= recovered > unresolved >= 0.0
