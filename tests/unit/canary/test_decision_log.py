"""The decision log: whole lines, one per decision, whatever happened before."""

from __future__ import annotations

import resource
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.canary.rollouts import NOW
from tracebridge.canary.breaker import Breaker
from tracebridge.canary.decision_log import DecisionLog, decision_line, parse_decision_line
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.replay import Decision

DECISION = Decision(
    decision_id="dc_1",
    ts=NOW,
    unit="chat:1",
    context_digest="d" * 64,
    context={"length": "long"},
    policy_id="baseline",
    arm="baseline",
    propensity=0.9,
    stage="canary_10",
    reason="assigned",
    request_ref=None,
)

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(
    unit=TEXTS,
    context=st.dictionaries(TEXTS, TEXTS, max_size=4),
    propensity=st.floats(0, 1, exclude_min=True),
    ts=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_line_is_read_back_as_it_was_written(
    unit: str, context: dict[str, str], propensity: float, ts: datetime
) -> None:
    decision = replace(DECISION, unit=unit, context=context, propensity=propensity, ts=ts)
    line = decision_line(decision)
    assert line.count(b"\n") == 1
    assert parse_decision_line(line, where="log") == decision


@pytest.mark.parametrize(
    "decision",
    [
        replace(DECISION, propensity=float("nan")),
        replace(DECISION, unit="\ud800"),
        replace(DECISION, ts=NOW.replace(tzinfo=None)),
    ],
)
def test_what_has_no_honest_line_is_refused(tmp_path: Path, decision: Decision) -> None:
    with pytest.raises(CanaryError):
        DecisionLog(tmp_path).append(decision)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("propensity", [0.0, -0.1, 1.1])
def test_a_line_without_a_probability_is_refused(propensity: float) -> None:
    line = decision_line(replace(DECISION, propensity=propensity))
    with pytest.raises(CanaryError, match="propensity"):
        parse_decision_line(line, where="log")


def test_the_file_is_named_by_the_utc_day(tmp_path: Path) -> None:
    late = datetime(2026, 2, 9, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    DecisionLog(tmp_path / "new" / "decisions").append(replace(DECISION, ts=late))
    assert [path.name for path in tmp_path.rglob("*.jsonl")] == ["2026-02-10.jsonl"]


def test_a_torn_line_of_a_dead_writer_swallows_no_other(tmp_path: Path) -> None:
    path = tmp_path / "2026-02-09.jsonl"
    path.write_bytes(decision_line(DECISION) + b'{"decision_id":"dc_')
    DecisionLog(tmp_path).append(DECISION)
    lines = path.read_bytes().splitlines()
    assert [line == decision_line(DECISION).strip() for line in lines] == [True, False, True]


def test_old_bytes_stay_a_prefix(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    log.append(DECISION)
    before = (tmp_path / "2026-02-09.jsonl").read_bytes()
    log.append(DECISION)
    assert (tmp_path / "2026-02-09.jsonl").read_bytes() == before * 2


def test_a_line_that_only_fits_in_part_is_an_error_and_spoils_no_later_one(
    tmp_path: Path,
) -> None:
    """A limit on the file's size makes a real short write, as a full disk does."""
    path = tmp_path / "2026-02-09.jsonl"
    log = DecisionLog(tmp_path)
    log.append(DECISION)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
    try:
        with pytest.raises(CanaryError, match="a part of the line"):
            log.append(DECISION)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.append(DECISION)
    whole = decision_line(DECISION)
    assert path.read_bytes() == whole + whole[:10] + b"\n" + whole


def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "2026-02-09.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CanaryError, match="cannot be written"):
        DecisionLog(tmp_path).append(DECISION)
    assert (tmp_path / "elsewhere").read_text() == ""


def test_the_breaker_opens_on_faults_that_are_close_together_only() -> None:
    now = [0.0]
    breaker = Breaker(faults=3, window_s=10, cooldown_s=5, monotonic=lambda: now[0])
    for at in (0.0, 6.0, 12.0, 18.0):
        now[0] = at
        breaker.record_fault()
        assert not breaker.is_open()
    now[0] = 20.0
    breaker.record_fault()
    assert breaker.is_open()
    now[0] = 24.9
    assert breaker.is_open()
    now[0] = 25.0
    assert not breaker.is_open()
    breaker.record_fault()
    assert breaker.is_open()
    now[0] = 60.0
    assert not breaker.is_open()
    breaker.record_fault()
    assert not breaker.is_open()
