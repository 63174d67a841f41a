"""A small telling of the demo: what must hold in every world, and what chance may decide."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tracebridge.adapters.bundles import verify
from tracebridge.adapters.schemas import violations
from tracebridge.demo.ending import Told
from tracebridge.demo.stage import fresh_workspace
from tracebridge.demo.story import tell
from tracebridge.domain.bundle import StepOutcome
from tracebridge.domain.errors import ConfigurationError
from tracebridge.domain.verdict import CheckResult, Outcome

CHATS = 300
SHADOW_DAYS = 4
UNSUPPORTED = {"route-experimental", "tools-batch"}
LOSER = "prompt-concise"


@dataclass(frozen=True)
class Telling:
    """What came of one telling, and what was said meanwhile."""

    told: Told
    said: tuple[str, ...]

    @property
    def policies(self) -> dict[str, dict[str, Any]]:
        document: Any = self.told.document()
        return {it["policy_id"]: it for it in document["policies"]}


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Telling:
    out = tmp_path_factory.mktemp("demo") / "workspace"
    said: list[str] = []
    told = tell(out, seed=7, shadow_days=SHADOW_DAYS, chats=CHATS, say=said.append)
    return Telling(told, tuple(said))


def test_every_day_ends_with_a_sound_bundle(telling: Telling) -> None:
    assert len(telling.told.cycles) == SHADOW_DAYS + len(telling.told.canary)
    for cycle in telling.told.cycles:
        assert cycle.bundle.manifest.status == "ok"
        assert StepOutcome.FAILED not in {step.outcome for step in cycle.steps}
        assert verify(cycle.bundle.path) == ()
        checks = cycle.summary["integrity"]
        assert isinstance(checks, list)
        assert {it["result"] for it in checks if isinstance(it, dict)} == {"pass"}
    assert telling.told.report.is_file()
    assert telling.told.index.is_file()


def test_what_needs_no_luck_is_met_by_the_review(telling: Telling) -> None:
    results = {it.check: it.result for it in telling.told.review.criteria}
    del results["stable_uplift"]
    assert set(results.values()) == {CheckResult.PASS}


def test_what_the_log_cannot_support_is_never_estimated(telling: Telling) -> None:
    for name in UNSUPPORTED:
        policy = telling.policies[name]
        assert policy["estimate"] is None
        assert policy["not_estimable"] == "no_support"
        assert policy["label"]["estimate"]["not_estimable"] == "no_support"
        assert policy["outcome"] == "insufficient_evidence"
        assert policy["finding"] == "not_estimable"


def test_the_planted_loser_is_never_admitted(telling: Telling) -> None:
    assert telling.policies[LOSER]["outcome"] in {"reject", "insufficient_evidence"}
    assert telling.told.promoted != LOSER


def test_estimates_are_near_the_truth(telling: Telling) -> None:
    """Single intervals may miss; most of them must not, and none by far."""
    estimable = [it for it in telling.policies.values() if it["estimate"]]
    assert len(estimable) >= 4
    assert sum(it["holds_truth"] for it in estimable) >= len(estimable) - 2
    for policy in estimable:
        estimate = policy["estimate"]
        assert estimate["tier"] == "A"
        assert abs(estimate["value"] - policy["true_value"]) < 2 * (estimate["hi"] - estimate["lo"])


def test_a_promotion_follows_an_admission_and_nothing_else(telling: Telling) -> None:
    admitted = {name for name, it in telling.policies.items() if it["outcome"] == "admit"}
    assert (telling.told.promoted in admitted) if admitted else (telling.told.promoted is None)
    if telling.told.promoted is None:
        assert telling.told.canary == ()
        assert telling.told.restored is None
    elif telling.told.canary[-1].outcome is Outcome.ROLLBACK:
        assert telling.told.restored is True


def test_what_is_said_is_a_line_a_day_and_the_turns_of_the_story(telling: Telling) -> None:
    days = [line for line in telling.said if line.startswith("2026-03-")]
    assert len(days) == len(telling.told.cycles)
    for word in ("learning: ", "review: ", "gate: "):
        assert sum(line.startswith(word) for line in telling.said) == 1
    text = "\n".join(telling.told.lines())
    assert str(telling.told.report) in text
    assert "None" not in text


def test_the_document_is_true_to_its_schema(telling: Telling) -> None:
    document = json.loads(json.dumps(telling.told.document()))
    assert violations("demo", document) == ()
    assert [Path(path) for path in document["bundles"]] == [
        cycle.bundle.path for cycle in telling.told.cycles
    ]
    assert len(telling.told.rows()) == len(document["policies"])


def test_a_second_telling_replaces_the_first_and_only_a_demo(tmp_path: Path) -> None:
    first = fresh_workspace(tmp_path / "demo", seed=7)
    (first.bundles_folder / "20260303T001500Z").mkdir(parents=True)
    second = fresh_workspace(tmp_path / "demo", seed=8)
    assert second.seed == 8
    assert not second.artifacts_folder.exists()
    (tmp_path / "precious").touch()
    with pytest.raises(ConfigurationError, match="was not made by the demo"):
        fresh_workspace(tmp_path, seed=8)
    assert (tmp_path / "precious").exists()
