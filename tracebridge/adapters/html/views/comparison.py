"""Policies side by side: observed, replayed and estimated figures, which never share a column."""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.adapters.html import formats, plots
from tracebridge.adapters.html.reading import Node

_METRICS = (
    ("outcome", "Outcome"),
    ("label", "Label"),
    ("cost", "Cost per turn"),
    ("latency", "Time per turn"),
)
_FINDINGS = {
    "better": ("better", "good"),
    "worse": ("worse", "bad"),
    "no_clear_difference": ("no clear difference", "open"),
    "not_estimable": ("not estimable", "faint"),
}
_REFUSALS = {
    "no_propensity": "The log does not say how likely its choices were.",
    "no_support": "The log never made this choice, so there is nothing to weigh.",
    "no_rows": "No row of the log carries this metric.",
    "too_few_units": "Too few independent units made this choice.",
    "no_variation": "Every row has the same value, so no interval can be formed.",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate with its interval and tier, or in words why there is none."""

    value: str
    interval: str
    tier: str | None
    refusal: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy; ``None`` cells are figures that do not exist for it."""

    policy_id: str
    family: str | None
    factor: str | None
    description: str
    is_baseline: bool
    observed: tuple[str, str, str, str, str] | None
    replayed: tuple[str, str] | None
    estimated: Figure
    contrast: Figure | None
    finding: str
    tone: str
    model_dependent: bool


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One policy's contrast with the baseline, drawn or refused."""

    policy_id: str
    whisker: plots.Whisker | None
    text: str
    simultaneous: str | None
    finding: str
    tone: str


@dataclass(frozen=True, slots=True)
class MetricTable:
    """Contrasts of one secondary metric, by policy."""

    title: str
    rows: tuple[tuple[str, Figure, Figure], ...]


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """The section; ``known`` is false where no comparison was made."""

    known: bool
    sentence: str
    needs: str | None
    winner: str | None
    level: str
    metric: str
    replay_set: str
    rows: tuple[PolicyRow, ...]
    shared_refusal: Figure | None
    """Why no policy at all can be estimated, where the reason is one and the same."""
    forest: tuple[ForestRow, ...]
    """What can be drawn first, then what cannot."""
    ticks: tuple[plots.Tick, ...]
    zero: str
    metrics: tuple[MetricTable, ...]


def comparison_of(ablation: Node) -> ComparisonView:
    """The ablation as a table, a forest plot, and the secondary metrics below."""
    primary = ablation["primary_metric"].text() or "outcome"
    rows = list(ablation["rows"])
    baseline = ablation["baseline"].text() or "baseline"
    variants = [row for row in rows if row["policy_id"].text() != baseline]
    axis = plots.contrast_axis([end for row in variants for end in _ends(row, primary)])
    forest = [_forest_row(row, primary, axis) for row in variants]
    policies = tuple(_policy_row(row, primary, baseline) for row in rows)
    winner = ablation["winner"].text()
    replay_set = ablation["replay_set"]
    return ComparisonView(
        known=bool(rows),
        sentence=ablation["sentence"].text() or _verbal(winner),
        needs=ablation["needs"].text(),
        winner=winner,
        level=formats.share(ablation["level"].number(), 0),
        metric=dict(_METRICS).get(primary, primary).lower(),
        replay_set=f"{formats.plural(replay_set['rows'].number(), 'turn')} in "
        f"{formats.plural(replay_set['units'].number(), replay_set['unit_kind'].text() or 'unit')}",
        rows=policies,
        shared_refusal=_shared_refusal(policies),
        forest=tuple(sorted(forest, key=lambda row: row.whisker is None)),
        ticks=axis.ticks() if axis else (),
        zero=axis.at(0.0) if axis else "50%",
        metrics=tuple(
            _metric_table(name, title, rows, baseline)
            for name, title in _METRICS
            if name != primary and rows
        ),
    )


def figure_of(name: str, estimate: Node, *, contrast: bool = False) -> Figure:
    """An estimate in words. A missing one is refused too, for a reason nobody recorded."""
    refusal = estimate["not_estimable"].text()
    value = estimate["value"].number()
    if refusal is None and value is not None:
        return Figure(
            value=formats.metric(name, value, contrast=contrast),
            interval=formats.interval(
                name, estimate["lo"].number(), estimate["hi"].number(), contrast=contrast
            ),
            tier=estimate["tier"].text(),
            refusal=None,
            detail=f"n = {formats.count(estimate['n'].number())}",
        )
    return Figure(
        value="",
        interval="",
        tier=None,
        refusal=_REFUSALS.get(refusal or "", "No estimate was recorded."),
        detail=estimate["detail"].text() or "",
    )


def _shared_refusal(policies: tuple[PolicyRow, ...]) -> Figure | None:
    figures = {policy.estimated for policy in policies}
    return next(iter(figures)) if len(figures) == 1 and _refused(policies[0]) else None


def _refused(policy: PolicyRow) -> bool:
    return policy.estimated.refusal is not None


def _verbal(winner: str | None) -> str:
    return "No clear winner." if winner is None else f"{winner} is the clear winner."


def _policy_row(row: Node, primary: str, baseline: str) -> PolicyRow:
    finding, tone = _finding(row)
    policy_id = row["policy_id"].words()
    is_baseline = policy_id == baseline
    return PolicyRow(
        policy_id=policy_id,
        family=row["family"].text(),
        factor=row["factor"].text(),
        description=row["description"].text() or "",
        is_baseline=is_baseline,
        observed=_observed(row["observed"]),
        replayed=_replayed(row["replayed"]),
        estimated=figure_of(primary, row["estimated"][primary]),
        contrast=None
        if is_baseline
        else figure_of(primary, row["contrast"][primary], contrast=True),
        finding="the measure" if is_baseline else finding,
        tone="calm" if is_baseline else tone,
        model_dependent=row["model_dependent"].flag(),
    )


def _observed(observed: Node) -> tuple[str, str, str, str, str] | None:
    if not observed.exists or observed["turns"].number() == 0:
        return None
    return (
        formats.count(observed["turns"].number()),
        formats.metric("outcome", observed["mean_outcome"].number()),
        formats.metric("label", observed["mean_label"].number()),
        formats.metric("cost", observed["mean_cost_usd"].number()),
        formats.metric("latency", observed["mean_latency_s"].number()),
    )


def _replayed(replayed: Node) -> tuple[str, str] | None:
    if not replayed.exists:
        return None
    calls = f"{formats.count(replayed['calls_replayed'].number())} of "
    calls += formats.count(replayed["calls_recorded"].number())
    return (calls, _saved(replayed["serial_ms"].number(), replayed["wall_ms"].number()))


def _saved(serial_ms: float | None, wall_ms: float | None) -> str:
    if serial_ms is None or wall_ms is None:
        return formats.UNKNOWN
    if serial_ms <= 0 or wall_ms == serial_ms:
        return "the same"
    change = formats.share(abs(serial_ms - wall_ms) / serial_ms, 0)
    return f"{change} {'less' if wall_ms < serial_ms else 'more'}"


def _forest_row(row: Node, primary: str, axis: plots.Axis | None) -> ForestRow:
    estimate = row["contrast"][primary]
    figure = figure_of(primary, estimate, contrast=True)
    finding, tone = _finding(row)
    outer = row["simultaneous"]["lo"].number(), row["simultaneous"]["hi"].number()
    return ForestRow(
        policy_id=row["policy_id"].words(),
        whisker=_whisker(estimate, outer, axis),
        text=figure.refusal or f"{figure.value}  ({figure.interval})",
        simultaneous=None
        if None in outer or figure.refusal
        else formats.interval(primary, *outer, contrast=True),
        finding=finding,
        tone=tone,
    )


def _whisker(
    estimate: Node, outer: tuple[float | None, float | None], axis: plots.Axis | None
) -> plots.Whisker | None:
    value, lo, hi = (estimate[key].number() for key in ("value", "lo", "hi"))
    if axis is None or value is None or lo is None or hi is None:
        return None
    return plots.Whisker(
        x=axis.at(value),
        lo=axis.at(lo),
        hi=axis.at(hi),
        outer_lo=None if outer[0] is None else axis.at(outer[0]),
        outer_hi=None if outer[1] is None else axis.at(outer[1]),
    )


def _ends(row: Node, primary: str) -> list[float]:
    contrast, outer = row["contrast"][primary], row["simultaneous"]
    ends = (contrast["lo"], contrast["hi"], outer["lo"], outer["hi"])
    return [end for end in (node.number() for node in ends) if end is not None]


def _finding(row: Node) -> tuple[str, str]:
    return _FINDINGS.get(row["finding"].text() or "", (formats.UNKNOWN, "faint"))


def _metric_table(name: str, title: str, rows: list[Node], baseline: str) -> MetricTable:
    return MetricTable(
        title=title,
        rows=tuple(
            (
                row["policy_id"].words(),
                figure_of(name, row["estimated"][name]),
                figure_of(name, row["contrast"][name], contrast=True),
            )
            for row in rows
            if row["policy_id"].text() != baseline
        ),
    )
