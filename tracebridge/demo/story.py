"""The demo as a story: shadow days, review, gate, canary, a regression, the way back, the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tracebridge.canary.stages import rollback
from tracebridge.cycle import CycleResult, end_of
from tracebridge.demo.days import Simulation, SteppedClock
from tracebridge.demo.ending import PolicyEnding, Told
from tracebridge.demo.stage import (
    OWNER,
    days_of_the_world,
    evening,
    fresh_workspace,
    live,
    open_world,
)
from tracebridge.demo.truth import measure_worth, true_value
from tracebridge.domain.verdict import Outcome
from tracebridge.operations.canary_report import report_canary
from tracebridge.operations.learning import learn_candidate
from tracebridge.operations.phase_review import review_workspace
from tracebridge.operations.promotion import Judgement, judge_candidate, promote_candidate
from tracebridge.settings import Settings
from tracebridge.wiring import policies_of, profile_of, run_cycle, small_inputs

type Say = Callable[[str], None]


def tell(out: Path, *, seed: int, shadow_days: int, chats: int, say: Say) -> Told:
    """Play the whole story in ``out``; returns what came of it.

    Raises:
        ConfigurationError: ``out`` holds something that no demo made.
    """
    settings = fresh_workspace(out, seed=seed)
    simulation = open_world(settings, chats=chats)
    try:
        return _Play(settings, simulation, say).through(days_of_the_world(shadow_days + 2))
    finally:
        simulation.close()


@dataclass(frozen=True, slots=True)
class _Play:
    """One world, one workspace, one listener."""

    settings: Settings
    simulation: Simulation
    say: Say

    def through(self, days: list[date]) -> Told:
        """Shadow days, then two canary days if somebody is admitted."""
        shadow, canary_days = days[:-2], days[-2:]
        cycles = [self._live(day) for day in shadow[:-1]]
        learned = learn_candidate(self.settings, until=end_of(shadow[-2]))
        self.say(f"learning: {learned.refusal or learned.policy_id}")
        cycles.append(self._live(shadow[-1]))
        review = review_workspace(self.settings, days=3)
        self.say(f"review: {review.sentence}")
        judged = _judge_all(self.settings, evening(shadow[-1]))
        chosen = _best(judged, cycles[-1])
        told = Told(
            self.settings.workspace, cycles, review, _endings(self.settings, judged), chosen
        )
        if chosen is None:
            self.say("gate: nobody is admitted, so there is no canary")
        else:
            self._canary(canary_days, told, judged[chosen])
        return told

    def _canary(self, days: list[date], told: Told, judged: Judgement) -> None:
        """Promote, let one good day and one bad day pass, and go back."""
        serving = self.settings.rollout_folder / "live.json"
        before = serving.read_bytes()
        candidate = judged.verdict.subject
        promote_candidate(
            self.settings,
            candidate,
            reviewer=OWNER,
            report_sha256=judged.binding.report_sha256,
            now=evening(days[0] - timedelta(days=1)) + timedelta(minutes=30),
        )
        self.say(f"gate: {candidate} is admitted to the canary and signed")
        for day, outage in zip(days, (False, True), strict=True):
            told.cycles.append(self._live(day, outage=outage))
            verdict = report_canary(self.settings, until=end_of(day))
            told.canary = (*told.canary, verdict)
            self.say(f"canary: {verdict.outcome.value}: {verdict.sentence}")
            if verdict.outcome is Outcome.ROLLBACK:
                rollback(self.settings.workspace, reason=verdict.sentence, now=evening(day))
                break
        told.restored = serving.read_bytes() == before

    def _live(self, day: date, *, outage: bool = False) -> CycleResult:
        """One day of the world, its reactions harvested, and its cycle in the evening."""
        live(self.settings, self.simulation, day, outage=outage)
        result = run_cycle(self.settings, day, clock=SteppedClock(evening(day)))
        self.say(f"{day}: {result.bundle.manifest.status}, {result.verdict.sentence}")
        return result


def _judge_all(settings: Settings, now: datetime) -> dict[str, Judgement]:
    policies = policies_of(small_inputs(settings))
    return {
        policy.policy_id: judge_candidate(settings, policy.policy_id, now=now)
        for policy in policies[1:]
    }


def _best(judged: dict[str, Judgement], last: CycleResult) -> str | None:
    """The admitted candidate: the one the cycle's own verdict names, if it is among them."""
    admitted = [name for name, j in judged.items() if j.verdict.outcome is Outcome.ADMIT]
    if last.verdict.subject in admitted:
        return last.verdict.subject
    return admitted[0] if admitted else None


def _endings(settings: Settings, judged: dict[str, Judgement]) -> list[PolicyEnding]:
    copies = small_inputs(settings)
    with TemporaryDirectory() as folder:
        worth = measure_worth(Path(folder), profile_of(settings, copies))
    bundle = next(iter(judged.values())).bundle
    return [
        PolicyEnding.of(
            policy, true_value(policy, worth), bundle.path, judged.get(policy.policy_id)
        )
        for policy in policies_of(copies)
    ]
