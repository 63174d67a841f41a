"""Logs are found by place, recognized by content, and always in the same order."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.adapters.openclaw_builder import LogBuilder
from tests.shared import shared_path
from tracebridge.adapters.sessions.discover import session_files, state_databases
from tracebridge.adapters.sessions.registry import reader_named, recognize, session_hint
from tracebridge.domain.errors import IngestError

LIVE = ("a.jsonl", "a-topic-7.jsonl", "b.jsonl")
COPIES = (
    "a.checkpoint.9b1d.jsonl",
    "b.jsonl.bak-77-1795237779",
    "b.jsonl.deleted.2026-11-21T05-13-06.603Z",
    "c.jsonl.reset.2026-11-21T05-13-06.603Z",
)
OTHERS = (
    "sessions.json",
    "sessions.json.telegram-sent-messages.json",
    "a.trajectory.jsonl",
    "a.trajectory-path.json",
    "a.jsonl.lock",
    "a.jsonl.deleted.2026-11-21.zst",
    "telegram-reactions.jsonl",
    "notes.md",
)


def fill(folder: Path, names: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in random.Random(5).sample(names, len(names)):
        (folder / name).write_text("{}\n")


def test_live_logs_come_before_copies_and_nothing_else_is_taken(tmp_path: Path) -> None:
    fill(tmp_path / "logs", LIVE + COPIES + OTHERS)
    names = [path.name for path in session_files(tmp_path)]
    assert names == [*sorted(LIVE), *sorted(COPIES)]


def test_of_a_state_folder_only_its_sessions_are_searched(tmp_path: Path) -> None:
    fill(tmp_path / "agents" / "main" / "sessions", LIVE)
    fill(tmp_path / "agents" / "ops" / "sessions", ("z.jsonl",))
    fill(tmp_path / "workspace", ("data.jsonl",))
    (tmp_path / "agents" / "main" / "agent").mkdir()
    names = [path.name for path in session_files(tmp_path)]
    assert names == [*sorted(LIVE), "z.jsonl"]


def test_a_file_that_is_named_is_taken_whatever_its_name(tmp_path: Path) -> None:
    path = LogBuilder().write(tmp_path / "log.txt")
    assert session_files(path) == (path,)


def test_links_and_our_own_folder_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, ("a.jsonl",))
    fill(tmp_path / ".tracebridge", ("x.jsonl",))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "a.jsonl")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [path.name for path in session_files(tmp_path)] == ["a.jsonl"]


def test_a_path_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="there is no such file or folder"):
        session_files(tmp_path / "nowhere")


def test_state_databases_are_found_by_their_place(tmp_path: Path) -> None:
    for folder in ("one/state", "two/state", "two/other"):
        fill(tmp_path / folder, ("openclaw.sqlite",))
    assert [path.parent.parent.name for path in state_databases(tmp_path)] == ["one", "two"]
    assert len(state_databases(tmp_path / "two")) == 1
    assert state_databases(tmp_path / "one" / "state" / "openclaw.sqlite") == ()


@pytest.mark.parametrize(
    ("first_line", "family"),
    [
        ({"type": "user", "uuid": "u", "sessionId": "s"}, "a Claude Code log"),
        ({"type": "summary", "summary": "x", "leafUuid": "u"}, "a Claude Code log"),
        ({"timestamp": "t", "type": "session_meta", "payload": {}}, "a Codex rollout"),
        ({"type": "session", "id": "x", "provider": "p"}, "a pi log of format version 1"),
        ({"resourceSpans": []}, "an OTLP export"),
        ({"traceSchema": "openclaw-trajectory"}, "an OpenClaw trajectory export"),
        ({"update_id": 1}, "no log format that can be read"),
    ],
)
def test_known_families_without_a_reader_are_named(
    tmp_path: Path, first_line: dict[str, object], family: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(first_line) + "\n")
    with pytest.raises(IngestError, match=rf"^x\.jsonl: this (looks like|is) {family}.*\.$"):
        recognize(path)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\n\n")
    with pytest.raises(IngestError, match="the file is empty"):
        recognize(tmp_path / "x.jsonl")


def test_content_decides_never_the_name(tmp_path: Path) -> None:
    assert recognize(LogBuilder().write(tmp_path / "photo.jpg")).name == "openclaw"


def test_a_log_with_a_damaged_header_is_recognized_by_its_links(tmp_path: Path) -> None:
    log = LogBuilder()
    log.user("q")
    log.lines[0] = log.lines[0][:20]
    assert recognize(log.write(tmp_path / "x.jsonl")).name == "openclaw"


def test_an_unknown_format_name_lists_the_known_ones() -> None:
    assert reader_named("openclaw").name == "openclaw"
    with pytest.raises(IngestError, match="choose one of: auto, openclaw"):
        reader_named("floppy")


def test_copies_of_one_session_share_a_hint(tmp_path: Path) -> None:
    first = LogBuilder().write(tmp_path / "a.jsonl")
    copy = LogBuilder().write(tmp_path / "a.checkpoint.1.jsonl")
    other = LogBuilder("other").write(tmp_path / "b.jsonl")
    broken = tmp_path / "c.jsonl"
    broken.write_text("{")
    assert session_hint(first) == session_hint(copy) != session_hint(other)
    assert session_hint(broken) == str(broken)


def test_real_logs_are_recognized() -> None:
    for path in session_files(shared_path("data", "session-logs", "openclaw")):
        assert recognize(path).name == "openclaw"
    for family in ("claude-code", "codex", "pi"):
        for path in session_files(shared_path("data", "session-logs", family)):
            with pytest.raises(IngestError, match="this looks like"):
                recognize(path)
