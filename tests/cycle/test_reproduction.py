"""A bundle can be made again, anywhere and later; and whatever was touched is found."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import pytest

from tests.workspaces import (
    BUNDLES,
    DAY_1,
    DAY_2,
    Cycled,
    bundles,
    command,
    copy_of,
    document,
    is_one_sentence,
    lines_of,
    run_day,
)
from tracebridge.adapters.bundles import verify
from tracebridge.operations.reproduction import reproduce
from tracebridge.settings import load_settings

FLIPPED = (
    "manifest.json",
    "events.parquet",
    "replay_rows.parquet",
    "estimates.json",
    "summary.json",
    "report.html",
    "events.jsonl",
    "exports/messages.jsonl",
    "inputs/tracebridge.toml",
)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Caracas"])
def test_a_bundle_is_made_again_in_any_time_zone_and_working_folder(
    cycled: Cycled, tmp_path: Path, zone: str
) -> None:
    made = command(
        cycled.root,
        "bundle",
        "reproduce",
        str(cycled.second.bundle.path),
        "--json",
        cwd=tmp_path,
        env={**os.environ, "TZ": zone, "PYTHONHASHSEED": str(len(zone))},
    )
    assert (made.returncode, made.stderr) == (0, "")
    answer = json.loads(made.stdout)
    assert answer["identical"] is True
    assert answer["mismatches"] == []
    assert list(tmp_path.iterdir()) == []


def test_a_cycle_itself_does_not_depend_on_zone_folder_or_hash_seed(
    cycled: Cycled, tmp_path: Path
) -> None:
    root = copy_of(cycled.world.root, tmp_path / "elsewhere" / "workspace")
    env = {**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711", "LC_ALL": "C"}
    made = command(root, "cycle", "run", "--day", str(DAY_2), cwd=tmp_path, env=env)
    assert made.returncode == 0, made.stderr
    (bundle,) = bundles(root)
    differences = _differences(bundle, cycled.second.bundle.path)
    assert differences == {"manifest.json: parents"}, "one of them follows the first day's"


def test_a_bundle_is_made_again_after_logs_ledger_map_and_decisions_have_grown(
    cycled: Cycled, tmp_path: Path
) -> None:
    root = copy_of(cycled.root, tmp_path / "workspace")
    for file in (
        *(root / "openclaw").rglob("*.jsonl"),
        root / "memory" / "feedback" / "deliveries.jsonl",
        root / "memory" / "decisions" / f"{DAY_1}.jsonl",
    ):
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join([*lines, lines[-1]]))
    _react_once_more(root)
    made = command(root, "bundle", "reproduce", str(root / BUNDLES / _name(cycled, DAY_1)))
    assert (made.returncode, made.stderr) == (0, ""), made.stdout


def test_logs_that_moved_are_found_by_digest_where_the_owner_points(
    cycled: Cycled, tmp_path: Path
) -> None:
    root = copy_of(cycled.root, tmp_path / "workspace")
    (root / "openclaw").rename(tmp_path / "archive")
    bundle = root / BUNDLES / _name(cycled, DAY_1)
    lost = command(root, "bundle", "reproduce", str(bundle))
    assert lost.returncode == 3
    assert is_one_sentence(lost.stderr)
    assert "--source" in lost.stderr
    assert reproduce(load_settings(root), bundle, extra_sources=[tmp_path / "archive"]) == ()


@pytest.mark.parametrize("kind", ["log", "ledger"])
def test_an_input_that_was_changed_is_named_and_nothing_is_claimed(
    cycled: Cycled, tmp_path: Path, kind: str
) -> None:
    root = copy_of(cycled.root, tmp_path / "workspace")
    file = root / "memory" / "feedback" / "telegram-reactions.jsonl"
    if kind == "log":
        file = max((root / "openclaw").rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    made = command(root, "bundle", "reproduce", str(root / BUNDLES / _name(cycled, DAY_2)))
    assert made.returncode == 3
    assert is_one_sentence(made.stderr)
    assert file.name in made.stderr
    assert made.stdout == ""


@pytest.mark.parametrize("name", FLIPPED)
def test_one_flipped_bit_anywhere_is_found(cycled: Cycled, tmp_path: Path, name: str) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(cycled.second.bundle.path, bundle)
    assert verify(bundle) == ()
    sound = (bundle / name).read_bytes()
    chance = Random(name)
    places = {0, len(sound) - 1, *(chance.randrange(len(sound)) for _ in range(10))}
    for place in sorted(places):
        flipped = bytearray(sound)
        flipped[place] ^= 1 << chance.randrange(8)
        (bundle / name).write_bytes(flipped)
        assert name in {found.path for found in verify(bundle)}, f"byte {place} of {name}"
    (bundle / name).write_bytes(sound)
    assert verify(bundle) == ()


def test_a_touched_bundle_is_neither_verified_nor_made_again(
    cycled: Cycled, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(cycled.first.bundle.path, bundle)
    data = bytearray((bundle / "labels.parquet").read_bytes())
    data[100] ^= 255
    (bundle / "labels.parquet").write_bytes(data)
    for act in ("verify", "reproduce"):
        made = command(cycled.root, "bundle", act, str(bundle), "--json")
        assert made.returncode == 1
        assert [it["path"] for it in json.loads(made.stdout)["mismatches"]] == ["labels.parquet"]


def equal_and_partial_copies(root: Path) -> None:
    """As a backup folder among the sources holds them: one whole log, and the start of another."""
    logs = sorted((root / "openclaw").rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    backup = root / "backup"
    backup.mkdir()
    shutil.copy(logs[-1], backup)
    (backup / logs[-2].name).write_bytes(b"".join(_first_half(logs[-2])))
    config = root / "tracebridge.toml"
    config.write_text(config.read_text() + '\n[[sources]]\npath = "backup"\n')


def no_policies(root: Path) -> None:
    for file in (root / "policies").iterdir():
        file.unlink()


def a_broken_header_and_a_torn_tail(root: Path) -> None:
    first, second, *_ = sorted((root / "openclaw").rglob("*.jsonl"))
    first.write_bytes(b"{" + first.read_bytes())
    second.write_bytes(second.read_bytes().rstrip(b"\n")[:-5])


def one_owner(root: Path) -> None:
    config = root / "tracebridge.toml"
    config.write_text(config.read_text().replace('unit = "chat"', 'unit = "episode"'))


@pytest.mark.parametrize(
    "change",
    [equal_and_partial_copies, no_policies, a_broken_header_and_a_torn_tail, one_owner],
)
def test_bundles_of_odd_workspaces_are_made_again_too(
    cycled: Cycled, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    root = copy_of(cycled.world.root, tmp_path / "workspace")
    change(root)
    bundle = run_day(root, DAY_2).bundle
    assert bundle.manifest.status == "ok"
    assert reproduce(load_settings(root), bundle.path) == ()
    counts = document(bundle.path / "summary.json")["counts"]
    classes = ("imported", "quarantined", "skipped", "duplicates")
    assert counts["lines"] == sum(counts[name] for name in classes)


def test_copies_of_a_log_add_lines_but_no_event(cycled: Cycled, tmp_path: Path) -> None:
    root = copy_of(cycled.world.root, tmp_path / "workspace")
    equal_and_partial_copies(root)
    copied = document(run_day(root, DAY_2).bundle.path / "summary.json")["counts"]
    plain = document(cycled.second.bundle.path / "summary.json")["counts"]
    same = ("events", "sessions", "turns", "steps", "tool_calls", "episodes")
    assert {name: copied[name] for name in same} == {name: plain[name] for name in same}
    assert copied["files"] == plain["files"] + 2
    assert copied["duplicates"] == copied["lines"] - plain["lines"] - _bad_copies(root) > 0


def _bad_copies(root: Path) -> int:
    """Unreadable lines of the copies: they are quarantined again, being lines of another file."""
    lines = [line for file in (root / "backup").iterdir() for line in lines_of(file)]
    return sum(not _is_json(line) for line in lines)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _first_half(log: Path) -> list[bytes]:
    lines = log.read_bytes().splitlines(keepends=True)
    return lines[: len(lines) // 2]


def _differences(first: Path, second: Path) -> set[str]:
    from tracebridge.adapters.bundles import compare

    return {f"{found.path}: {found.what}" for found in compare(first, second)}


def _name(cycled: Cycled, day: date) -> str:
    result = cycled.first if day == DAY_1 else cycled.second
    return result.bundle.path.name


def _react_once_more(root: Path) -> None:
    """A harvest after the cycle: a new line at the end of the ledger, dated before its day's end."""
    updates = root / "updates" / f"{DAY_1}.jsonl"
    update = json.loads(next(lines_of(updates)))
    update["update_id"] += 5_000_000
    update["message_reaction"]["new_reaction"] = []
    more = root / "more.jsonl"
    more.write_text(json.dumps(update) + "\n", encoding="utf-8")
    assert command(root, "feedback", "import", str(more)).returncode == 0
