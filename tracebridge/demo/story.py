"""The demo as a story: shadow days, review, gate, canary, a regression, the way back, the truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tracebridge.adapters.inputs import shipped_files
from tracebridge.canary.documents import digest_of, policy_document
from tracebridge.canary.stages import explore, rollback
from tracebridge.cycle import CycleResult, end_of
from tracebridge.demo.days import Simulation, SteppedClock
from tracebridge.demo.ending import PolicyEnding, Told
from tracebridge.demo.truth import measure_worth, true_value
from tracebridge.demo.world import BASELINE, CONCISE, PARALLEL, PLAIN, STRONG, UNSUPPORTED
from tracebridge.domain.errors import ConfigurationError
from tracebridge.domain.replay import Family, Policy, PolicyRule
from tracebridge.domain.verdict import Outcome
from tracebridge.operations.canary_report import report_canary
from tracebridge.operations.feedback import import_feedback
from tracebridge.operations.learning import learn_candidate
from tracebridge.operations.phase_review import review_workspace
from tracebridge.operations.promotion import Judgement, judge_candidate, promote_candidate
from tracebridge.replay.policies import BASELINE as BASELINE_POLICY
from tracebridge.settings import Settings, load_settings
from tracebridge.wiring import policies_of, profile_of, run_cycle, small_inputs

FIRST_DAY = date(2026, 3, 2)
MARKER = ".tracebridge-demo"

type Say = Callable[[str], None]


def tell(out: Path, *, seed: int, shadow_days: int, chats: int, say: Say) -> Told:
    """Play the whole story in ``out``; returns what came of it.

    Raises:
        ConfigurationError: ``out`` holds something that no demo made.
    """
    settings = _fresh_workspace(out, seed)
    days = [FIRST_DAY + timedelta(days=number) for number in range(shadow_days + 2)]
    explore(
        settings.workspace,
        _exploration(settings),
        BASELINE_POLICY,
        reviewer="the demo's owner",
        now=_morning(days[0]),
    )
    simulation = Simulation(settings.workspace, seed=seed, chat_count=chats)
    try:
        return _Play(settings, simulation, say).through(days)
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
        judged = _judge_all(self.settings, _evening(shadow[-1]))
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
        live = self.settings.rollout_folder / "live.json"
        before = live.read_bytes()
        candidate = judged.verdict.subject
        promote_candidate(
            self.settings,
            candidate,
            reviewer="the demo's owner",
            report_sha256=judged.binding.report_sha256,
            now=_evening(days[0] - timedelta(days=1)) + timedelta(minutes=30),
        )
        self.say(f"gate: {candidate} is admitted to the canary and signed")
        for day, outage in zip(days, (False, True), strict=True):
            told.cycles.append(self._live(day, outage=outage))
            verdict = report_canary(self.settings, until=end_of(day))
            told.canary = (*told.canary, verdict)
            self.say(f"canary: {verdict.outcome.value}: {verdict.sentence}")
            if verdict.outcome is Outcome.ROLLBACK:
                rollback(self.settings.workspace, reason=verdict.sentence, now=_evening(day))
                break
        told.restored = live.read_bytes() == before

    def _live(self, day: date, *, outage: bool = False) -> CycleResult:
        """One day of the world, its reactions harvested, and its cycle in the evening."""
        updates = self.simulation.play(day, outage=outage)
        import_feedback(self.settings, updates, now=end_of(day) - timedelta(seconds=1))
        result = run_cycle(self.settings, day, clock=SteppedClock(_evening(day)))
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


def _exploration(settings: Settings) -> Policy:
    """What the router plays while it explores: every arm but the experimental and batch ones."""
    usual = {BASELINE: 0.34, STRONG: 0.26, CONCISE: 0.14, PARALLEL: 0.12, PLAIN: 0.14}
    commands = {**usual, BASELINE: 0.30, STRONG: 0.30}
    declared = {arm.name: arm for p in policies_of(small_inputs(settings)) for arm in p.arms}
    draft = Policy(
        policy_id="explore",
        family=None,
        parent=None,
        factor=None,
        description="Draws among low-risk arms, so that their worth can be estimated.",
        arms=tuple(declared[name] for name in sorted(usual) if name != BASELINE),
        rules=(PolicyRule({"form": ("command",)}, commands), PolicyRule({}, usual)),
        digest="",
    )
    return replace(draft, digest=digest_of(policy_document(draft)))


def _fresh_workspace(out: Path, seed: int) -> Settings:
    if out.exists():
        if not (out / MARKER).exists():
            raise ConfigurationError(
                f"{out}: exists and was not made by the demo; name another folder with --out"
            )
        shutil.rmtree(out)
    for folder in ("policies", "rewards"):
        (out / folder).mkdir(parents=True)
        for name, data in shipped_files(folder).items():
            (out / folder / name).write_bytes(data)
    (out / "policies" / "route-experimental.toml").write_text(_UNSUPPORTED_POLICY)
    (out / "tracebridge.toml").write_text(_CONFIG.format(seed=seed))
    (out / MARKER).touch()
    return load_settings(out.resolve())


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _evening(day: date) -> datetime:
    """When the day's cycle runs: a quarter past midnight, UTC."""
    return end_of(day) + timedelta(minutes=15)


_CONFIG = """\
schema = "tracebridge.config.v1"
unit = "chat"
seed = {seed}
bot = "demo"

[[sources]]
path = "openclaw"
format = "openclaw"
"""

_UNSUPPORTED_POLICY = f"""\
schema = "tracebridge.policy.v1"
policy_id = "route-experimental"
family = "{Family.ROUTE}"
parent = "baseline"
factor = "route.model"
description = "Sends everything to a model that no log has ever seen at work."

[arms.{UNSUPPORTED}]
model = "experimental"

[[rules]]
distribution = {{ {UNSUPPORTED} = 1.0 }}
"""
