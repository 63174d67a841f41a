"""The demo's stage: a fresh workspace, a router that explores, and the days of its world."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tracebridge.adapters.inputs import shipped_files
from tracebridge.canary.documents import digest_of, policy_document
from tracebridge.canary.stages import explore
from tracebridge.cycle import end_of
from tracebridge.demo.days import Simulation
from tracebridge.demo.world import BASELINE, CONCISE, PARALLEL, PLAIN, STRONG, UNSUPPORTED
from tracebridge.domain.errors import ConfigurationError
from tracebridge.domain.replay import Family, Policy, PolicyRule
from tracebridge.operations.feedback import import_feedback
from tracebridge.replay.policies import BASELINE as BASELINE_POLICY
from tracebridge.settings import Settings, load_settings
from tracebridge.wiring import policies_of, small_inputs

MARKER = ".tracebridge-demo"
OWNER = "the demo's owner"

_FIRST_DAY = date(2026, 3, 2)


def days_of_the_world(count: int) -> list[date]:
    """The first ``count`` days, UTC."""
    return [_FIRST_DAY + timedelta(days=number) for number in range(count)]


def fresh_workspace(out: Path, *, seed: int) -> Settings:
    """An empty workspace in ``out``, in place of what an earlier demo left there.

    Raises:
        ConfigurationError: ``out`` holds something that no demo made.
    """
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


def open_world(settings: Settings, *, chats: int) -> Simulation:
    """A world of ``chats`` chats whose router explores from the first day on."""
    explore(
        settings.workspace,
        exploration(policies_of(small_inputs(settings))),
        BASELINE_POLICY,
        reviewer=OWNER,
        now=_morning(_FIRST_DAY),
    )
    return Simulation(settings.workspace, seed=settings.seed, chat_count=chats)


def live(settings: Settings, simulation: Simulation, day: date, *, outage: bool = False) -> None:
    """Let one day of the world pass, and harvest its reactions just before midnight."""
    updates = simulation.play(day, outage=outage)
    import_feedback(settings, updates, now=end_of(day) - timedelta(seconds=1))


def exploration(policies: Sequence[Policy]) -> Policy:
    """What the router plays while it explores: every arm but the experimental and batch ones."""
    usual = {BASELINE: 0.34, STRONG: 0.26, CONCISE: 0.14, PARALLEL: 0.12, PLAIN: 0.14}
    commands = {**usual, BASELINE: 0.30, STRONG: 0.30}
    declared = {arm.name: arm for policy in policies for arm in policy.arms}
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


def evening(day: date) -> datetime:
    """When the day's cycle runs: a quarter past midnight, UTC."""
    return end_of(day) + timedelta(minutes=15)


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


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
