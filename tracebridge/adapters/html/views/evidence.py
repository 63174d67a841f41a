"""The appendix: what a doubting reader needs in order to check the page against itself."""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.adapters.html import formats
from tracebridge.adapters.html.reading import Node
from tracebridge.adapters.html.views.comparison import Figure, figure_of

_STEP_MARKS = {"ok": ("✓", "good"), "failed": ("✕", "bad"), "skipped": ("\N{EN DASH}", "faint")}

GLOSSARY = (
    ("Observed", "Happened, and is counted from the logs."),
    ("Replayed", "Recorded calls or answers, scheduled or shaped again. Never a quality."),
    ("Estimated", "What another policy would have earned, by re-weighing logged choices."),
    ("Turn", "One request through its final reply."),
    ("Unit", "What is randomized, split and counted once: a chat, or an episode of one owner."),
    ("Outcome", "Reward from exit codes, tool status and tests, in [0, 1]; never from wording."),
    ("Label", "A person's reaction as a score in [\N{MINUS SIGN}2, +2]. Silence is no label."),
    ("Propensity", "How likely the choice was when it was made."),
    ("Tier A", "Randomized, with the propensity logged at decision time."),
    ("Tier B", "Propensity modelled afterwards: assumes nothing unseen drove the choice."),
    ("Tier C", "Matched cases: speaks of the matched part only."),
    ("Tier D", "A proxy, such as a judge or a reward model."),
    ("ESS", "Effective sample size: how many equally weighted units the weights are worth."),
    ("Simultaneous", "An interval that holds for all compared policies at once."),
    ("Model-dependent", "Two estimators disagree by more than chance; doubt the figure."),
)


@dataclass(frozen=True, slots=True)
class ArmRow:
    """What the log shows under one arm."""

    arm: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiagnosticRow:
    """How much weight rests on how little."""

    policy_id: str
    cells: tuple[str, ...]
    tier: str | None


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One policy and metric under every estimator that ran."""

    policy_id: str
    metric: str
    figures: tuple[tuple[str, Figure], ...]
    model_dependent: bool


@dataclass(frozen=True, slots=True)
class StepRow:
    """How one step of the cycle ended."""

    name: str
    outcome: str
    mark: str
    tone: str
    detail: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """The appendix, part by part; an empty part is left out of the page."""

    arms: tuple[ArmRow, ...]
    diagnostics: tuple[DiagnosticRow, ...]
    agreement: tuple[AgreementRow, ...]
    steps: tuple[StepRow, ...]
    replay_set: tuple[tuple[str, str], ...]
    consumer: tuple[tuple[str, str], ...]
    hook_status: str
    hook_detail: str
    glossary: tuple[tuple[str, str], ...]


def evidence_of(summary: Node, ablation: Node, estimates: Node, hook: Node) -> EvidenceView:
    """Arms, diagnostics, estimators, steps and the checks of consumers, with a glossary."""
    recorded = hook if hook.exists else summary["runtime_hook"]
    primary = ablation["primary_metric"].text() or "outcome"
    return EvidenceView(
        arms=tuple(map(_arm_row, summary["arms"])),
        diagnostics=tuple(
            _diagnostic_row(row, primary)
            for row in ablation["rows"]
            if row["estimated"][primary]["value"].number() is not None
        ),
        agreement=tuple(map(_agreement_row, estimates["policies"])),
        steps=tuple(map(_step_row, summary["steps"])),
        replay_set=tuple(
            (formats.words(key), value.line()) for key, value in summary["replay_set"].pairs()
        ),
        consumer=tuple(
            (formats.words(key), value.line())
            for key, value in summary["consumer"].pairs()
            if key != "schema"
        ),
        hook_status=recorded["status"].words(),
        hook_detail=recorded["detail"].text() or "",
        glossary=GLOSSARY,
    )


def _arm_row(arm: Node) -> ArmRow:
    return ArmRow(
        arm=arm["arm"].words(),
        cells=(
            formats.count(arm["turns"].number()),
            formats.count(arm["judged"].number()),
            formats.metric("outcome", arm["mean_outcome"].number()),
            formats.count(arm["labels"].number()),
            formats.metric("label", arm["mean_label"].number()),
            formats.share(arm["label_rate"].number()),
            formats.metric("cost", arm["mean_cost_usd"].number()),
            formats.metric("latency", arm["mean_latency_s"].number()),
        ),
    )


def _diagnostic_row(row: Node, primary: str) -> DiagnosticRow:
    estimate = row["estimated"][primary]
    ess, clusters = estimate["ess"].number(), estimate["clusters"].number()
    return DiagnosticRow(
        policy_id=row["policy_id"].words(),
        cells=(
            formats.count(estimate["n"].number()),
            formats.count(clusters),
            f"{formats.decimal(ess, 1)} ({formats.share(formats.ratio(ess, clusters), 0)})",
            formats.decimal(estimate["max_weight"].number(), 1),
            formats.share(estimate["max_weight_share"].number()),
            formats.decimal(estimate["mean_weight"].number(), 2),
            formats.share(estimate["unsupported_mass"].number()),
        ),
        tier=estimate["tier"].text(),
    )


def _agreement_row(policy: Node) -> AgreementRow:
    metric = policy["metric"].text() or "outcome"
    return AgreementRow(
        policy_id=policy["policy_id"].words(),
        metric=metric,
        figures=tuple(
            (name.upper(), figure_of(metric, estimate))
            for name, estimate in policy["estimates"].pairs()
        ),
        model_dependent=policy["model_dependent"].flag(),
    )


def _step_row(step: Node) -> StepRow:
    outcome = step["outcome"].words()
    mark, tone = _STEP_MARKS.get(outcome, ("?", "open"))
    return StepRow(
        formats.words(step["name"].words()), outcome, mark, tone, step["detail"].text() or ""
    )
