"""A candidate is written where the training split teaches one, and nothing at all elsewhere."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.workspaces import Cycled, copy_of, digests
from tracebridge.adapters.schemas import violations
from tracebridge.cycle import end_of
from tracebridge.demo.stage import days_of_the_world, fresh_workspace, open_world
from tracebridge.demo.world import BASELINE, STRONG
from tracebridge.operations.evidence import evidence_of
from tracebridge.operations.learning import learn_candidate
from tracebridge.settings import Settings, load_settings
from tracebridge.wiring import open_workspace, policies_of, refresh, small_inputs

DAYS = days_of_the_world(2)
UNTIL = end_of(DAYS[-1])


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two days of many chats, in which the stronger route helps long requests and commands."""
    settings = fresh_workspace(tmp_path_factory.mktemp("taught") / "workspace", seed=5)
    simulation = open_world(settings, chats=600)
    for day in DAYS:
        simulation.play(day)
    simulation.close()
    refresh(open_workspace(settings))
    return settings


def test_a_policy_is_learned_and_enters_the_comparison(taught: Settings) -> None:
    before = digests(taught.policies_folder)
    learned = learn_candidate(taught, until=UNTIL)
    assert learned.refusal is None
    assert learned.path is not None
    document = tomllib.loads(learned.path.read_text())
    assert violations("policy", document) == ()
    after = digests(taught.policies_folder)
    assert {name: after[name] for name in before} == before
    policy = next(
        it for it in policies_of(small_inputs(taught)) if it.policy_id == learned.policy_id
    )
    assert policy.learned_from is not None
    played = {arm for rule in policy.rules for arm in rule.distribution}
    assert played == {STRONG, BASELINE}
    assert policy.distribution({"form": "never", "length": "seen"}) == {BASELINE: 1.0}
    assert learn_candidate(taught, until=UNTIL) == learned, "the same data teach the same"


def test_only_training_rows_are_looked_at(taught: Settings) -> None:
    rows = evidence_of(taught, UNTIL).rows
    train = [row for row in rows if row.split == "train"]
    assert learn_candidate(taught, until=UNTIL).train_rows == len(train) < len(rows)


def test_too_little_data_teaches_nothing_and_writes_nothing(cycled: Cycled, tmp_path: Path) -> None:
    settings = load_settings(copy_of(cycled.root, tmp_path / "workspace"))
    refresh(open_workspace(settings))
    before = digests(settings.policies_folder)
    learned = learn_candidate(settings, until=UNTIL)
    assert learned.policy_id is None
    assert learned.path is None
    assert learned.refusal is not None
    assert learned.refusal.startswith("too_few_rows: ")
    assert digests(settings.policies_folder) == before


def test_an_empty_workspace_teaches_nothing(tmp_path: Path) -> None:
    learned = learn_candidate(load_settings(tmp_path), until=UNTIL)
    assert (learned.train_rows, learned.policy_id) == (0, None)
    assert not (tmp_path / "policies").exists()
