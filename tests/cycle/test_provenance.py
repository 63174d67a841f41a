"""Every figure walks back by ids alone: verdict, estimate, row, trajectory, turn, event, line."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.workspaces import DAY_1, DAY_2, Cycled, digests, document, lines_of, rows
from tracebridge.domain.replay import Metric, primary_estimator

METRICS = ("outcome", "label", "cost_usd", "latency_s")


def test_every_estimate_counts_the_rows_of_the_replay_set_on_which_its_metric_was_seen(
    cycled: Cycled,
) -> None:
    path = cycled.second.bundle.path
    holdout = [row for row in rows(path, "replay_rows") if row["split"] == "holdout"]
    columns = dict(zip(Metric, METRICS, strict=True))
    seen = {m: sum(row[column] is not None for row in holdout) for m, column in columns.items()}
    checked = 0
    for policy in document(path / "estimates.json")["policies"]:
        metric = Metric(policy["metric"])
        estimate = policy["estimates"][primary_estimator(metric)]
        if "value" in estimate:
            assert estimate["n"] == seen[metric]
            checked += 1
    assert checked >= 3, "somebody must be estimable for this to mean anything"


def test_every_label_walks_back_to_its_update_and_its_line(cycled: Cycled) -> None:
    path = cycled.second.bundle.path
    events = {row["event_id"]: row for row in rows(path, "events")}
    turns = {row["turn_id"]: row for row in rows(path, "turns")}
    updates = {
        update["update_id"]: update["message_reaction"]
        for file in (cycled.root / "updates").iterdir()
        for update in map(json.loads, lines_of(file))
    }
    ledger = {
        entry["update_id"]: entry
        for entry in map(
            json.loads, lines_of(cycled.root / "memory/feedback/telegram-reactions.jsonl")
        )
    }
    delivered = {
        (record["chat_id"], record["message_id"]): record["entry_id"]
        for record in map(json.loads, lines_of(cycled.root / "memory/feedback/deliveries.jsonl"))
    }
    rules = Counter[str]()
    for label in rows(path, "labels"):
        place = (label["chat_id"], label["anchor_message_id"])
        assert label["update_ids"]
        for update_id in label["update_ids"]:
            update, entry = updates[update_id], ledger[update_id]
            assert (str(update["chat"]["id"]), update["message_id"]) == place
            assert (entry["chat_id"], entry["message_id"]) == place
            assert [it["emoji"] for it in update["new_reaction"]] == entry["new"]
        last = updates[label["update_ids"][-1]]
        assert last["new_reaction"] != []
        assert label["reacted_at"] == datetime.fromtimestamp(last["date"], UTC)
        answer = events[turns[label["turn_id"]]["answer_event_id"]]
        line = _line(cycled.root, answer["source_ref"])
        assert line["message"]["role"] == "assistant"
        if label["rule"] == "delivery_map":
            assert delivered[place] == line["id"]
        rules[label["rule"]] += 1
    assert rules["delivery_map"]
    assert rules["bracket"], "some answers have no delivery record"


def test_the_verdict_walks_back_to_lines_of_files_by_ids_alone(cycled: Cycled) -> None:
    path = cycled.second.bundle.path
    verdict = document(path / "summary.json")["verdict"]
    ablation = {row["policy_id"]: row for row in document(path / "ablation.json")["rows"]}
    spoken_of = {reason["check"].removeprefix("candidate ") for reason in verdict["reasons"]}
    assert spoken_of == ablation.keys() - {"baseline"}
    estimated = {policy["policy_id"] for policy in document(path / "estimates.json")["policies"]}
    assert spoken_of <= estimated
    inputs = {
        entry.name: entry
        for entry in cycled.second.bundle.manifest.inputs
        if entry.kind == "session_log"
    }
    events = {row["event_id"]: row for row in rows(path, "events")}
    turns = {row["turn_id"]: row for row in rows(path, "turns")}
    trajectories = {row["turn_id"]: row for row in rows(path, "trajectories")}
    replayed = rows(path, "replay_rows")
    assert replayed
    for row in replayed:
        trajectory, turn = trajectories[row["row_id"]], turns[row["row_id"]]
        assert (trajectory["unit"], trajectory["arm"]) == (row["unit"], row["arm"])
        assert trajectory["propensity"] == row["propensity"]
        of_steps = {event_id for step in trajectory["steps"] for event_id in step["event_ids"]}
        for event_id in {turn["request_event_id"], turn["answer_event_id"], *of_steps} - {None}:
            event = events[event_id]
            assert event["session_id"] == turn["session_id"]
            assert event["source_ref"].rpartition(":")[0] in inputs
            line = _line(cycled.root, event["source_ref"])
            assert line["id"] == json.loads(event["attrs"])["entry_id"]


def test_every_arm_of_the_replay_set_is_what_the_router_wrote_down(cycled: Cycled) -> None:
    decided = {
        decision["decision_id"]: decision
        for day in (DAY_1, DAY_2)
        for decision in map(json.loads, lines_of(cycled.root / f"memory/decisions/{day}.jsonl"))
    }
    known = [
        row
        for row in rows(cycled.second.bundle.path, "trajectories")
        if row["decision_id"] is not None
    ]
    assert len(known) > 100
    for row in known:
        decision = decided[row["decision_id"]]
        assert (row["arm"], row["propensity"]) == (decision["arm"], decision["propensity"])
        assert row["propensity_provenance"] == "logged"
        assert json.loads(row["context"]) == decision["context"]


def test_every_input_is_named_by_the_digest_of_what_lies_there(cycled: Cycled) -> None:
    by_kind = Counter(entry.kind for entry in cycled.second.bundle.manifest.inputs)
    assert by_kind.keys() == {
        "session_log",
        "ledger",
        "deliveries",
        "decisions",
        "config",
        "mapping",
        "policy",
        "rewards",
    }
    lying = {digest: name for name, digest in digests(cycled.root).items()}
    assert {entry.sha256 for entry in cycled.second.bundle.manifest.inputs} <= lying.keys()


def _line(root: Path, source_ref: str) -> dict[str, Any]:
    name, _, number = source_ref.rpartition(":")
    (file,) = (root / "openclaw").rglob(name)
    line: dict[str, Any] = json.loads(file.read_bytes().split(b"\n")[int(number) - 1])
    return line
