"""Reactions enter once, harvests are counted by day, and every label walks back to its line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.feedback import update
from tests.workspaces import DAY_1, DAY_2, Cycled, copy_of, rows
from tracebridge.adapters.ledger import ReactionLedger
from tracebridge.cycle import end_of
from tracebridge.domain.errors import IngestError, LabelingError, LedgerError
from tracebridge.operations.feedback import feedback_figures, import_feedback, read_harvests
from tracebridge.operations.labels import explain_label, label_rows
from tracebridge.settings import Settings, load_settings

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    return load_settings(tmp_path)


@pytest.fixture
def updates(tmp_path: Path) -> Path:
    path = tmp_path / "updates.jsonl"
    lines = [update(1, "\N{THUMBS UP SIGN}"), update(2, "\u2764", message_id=104), {"update_id": 3}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{torn\n")
    return path


def test_a_second_import_adds_nothing(fresh: Settings, updates: Path) -> None:
    first = import_feedback(fresh, updates, now=NOON)
    ledger = fresh.ledger_path.read_bytes()
    second = import_feedback(fresh, updates, now=NOON + timedelta(days=1))
    assert (first.new, first.duplicates) == (2, 0)
    assert (second.new, second.duplicates) == (0, 2)
    assert first.lines == second.lines == 4
    assert len(first.quarantined) == 1
    assert fresh.ledger_path.read_bytes() == ledger


def test_the_state_counts_every_harvest_by_its_day(fresh: Settings, updates: Path) -> None:
    for now in (NOON, NOON + timedelta(hours=1), NOON + timedelta(days=2)):
        import_feedback(fresh, updates, now=now)
    state = read_harvests(fresh)
    assert state["last_harvest_at"] == "2026-03-07T12:00:00+00:00"
    assert state["days"] == {
        "2026-03-05": {"runs": 2, "new": 2, "duplicates": 2},
        "2026-03-07": {"runs": 1, "new": 0, "duplicates": 2},
    }


def test_a_harvest_without_a_reaction_counts_as_one(fresh: Settings, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    import_feedback(fresh, empty, now=NOON)
    assert read_harvests(fresh)["days"] == {"2026-03-05": {"runs": 1, "new": 0, "duplicates": 0}}


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_damaged_state_stops_the_import_before_the_ledger(
    fresh: Settings, updates: Path, content: str
) -> None:
    fresh.feedback_folder.mkdir(parents=True)
    fresh.harvester_state_path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(LedgerError, match="restore or remove it"):
        import_feedback(fresh, updates, now=NOON)
    assert not fresh.ledger_path.exists()


def test_a_missing_file_is_named(fresh: Settings, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"gone\.jsonl"):
        import_feedback(fresh, tmp_path / "gone.jsonl", now=NOON)


def test_no_reaction_is_no_zero(fresh: Settings) -> None:
    figures = feedback_figures(fresh, NOON)
    assert figures["labels"] == 0
    assert figures["label_rate"] is None
    assert figures["last_update"] is None


def test_labels_asked_for_are_those_that_the_cycle_sealed(cycled: Cycled) -> None:
    settings = load_settings(cycled.root)
    for day, result in ((DAY_1, cycled.first), (DAY_2, cycled.second)):
        labels, unjoined = label_rows(settings, end_of(day))
        sealed = rows(result.bundle.path, "labels")
        assert {it["label_id"]: it["score"] for it in labels} == {
            it["label_id"]: it["score"] for it in sealed
        }
        figures: dict[str, Any] = feedback_figures(settings, end_of(day))
        assert figures == result.summary["feedback"]
        assert figures["labels"] == len(labels) > 10
        assert sum(figures["unjoined"].values()) == len(unjoined) > 0


def test_a_label_walks_back_to_its_update_and_to_its_line(cycled: Cycled) -> None:
    settings = load_settings(cycled.root)
    until = end_of(DAY_2)
    labels, _ = label_rows(settings, until)
    ledger = {
        line["update_id"]: line
        for line in map(json.loads, settings.ledger_path.read_text().splitlines())
    }
    logs = {path.name: path.read_bytes().splitlines() for path in cycled.root.rglob("*.jsonl")}
    for row in labels[:5]:
        told: dict[str, Any] = explain_label(settings, str(row["label_id"]), until)
        assert (told["score"], told["turn_id"]) == (row["score"], row["turn_id"])
        for entry in told["ledger"]:
            line = ledger[entry["update_id"]]
            assert (line["seq"], line["chat_id"]) == (entry["seq"], row["chat_id"])
            assert line["message_id"] == row["anchor_message_id"]
        answer = line_at(logs, str(told["answer_at"]))
        assert answer["message"]["role"] == "assistant"
        request = line_at(logs, str(told["request_at"]))
        assert str(row["chat_id"]) in json.dumps(request["message"]["content"])


def line_at(logs: dict[str, list[bytes]], ref: str) -> dict[str, dict[str, object]]:
    """The line of a log that ``<file name>:<line>`` names."""
    name, _, number = ref.rpartition(":")
    found: dict[str, dict[str, object]] = json.loads(logs[name][int(number) - 1])
    return found


def test_a_changed_reaction_names_every_change(cycled: Cycled) -> None:
    settings = load_settings(cycled.root)
    chat, message = cycled.world.changed
    scores = []
    for day in (DAY_1, DAY_2):
        labels: Any = label_rows(settings, end_of(day))[0]
        [row] = [it for it in labels if (it["chat_id"], it["anchor_message_id"]) == (chat, message)]
        told: Any = explain_label(settings, row["label_id"], end_of(day))
        scores.append((row["score"], len(told["ledger"])))
    (before, one), (after, two) = scores
    assert (one, two) == (1, 2)
    assert before * after < 0


def test_a_label_that_is_not_there_yet_is_refused(cycled: Cycled) -> None:
    settings = load_settings(cycled.root)
    [late] = [
        str(it["label_id"])
        for it in label_rows(settings, end_of(DAY_2))[0]
        if (it["chat_id"], it["anchor_message_id"]) == cycled.world.late
    ]
    assert explain_label(settings, late, end_of(DAY_2))
    with pytest.raises(LabelingError, match="no label has this id"):
        explain_label(settings, late, end_of(DAY_1))


def test_the_ledger_is_enough_to_make_another_workspace(cycled: Cycled, tmp_path: Path) -> None:
    settings = load_settings(cycled.root)
    other = load_settings(copy_of(cycled.root, tmp_path / "other"))
    other.ledger_path.unlink()
    import_feedback(other, settings.ledger_path, now=NOON)
    told, retold = (
        [
            (it.reaction.update_id, it.reaction.chat_id, it.reaction.message_id, it.reaction.new)
            for it in ReactionLedger(each.ledger_path).entries()
        ]
        for each in (settings, other)
    )
    assert retold == told
    assert len(told) > 10
