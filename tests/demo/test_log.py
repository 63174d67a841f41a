"""The demo's log is read without a remainder, and its labels are what the people meant."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tracebridge.assembly.context import context_digest
from tracebridge.canary.documents import parse_policy_document
from tracebridge.cycle import end_of
from tracebridge.demo import world
from tracebridge.demo.openclaw_log import DeliveredAnswer, OpenClawFolder, moment
from tracebridge.demo.stage import (
    days_of_the_world,
    exploration,
    fresh_workspace,
    live,
    open_world,
)
from tracebridge.domain.feedback import JoinRule, Unjoined
from tracebridge.domain.replay import Decision
from tracebridge.domain.trajectory import Turn, TurnStatus
from tracebridge.labeling.join import JoinResult
from tracebridge.labeling.mapping import DEFAULT_MAPPING
from tracebridge.operations.evidence import Evidence, evidence_of
from tracebridge.operations.feedback import import_feedback
from tracebridge.settings import Settings
from tracebridge.wiring import (
    labels_of,
    open_workspace,
    policies_of,
    refresh,
    small_inputs,
)

SEED = 3
CHATS = 700
DAYS = days_of_the_world(2)
UNTIL = end_of(DAYS[-1])


@dataclass(frozen=True)
class Known:
    """A world's log as the product reads it, beside what its writer knows."""

    settings: Settings
    answers: tuple[DeliveredAnswer, ...]
    bad_lines: int
    joined: JoinResult
    turns: tuple[Turn, ...]

    def reacted(self) -> Iterator[DeliveredAnswer]:
        """Answers under which somebody left an emoji."""
        return (answer for answer in self.answers if answer.run.emoji)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    settings = fresh_workspace(tmp_path_factory.mktemp("log") / "workspace", seed=SEED)
    folder = OpenClawFolder(settings.workspace / "openclaw", SEED)
    people = world.chats(SEED, CHATS)
    arms = (world.BASELINE, world.STRONG, world.CONCISE, world.PARALLEL, world.PLAIN)
    answers = []
    for number, day in enumerate(DAYS):
        updates = settings.workspace / f"{day}.jsonl"
        updates.touch()
        asked = [it for chat in people for it in world.requests_of_day(SEED, chat, day)]
        for request in sorted(asked, key=lambda it: (it.second_of_day, it.chat.chat_id)):
            arm = arms[(request.chat.chat_id + number) % len(arms)]
            happened = world.run(SEED, request, day, arm)
            answer = folder.write_turn(happened, moment(day, request.second_of_day))
            folder.react(answer, updates, end_of(day))
            answers.append(answer)
        folder.write_bad_line(moment(day, 86_000))
        folder.flush()
        import_feedback(settings, updates, now=end_of(day))
    folder.close()
    workspace = open_workspace(settings)
    refresh(workspace)
    joined, turns = labels_of(workspace, UNTIL)
    return Known(settings, tuple(answers), len(DAYS), joined, turns)


def test_every_line_is_explained(known: Known) -> None:
    reports = open_workspace(known.settings).store.reports()
    reasons = Counter(bad.reason.value for it in reports for bad in it.quarantined)
    assert reasons == {"not_json": known.bad_lines}
    assert sum(it.imported for it in reports) == sum(it.lines for it in reports) - known.bad_lines
    assert not any(it.skipped or it.duplicates for it in reports)


def test_every_request_is_one_turn_with_its_ending(known: Known) -> None:
    of_entry = {entry: turn for turn in known.turns for entry in turn.answer_entry_ids}
    assert len(known.turns) == len(known.answers)
    for answer in known.answers:
        if answer.run.ending is world.Ending.ABORTED:
            continue
        turn = of_entry[answer.entry_id]
        assert turn.status is TurnStatus.COMPLETED
        assert turn.chat_id == str(answer.run.request.chat.chat_id)
        assert turn.request_text.startswith(answer.run.request.text)
    aborted = sum(turn.status is TurnStatus.ABORTED for turn in known.turns)
    assert aborted == sum(it.run.ending is world.Ending.ABORTED for it in known.answers) > 10


def test_no_label_is_wrong(known: Known) -> None:
    """Each label sits on the very turn that the person reacted to, with the score they meant."""
    meant = {(str(it.run.request.chat.chat_id), it.message_ids[-1]): it for it in known.reacted()}
    answer_of = {turn.turn_id: turn.answer_entry_ids for turn in known.turns}
    for label in known.joined.labels:
        answer = meant[label.chat_id, label.anchor_message_id]
        assert answer.run.emoji is not None
        assert answer.entry_id in answer_of[label.turn_id]
        assert label.score == DEFAULT_MAPPING.scores[answer.run.emoji]


def test_no_reaction_is_lost(known: Known) -> None:
    """Where the exact map knows an answer it is used; elsewhere its place decides, or is too open."""
    placed = {(it.chat_id, it.anchor_message_id): it.rule for it in known.joined.labels}
    left = {(it.state.chat_id, it.state.message_id): it.why for it in known.joined.unjoined}
    assert not set(placed) & set(left)
    rules: Counter[JoinRule | Unjoined] = Counter()
    for answer in known.reacted():
        place = (str(answer.run.request.chat.chat_id), answer.message_ids[-1])
        if answer.mapped:
            assert placed[place] is JoinRule.DELIVERY_MAP
        else:
            rules[placed[place] if place in placed else left[place]] += 1
    assert len(placed) + len(left) == sum(1 for _ in known.reacted()) > 200
    assert set(rules) <= {
        JoinRule.BRACKET,
        JoinRule.OPEN_BRACKET,
        Unjoined.AMBIGUOUS,
        Unjoined.PENDING,
    }
    assert rules[JoinRule.BRACKET] > 0


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Evidence]:
    settings = fresh_workspace(tmp_path_factory.mktemp("explored") / "workspace", seed=SEED)
    simulation = open_world(settings, chats=CHATS)
    for day in DAYS:
        live(settings, simulation, day)
    simulation.close()
    refresh(open_workspace(settings))
    return settings, evidence_of(settings, UNTIL)


def test_logged_propensities_are_those_of_the_policy(
    explored: tuple[Settings, Evidence],
) -> None:
    settings, evidence = explored
    policy = exploration(policies_of(small_inputs(settings)))
    live_file = json.loads((settings.rollout_folder / "live.json").read_text())
    assert parse_policy_document(live_file["baseline"], where="live.json") == policy
    for decision in evidence.decisions:
        assert decision.propensity == policy.distribution(decision.context)[decision.arm]
        assert decision.context_digest == context_digest(decision.context)
        assert (decision.stage, decision.policy_id) == ("explore", policy.policy_id)


def test_arms_are_drawn_as_often_as_the_propensities_say(
    explored: tuple[Settings, Evidence],
) -> None:
    """One draw a chat, since a chat keeps what it was given: so chats are what is counted."""
    settings, evidence = explored
    policy = exploration(policies_of(small_inputs(settings)))
    first: dict[tuple[str, bool], Decision] = {}
    for decision in evidence.decisions:
        is_command = decision.context["form"] == "command"
        first.setdefault((decision.unit, is_command), decision)
    for is_command in (False, True):
        drawn = [it for (_, command), it in first.items() if command is is_command]
        counts = Counter(it.arm for it in drawn)
        expected = policy.distribution({"form": "command" if is_command else "question"})
        assert set(counts) == set(expected)
        for arm, probability in expected.items():
            error = math.sqrt(probability * (1.0 - probability) / len(drawn))
            assert error < 0.04
            assert abs(counts[arm] / len(drawn) - probability) < 4.0 * error, (arm, is_command)


def test_a_chat_keeps_its_arm(explored: tuple[Settings, Evidence]) -> None:
    _, evidence = explored
    arms: dict[tuple[str, bool], set[str]] = {}
    for decision in evidence.decisions:
        key = (decision.unit, decision.context["form"] == "command")
        arms.setdefault(key, set()).add(decision.arm)
    assert all(len(of_unit) == 1 for of_unit in arms.values())
    assert len(evidence.decisions) > 1.5 * len(arms)


def test_every_turn_is_tied_to_the_decision_that_served_it(
    explored: tuple[Settings, Evidence],
) -> None:
    _, evidence = explored
    assert len(evidence.trajectories) == len(evidence.decisions)
    decided = {decision.decision_id: decision for decision in evidence.decisions}
    for trajectory in evidence.trajectories:
        decision = decided[trajectory.decision_id or ""]
        inbound = trajectory.turn.inbound_message_ids[0]
        assert decision.request_ref == f"{trajectory.turn.chat_id}:{inbound}"
        model = "atlas-large-2" if decision.arm == world.STRONG else "atlas-small-1"
        assert (trajectory.turn.model or "").endswith(model)


def test_private_things_never_reach_the_store(known: Known) -> None:
    logs = b"".join(
        it.read_bytes() for it in (known.settings.workspace / "openclaw").rglob("*.jsonl")
    )
    assert b"dana.demo" in logs
    assert b"4111 1111 1111 1111" in logs
    assert b"sk-proj-" in logs
    for turn in known.turns:
        for private in ("dana.demo", "4111 1111", "sk-proj-", "415-555"):
            assert private not in turn.request_text
    for events in open_workspace(known.settings).store.sessions(UNTIL):
        texts = [scrubbed.event.text or "" for scrubbed in events]
        assert not [text for text in texts if "dana.demo" in text or "sk-proj-" in text]
