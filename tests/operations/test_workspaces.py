"""A workspace is made once, finds what is there, and the doctor says what is wrong with it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.feedback import reaction
from tests.workspaces import DAY_1, DAY_2, Cycled, copy_of, digests
from tracebridge.adapters.ledger import ReactionLedger
from tracebridge.adapters.schemas import violations
from tracebridge.canary.stages import explore
from tracebridge.cycle import end_of
from tracebridge.domain.verdict import CheckResult
from tracebridge.operations.doctor import Examined, examine
from tracebridge.operations.workspaces import FoundLogs, find_logs, make_workspace
from tracebridge.replay.policies import BASELINE
from tracebridge.settings import load_settings
from tracebridge.wiring import mapping_of, policies_of, profile_of, small_inputs

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with logs of two agents and an empty folder of a third."""
    root = tmp_path / "home"
    for name in (
        ".openclaw/agents/main/sessions/a.jsonl",
        ".openclaw/agents/main/sessions/b.jsonl.reset.2026-03-01",
        ".openclaw/agents/side/sessions/c.jsonl",
        ".codex/sessions/2026/03/01/rollout.jsonl",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / ".claude" / "projects").mkdir(parents=True)
    return root


def test_init_writes_nothing_twice(tmp_path: Path, home: Path) -> None:
    root = tmp_path / "workspace"
    made = make_workspace(root, home=home)
    before = digests(root)
    assert sorted(before) == sorted(made)
    assert make_workspace(root, home=home) == []
    assert digests(root) == before


def test_init_keeps_what_the_owner_changed_and_adds_what_is_missing(
    tmp_path: Path, home: Path
) -> None:
    make_workspace(tmp_path, home=home)
    config = tmp_path / "tracebridge.toml"
    config.write_text("seed = 3\n")
    (tmp_path / "rewards" / "general.toml").unlink()
    assert make_workspace(tmp_path, home=home) == ["rewards/general.toml"]
    assert config.read_text() == "seed = 3\n"


def test_a_new_workspace_reads_the_logs_that_were_found(tmp_path: Path, home: Path) -> None:
    root = tmp_path / "workspace"
    make_workspace(root, home=home)
    settings = load_settings(root)
    assert [source.path for source in settings.sources] == [home / ".openclaw"]
    assert violations("config", tomllib.loads((root / "tracebridge.toml").read_text())) == ()


def test_a_new_workspace_stands_without_any_log(tmp_path: Path) -> None:
    make_workspace(tmp_path, home=tmp_path / "nobody")
    settings = load_settings(tmp_path)
    copies = small_inputs(settings)
    assert settings.sources == ()
    assert len(policies_of(copies)) > 1
    assert profile_of(settings, copies).name == settings.reward_profile
    assert mapping_of(settings).scores == json.loads(settings.mapping_path.read_text())


def test_logs_are_found_by_agent_and_empty_folders_are_not(home: Path) -> None:
    assert find_logs(home) == [
        FoundLogs(home / ".openclaw/agents", "openclaw", 3),
        FoundLogs(home / ".codex/sessions", "codex", 1),
    ]


def examined(root: Path, *, now: datetime = NOW) -> dict[str, Examined]:
    return {it.check: it for it in examine(root, root / "nobody", now)}


def failed(root: Path) -> set[str]:
    return {name for name, it in examined(root).items() if it.result is CheckResult.FAIL}


def test_a_sound_workspace_fails_nothing_and_is_not_touched(cycled: Cycled) -> None:
    before = digests(cycled.root)
    found = examined(cycled.root, now=end_of(DAY_2) + timedelta(hours=1))
    assert {it.result for it in found.values()} == {CheckResult.PASS, CheckResult.UNKNOWN}
    assert found["agent logs here"].result is CheckResult.UNKNOWN
    assert found["rollout"].measured == "explore"
    assert int(found["reaction ledger"].measured.split()[0]) > 10
    assert int(found["delivery records"].measured.split()[0]) > 100
    assert digests(cycled.root) == before


def write(name: str, content: str) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return damage


@pytest.mark.parametrize(
    ("damage", "checks"),
    [
        (write("tracebridge.toml", "sead = 3"), {"tracebridge.toml"}),
        (write("tracebridge.toml", "seed ="), {"tracebridge.toml"}),
        (write("tracebridge.toml", '[[sources]]\npath = "gone"'), {"source"}),
        (write("policies/x.toml", "policy_id = 3"), {"policies and rewards"}),
        (write("rewards/general.toml", "x = 1"), {"policies and rewards"}),
        (write("memory/feedback/reaction-mapping.json", "{"), {"emoji mapping"}),
        (write("memory/feedback/telegram-reactions.jsonl", "{}\n"), {"reaction ledger"}),
        (write("memory/feedback/deliveries.jsonl", "{}\n"), {"delivery records"}),
        (write("memory/decisions/2026-03-02.jsonl", "{}\n"), {"decisions"}),
        (write(".tracebridge/store/index.json", "{"), {"stored logs"}),
        (write("rollout/live.json", "{"), {"rollout"}),
    ],
)
def test_each_defect_is_found_with_its_mend_and_hides_no_other(
    tmp_path: Path, damage: Callable[[Path], None], checks: set[str]
) -> None:
    make_workspace(tmp_path, home=tmp_path / "nobody")
    assert failed(tmp_path) == set()
    damage(tmp_path)
    assert failed(tmp_path) == checks
    assert all(examined(tmp_path)[check].mend for check in checks)


def test_every_defect_at_once_is_told_at_once(tmp_path: Path) -> None:
    make_workspace(tmp_path, home=tmp_path / "nobody")
    for name in ("policies/x.toml", "rollout/live.json", "memory/feedback/deliveries.jsonl"):
        write(name, "{\n")(tmp_path)
    assert failed(tmp_path) == {"policies and rewards", "rollout", "delivery records"}


def test_a_missing_workspace_is_unknown_and_a_file_in_its_place_fails(tmp_path: Path) -> None:
    missing = examined(tmp_path / "none")["workspace"]
    assert missing.result is CheckResult.UNKNOWN
    assert "tracebridge init" in missing.mend
    (tmp_path / "file").touch()
    assert examined(tmp_path / "file")["workspace"].result is CheckResult.FAIL


def test_a_broken_history_of_the_rollout_fails(cycled: Cycled, tmp_path: Path) -> None:
    root = copy_of(cycled.root, tmp_path / "workspace")
    history = root / "rollout" / "history.jsonl"
    history.write_text(history.read_text().replace("tests", "others"))
    assert "rollout" in failed(root)


def test_a_reaction_from_the_future_asks_for_the_clock(tmp_path: Path) -> None:
    make_workspace(tmp_path, home=tmp_path / "nobody")
    ledger = ReactionLedger(load_settings(tmp_path).ledger_path)
    ledger.append([reaction(1, "\u2764", received_at=NOW + timedelta(hours=1))])
    found = examined(tmp_path)["clock"]
    assert found.result is CheckResult.UNKNOWN
    assert "check the clock" in found.mend
    later = examined(tmp_path, now=NOW + timedelta(hours=2))["clock"]
    assert later.result is CheckResult.PASS


def test_what_is_rolled_out_is_named(tmp_path: Path) -> None:
    make_workspace(tmp_path, home=tmp_path / "nobody")
    assert examined(tmp_path)["rollout"].measured == "nothing is rolled out"
    now = datetime(DAY_1.year, DAY_1.month, DAY_1.day, tzinfo=UTC)
    explore(tmp_path, BASELINE, BASELINE, reviewer="tests", now=now)
    assert examined(tmp_path)["rollout"].measured == "explore"
