from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.shared import REPOSITORY
from tracebridge.adapters.policy_files import load_policies, load_policy
from tracebridge.domain.errors import PolicyError
from tracebridge.domain.replay import Family
from tracebridge.replay.policies import BASELINE, check_policies, policy_to_document
from tracebridge.training.policy_toml import to_toml

SHIPPED = REPOSITORY / "tracebridge" / "defaults" / "policies"
ROUTE = (SHIPPED / "route-strong.toml").read_text(encoding="utf-8")


def test_the_shipped_variants_cover_every_family_and_differ_from_the_baseline() -> None:
    baseline, *variants = load_policies(SHIPPED)
    assert baseline == BASELINE
    assert {policy.family for policy in variants} == set(Family)
    contexts = [
        {"length": length, "form": form}
        for length in ("short", "medium", "long")
        for form in ("question", "code", "command", "statement")
    ]
    for policy in variants:
        assert policy.parent == "baseline"
        assert any(policy.distribution(c) != baseline.distribution(c) for c in contexts)


def test_the_baseline_comes_first_and_the_rest_by_id(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ROUTE.replace("route-strong", "route-z"))
    (tmp_path / "z.toml").write_text(ROUTE.replace("route-strong", "route-a"))
    (tmp_path / "notes.txt").write_text("no policy")
    ids = [policy.policy_id for policy in load_policies(tmp_path)]
    assert ids == ["baseline", "route-a", "route-z"]


def test_no_folder_means_the_baseline_alone(tmp_path: Path) -> None:
    assert load_policies(tmp_path / "absent") == (BASELINE,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'policy_id = "x', "is not TOML in UTF-8"),
        (b'policy_id = "\xff"', "is not TOML in UTF-8"),
        (ROUTE.replace("strong = 1.0", "strong = 0.9").encode(), "sums to 0.9"),
        (ROUTE.replace("family", "famly", 1).encode(), "'famly' is an unknown key"),
    ],
)
def test_errors_name_the_file(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(content)
    with pytest.raises(PolicyError) as refused:
        load_policies(tmp_path)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)


def test_an_unreadable_file_is_a_policy_error(tmp_path: Path) -> None:
    (tmp_path / "p.toml").mkdir()
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policies(tmp_path)


def test_two_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ROUTE)
    (tmp_path / "b.toml").write_text(
        ROUTE.replace("route-strong", "route-b").replace('model = "strong"', 'model = "other"')
    )
    with pytest.raises(PolicyError, match="arm 'strong' is one thing in 'route-b' and another in"):
        load_policies(tmp_path)


def test_a_policy_written_as_toml_reads_back_equal(tmp_path: Path) -> None:
    for path in sorted(SHIPPED.glob("*.toml")):
        policy = load_policy(path)
        copy = tmp_path / path.name
        copy.write_text(to_toml(policy_to_document(policy)), encoding="utf-8")
        assert tomllib.loads(copy.read_text(encoding="utf-8")) == policy_to_document(policy)
        assert load_policy(copy) == policy
    check_policies(load_policies(tmp_path))
