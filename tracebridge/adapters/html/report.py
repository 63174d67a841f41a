"""The report of one cycle as one self-contained HTML page that leads with the verdict in words."""

from __future__ import annotations

from collections.abc import Mapping

from tracebridge.adapters.html.reading import Node
from tracebridge.adapters.html.templating import render
from tracebridge.adapters.html.views.comparison import comparison_of
from tracebridge.adapters.html.views.evidence import evidence_of
from tracebridge.adapters.html.views.feedback import feedback_of
from tracebridge.adapters.html.views.observed import observed_of, quality_of
from tracebridge.adapters.html.views.replayed import replayed_of
from tracebridge.adapters.html.views.rewards import rewards_of
from tracebridge.adapters.html.views.verdict import header_of, verdict_of
from tracebridge.domain.events import JsonValue


def render_report(documents: Mapping[str, JsonValue]) -> str:
    """The page for ``summary``, ``ablation``, ``estimates`` and ``runtime_hook`` of a bundle.

    Any document or field may be missing, null or of another type, as a failed cycle leaves it:
    the page then says what is not known. Never raises for what a document holds. Text from logs
    is escaped, bounded and never part of a link; the page carries no script and loads nothing.
    Equal documents give equal bytes.
    """
    summary, ablation, estimates, hook = (
        Node(documents.get(name)) for name in ("summary", "ablation", "estimates", "runtime_hook")
    )
    return render(
        "report.html.j2",
        header=header_of(summary),
        verdict=verdict_of(summary),
        observed=observed_of(summary),
        quality=quality_of(summary),
        feedback=feedback_of(summary),
        rewards=rewards_of(summary),
        comparison=comparison_of(ablation),
        replayed=replayed_of(summary),
        evidence=evidence_of(summary, ablation, estimates, hook),
    )
