"""The router: sticky, monotone, honest about its probabilities, and never in the way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.canary.rollouts import (
    BASELINE,
    CANDIDATE,
    EXPLORATION,
    NOW,
    policy,
    put_live,
    state,
)
from tracebridge.canary import Router
from tracebridge.canary.assignment import Slice, draw_arm, marginal_propensity, slice_of
from tracebridge.canary.breaker import Breaker
from tracebridge.canary.decision_log import parse_decision_line
from tracebridge.canary.documents import digest_of
from tracebridge.canary.state import RolloutState, Stage, state_bytes
from tracebridge.canary.state_file import StateFile
from tracebridge.domain.replay import Decision, PolicyRule

UNITS = tuple(f"chat:{number}" for number in range(10_000))
LONG = {"length": "long"}


def router_of(workspace: Path, **parts: object) -> Router:
    return Router(workspace, clock=lambda: NOW, **parts)  # type: ignore[arg-type]


def logged(workspace: Path) -> list[Decision]:
    path = workspace / "memory" / "decisions" / f"{NOW.date().isoformat()}.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [parse_decision_line(line, where=path.name) for line in lines]


def is_baseline(decision: Decision, reason: str) -> bool:
    return (decision.arm, decision.reason, decision.propensity) == ("baseline", reason, 1.0)


# --- assignment ------------------------------------------------------------------------------


def test_five_percent_of_ten_thousand_units_are_about_five_percent() -> None:
    """Binomial: mean 500, standard deviation 22; both slices of equal size, and disjoint."""
    places = Counter(slice_of(state(share=0.05), unit) for unit in UNITS)
    assert abs(places[Slice.CANDIDATE] - 500) < 90
    assert abs(places[Slice.CONTROL] - 500) < 90


def test_growing_the_slice_moves_units_in_and_never_out() -> None:
    stages = [
        state(share=0.05),
        state(share=0.10),
        state(Stage.CANARY_50, 0.5),
        state(Stage.FULL, 1.0),
    ]
    members = [
        {unit for unit in UNITS if slice_of(live, unit) is Slice.CANDIDATE} for live in stages
    ]
    for smaller, larger in pairwise(members):
        assert smaller < larger
    assert members[-1] == set(UNITS)


def test_another_candidate_gets_other_units_and_the_same_one_the_same() -> None:
    other = policy("other", PolicyRule({}, {"strong": 1.0}))
    first = {unit for unit in UNITS if slice_of(state(), unit) is Slice.CANDIDATE}
    again = {unit for unit in UNITS if slice_of(state(), unit) is Slice.CANDIDATE}
    second = {unit for unit in UNITS if slice_of(state(candidate=other), unit) is Slice.CANDIDATE}
    assert first == again
    assert 40 < len(first & second) < 180


def test_control_and_rest_get_exactly_the_baseline_arm_of_before() -> None:
    """A promotion and a rollback move no unit that is not in the candidate's slice."""
    before = state(Stage.EXPLORE, 0.0, candidate=None, baseline=EXPLORATION)
    during = state(baseline=EXPLORATION)
    for unit in UNITS[:2000]:
        if slice_of(during, unit) is not Slice.CANDIDATE:
            old = draw_arm(before.baseline, LONG, unit, salt=before.salt)
            assert draw_arm(during.baseline, LONG, unit, salt=during.salt) == old


@pytest.mark.parametrize(
    "live",
    [
        state(Stage.EXPLORE, 0.0, candidate=None, baseline=EXPLORATION),
        state(share=0.1),
        state(Stage.CANARY_50, 0.5, baseline=EXPLORATION),
        state(Stage.FULL, 1.0),
    ],
)
@pytest.mark.parametrize("length", ["long", "medium", "short"])
def test_the_frequency_of_every_arm_is_the_propensity_that_is_logged(
    tmp_path: Path, live: RolloutState, length: str
) -> None:
    context = {"length": length}
    served: Counter[str] = Counter()
    for unit in UNITS:
        tried = slice_of(live, unit) is Slice.CANDIDATE and live.candidate is not None
        chosen = live.candidate if tried and live.candidate else live.baseline
        served[draw_arm(chosen, context, unit, salt=live.salt)] += 1
    arms = ("baseline", "strong", "concise")
    chances = {arm: marginal_propensity(live, context, arm) for arm in arms}
    assert sum(chances.values()) == pytest.approx(1.0)
    for arm, chance in chances.items():
        deviation = (chance * (1 - chance) / len(UNITS)) ** 0.5
        assert abs(served[arm] / len(UNITS) - chance) <= 4 * deviation, (arm, served)
    put_live(tmp_path, live)
    decision = router_of(tmp_path).decide("chat:1", context)
    assert decision.propensity == pytest.approx(chances[decision.arm])


def test_slice_and_arm_are_drawn_independently() -> None:
    live = state(Stage.CANARY_50, 0.5, baseline=EXPLORATION)
    context = {"length": "medium"}
    tried = [unit for unit in UNITS if slice_of(live, unit) is Slice.CANDIDATE]
    strong = sum(draw_arm(CANDIDATE, context, unit, salt="salt") == "strong" for unit in tried)
    assert abs(strong / len(tried) - 0.5) < 4 * (0.25 / len(tried)) ** 0.5


def test_the_same_unit_in_the_same_context_always_gets_the_same_arm(tmp_path: Path) -> None:
    put_live(tmp_path, state(share=0.1, baseline=EXPLORATION))
    router = router_of(tmp_path)
    first = [router.decide(unit, LONG) for unit in UNITS[:100]]
    again = [router_of(tmp_path).decide(unit, LONG) for unit in UNITS[:100]]
    assert [(d.arm, d.reason, d.policy_id) for d in first] == [
        (d.arm, d.reason, d.policy_id) for d in again
    ]
    assert len({decision.arm for decision in first}) > 1


# --- what is decided and logged --------------------------------------------------------------


def test_every_decision_is_in_the_log_as_it_was_served(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.CANARY_50, 0.5))
    router = router_of(tmp_path)
    served = [router.decide(unit, LONG) for unit in UNITS[:200]]
    assert logged(tmp_path) == served
    assert len({decision.decision_id for decision in served}) == 200
    assert {decision.reason for decision in served} == {"assigned", "control"}
    assert {decision.policy_id for decision in served} == {"baseline", "route-strong"}


def test_the_log_line_has_the_published_fields(tmp_path: Path) -> None:
    put_live(tmp_path, state())
    router_of(tmp_path, make_id=lambda: "dc_1").decide("chat:1", {**LONG, "request_ref": "7:12"})
    line = json.loads((tmp_path / "memory/decisions/2026-02-09.jsonl").read_text())
    assert line == {
        "decision_id": "dc_1",
        "ts": "2026-02-09T12:00:00.000000Z",
        "unit": "chat:1",
        "context_digest": digest_of(LONG),
        "context": LONG,
        "policy_id": "baseline",
        "arm": "baseline",
        "propensity": 0.9,
        "stage": "canary_10",
        "reason": "assigned",
        "request_ref": "7:12",
    }


def test_only_short_text_features_reach_policy_and_log(tmp_path: Path) -> None:
    put_live(tmp_path, state())
    context = {
        "length": "long",
        "tokens": 17,
        "text": "x" * 65,
        "": "empty name",
        "empty": "",
        "lone": "\ud800",
        3: "number",
        "list": ["long"],
        "request_ref": 5,
    }
    decision = router_of(tmp_path).decide("chat:1", context)  # type: ignore[arg-type]
    assert decision.context == {"length": "long"}
    assert decision.request_ref is None
    assert decision.reason == "assigned"


def test_a_kill_switch_serves_the_baseline_to_all(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0, kill_switch=True))
    router = router_of(tmp_path)
    decisions = [router.decide(unit, LONG) for unit in UNITS[:50]]
    assert all(is_baseline(decision, "kill_switch") for decision in decisions)
    assert logged(tmp_path) == decisions


def test_a_new_state_serves_from_the_next_request_on(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))
    router = router_of(tmp_path)
    assert router.decide("chat:1", LONG).arm == "strong"
    beside = tmp_path / "rollout" / "new"
    beside.write_bytes(state_bytes(state(Stage.SHADOW, 0.0, candidate=None)))
    beside.replace(tmp_path / "rollout" / "live.json")
    assert router.decide("chat:1", LONG).arm == "baseline"


# --- faults ----------------------------------------------------------------------------------


def corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(bytes(data))


def into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def into_pipe(path: Path) -> None:
    import os

    path.unlink()
    os.mkfifo(path)


def into_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


FAULTS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("missing", lambda path: path.unlink()),
    ("corrupt", corrupt),
    ("corrupt", lambda path: path.write_bytes(b"")),
    ("corrupt", lambda path: path.write_bytes(path.read_bytes()[:-40])),
    ("corrupt", lambda path: path.write_bytes(b"\xff\xfe")),
    ("corrupt", lambda path: path.write_bytes(b"[" * 200_000)),
    ("too_large", lambda path: path.write_bytes(b" " * 300_000)),
    ("unreadable", into_folder),
    ("unreadable", into_pipe),
    ("unreadable", into_loop),
)


@pytest.mark.parametrize(("why", "damage"), FAULTS)
@pytest.mark.parametrize("warm", [False, True])
def test_every_fault_of_the_live_file_serves_the_baseline_and_says_why(
    tmp_path: Path, why: str, damage: Callable[[Path], object], *, warm: bool
) -> None:
    path = put_live(tmp_path, state(Stage.FULL, 1.0))
    router = router_of(tmp_path)
    if warm:
        assert router.decide("chat:1", LONG).arm == "strong"
    damage(path)
    decision = router.decide("chat:1", LONG)
    assert is_baseline(decision, f"fallback:{why}")
    assert logged(tmp_path)[-1] == decision


def test_a_mended_file_serves_again(tmp_path: Path) -> None:
    path = put_live(tmp_path, state(Stage.FULL, 1.0))
    router = router_of(tmp_path)
    corrupt(path)
    assert router.decide("chat:1", LONG).reason == "fallback:corrupt"
    put_live(tmp_path, state(Stage.FULL, 1.0))
    assert router.decide("chat:1", LONG).reason == "assigned"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(13, "denied"), "unreadable"),
        (OSError(5, "input/output error"), "unreadable"),
        (MemoryError(), "internal"),
    ],
)
def test_a_passing_error_of_reading_is_tried_again(
    tmp_path: Path, error: Exception, why: str
) -> None:
    path = put_live(tmp_path, state(Stage.FULL, 1.0))
    errors = [error]

    def read(path: Path, _: int) -> bytes:
        if errors:
            raise errors.pop()
        return path.read_bytes()

    router = router_of(tmp_path, state_file=StateFile(path, read=read))
    assert is_baseline(router.decide("chat:1", LONG), f"fallback:{why}")
    assert router.decide("chat:1", LONG).arm == "strong"


def test_a_slow_file_costs_the_deadline_once_and_serves_when_it_has_come(tmp_path: Path) -> None:
    path = put_live(tmp_path, state(Stage.FULL, 1.0))
    released = threading.Event()
    reads: list[Path] = []

    def read(path: Path, _: int) -> bytes:
        reads.append(path)
        released.wait(10)
        return path.read_bytes()

    slow = StateFile(path, read=read, deadline_s=0.05)
    router = router_of(tmp_path, state_file=slow, breaker=Breaker(faults=100_000))
    started = time.monotonic()
    decisions = [router.decide("chat:1", LONG) for _ in range(4)]
    assert time.monotonic() - started < 2
    assert all(is_baseline(decision, "fallback:slow") for decision in decisions)
    assert len(reads) == 1
    released.set()
    until = time.monotonic() + 5
    while router.decide("chat:1", LONG).reason != "assigned":
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("unit", ["", "x" * 513, "\ud800", None, 7, b"chat"])
def test_a_unit_that_cannot_be_logged_gets_the_baseline(tmp_path: Path, unit: object) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))
    decision = router_of(tmp_path).decide(unit, LONG)  # type: ignore[arg-type]
    assert is_baseline(decision, "fallback:unit")
    assert decision.unit == "invalid"
    assert logged(tmp_path) == [decision]


class Trap(Mapping[str, object]):
    """A mapping whose every use fails."""

    def __getitem__(self, key: str) -> object:
        raise RuntimeError("trap")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("trap")

    def __len__(self) -> int:
        raise RuntimeError("trap")


class Endless(Trap):
    """A mapping that never ends."""

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            yield str(number)
            number += 1

    def __getitem__(self, key: str) -> object:
        return key


@pytest.mark.parametrize(
    "context",
    [None, 7, "text", [("length", "long")], Trap(), Endless(), {str(i): "x" for i in range(33)}],
)
def test_a_context_of_a_wrong_kind_gets_the_baseline(tmp_path: Path, context: object) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))
    decision = router_of(tmp_path).decide("chat:1", context)  # type: ignore[arg-type]
    assert is_baseline(decision, "fallback:context")
    assert decision.unit == "chat:1"


def test_nonsense_requests_do_not_open_the_breaker_for_others(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))
    router = router_of(tmp_path)
    for _ in range(50):
        router.decide("", Trap())
    assert router.decide("chat:1", LONG).reason == "assigned"


def test_a_choice_that_cannot_be_logged_is_not_served(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "decisions").write_text("in the way")
    decision = router_of(tmp_path).decide("chat:1", LONG)
    assert is_baseline(decision, "fallback:log")


def test_faults_open_the_breaker_and_quiet_closes_it(tmp_path: Path) -> None:
    now = [0.0]
    path = put_live(tmp_path, state(Stage.FULL, 1.0))
    router = router_of(tmp_path, monotonic=lambda: now[0])
    corrupt(path)
    reasons = [router.decide("chat:1", LONG).reason for _ in range(7)]
    assert reasons == ["fallback:corrupt"] * 5 + ["breaker_open"] * 2
    assert logged(tmp_path)[-1].reason == "breaker_open"
    put_live(tmp_path, state(Stage.FULL, 1.0))
    assert router.decide("chat:1", LONG).reason == "breaker_open"
    now[0] = 31.0
    assert router.decide("chat:1", LONG).reason == "assigned"


def test_a_workspace_without_a_rollout_is_at_rest_and_never_opens_the_breaker(
    tmp_path: Path,
) -> None:
    router = router_of(tmp_path)
    reasons = {router.decide("chat:1", LONG).reason for _ in range(20)}
    assert reasons == {"fallback:missing"}


def test_a_slow_log_opens_the_breaker_and_is_then_left_alone(tmp_path: Path) -> None:
    """Every look at the clock takes two seconds, so every append seems to."""
    put_live(tmp_path, state(Stage.FULL, 1.0))
    now = [0.0]

    def monotonic() -> float:
        now[0] += 2.0
        return now[0]

    breaker = Breaker(monotonic=lambda: now[0])
    router = router_of(tmp_path, monotonic=monotonic, breaker=breaker)
    reasons = [router.decide("chat:1", LONG).reason for _ in range(7)]
    assert reasons == ["assigned"] * 5 + ["breaker_open"] * 2
    assert len(logged(tmp_path)) == 5


@pytest.mark.parametrize("broken", ["clock", "make_id", "monotonic", "naive"])
def test_a_broken_part_serves_the_baseline(tmp_path: Path, broken: str) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))

    def fail() -> float:
        raise ZeroDivisionError

    part = {broken: fail} if broken != "naive" else {"clock": lambda: NOW.replace(tzinfo=None)}
    decision = Router(tmp_path, **part).decide("chat:1", LONG)  # type: ignore[arg-type]
    reason = "fallback:log" if broken == "naive" else "fallback:internal"
    assert is_baseline(decision, reason)
    assert decision.unit == "chat:1"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(unit=ANYTHING, context=ANYTHING | st.dictionaries(st.text(max_size=5), ANYTHING))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_a_caller_can_pass_raises_or_goes_unlogged(
    tmp_path: Path, unit: object, context: object
) -> None:
    put_live(tmp_path, state(Stage.CANARY_50, 0.5, baseline=EXPLORATION))
    decision = router_of(tmp_path).decide(unit, context)  # type: ignore[arg-type]
    assert logged(tmp_path)[-1] == decision
    assert 0 < decision.propensity <= 1


def test_threads_share_a_router_without_losing_a_line(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.CANARY_50, 0.5))
    router = router_of(tmp_path)

    def work(start: int) -> None:
        for unit in UNITS[start : start + 100]:
            router.decide(unit, LONG)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decisions = logged(tmp_path)
    assert sorted(d.unit for d in decisions) == sorted(UNITS[:800])
    assert {d.reason for d in decisions} == {"assigned", "control"}


def test_health_says_who_serves(tmp_path: Path) -> None:
    router = router_of(tmp_path)
    assert router.health() == {"serving": "baseline", "stage": "unknown", "reason": "missing"}
    put_live(tmp_path, state())
    assert router.health() == {"serving": "rollout", "stage": "canary_10", "reason": ""}
    put_live(tmp_path, state(kill_switch=True))
    assert router.health() == {"serving": "baseline", "stage": "canary_10", "reason": "kill_switch"}


def test_importing_the_router_loads_nothing_heavy() -> None:
    heavy = "numpy duckdb pyarrow polars scipy sklearn prefect boto3 agentlightning pydantic"
    code = (
        "import sys; from tracebridge.canary import Router; "
        f"print([name for name in '{heavy}'.split() if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_baseline_policy_serves_the_baseline_arm() -> None:
    assert draw_arm(BASELINE, LONG, "chat:1", salt="s") == "baseline"
