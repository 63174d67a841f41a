"""A real cycle over two simulated days: what is in a bundle, and what must be true of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.fakes import MemoryWarehouse
from tests.workspaces import (
    DAY_1,
    PARQUET_FILES,
    Cycled,
    digests,
    document,
    lines_of,
    rows,
)
from tracebridge.adapters.artifact_tables import table_to_replay_rows
from tracebridge.adapters.bundles import read_manifest, verify
from tracebridge.adapters.schemas.schemas import violations
from tracebridge.adapters.tables import read_table
from tracebridge.cycle import STEPS
from tracebridge.domain.bundle import StepOutcome

CONTRACT_FILES = {
    "manifest.json",
    *(f"{name}.parquet" for name in PARQUET_FILES),
    "estimates.json",
    "ablation.json",
    "runtime_hook.json",
    "summary.json",
    "events.jsonl",
    "report.html",
    "exports/messages.jsonl",
    "exports/triplets.jsonl",
    "exports/rollout_events.jsonl",
}


@pytest.fixture(params=["first", "second"])
def bundle(request: pytest.FixtureRequest, cycled: Cycled) -> Path:
    path: Path = getattr(cycled, request.param).bundle.path
    return path


def test_every_step_is_done_and_says_so_everywhere(cycled: Cycled) -> None:
    result = cycled.second
    assert [step.name for step in result.steps] == list(STEPS)
    assert {step.outcome for step in result.steps} == {StepOutcome.OK}
    assert result.bundle.manifest.steps == result.steps
    told = document(result.bundle.path / "summary.json")
    assert [(step["name"], step["outcome"]) for step in told["steps"]] == [
        (name, "ok") for name in STEPS
    ]
    assert result.bundle.manifest.status == told["status"] == "ok"


def test_a_bundle_holds_every_file_of_the_contract(bundle: Path) -> None:
    names = set(digests(bundle))
    assert names >= CONTRACT_FILES
    assert {name for name in names - CONTRACT_FILES if not name.startswith("inputs/")} == set()


def test_every_document_is_valid_against_the_schema_that_is_shipped(bundle: Path) -> None:
    for kind in ("manifest", "summary", "ablation", "estimates", "runtime_hook"):
        found = document(bundle / f"{kind}.json")
        assert found["schema"] == f"tracebridge.{kind}.v1"
        assert violations(kind, found) == ()
    verdict = document(bundle / "summary.json")["verdict"]
    assert violations("verdict", {"schema": "tracebridge.verdict.v1", **verdict}) == ()


def test_every_row_of_events_and_labels_is_valid_against_its_schema(cycled: Cycled) -> None:
    path = cycled.second.bundle.path
    events = [_as_json(row, parsed=("attrs",), left_out=("finds",)) for row in rows(path, "events")]
    labels = [_as_json(row) for row in rows(path, "labels")]
    assert events
    assert labels
    for kind, found in (("event", events), ("label", labels)):
        assert [violations(kind, row) for row in found[::7]] == [()] * len(found[::7])


def test_every_line_of_ledger_and_decisions_is_valid_against_its_schema(cycled: Cycled) -> None:
    memory = cycled.root / "memory"
    ledger = memory / "feedback" / "telegram-reactions.jsonl"
    for kind, file in (("ledger_line", ledger), ("decision", memory / f"decisions/{DAY_1}.jsonl")):
        found = [json.loads(line) for line in lines_of(file)]
        assert found
        assert [violations(kind, row) for row in found[::5]] == [()] * len(found[::5])


def test_a_sealed_bundle_is_intact(bundle: Path) -> None:
    assert verify(bundle) == ()


def test_duckdb_finds_the_rows_that_manifest_and_summary_count(bundle: Path) -> None:
    declared = {entry.path: entry.rows for entry in read_manifest(bundle).files}
    told = document(bundle / "summary.json")
    counted = {}
    for name in PARQUET_FILES:
        path = str(bundle / f"{name}.parquet")
        ((found,),) = duckdb.execute("SELECT count(*) FROM read_parquet($1)", [path]).fetchall()
        assert declared[f"{name}.parquet"] == found
        counted[name] = found
    assert counted["events"] == told["counts"]["events"]
    assert counted["turns"] == told["counts"]["turns"]
    assert counted["trajectories"] == counted["rewards"] == counted["turns"]
    assert counted["labels"] == told["feedback"]["labels"]
    assert counted["replay_rows"] == told["replay_set"]["rows"] + told["replay_set"]["train_rows"]
    assert told["consumer"]["rows"] == {
        path.removeprefix("exports/"): count
        for path, count in declared.items()
        if path.startswith("exports/")
    }
    assert all(count > 0 for count in counted.values())


def test_every_line_of_every_log_is_in_exactly_one_class(cycled: Cycled) -> None:
    told = document(cycled.second.bundle.path / "summary.json")
    on_disk = {
        path.name: sum(1 for _ in lines_of(path))
        for path in (cycled.root / "openclaw").rglob("*.jsonl")
    }
    assert {row["file"]: row["lines"] for row in told["per_file"]} == on_disk
    classes = ("imported", "quarantined", "skipped", "duplicates")
    for row in (*told["per_file"], told["counts"]):
        assert row["lines"] == sum(row[name] for name in classes)
    assert told["counts"]["quarantined"] == 4, "the simulation writes two torn lines a day"
    assert len(told["quarantined"]) == 4
    assert told["quarantined_by_reason"] == {"not_json": 4}
    skips = read_manifest(cycled.second.bundle.path).skips
    assert skips["quarantined:not_json"] == 4


def test_a_cycle_touches_neither_logs_nor_production_nor_what_the_owner_wrote(
    cycled: Cycled,
) -> None:
    after = digests(cycled.root)
    added = after.keys() - cycled.before.keys()
    assert {name: after.get(name) for name in cycled.before} == cycled.before
    assert any(name.startswith("rollout/") for name in cycled.before)
    assert any(name.startswith("openclaw/agents/") for name in cycled.before)
    new_places = {name.split("/", 1)[0] for name in added - {"memory/feedback/deliveries.jsonl"}}
    assert new_places == {"artifacts", ".tracebridge"}


def test_every_comparison_is_made_on_the_one_replay_set(bundle: Path) -> None:
    """And its digest can be computed from the bundle's own rows, by other code."""
    told = document(bundle / "summary.json")["replay_set"]
    ablation = document(bundle / "ablation.json")
    estimates = document(bundle / "estimates.json")
    assert told["digest"] == ablation["replay_set"]["digest"] == estimates["replay_set"]["digest"]
    warehouse = MemoryWarehouse()
    warehouse.load(table_to_replay_rows(read_table(bundle / "replay_rows.parquet")))
    assert warehouse.replay_set_digest() == told["digest"]
    compared = {row["policy_id"] for row in ablation["rows"]}
    assert compared == {policy["policy_id"] for policy in estimates["policies"]}
    assert len(compared) == 6, "the baseline and a variant of each family, two of tools"


def test_observed_replayed_and_estimated_figures_share_no_column(bundle: Path) -> None:
    kinds: dict[str, set[str]] = {"observed": set(), "replayed": set(), "estimated": set()}
    for row in document(bundle / "ablation.json")["rows"]:
        for kind, names in kinds.items():
            names.update(_figures(row[kind] or {}))
        for figure in row["estimated"].values():
            assert ("tier" in figure) == ("value" in figure) == ("not_estimable" not in figure)
    assert all(kinds.values())
    assert kinds["observed"] & kinds["estimated"] == set()
    assert kinds["replayed"] & kinds["estimated"] == set()
    assert kinds["observed"] & kinds["replayed"] <= {"turns"}, (
        "only the count of what was looked at"
    )
    assert not [name for name in kinds["replayed"] if "outcome" in name or "label" in name]
    assert "tier" not in kinds["observed"] | kinds["replayed"]


def test_a_variant_without_support_has_a_reason_and_no_figure(cycled: Cycled) -> None:
    ablation = document(cycled.second.bundle.path / "ablation.json")
    unsupported = next(row for row in ablation["rows"] if row["policy_id"] == "prompt-concise")
    assert unsupported["observed"].pop("turns") == 0
    assert set(unsupported["observed"].values()) == {None}
    assert unsupported["finding"] == "not_estimable"
    assert set(unsupported["estimated"]["outcome"]) == {"not_estimable", "detail"}


def test_silence_is_not_zero(bundle: Path) -> None:
    labeled = {row["turn_id"] for row in rows(bundle, "labels")}
    rewards = {row["turn_id"]: row for row in rows(bundle, "rewards")}
    replayed = {row["row_id"]: row for row in rows(bundle, "replay_rows")}
    silent = rewards.keys() - labeled
    assert labeled
    assert silent
    for turn_id in silent:
        assert rewards[turn_id]["label"] is None
        assert [it["value"] for it in rewards[turn_id]["components"] if "label" in it["name"]] in (
            [],
            [None],
        )
        assert turn_id not in replayed or replayed[turn_id]["label"] is None
    for turn_id in labeled:
        assert rewards[turn_id]["label"] is not None
    told = document(bundle / "summary.json")["rewards"]
    judged = [row for row in rewards.values() if row["outcome_total"] is not None]
    assert told["judged"] == len(judged) < len(rewards), "small talk is judged by nobody"
    assert {row["total"] for row in rewards.values() if not _has_evidence(row)} <= {None}


def test_exports_carry_null_for_what_nobody_judged(bundle: Path) -> None:
    rewards = {row["turn_id"]: row["total"] for row in rows(bundle, "rewards")}
    messages = [json.loads(line) for line in lines_of(bundle / "exports" / "messages.jsonl")]
    triplets = [json.loads(line) for line in lines_of(bundle / "exports" / "triplets.jsonl")]
    assert {row["turn_id"]: row["reward"] for row in messages}.items() <= rewards.items()
    unjudged = {row["turn_id"] for row in messages if row["reward"] is None}
    assert unjudged
    assert {row["turn_id"] for row in triplets} == {it["turn_id"] for it in messages} - unjudged


def test_the_first_page_links_every_report_and_every_report_says_its_verdict(
    cycled: Cycled,
) -> None:
    index = cycled.root / "artifacts" / "index.html"
    links = _links(index.read_text(encoding="utf-8"))
    for result in (cycled.first, cycled.second):
        report = result.bundle.path / "report.html"
        assert report.relative_to(index.parent).as_posix() in links
        assert result.verdict.sentence in report.read_text(encoding="utf-8")


def _as_json(
    row: dict[str, Any], *, parsed: tuple[str, ...] = (), left_out: tuple[str, ...] = ()
) -> dict[str, Any]:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in left_out
    }
    return values | {name: json.loads(values[name]) for name in parsed}


def _figures(figures: dict[str, Any]) -> Iterator[str]:
    """Names of the values at the leaves."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _figures(value)
        else:
            yield name


def _has_evidence(reward: dict[str, Any]) -> bool:
    return any(component["value"] is not None for component in reward["components"])


def _links(page: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(value for name, value in attrs if name == "href" and value)

    Reader().feed(page)
    return found
