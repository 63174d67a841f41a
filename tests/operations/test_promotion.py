"""Nobody enters the canary but the candidate that was judged, on the report that was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.operations.judged import CANDIDATE, NOON, SEALED_AT, seal_bundle
from tests.unit.gate.evidence import REFUSED, good_reports, spoiled
from tracebridge.canary.stages import rollback
from tracebridge.domain.bundle import StepOutcome
from tracebridge.domain.errors import ConfigurationError, GateError, RolloutRefusedError
from tracebridge.domain.replay import Metric
from tracebridge.domain.verdict import Outcome
from tracebridge.gate.guardrails import GuardrailRules
from tracebridge.operations.promotion import Judgement, judge_candidate, promote_candidate
from tracebridge.settings import Settings

REVIEWER = "Dana"


def judged(settings: Settings) -> Judgement:
    return judge_candidate(settings, CANDIDATE, now=NOON)


def promote(settings: Settings, report_sha256: str, **changes: object) -> None:
    asked = {"reviewer": REVIEWER, "now": NOON + timedelta(minutes=5), **changes}
    promote_candidate(settings, CANDIDATE, report_sha256=report_sha256, **asked)  # type: ignore[arg-type]


def rollout_of(settings: Settings) -> dict[str, bytes]:
    folder = settings.rollout_folder
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_a_judged_and_signed_candidate_serves_a_tenth(settings: Settings) -> None:
    judgement = judged(settings)
    assert judgement.verdict.outcome is Outcome.ADMIT
    promote(settings, judgement.binding.report_sha256)
    live = json.loads((settings.rollout_folder / "live.json").read_text())
    assert (live["stage"], live["share"]) == ("canary_10", 0.1)
    assert live["candidate"]["policy_id"] == CANDIDATE
    assert live["gate"]["reviewer"] == REVIEWER


def test_without_a_gate_pass_nothing_is_promoted(settings: Settings) -> None:
    digest = judged(settings).binding.report_sha256
    (settings.rollout_folder / "passes" / f"{CANDIDATE}.json").unlink()
    before = rollout_of(settings)
    with pytest.raises(RolloutRefusedError, match="gate pass"):
        promote(settings, digest)
    assert rollout_of(settings) == before


def test_another_report_than_the_judged_one_is_refused(settings: Settings) -> None:
    judged(settings)
    before = rollout_of(settings)
    for other in ("0" * 64, "", "not a digest"):
        with pytest.raises(RolloutRefusedError, match="report_sha256"):
            promote(settings, other)
    assert rollout_of(settings) == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"now": NOON + timedelta(hours=25)}, "stale"),
        ({"now": NOON - timedelta(seconds=1)}, "from the future"),
        ({"reviewer": "  "}, "reviewer"),
    ],
)
def test_a_stale_pass_and_a_nameless_reviewer_are_refused(
    settings: Settings, changes: dict[str, object], why: str
) -> None:
    digest = judged(settings).binding.report_sha256
    before = rollout_of(settings)
    with pytest.raises(RolloutRefusedError, match=why):
        promote(settings, digest, **changes)
    assert rollout_of(settings) == before


def test_a_pass_opens_one_canary_only(settings: Settings) -> None:
    digest = judged(settings).binding.report_sha256
    promote(settings, digest)
    rollback(settings.workspace, reason="test", now=NOON + timedelta(minutes=6))
    with pytest.raises(RolloutRefusedError, match="used before"):
        promote(settings, digest, now=NOON + timedelta(minutes=7))


def change_policy(settings: Settings) -> Settings:
    path = settings.policies_folder / f"{CANDIDATE}.toml"
    text = path.read_text()
    assert "1.0" in text
    path.write_text(
        text.replace("1.0", "0.5", 1).replace("strong = 0.5", "strong = 0.5, baseline = 0.5")
    )
    return settings


def change_rules(settings: Settings) -> Settings:
    return replace(settings, gate=GuardrailRules(min_units=101))


def add_bundle(settings: Settings) -> Settings:
    seal_bundle(settings, good_reports(CANDIDATE), now=SEALED_AT + timedelta(hours=1))
    return settings


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (change_policy, "did not compare the policy as it is now"),
        (change_rules, "gate_config_digest"),
        (add_bundle, "bundle_manifest_sha256|report_sha256"),
    ],
)
def test_what_changed_after_the_judgement_voids_the_pass(
    settings: Settings, change: Callable[[Settings], Settings], why: str
) -> None:
    digest = judged(settings).binding.report_sha256
    before = rollout_of(settings)
    changed = change(settings)
    with pytest.raises((GateError, RolloutRefusedError), match=why):
        promote(changed, digest)
    assert rollout_of(settings) == before


def test_a_pass_of_other_hands_is_refused(settings: Settings) -> None:
    digest = judged(settings).binding.report_sha256
    path = settings.rollout_folder / "passes" / f"{CANDIDATE}.json"
    document = json.loads(path.read_text())
    document["judged_at"] = (NOON + timedelta(minutes=1)).isoformat()
    path.write_text(json.dumps(document))
    with pytest.raises(GateError):
        promote(settings, digest)
    path.write_text("{")
    with pytest.raises(GateError, match="not valid JSON"):
        promote(settings, digest)


def test_what_the_newest_bundle_denies_is_not_promoted_on_an_older_pass(settings: Settings) -> None:
    digest = judged(settings).binding.report_sha256
    worse = spoiled(good_reports(CANDIDATE), Metric.OUTCOME, contrast=REFUSED)
    seal_bundle(settings, worse, now=SEALED_AT + timedelta(hours=1))
    with pytest.raises(GateError, match="insufficient_evidence"):
        promote(settings, digest)


def test_a_denied_candidate_leaves_no_pass(settings: Settings) -> None:
    worse = spoiled(good_reports(CANDIDATE), Metric.OUTCOME, contrast=REFUSED)
    seal_bundle(settings, worse, now=SEALED_AT + timedelta(hours=1))
    judgement = judged(settings)
    assert judgement.gate_pass is None
    assert not (settings.rollout_folder / "passes").exists()


def test_the_gate_trusts_no_altered_bundle(settings: Settings) -> None:
    bundle = judged(settings).bundle
    page = bundle.path / "report.html"
    page.write_bytes(page.read_bytes() + b" ")
    with pytest.raises(GateError, match=r"report\.html is not as it was sealed"):
        judged(settings)


def test_a_newer_bundle_with_a_broken_seal_is_not_passed_over(settings: Settings) -> None:
    newer = seal_bundle(settings, good_reports(CANDIDATE), now=SEALED_AT + timedelta(hours=1))
    (newer.path / "manifest.json").write_bytes(b"{}")
    with pytest.raises(GateError, match="the seal of a newer bundle is damaged"):
        judged(settings)
    seal_bundle(settings, good_reports(CANDIDATE), now=SEALED_AT + timedelta(hours=2))
    assert judged(settings).verdict.outcome is Outcome.ADMIT


def test_a_failed_cycle_is_no_evidence(settings: Settings) -> None:
    first = judged(settings).bundle
    seal_bundle(
        settings,
        good_reports(CANDIDATE),
        now=SEALED_AT + timedelta(hours=1),
        outcome=StepOutcome.FAILED,
    )
    assert judged(settings).bundle.manifest == first.manifest


def test_without_a_cycle_there_is_nothing_to_judge(settings: Settings, tmp_path: Path) -> None:
    empty = replace(settings, workspace=tmp_path / "empty")
    with pytest.raises(GateError, match="no cycle has completed yet"):
        judged(empty)


def test_an_unknown_candidate_is_refused_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=rf"nobody: .*{CANDIDATE}"):
        judge_candidate(settings, "nobody", now=NOON)
    with pytest.raises(ConfigurationError, match="baseline: no candidate"):
        judge_candidate(settings, "baseline", now=NOON)


def test_rollback_restores_the_bytes_that_served_before(settings: Settings) -> None:
    digest = judged(settings).binding.report_sha256
    promote(settings, digest)
    first = (settings.rollout_folder / "last_good.json").read_bytes()
    assert json.loads(first)["stage"] == "shadow"
    state = rollback(settings.workspace, reason="test", now=NOON + timedelta(minutes=6))
    assert (settings.rollout_folder / "live.json").read_bytes() == first
    assert state.stage == "shadow"
    with pytest.raises(RolloutRefusedError, match="nothing to undo"):
        rollback(settings.workspace, reason="again", now=NOON + timedelta(minutes=7))
