"""The shipped schemas are valid, take what the product writes, and refuse what it must not."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests import sample_documents
from tests.adapters.crash_cycle import make_bundle
from tests.adapters.test_tables import event, label
from tracebridge.adapters.ledger import ReactionLedger
from tracebridge.adapters.schemas import kinds, load, violations
from tracebridge.adapters.tables import event_to_document
from tracebridge.canary.decision_log import decision_line
from tracebridge.domain.documents import estimates_document
from tracebridge.domain.errors import ConfigurationError
from tracebridge.domain.feedback import LedgerKind, Reaction
from tracebridge.domain.replay import (
    Decision,
    Metric,
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    PolicyReport,
    Tier,
)

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
HEX24 = "0123456789abcdef01234567"


@pytest.mark.parametrize("kind", kinds())
def test_every_schema_is_valid_and_says_what_it_is(kind: str) -> None:
    schema = load(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:tracebridge:{kind}:v1"
    assert schema["title"]


def test_the_named_kinds_are_there() -> None:
    wanted = "event ledger_line label manifest summary ablation estimates decision policy reward bundles labels"
    assert set(wanted.split()) <= set(kinds())
    with pytest.raises(ConfigurationError, match="no kind 'nothing'; use ablation"):
        load("nothing")


def test_events_as_they_are_written_validate() -> None:
    scrubbed = event(0)
    named = replace(scrubbed, event=replace(scrubbed.event, event_id=f"ev_{HEX24}"))
    document = json.loads(json.dumps(event_to_document(named)))
    assert violations("event", document) == ()
    assert document["ts"] == "2026-03-01T08:30:15.123456Z"
    assert violations("event", document | {"propensity": 0.0})
    assert violations("event", document | {"source_ref": "/home/someone/log.jsonl:3"})
    assert violations("event", document | {"surprise": 1})


def test_ledger_lines_as_they_are_written_validate(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    reaction = Reaction(
        bot="b",
        update_id=4,
        kind=LedgerKind.REACTION,
        chat_id="-100",
        message_id=9,
        thread_id=None,
        actor="p_1",
        actor_is_bot=False,
        date=NOW,
        old=(),
        new=("❤️",),
        source="telegram",
        received_at=NOW,
    )
    assert ReactionLedger(path).append([reaction, replace(reaction, update_id=5)]) == 2
    for line in path.read_text().splitlines():
        assert violations("ledger_line", json.loads(line)) == ()


def test_labels_validate_and_keep_their_ranges() -> None:
    one = replace(label(), label_id=f"lb_{HEX24}", turn_id=f"tn_{HEX24}")
    document = {name: getattr(one, name) for name in one.__dataclass_fields__}
    document |= {"reacted_at": one.reacted_at.isoformat(), "scope": "batch", "rule": "bracket"}
    document |= {"chunk_ids": [9, 10, 11], "update_ids": [5]}
    assert violations("label", document) == ()
    labels = {"schema": "tracebridge.labels.v1", "labels": [document]}
    assert violations("labels", labels) == ()
    for wrong in ({"score": 3}, {"confidence": 0}, {"weight": 1.5}, {"update_ids": []}):
        assert violations("label", document | wrong)


def test_manifests_as_they_are_sealed_validate(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    document = json.loads((bundle.path / "manifest.json").read_bytes())
    assert violations("manifest", document) == ()
    document["files"][0]["path"] = "../outside"
    assert [it.split(":")[0] for it in violations("manifest", document)] == ["$.files[0].path"]


def test_decisions_as_they_are_logged_validate() -> None:
    decision = Decision(
        decision_id="d1",
        ts=NOW,
        unit="42",
        context_digest="a" * 64,
        context={"length": "short"},
        policy_id="baseline",
        arm="baseline",
        propensity=1.0,
        stage="shadow",
        reason="fallback:no_policy",
    )
    document = json.loads(decision_line(decision))
    assert violations("decision", document) == ()
    assert violations("decision", document | {"propensity": 0})
    assert violations("decision", document | {"reason": "because"})


@pytest.mark.parametrize(("kind", "folder"), [("policy", "policies"), ("reward", "rewards")])
def test_the_shipped_policies_and_rewards_validate(kind: str, folder: str) -> None:
    paths = sorted((REPOSITORY / "tracebridge" / "defaults" / folder).glob("*.toml"))
    assert paths
    for path in paths:
        document = tomllib.loads(path.read_text())
        assert violations(kind, document) == (), path.name
        assert violations(kind, document | {"surprise": 1})


def test_estimates_as_they_are_written_validate() -> None:
    estimate = PolicyEstimate(
        estimator="dr",
        value=0.5,
        se=0.1,
        lo=0.3,
        hi=0.7,
        level=0.95,
        n=100,
        clusters=20,
        ess=15.5,
        max_weight=4.0,
        max_weight_share=0.1,
        mean_weight=1.01,
        unsupported_mass=0.0,
        tier=Tier.A,
    )
    refusal = NotEstimable(NotEstimableReason.NO_SUPPORT, "never played")
    reports = [
        PolicyReport(
            "p", Metric.OUTCOME, {"dr": estimate}, estimate, 0.2, 0.8, model_dependent=False
        ),
        PolicyReport("q", Metric.COST, {"dr": refusal}, refusal, None, None, model_dependent=False),
    ]
    replay_set = {"digest": "a" * 64, "rows": 100, "units": 20, "unit_kind": "chat"}
    document = estimates_document(reports, replay_set)
    assert violations("estimates", document) == ()
    document["policies"][0]["contrast"] = {"value": 0.0}  # type: ignore[index, call-overload]
    assert violations("estimates", document)


@pytest.mark.parametrize("cycle", ["full", "day_one", "failed"])
def test_the_sample_documents_of_these_tests_are_true_to_the_schemas(cycle: str) -> None:
    documents = getattr(sample_documents, f"{cycle}_documents")()
    for kind, document in documents.items():
        if document is not None:
            assert violations(kind, document) == (), kind


def test_a_summary_with_a_false_zero_is_refused() -> None:
    summary = deepcopy(sample_documents.full_documents()["summary"])
    assert isinstance(summary, dict)
    for field, value in (
        ("cost_usd", "0"),
        ("status", "fine"),
        ("day", "2 March"),
        ("verdict", None),
    ):
        assert violations("summary", summary | {field: value}), field


def test_schemas_name_no_place_on_any_network() -> None:
    for kind in kinds():
        text = json.dumps(load(kind))
        assert re.findall(r"https?://[^\"]+", text) == [
            "https://json-schema.org/draft/2020-12/schema"
        ]
