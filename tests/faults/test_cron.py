"""As cron runs it: no environment, no terminal, some other folder. And nothing private gets out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.adapters.openclaw_builder import LogBuilder, text
from tests.feedback import update
from tests.workspaces import bundles, command, document, rows
from tracebridge.adapters.tables import read_table
from tracebridge.operations.workspaces import make_workspace

DAY = "2026-11-21"
CRON = {"PATH": "/usr/bin:/bin"}
PERSON = "dana.unheard-of@example.org"
NAME, USER_NAME = "Danaide", "danaide_of_argos"


def secret(place: str) -> str:
    """A key that nobody ever had, another one in each place, so that a leak says where it was."""
    return f"sk-proj-{hashlib.sha256(place.encode()).hexdigest()[:40]}"


PLACES = (
    "request",
    "answer",
    "thinking",
    "argument",
    "name of an argument",
    "result",
    "details",
    "error message",
    "folder",
    "custom entry",
    "custom message",
    "compaction",
    "unknown field",
    "unknown kind",
    "bad line",
    "doubled key",
    "bad time",
    "sender",
)
FIXED = (
    PERSON,
    "+1 415-555-0147",
    "4111 1111 1111 1111",
    "078-05-1120",
    "8391724650:AAF-9s7dkqLx0bXv1uTz5Yw3rQe8nMpHcJk",
    "AKIAIOSFODNN7EXAMPL3",
    "ghp_k3Jd8sLq0vBn5mXz7Rt2Yw9Hc4Gf6Pa1Ue8S",
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A workspace after a day with secrets everywhere, and all that the commands said."""
    root = tmp_path_factory.mktemp("cron") / "workspace"
    make_workspace(root, home=root / "nobody")
    config = 'schema = "tracebridge.config.v1"\n[[sources]]\npath = "logs"\n'
    (root / "tracebridge.toml").write_text(config)
    log = talkative_log()
    log.write(root / "logs" / "session.jsonl")
    reacted = update(
        1,
        "\N{THUMBS UP SIGN}",
        message_id=8,
        user={"id": 500001, "is_bot": False, "first_name": NAME, "username": USER_NAME},
    )
    (root / "logs" / "updates.txt").write_text(json.dumps(reacted) + "\n")
    said = []
    for words in (
        ("feedback", "import", str(root / "logs" / "updates.txt")),
        ("cycle", "run", "--day", DAY),
        ("cycle", "run", "--day", DAY, "--json"),
    ):
        done = command(root, *words, cwd=Path("/"), env=CRON)
        assert done.returncode == 0, done.stderr
        said += [done.stdout, done.stderr]
    return root, said


def talkative_log() -> LogBuilder:
    """A session in which a secret stands wherever a log has room for text."""
    log = LogBuilder()
    log.lines[0] = log.lines[0].replace("/home/demo", f"/home/{secret('folder')}")
    envelope = json.dumps(
        {"chat_id": "telegram:500001", "message_id": "7", "sender": secret("sender")}
    )
    private = " and ".join(FIXED)
    log.user(
        f"Conversation info (untrusted metadata):\n```json\n{envelope}\n```\n\n"
        f"Use {secret('request')} please. {private}"
    )
    log.assistant(
        {"type": "thinking", "thinking": f"They said {secret('thinking')}"},
        {
            "type": "toolCall",
            "id": "call_1",
            "name": "exec",
            "arguments": {
                "command": f"curl -H 'x: {secret('argument')}'",
                secret("name of an argument"): {"deep": [PERSON]},
            },
        },
        stopReason="toolUse",
    )
    log.message(
        "toolResult",
        [text(f"ok {secret('result')} {private}")],
        toolCallId="call_1",
        toolName="exec",
        details={"exitCode": 1, "status": "failed", "note": secret("details")},
        isError=True,
    )
    log.entry("custom", customType="note", data={"kept": secret("custom entry")})
    log.entry("custom_message", customType="note", content=secret("custom message"), display=True)
    log.entry("compaction", summary=f"so far {secret('compaction')}", tokensBefore=10)
    log.entry("never_seen_kind", payload={"text": secret("unknown kind")})
    log.raw(f'{{"type":"message","id":"torn","note":"{secret("bad line")}')
    log.raw(f'{{"type":"custom","id":"d1","id":"{secret("doubled key")}"}}')
    log.raw(json.dumps({"type": "message", "id": "t1", "timestamp": secret("bad time")}))
    log.assistant(
        text(f"Done, I kept {secret('answer')} for you, {PERSON}."),
        errorMessage=f"401 for {secret('error message')}",
        surprise={"here": secret("unknown field")},
    )
    return log


def test_the_day_is_walked_with_an_empty_environment(ran: tuple[Path, list[str]]) -> None:
    root, said = ran
    assert [document(bundle / "manifest.json")["status"] for bundle in bundles(root)] == ["ok"] * 2
    assert "\x1b" not in "".join(said), "nobody watches, so nothing is painted"
    answer = json.loads(said[4])
    assert answer["counts"]["quarantined"] == 3
    assert answer["counts"]["turns"] == 1
    (turn,) = rows(bundles(root)[-1], "turns")
    assert (turn["chat_id"], turn["tool_calls"]) == ("500001", 1)
    told = document(bundles(root)[-1] / "summary.json")
    assert told["feedback"]["labels"] == 1
    assert told["scrubbed"]["SECRET"] > 10


def test_nothing_is_written_outside_of_the_workspace(tmp_path: Path) -> None:
    """Not even where HOME is known: no cache, no settings, no history."""
    root, home = tmp_path / "workspace", tmp_path / "home"
    home.mkdir()
    make_workspace(root, home=home)
    talkative_log().write(root / "logs" / "session.jsonl")
    (root / "tracebridge.toml").write_text('[[sources]]\npath = "logs"\n')
    env = {**CRON, "HOME": str(home), "TMPDIR": str(tmp_path)}
    done = command(root, "cycle", "run", "--day", DAY, cwd=home, env=env)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "workspace"]
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_from_anywhere_in_a_log_is_in_no_file_and_no_output(
    ran: tuple[Path, list[str]], place: str
) -> None:
    root, said = ran
    assert places_of(secret(place), root, said) == []


@pytest.mark.parametrize("value", [*FIXED, NAME, USER_NAME])
def test_private_data_is_in_no_file_and_no_output(ran: tuple[Path, list[str]], value: str) -> None:
    root, said = ran
    assert places_of(value, root, said) == []


def test_the_search_finds_what_is_there(ran: tuple[Path, list[str]]) -> None:
    """In Parquet, in the warehouse, in JSON and on stdout alike."""
    root, said = ran
    (turn,) = rows(bundles(root)[-1], "turns")
    found = places_of(turn["turn_id"], root, said)
    assert {name.rpartition("/")[2] for name in found} >= {
        "turns.parquet",
        "rewards.parquet",
        "messages.jsonl",
        "warehouse.duckdb",
    }
    assert places_of(bundles(root)[-1].name, root, said)[-1] == "output"


def places_of(value: str, root: Path, said: list[str]) -> list[str]:
    """Files of the workspace, logs aside, in which a value stands; and ``output``."""
    found = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "logs" not in path.relative_to(root).parts
        if value.encode() in path.read_bytes() or any(value in cell for cell in _cells(path))
    ]
    found += [path.name for path in root.rglob("*") if value in path.name]
    return [*found, *["output"] * any(value in text for text in said)]


def _cells(path: Path) -> Iterator[str]:
    """What compressed files hold, as text."""
    if path.suffix == ".parquet":
        for row in read_table(path).to_pylist():
            yield repr(_plain(row))
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                for row in connection.execute(f"SELECT * FROM {table}").fetchall():
                    yield repr(row)


def _plain(row: dict[str, Any]) -> list[Any]:
    return list(row.values())
