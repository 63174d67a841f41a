"""Estimates and verdicts as JSON documents and back: the one shape that every room shares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tracebridge.domain.errors import EstimationError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import (
    Estimate,
    Metric,
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    PolicyReport,
    Tier,
)
from tracebridge.domain.verdict import Verdict

type Document = dict[str, JsonValue]

ESTIMATES_SCHEMA = "tracebridge.estimates.v1"


def document_bytes(document: Mapping[str, JsonValue]) -> bytes:
    """A document as it lies in a bundle: sorted keys, two spaces, one newline at the end."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    return text.encode() + b"\n"


def line_bytes(document: Mapping[str, JsonValue]) -> bytes:
    """A document as one line of a line file."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


def estimate_document(estimate: Estimate) -> Document:
    """An estimate with everything needed to doubt it, or the refusal in words."""
    if isinstance(estimate, NotEstimable):
        return {"not_estimable": estimate.reason.value, "detail": estimate.detail}
    return {
        "estimator": estimate.estimator,
        "value": estimate.value,
        "se": estimate.se,
        "lo": estimate.lo,
        "hi": estimate.hi,
        "level": estimate.level,
        "n": estimate.n,
        "clusters": estimate.clusters,
        "ess": estimate.ess,
        "max_weight": estimate.max_weight,
        "max_weight_share": estimate.max_weight_share,
        "mean_weight": estimate.mean_weight,
        "unsupported_mass": estimate.unsupported_mass,
        "tier": estimate.tier.value,
    }


def simultaneous_document(report: PolicyReport) -> Document | None:
    """The interval that holds over all compared policies at once; ``None`` without one."""
    if report.simultaneous_lo is None or report.simultaneous_hi is None:
        return None
    return {"lo": report.simultaneous_lo, "hi": report.simultaneous_hi}


def estimates_document(
    reports: Iterable[PolicyReport], replay_set: Mapping[str, JsonValue]
) -> Document:
    """``estimates.json``: every policy, metric and estimator, on one pinned replay set."""
    return {
        "schema": ESTIMATES_SCHEMA,
        "replay_set": dict(replay_set),
        "policies": [
            {
                "policy_id": report.policy_id,
                "metric": report.metric.value,
                "estimates": {
                    name: estimate_document(report.estimates[name])
                    for name in sorted(report.estimates)
                },
                "contrast": estimate_document(report.contrast),
                "simultaneous": simultaneous_document(report),
                "model_dependent": report.model_dependent,
                "by_day": None if report.by_day is None else estimate_document(report.by_day),
            }
            for report in reports
        ],
    }


def parse_estimates(document: Mapping[str, object], *, file: str) -> tuple[PolicyReport, ...]:
    """The reports of an ``estimates.json``, exactly as they were written.

    Raises:
        EstimationError: the document has another schema or lacks a field.
    """
    try:
        if document["schema"] != ESTIMATES_SCHEMA:
            raise EstimationError(
                f"{file}: estimates.json has schema '{document['schema']}'; this version reads "
                f"'{ESTIMATES_SCHEMA}'"
            )
        return tuple(_report(row) for row in _rows(document["policies"]))
    except (KeyError, TypeError, ValueError) as error:
        raise EstimationError(
            f"{file}: estimates.json is malformed ({error}); run the cycle again"
        ) from error


def verdict_document(verdict: Verdict) -> Document:
    """A verdict with every reason, passing ones too."""
    return {
        "outcome": verdict.outcome.value,
        "subject": verdict.subject,
        "sentence": verdict.sentence,
        "needs": verdict.needs,
        "reasons": [
            {
                "check": reason.check,
                "result": reason.result.value,
                "measured": reason.measured,
                "required": reason.required,
                "detail": reason.detail,
            }
            for reason in verdict.reasons
        ],
    }


def _report(row: Mapping[str, object]) -> PolicyReport:
    simultaneous = row["simultaneous"]
    lo, hi = (None, None)
    if isinstance(simultaneous, Mapping):
        lo, hi = float(simultaneous["lo"]), float(simultaneous["hi"])
    estimates = row["estimates"]
    contrast = row["contrast"]
    by_day = row.get("by_day")
    if not isinstance(estimates, Mapping) or not isinstance(contrast, Mapping):
        raise TypeError("estimates and contrast must be objects")
    return PolicyReport(
        policy_id=str(row["policy_id"]),
        metric=Metric(str(row["metric"])),
        estimates={name: _estimate(value) for name, value in estimates.items()},
        contrast=_estimate(contrast),
        simultaneous_lo=lo,
        simultaneous_hi=hi,
        model_dependent=bool(row["model_dependent"]),
        by_day=_estimate(by_day) if isinstance(by_day, Mapping) else None,
    )


def _estimate(document: Mapping[str, object]) -> Estimate:
    if "not_estimable" in document:
        reason = NotEstimableReason(str(document["not_estimable"]))
        return NotEstimable(reason, str(document["detail"]))
    numbers = {name: document[name] for name in _NUMBERS}
    if not all(isinstance(value, int | float) for value in numbers.values()):
        raise TypeError("an estimate's figures must be numbers")
    return PolicyEstimate(
        estimator=str(document["estimator"]),
        tier=Tier(str(document["tier"])),
        **numbers,  # type: ignore[arg-type]
    )


_NUMBERS = (
    "value",
    "se",
    "lo",
    "hi",
    "level",
    "n",
    "clusters",
    "ess",
    "max_weight",
    "max_weight_share",
    "mean_weight",
    "unsupported_mass",
)


def _rows(value: object) -> Sequence[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise TypeError("policies must be a list of objects")
    return value
