"""A day is what it was: later events, later reactions and another run of it change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.workspaces import (
    BUNDLES,
    DAY_1,
    DAY_2,
    PARQUET_FILES,
    Cycled,
    artifacts,
    bundles,
    copy_of,
    document,
    lines_of,
    rows,
    run_day,
)
from tracebridge.adapters.bundles import compare
from tracebridge.cycle import end_of


def test_labels_follow_every_change_of_mind_and_none_is_of_the_future(cycled: Cycled) -> None:
    world = cycled.world
    first, second = (
        {(row["chat_id"], row["anchor_message_id"]): row for row in rows(path, "labels")}
        for path in (cycled.first.bundle.path, cycled.second.bundle.path)
    )
    assert world.withdrawn not in first.keys() | second.keys()
    assert world.changed in first.keys() & second.keys()
    assert first[world.changed]["score"] * second[world.changed]["score"] < 0
    assert world.withdrawn_later in first
    assert world.withdrawn_later not in second
    assert world.late not in first
    assert second[world.late]["score"] > 0
    told = document(cycled.second.bundle.path / "summary.json")["feedback"]
    assert told["unjoined"]["withdrawn"] == 2
    for row, path in ((first, cycled.first), (second, cycled.second)):
        until = end_of(datetime.fromisoformat(path.bundle.manifest.day).date())
        assert all(label["reacted_at"] < until for label in row.values())


def test_the_day_is_the_same_whether_or_not_the_next_one_has_happened(
    cycled: Cycled, tmp_path: Path
) -> None:
    """The first day's cycle ran over logs, map and ledger that already knew the second."""
    root = copy_of(cycled.world.root, tmp_path / "workspace")
    _forget_second_day(root)
    alone = run_day(root, DAY_1).bundle.path
    found, expected = artifacts(alone), artifacts(cycled.first.bundle.path)
    same = {f"{name}.parquet" for name in PARQUET_FILES} | {"estimates.json", "ablation.json"}
    same |= {name for name in expected if name.startswith("exports/")}
    assert {name: found[name] for name in same} == {name: expected[name] for name in same}


def test_the_same_day_twice_makes_two_bundles_with_the_same_artifacts(
    cycled: Cycled, tmp_path: Path
) -> None:
    root = copy_of(cycled.root, tmp_path / "workspace")
    again = run_day(root, DAY_2).bundle
    first = root / BUNDLES / cycled.second.bundle.path.name
    assert again.path != first
    assert len(bundles(root)) == 3
    assert [(it.path, it.what) for it in compare(first, again.path)] == [
        ("manifest.json", "parents")
    ]
    assert again.manifest.parents == (first.name,)
    assert artifacts(again.path) == artifacts(first)


def test_another_seed_is_another_replay_set(cycled: Cycled, tmp_path: Path) -> None:
    root = copy_of(cycled.world.root, tmp_path / "workspace")
    config = root / "tracebridge.toml"
    config.write_text(config.read_text().replace("seed = 7", "seed = 8"))
    manifest = run_day(root, DAY_2).bundle.manifest
    other = document(root / BUNDLES / manifest.bundle_id / "summary.json")
    mine = document(cycled.second.bundle.path / "summary.json")
    assert manifest.seed == other["seed"] == 8
    assert other["replay_set"]["digest"] != mine["replay_set"]["digest"]
    assert other["counts"] == mine["counts"]


def test_what_the_router_decides_while_the_cycle_runs_is_not_in_it(
    cycled: Cycled, tmp_path: Path
) -> None:
    """Not in its figures and not in the inputs it names, so that it can be made again."""
    root = copy_of(cycled.world.root, tmp_path / "workspace")
    file = root / "memory" / "decisions" / f"{DAY_2}.jsonl"

    def call(name: str, work: Callable[[], Any]) -> Any:
        if name in {"assemble", "replay_set"}:
            with file.open("ab") as opened:
                opened.write(file.read_bytes().splitlines(keepends=True)[-1])
        return work()

    busy = run_day(root, DAY_2, call=call).bundle
    (named,) = (it for it in busy.manifest.inputs if it.name == file.name)
    (quiet,) = (it for it in cycled.second.bundle.manifest.inputs if it.name == file.name)
    assert named == quiet
    assert file.stat().st_size > named.size_bytes
    assert artifacts(busy.path) == artifacts(cycled.second.bundle.path)


def _forget_second_day(root: Path) -> None:
    """Cut logs, decisions and ledger back to what they were when the first day ended."""
    for file in (root / "openclaw").rglob("*.jsonl"):
        kept = [line for line in lines_of(file) if str(DAY_2).encode() not in line[:400]]
        file.unlink()
        if len(kept) > 3:
            file.write_bytes(b"".join(line + b"\n" for line in kept))
    (root / "memory" / "decisions" / f"{DAY_2}.jsonl").unlink()
    ledger = root / "memory" / "feedback" / "telegram-reactions.jsonl"
    kept = [line for line in lines_of(ledger) if json.loads(line)["date"] < str(DAY_2)]
    ledger.write_bytes(b"".join(line + b"\n" for line in kept))
