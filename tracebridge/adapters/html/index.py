"""The page over all bundles, newest first, each with its verdict and a link to its report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracebridge.adapters.html import formats, plots
from tracebridge.adapters.html.reading import Node
from tracebridge.adapters.html.templating import render
from tracebridge.adapters.html.views.verdict import outcome_words
from tracebridge.domain.events import JsonValue

_SAFE_HREF = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.html")


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One cycle of the list; ``href`` is ``None`` where no safe relative link was given."""

    bundle_id: str
    day: str
    href: str | None
    title: str
    tone: str
    failed: bool
    sentence: str
    turns: str
    labels: str


def render_index(entries: Sequence[Mapping[str, JsonValue]]) -> str:
    """The page for entries in any order, each with the keys
    ``bundle_id, day, status, verdict_outcome, verdict_sentence, report_href, turns, labels``.

    What is missing is unknown. A link is kept only if it is a plain relative path to ``.html``.
    """
    nodes = sorted((Node(dict(entry)) for entry in entries), key=_age)
    return render(
        "index.html.j2",
        total=formats.plural(len(nodes), "cycle"),
        columns=plots.trend([node["turns"].number() for node in nodes]) if len(nodes) > 1 else (),
        rows=[_row(node) for node in reversed(nodes)],
    )


def _age(node: Node) -> tuple[str, int]:
    """Bundle ids sort by time, then by their number within the second."""
    stamp, _, number = node["bundle_id"].words().partition("-")
    return (stamp, int(number) if number.isdecimal() else 1)


def _row(node: Node) -> CycleRow:
    href = node["report_href"].text() or ""
    title, tone = outcome_words(node["verdict_outcome"])
    return CycleRow(
        bundle_id=node["bundle_id"].words(),
        day=formats.day(node["day"].text()),
        href=href if _SAFE_HREF.fullmatch(href) else None,
        title=title,
        tone=tone,
        failed=node["status"].text() == "failed",
        sentence=node["verdict_sentence"].text() or "",
        turns=formats.plural(node["turns"].number(), "turn"),
        labels=formats.plural(node["labels"].number(), "label"),
    )
