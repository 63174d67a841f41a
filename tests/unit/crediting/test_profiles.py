"""What a reward profile may say."""

from __future__ import annotations

import copy
import math
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import REPOSITORY
from tests.unit.crediting.cases import profiles
from tracebridge.crediting.components import COMPONENTS
from tracebridge.crediting.profiles import (
    COMPONENT_NAMES,
    DEFAULT_PROFILE,
    RewardProfile,
    parse_profile,
)
from tracebridge.domain.errors import RewardError

SHIPPED = REPOSITORY / "tracebridge" / "defaults" / "rewards" / "general.toml"


def shipped() -> dict[str, Any]:
    return tomllib.loads(SHIPPED.read_text(encoding="utf-8"))


def test_the_shipped_profile_is_the_default() -> None:
    assert parse_profile(shipped(), file="general.toml") == DEFAULT_PROFILE
    assert tuple(DEFAULT_PROFILE.weights) == COMPONENT_NAMES


def test_every_profile_in_the_repository_parses_under_its_own_name() -> None:
    files = sorted(SHIPPED.parent.glob("*.toml"))
    assert files
    for file in files:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        assert parse_profile(document, file=file.name).name == file.stem


def test_every_component_that_can_be_named_can_be_computed() -> None:
    assert tuple(COMPONENTS) == COMPONENT_NAMES


def put(document: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split("/")
    for parent in parents:
        document = document[parent]
    if value is None:
        del document[last]
    else:
        document[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", "tracebridge.reward.v2", "schema takes"),
        ("schema", None, "schema takes"),
        ("name", "", "name takes"),
        ("name", "../x", "name takes"),
        ("wieghts", {}, "unknown key wieghts"),
        ("weights", None, "weights takes a table"),
        ("weights/formt", 0.1, "weights.formt is no component"),
        ("weights/correctness/vibes", 0.1, "weights.correctness.vibes is no component"),
        ("weights/correctness.label", 0.2, "weights.correctness.label is no component"),
        ("weights/format", "much", "weights.format takes"),
        ("weights/format", True, "weights.format takes"),
        ("weights/format", math.nan, "weights.format takes"),
        ("weights/format", 0.0, "weights.format takes"),
        ("weights/format", -0.2, "weights.format takes"),
        ("weights/format", 0.25, "weights.format is 0.25 in all; it takes 0.20"),
        ("weights/format", None, "weights.format is 0 in all"),
        ("weights/efficiency", 0.09, "weights.efficiency is 0.09 in all; it takes from 0.10"),
        ("weights/safety", 0.16, "weights.safety is 0.16 in all"),
        ("weights/correctness/label", 0.21, "weights.correctness is 0.61 in all"),
        ("weights/correctness/label", None, "weights.correctness is 0.4 in all"),
        ("weights/correctness/label", 0.15, "weights sum to 0.95"),
        ("budgets/latency_ms", 0, "budgets.latency_ms takes"),
        ("budgets/tool_calls", 2.5, "budgets.tool_calls takes"),
        ("budgets/turns", 3, "unknown key budgets.turns"),
        ("safety/forbidden_tools", "exec", "safety.forbidden_tools takes"),
        ("safety/sensitive_finds", ["MOOD"], "safety.sensitive_finds takes"),
        ("safety/strict", True, "unknown key safety.strict"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_field_and_mend(
    path: str, value: object, message: str
) -> None:
    document = copy.deepcopy(shipped())
    put(document, path, value)
    with pytest.raises(RewardError) as refused:
        parse_profile(document, file="rewards/mine.toml")
    assert str(refused.value).startswith("rewards/mine.toml: ")
    assert message in str(refused.value)


def test_budgets_and_safety_may_be_left_out() -> None:
    document = shipped()
    del document["budgets"], document["safety"], document["description"]
    profile = parse_profile(document, file="x.toml")
    assert profile.latency_budget_ms == DEFAULT_PROFILE.latency_budget_ms
    assert profile.sensitive_finds == DEFAULT_PROFILE.sensitive_finds
    assert profile.description == ""


def test_correctness_may_be_one_component() -> None:
    document = shipped()
    document["weights"]["correctness"] = {"task_outcome": 0.6}
    profile = parse_profile(document, file="x.toml")
    assert "correctness.label" not in profile.weights
    assert math.fsum(profile.weights.values()) == pytest.approx(1.0, abs=1e-9)


def table_of(profile: RewardProfile) -> dict[str, Any]:
    table: dict[str, Any] = {"correctness": {}}
    for component in profile.components:
        group, _, rest = component.name.partition(".")
        if rest:
            table[group][rest] = component.weight
        else:
            table[group] = component.weight
    return table


@given(profiles())
def test_whatever_lies_in_the_ranges_and_sums_to_one_is_taken(profile: RewardProfile) -> None:
    document = {
        "schema": "tracebridge.reward.v1",
        "name": "drawn",
        "weights": table_of(profile),
    }
    assert parse_profile(document, file="x.toml").components == profile.components


@given(st.sampled_from(["format", "efficiency", "safety"]), st.floats(1e-8, 1.0))
def test_a_sum_beyond_one_is_never_taken(name: str, more: float) -> None:
    document = shipped()
    document["weights"][name] += more
    with pytest.raises(RewardError):
        parse_profile(document, file="x.toml")


def refuses(change: Callable[[dict[str, Any]], object]) -> str:
    document = shipped()
    change(document)
    with pytest.raises(RewardError) as refused:
        parse_profile(document, file="x.toml")
    return str(refused.value)


def test_the_first_unknown_key_in_name_order_is_named() -> None:
    assert "unknown key alpha" in refuses(lambda it: it.update(zulu=1, alpha=2))
