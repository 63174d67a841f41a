from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.agent_lightning_turns import REWARDS, TRAJECTORIES, split_of
from tracebridge.adapters.agent_lightning import consumer
from tracebridge.adapters.agent_lightning.consumer import (
    check_exports,
    installed_schemas,
    raise_on_problems,
)
from tracebridge.adapters.agent_lightning.export import write_exports
from tracebridge.domain.errors import ConsumerError

MESSAGES, TRIPLETS, EVENTS = "messages.jsonl", "triplets.jsonl", "rollout_events.jsonl"


class Exported:
    """A folder of sound exports in which one row can be spoiled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts = write_exports(folder, TRAJECTORIES, REWARDS, split_of=split_of)

    def spoil(self, name: str, line: int, change: Callable[[Any], object]) -> None:
        lines = (self.folder / name).read_text(encoding="utf-8").splitlines()
        row = json.loads(lines[line - 1])
        change(row)
        lines[line - 1] = json.dumps(row)
        self.replace(name, "".join(text + "\n" for text in lines))

    def replace(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def problems(self) -> list[str]:
        return [str(problem) for problem in check_exports(self.folder, self.counts).problems]


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    return Exported(tmp_path)


def test_a_sound_export_is_read_whole_by_the_package_schemas(exported: Exported) -> None:
    report = check_exports(exported.folder, exported.counts, turn_ids=[*_turn_ids()])
    assert report.problems == ()
    assert report.rows == exported.counts
    assert report.schemas.startswith("agentlightning 1.")
    assert "no gradient row" in json.dumps(report.to_json())
    raise_on_problems(report)


def _turn_ids() -> list[str]:
    return [each.turn.turn_id for each in TRAJECTORIES]


SPOILED = (
    (TRIPLETS, 2, lambda row: row.update(reward=True), "triplets.jsonl:2: reward is not a finite"),
    (TRIPLETS, 1, lambda row: row.update(reward="0.75"), "triplets.jsonl:1: reward is not a fin"),
    (TRIPLETS, 1, lambda row: row.pop("reward"), "triplets.jsonl:1: reward is not a finite"),
    (TRIPLETS, 1, lambda row: row.update(reward=1.5), "triplets.jsonl:1: reward is outside"),
    (TRIPLETS, 1, lambda row: row.update(reward=0.5), "triplets.jsonl:1: reward differs from"),
    (TRIPLETS, 1, lambda row: row.update(response=" "), "triplets.jsonl:1: response is not"),
    (TRIPLETS, 1, lambda row: row.update(metadata=None), "triplets.jsonl:1: metadata is not"),
    (TRIPLETS, 1, lambda row: row.update(turn_id="tn_other"), "triplets.jsonl:2: turn_id repeats"),
    (MESSAGES, 1, lambda row: row.update(reward=False), "messages.jsonl:1: reward is not a finite"),
    (MESSAGES, 1, lambda row: row.pop("label"), "messages.jsonl:1: label is not a finite"),
    (MESSAGES, 1, lambda row: row.update(split="test"), "messages.jsonl:1: split is neither"),
    (MESSAGES, 2, lambda row: row.update(turn_id="tn_tools"), "messages.jsonl:2: turn_id repeats"),
    (MESSAGES, 1, lambda row: row.update(messages=[]), "messages.jsonl:1: messages is not a list"),
    (
        MESSAGES,
        2,
        lambda row: row["messages"].reverse(),
        "messages.jsonl:2: messages[0].role 'assistant' cannot follow the start",
    ),
    (
        MESSAGES,
        2,
        lambda row: row["messages"].pop(),
        "messages.jsonl:2: messages[0].role is not the assistant's answer",
    ),
    (
        MESSAGES,
        2,
        lambda row: row["messages"][1].update(content=""),
        "messages.jsonl:2: messages[1].content is empty",
    ),
    (
        MESSAGES,
        1,
        lambda row: row["messages"].pop(2),
        "messages.jsonl:1: messages[2].role 'assistant' cannot follow assistant",
    ),
    (
        MESSAGES,
        1,
        lambda row: row["messages"][2].update(tool_call_id="other"),
        "messages.jsonl:1: messages[2].tool_call_id answers no open call",
    ),
    (
        MESSAGES,
        1,
        lambda row: row["messages"][1]["tool_calls"][0]["function"].update(arguments="{"),
        "messages.jsonl:1: messages[1].tool_calls have arguments that are not JSON",
    ),
    (
        EVENTS,
        1,
        lambda row: row["events"][-1]["data"].update(value=True),
        "rollout_events.jsonl:1: events[4].data.value is not a finite number (bool)",
    ),
    (
        EVENTS,
        1,
        lambda row: row["events"].insert(0, row["events"].pop()),
        "rollout_events.jsonl:1: events hold a reward that is not the last event",
    ),
    (
        EVENTS,
        1,
        lambda row: row["events"][0]["data"].update(recorded_at="2026-03-01T09:00:00"),
        "rollout_events.jsonl:1: events[0].data.recorded_at is not a UTC time",
    ),
    (
        EVENTS,
        1,
        lambda row: row["rollout"].update(is_train=False),
        "rollout_events.jsonl:1: rollout.is_train contradicts the split",
    ),
    (
        EVENTS,
        1,
        lambda row: row["rollout"].update(config="later"),
        "rollout_events.jsonl:1: rollout.config is refused by the trainer's schema",
    ),
    (
        EVENTS,
        1,
        lambda row: row["events"][0]["data"].pop("response"),
        "rollout_events.jsonl:1: events[0].data.response is refused by the trainer's schema",
    ),
    (EVENTS, 1, lambda row: row.update(state="running"), "rollout_events.jsonl:1: state is not"),
    (EVENTS, 1, lambda row: row.update(attempt_id="1"), "rollout_events.jsonl:1: attempt_id is"),
    (EVENTS, 1, lambda row: row["events"].clear(), "rollout_events.jsonl:1: events is not a list"),
)


@pytest.mark.parametrize(("name", "line", "change", "problem"), SPOILED)
def test_one_spoiled_row_is_refused_by_file_line_and_field(
    exported: Exported, name: str, line: int, change: Callable[[Any], object], problem: str
) -> None:
    exported.spoil(name, line, change)
    assert any(found.startswith(problem) for found in exported.problems()), exported.problems()


@pytest.mark.parametrize(
    "line",
    ["", "[]", "{", '{"turn_id":"a","turn_id":"b"}', '{"turn_id":"a","reward":NaN}', "\ud800"],
)
def test_a_line_that_is_no_strict_object_is_refused(exported: Exported, line: str) -> None:
    (exported.folder / MESSAGES).write_bytes(line.encode("utf-8", "surrogatepass") + b"\n")
    assert exported.problems()[0].startswith("messages.jsonl:1: line is not")


def test_an_unterminated_line_is_refused(exported: Exported) -> None:
    path = exported.folder / TRIPLETS
    path.write_bytes(path.read_bytes()[:-1])
    assert exported.problems() == ["triplets.jsonl:2: line is not terminated"]


def test_a_lost_row_is_missed_by_count_and_by_turn(exported: Exported) -> None:
    lines = (exported.folder / TRIPLETS).read_text().splitlines()
    exported.replace(TRIPLETS, lines[0] + "\n")
    assert exported.problems() == [
        "triplets.jsonl: rows are 1 where the export counted 2",
        "messages.jsonl:3: turn_id has no row in triplets.jsonl",
    ]


def test_a_lost_file_is_missed(exported: Exported) -> None:
    (exported.folder / EVENTS).unlink()
    assert "rollout_events.jsonl: file is missing" in exported.problems()


def test_a_triplet_of_an_unrewarded_turn_is_refused(exported: Exported) -> None:
    exported.spoil(MESSAGES, 1, lambda row: row.update(reward=None))
    assert "triplets.jsonl:1: turn_id has no rewarded row in messages.jsonl" in exported.problems()


def test_a_turn_that_nobody_knows_is_refused(exported: Exported) -> None:
    known = [turn_id for turn_id in _turn_ids() if turn_id != "tn_other"]
    report = check_exports(exported.folder, exported.counts, turn_ids=known)
    assert {problem.file for problem in report.problems} == {MESSAGES, TRIPLETS, EVENTS}
    assert all(problem.what == "is a turn that nobody knows" for problem in report.problems)


def test_without_the_package_its_schemas_are_said_to_be_absent(exported: Exported) -> None:
    report = check_exports(exported.folder, exported.counts, schemas={})
    assert (report.schemas, report.problems) == ("absent", ())


def test_problems_are_cut_but_counted(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "MAX_PROBLEMS", 2)
    exported.replace(MESSAGES, "[]\n" * 5)
    report = check_exports(exported.folder, exported.counts)
    assert len(report.problems) == 2
    assert report.refused > 5


def test_problems_raise_with_the_first_of_them(exported: Exported) -> None:
    exported.spoil(TRIPLETS, 2, lambda row: row.update(reward=True))
    with pytest.raises(ConsumerError, match=r"triplets.jsonl:2: reward"):
        raise_on_problems(check_exports(exported.folder, exported.counts))


def test_a_folder_without_exports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConsumerError, match="holds no exports"):
        check_exports(tmp_path, {})


def test_no_problem_shows_any_of_the_content(exported: Exported) -> None:
    exported.spoil(EVENTS, 1, lambda row: row["rollout"].update(config="planted content"))
    assert "planted" not in "".join(exported.problems())


def test_the_package_schemas_are_there() -> None:
    assert set(installed_schemas()) == {EVENTS}
