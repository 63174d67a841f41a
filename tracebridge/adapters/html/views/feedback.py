"""What people said with their reactions, what could not be used and why, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.adapters.html import formats, plots
from tracebridge.adapters.html.reading import Node
from tracebridge.adapters.html.views.observed import Tile

_UNJOINED = {
    "withdrawn": "taken back by the person",
    "bot": "left by a bot",
    "acknowledgement": "only says that it was seen (👀)",
    "unmapped": "emoji without a score",
    "anonymous_count": "a count without persons",
    "conflicting": "one person, opposite emoji on one message",
    "user_message": "sits on a message of a person",
    "no_turn": "no answer is known near that message",
    "ambiguous": "several messages of the agent could be meant",
    "pending": "not decided yet: the next message will tell",
}
_RULES = {
    "delivery_map": "exact: the agent recorded which message carries which answer",
    "bracket": "between two messages of the same chat",
    "open_bracket": "after the last known message of the chat",
}
_SCORES = {
    "2": ("strongly good", "good"),
    "1": ("good", "good"),
    "0": ("neutral", "calm"),
    "-1": ("bad", "bad"),
    "-2": ("must not happen again", "bad"),
}
_ALWAYS_SHOWN = ("2", "1", "-1", "-2")


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A count with the reason it stands for."""

    name: str
    count: str
    meaning: str


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """How to come from here to a verdict."""

    headline: str
    progress: str
    progress_width: str
    how: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """The section's figures; ``known`` is false where the cycle recorded no feedback at all."""

    known: bool
    has_labels: bool
    tiles: tuple[Tile, ...]
    scores: tuple[plots.Bar, ...]
    silence: str
    rules: tuple[Reasoned, ...]
    unjoined: tuple[Reasoned, ...]
    unmapped: tuple[tuple[str, str], ...]
    plan: LabelPlan | None


def feedback_of(summary: Node) -> FeedbackView:
    """Labels by score and rule, reactions that label nothing, and the way to a verdict."""
    feedback = summary["feedback"]
    labels = feedback["labels"].number()
    return FeedbackView(
        known=feedback.is_told,
        has_labels=bool(labels),
        tiles=_tiles(feedback),
        scores=_scores(feedback["by_score"]) if labels else (),
        silence=_silence(feedback),
        rules=_reasoned(feedback["by_rule"], _RULES),
        unjoined=_reasoned(feedback["unjoined"], _UNJOINED),
        unmapped=tuple(
            (emoji, formats.count(number.number()))
            for emoji, number in feedback["unmapped"].pairs()
        ),
        plan=_plan(summary["labels_needed"], summary["unit_kind"].text() or "unit"),
    )


def _tiles(feedback: Node) -> tuple[Tile, ...]:
    gaps = feedback["gaps"].number()
    harvest = f"{formats.plural(gaps, 'gap')} in the harvest" if gaps != 0 else "no gap"
    return (
        Tile("Reactions harvested", formats.count(feedback["harvested"].number()), harvest),
        Tile(
            "Labels",
            formats.count(feedback["labels"].number()),
            f"{formats.count(feedback['batch'].number())} on the last part of an answer, "
            f"{formats.count(feedback['chunk'].number())} on an earlier part",
        ),
        Tile(
            "Label rate",
            formats.share(feedback["label_rate"].number()),
            f"of {formats.plural(feedback['turns_answered'].number(), 'answer')}",
        ),
        Tile("Last reaction", _day_of(feedback["last_update"].text()), "date of the newest update"),
    )


def _day_of(moment: str | None) -> str:
    return "none yet" if moment is None else moment[:10]


def _silence(feedback: Node) -> str:
    labeled, answers = feedback["labeled_turns"].number(), feedback["turns_answered"].number()
    if feedback["labels"].number() == 0 and answers:
        return (
            f"None of {formats.plural(answers, 'answer')} carries a reaction. They are "
            "unlabeled; that is not a score of zero, and nothing here treats it as one."
        )
    if labeled is None or answers is None or labeled > answers:
        return "An answer without a reaction is unlabeled; that is not a score of zero."
    return (
        f"{formats.count(answers - labeled)} of {formats.plural(answers, 'answer')} carry no "
        "reaction. They are unlabeled; that is not a score of zero."
    )


def _scores(by_score: Node) -> tuple[plots.Bar, ...]:
    """Best first. A score that nobody gave is truly zero here: labels exist, none of them this."""
    counts: dict[str, float | None] = dict.fromkeys(_ALWAYS_SHOWN, 0.0)
    counts |= {_canonical_score(key): number.number() for key, number in by_score.pairs()}
    parts = []
    for key in sorted(counts, key=_score_order):
        meaning, tone = _SCORES.get(key, ("between", "calm"))
        number = counts[key]
        parts.append((_score_text(key), number, formats.plural(number, "label"), meaning, tone))
    return plots.bars(parts)


def _score_order(key: str) -> tuple[float, str]:
    score = _score(key)
    return (float("inf") if score is None else -score, key)


def _score_text(key: str) -> str:
    score = _score(key)
    return key if score is None else formats.signed(score, 0 if score.is_integer() else 1)


def _score(key: str) -> float | None:
    try:
        return float(key)
    except ValueError:
        return None


def _canonical_score(key: str) -> str:
    """``2``, ``2.0`` and ``+2`` are one score."""
    score = _score(key)
    return key if score is None else f"{score:g}"


def _reasoned(counts: Node, meanings: dict[str, str]) -> tuple[Reasoned, ...]:
    """Largest first; equal counts by name."""
    pairs = [(name, number.number()) for name, number in counts.pairs() if number.number() != 0]
    return tuple(
        Reasoned(formats.words(name), formats.count(number), meanings.get(name, ""))
        for name, number in sorted(pairs, key=lambda pair: (-(pair[1] or 0), pair[0]))
    )


def _plan(needed: Node, unit: str) -> LabelPlan | None:
    """Progress in labeled units where they are counted, because units carry a verdict."""
    now, wanted = needed["labeled_units"].number(), needed["labeled_units_wanted"].number()
    what = f"labeled {unit}s"
    if wanted is None:
        now, wanted = needed["labels_now"].number(), needed["labels_wanted"].number()
        what = "labels"
    if not wanted or wanted < 0:
        return None
    days, rate = needed["days_to_verdict"].number(), needed["label_rate_per_day"].number()
    if now is not None and now >= wanted:
        headline = "Enough labels for a verdict"
    elif days is None:
        headline = "How to get to a first verdict"
    else:
        headline = f"About {formats.plural(days, 'day')} to a verdict"
    progress = f"{formats.count(now)} of {formats.count(wanted)} {what}"
    if rate:
        progress += f"; {formats.decimal(rate, 1)} labels a day so far"
    elif days is None:
        progress += "; without new labels no day can be named"
    return LabelPlan(
        headline=headline,
        progress=progress,
        progress_width=plots.percent(min((now or 0.0) / wanted, 1.0)),
        how=tuple(step.text() or "" for step in needed["how"] if step.text()),
    )
