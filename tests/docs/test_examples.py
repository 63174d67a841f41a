"""What the pages show really runs, and shows what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import blocks_of, name_of, pages, table_rows
from tests.shared import REPOSITORY

RUNNABLE = [page for page in pages() if any(block.is_runnable for block in blocks_of(page))]
WILDCARD = "…"


def environment(home: Path) -> dict[str, str]:
    """As cron gives it: next to nothing."""
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(home)}


def run(script: str, folder: Path) -> str:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}"
    return done.stdout


def missing_line(shown: list[str], output: str) -> str | None:
    """The first of the lines shown that the output does not hold, in order; spacing is free."""
    left = iter(" ".join(line.split()) for line in output.splitlines())
    for line in shown:
        parts = " ".join(line.split()).split(WILDCARD)
        pattern = ".*".join(re.escape(part) for part in parts)
        if not any(re.fullmatch(pattern, it) for it in left):
            return line
    return None


def test_some_pages_have_runnable_blocks() -> None:
    assert len(RUNNABLE) >= 3


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
def test_runnable_blocks_run_and_show_what_they_say(page: Path, tmp_path: Path) -> None:
    """Blocks of a page share one folder and one shell, in order."""
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    blocks = [block for block in blocks_of(page) if block.is_runnable]
    commands, shown = [], []
    for block in blocks:
        has_prompts = any(line.startswith("$ ") for line in block.lines)
        for line in block.lines:
            if line.startswith("$ ") or not has_prompts:
                commands.append(line.removeprefix("$ "))
            elif line.strip():
                shown.append(line.rstrip())
    assert commands
    output = run("\n".join(commands), tmp_path)
    missing = missing_line(shown, output)
    assert missing is None, f"{missing!r} is not (there) in:\n{output}"


def test_a_changed_output_would_be_found() -> None:
    output = "one   1\ntwo 2\n"
    assert missing_line(["one …", "two 2"], output) is None
    assert missing_line(["two 2", "one 1"], output) == "one 1"
    assert missing_line(["two 3"], output) == "two 3"


@pytest.fixture(scope="module")
def first_week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first-week")
    run(f"{REPOSITORY / 'examples' / 'first-week.sh'} week", folder)
    return folder / "week"


@pytest.fixture(scope="module")
def bundle(first_week: Path) -> Path:
    [path] = (first_week / "artifacts" / "phase1-shadow").iterdir()
    return path


def document(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_the_first_week_gives_what_its_page_says(bundle: Path) -> None:
    summary = document(bundle / "summary.json")
    assert summary["status"] == "ok"
    assert summary["counts"]["lines"] == 66
    assert summary["quarantined_by_reason"] == {"not_json": 1}
    assert summary["scrubbed"] == {"EMAIL": 1, "PHONE": 1}
    assert summary["turn_status"]["aborted"] == 1
    assert summary["triggers"] == {"heartbeat": 1, "person": 12}
    feedback = summary["feedback"]
    assert feedback["harvested"] == 13
    assert (feedback["batch"], feedback["chunk"]) == (6, 1)
    assert feedback["by_score"] == {"+1": 3, "+2": 2, "-1": 2}
    assert feedback["by_rule"] == {"bracket": 6, "open_bracket": 1}
    assert feedback["unjoined"] == {
        "acknowledgement": 1,
        "unmapped": 1,
        "user_message": 1,
        "withdrawn": 1,
    }
    assert summary["verdict"]["outcome"] == "insufficient_evidence"


def test_the_first_week_keeps_no_private_data(bundle: Path) -> None:
    exported = b"".join(path.read_bytes() for path in sorted((bundle / "exports").iterdir()))
    assert b"[EMAIL]" in exported
    assert b"[PHONE]" in exported
    assert b"mira.demo@example.org" not in exported
    assert b"555-0142" not in exported


def test_the_cycle_page_names_the_files_of_a_bundle(bundle: Path) -> None:
    manifest = document(bundle / "manifest.json")
    written = {entry["path"] for entry in manifest["files"]}
    written = {name for name in written if not name.startswith("inputs/")}
    page = REPOSITORY / "docs" / "10-cycle.md"
    of_steps = [row[4] for row in table_rows(page) if row[0].isdigit()]
    documented = {name for cell in of_steps for name in re.findall(r"`([\w./]+\.\w+)`", cell)}
    assert documented | {"events.jsonl"} == written
    unmarked = {entry["path"] for entry in manifest["files"] if not entry["reproducible"]}
    assert unmarked == {"events.jsonl"}
