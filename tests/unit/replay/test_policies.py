from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.domain.errors import PolicyError
from tracebridge.domain.replay import BASELINE_ARM, Family
from tracebridge.replay.policies import (
    BASELINE,
    FACTORS,
    POLICY_SCHEMA,
    check_policies,
    parse_policy,
    policy_to_document,
)
from tracebridge.replay.transforms import TRANSFORMS

ROUTE: dict[str, Any] = {
    "schema": POLICY_SCHEMA,
    "policy_id": "route-strong",
    "family": "route",
    "parent": "baseline",
    "factor": "route.model",
    "description": "Long requests go to the stronger model.",
    "arms": {"strong": {"model": "strong"}},
    "rules": [
        {"when": {"length": ["long"]}, "distribution": {"strong": 0.75, "baseline": 0.25}},
        {"distribution": {"baseline": 1.0}},
    ],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """`ROUTE` with the field at ``path`` (dotted; digits index lists) replaced."""
    document = copy.deepcopy(ROUTE)
    *way, last = path.split(".")
    node: Any = document
    for step in way:
        node = node[int(step)] if step.isdigit() else node[step]
    node[last] = value
    return document


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROUTE.items() if key != name}


def test_a_policy_serves_the_first_rule_that_matches() -> None:
    policy = parse_policy(ROUTE, file="p.toml")
    assert policy.distribution({"length": "long"}) == {"strong": 0.75, "baseline": 0.25}
    assert policy.distribution({"length": "short"}) == {"baseline": 1.0}
    assert policy.distribution({}) == {"baseline": 1.0}
    assert policy.arms[0].family is Family.ROUTE


def test_arms_with_probability_zero_are_not_in_the_distribution() -> None:
    policy = parse_policy(
        changed("rules.1.distribution", {"baseline": 1, "strong": 0}), file="p.toml"
    )
    assert policy.distribution({}) == {"baseline": 1.0}


@pytest.mark.parametrize(
    ("document", "field", "mend"),
    [
        (changed("colour", "red"), "colour", "unknown key"),
        (changed("schema", "tracebridge.policy.v2"), "schema", POLICY_SCHEMA),
        (without("rules"), "rules", "missing"),
        (changed("policy_id", "baseline"), "policy_id", "reserved"),
        (changed("policy_id", "../../etc/passwd"), "policy_id", "lower-case letters"),
        (changed("family", "routing"), "family", "prompt, tool, response, route"),
        (changed("factor", "prompt.instruction"), "factor", "route.model"),
        (changed("description", " "), "description", "non-empty text"),
        (changed("arms", {}), "arms", "declares no arm"),
        (changed("arms.baseline", {"model": "x"}), "arms.baseline", "redeclares"),
        (changed("arms.strong", {}), "arms.strong", "changes nothing"),
        (changed("arms.strong.model", 3), "arms.strong.model", "non-empty text"),
        (changed("arms.strong.modle", "x"), "arms.strong.modle", "no key of route.model"),
        (
            changed("arms.strong.instruction", "Be brief."),
            "arms.strong.instruction",
            "prompt.instruction beside route.model",
        ),
        (
            changed("arms.strong.thinking_level", "high"),
            "arms.strong.thinking_level",
            "route.thinking_level beside route.model",
        ),
        (changed("rules", []), "rules", "list of tables"),
        (changed("rules.1.distribution", {"weak": 1.0}), "rules[1].distribution.weak", "nobody"),
        (changed("rules.1.distribution", {"baseline": 0.9}), "rules[1].distribution", "0.9"),
        (
            changed("rules.0.distribution", {"baseline": 1.5, "strong": -0.5}),
            "rules[0].distribution.baseline",
            "from 0 to 1",
        ),
        (
            changed("rules.1.distribution", {"baseline": float("nan")}),
            "rules[1].distribution.baseline",
            "nan",
        ),
        (
            changed("rules.1.distribution", {"baseline": True}),
            "rules[1].distribution.baseline",
            "probability",
        ),
        (changed("rules.0.when", {}), "rules[0]", "never reached"),
        (changed("rules.1.when", {"length": ["long"]}), "rules[1]", "default"),
        (changed("rules.0.when", {"length": "long"}), "rules[0].when.length", "list of values"),
        (changed("rules.0.weight", 1), "rules[0].weight", "unknown key"),
    ],
)
def test_every_refusal_names_the_file_the_field_and_the_mend(
    document: dict[str, Any], field: str, mend: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(document, file="policies/p.toml")
    sentence = str(refused.value)
    assert sentence.startswith(f"policies/p.toml: '{field}' ")
    assert mend in sentence
    assert "\n" not in sentence


def test_unknown_transforms_are_refused() -> None:
    document = {
        **ROUTE,
        "family": "response",
        "factor": "response.transforms",
        "arms": {"plain": {"transforms": "trim_trailing_space shout"}},
        "rules": [{"distribution": {"plain": 1.0}}],
    }
    with pytest.raises(PolicyError, match=r"'arms\.plain\.transforms' names 'shout'"):
        parse_policy(document, file="p.toml")


def test_the_digest_covers_all_that_is_said_and_nothing_else() -> None:
    policy = parse_policy(ROUTE, file="p.toml")
    reordered = parse_policy(dict(reversed(ROUTE.items())), file="elsewhere.toml")
    assert reordered.digest == policy.digest
    for path, value in (
        ("description", "Another."),
        ("arms.strong.model", "other"),
        ("rules.0.distribution", {"strong": 0.5, "baseline": 0.5}),
        ("rules.0.when", {"length": ["long", "medium"]}),
    ):
        assert parse_policy(changed(path, value), file="p.toml").digest != policy.digest


def test_a_learned_policy_remembers_its_replay_set() -> None:
    policy = parse_policy({**ROUTE, "learned_from": "a" * 64}, file="p.toml")
    assert policy.learned_from == "a" * 64
    assert policy_to_document(policy)["learned_from"] == "a" * 64


def test_policies_of_one_set_agree_on_their_arms() -> None:
    one = parse_policy(ROUTE, file="one.toml")
    same = parse_policy(changed("policy_id", "route-other"), file="same.toml")
    assert list(check_policies((BASELINE, one, same))) == ["baseline", "strong"]
    other = parse_policy(
        {**changed("arms.strong.model", "else"), "policy_id": "route-else"}, file="other.toml"
    )
    with pytest.raises(
        PolicyError, match="arm 'strong' is one thing in 'route-strong' and another in"
    ):
        check_policies((BASELINE, one, other))
    with pytest.raises(PolicyError, match="'route-strong' is used twice"):
        check_policies((BASELINE, one, one))
    orphan = parse_policy(
        {**changed("parent", "route-gone"), "policy_id": "orphan"}, file="orphan.toml"
    )
    with pytest.raises(PolicyError, match="parent 'route-gone' of 'orphan' is not loaded"):
        check_policies((BASELINE, orphan))


def test_the_baseline_always_plays_its_arm() -> None:
    assert BASELINE.distribution({"length": "long"}) == {BASELINE_ARM: 1.0}
    assert len(BASELINE.digest) == 64


_NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True).filter(lambda n: n != "baseline")
_TEXTS = st.text(min_size=1).filter(str.strip)


def _setting(key: str, kind: type) -> st.SearchStrategy[object]:
    if key == "transforms":
        return st.lists(st.sampled_from(sorted(TRANSFORMS)), min_size=1).map(" ".join)
    return {str: _TEXTS, bool: st.booleans(), int: st.integers(1, 99)}[kind]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    factor = draw(st.sampled_from(sorted(FACTORS)))
    keys = FACTORS[factor]
    configs = st.dictionaries(st.sampled_from(sorted(keys)), st.none(), min_size=1).flatmap(
        lambda chosen: st.fixed_dictionaries({key: _setting(key, keys[key]) for key in chosen})
    )
    arms = draw(st.dictionaries(_NAMES, configs, min_size=1, max_size=3))
    whens = draw(
        st.lists(
            st.dictionaries(_NAMES, st.lists(_TEXTS, min_size=1, max_size=3), min_size=1),
            max_size=3,
        )
    )

    def distribution() -> dict[str, float]:
        names = draw(
            st.lists(st.sampled_from(["baseline", *arms]), unique=True, min_size=1, max_size=4)
        )
        parts = [draw(st.integers(1, 100)) for _ in names]
        return {name: part / sum(parts) for name, part in zip(names, parts, strict=True)}

    return {
        "schema": POLICY_SCHEMA,
        "policy_id": draw(_NAMES),
        "family": factor.partition(".")[0],
        "parent": "baseline",
        "factor": factor,
        "description": draw(_TEXTS),
        "arms": arms,
        "rules": [
            *({"when": when, "distribution": distribution()} for when in whens),
            {"distribution": distribution()},
        ],
    }


@given(documents())
def test_a_policy_survives_the_way_through_json(document: dict[str, Any]) -> None:
    policy = parse_policy(document, file="p.toml")
    text = json.dumps(policy_to_document(policy))
    assert parse_policy(json.loads(text), file="copy.json") == policy
