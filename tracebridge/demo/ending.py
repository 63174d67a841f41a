"""How the demo's story ends: each estimate beside its truth, and what became of the canary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracebridge.adapters.documents import read_document, table_of
from tracebridge.cycle import CycleResult
from tracebridge.demo.truth import Truth
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import Metric, Policy
from tracebridge.domain.verdict import Verdict
from tracebridge.gate.review import ReviewReport
from tracebridge.operations.promotion import Judgement


@dataclass(frozen=True, slots=True)
class PolicyEnding:
    """One policy: what it is worth, what the log said, what the gate made of it."""

    policy_id: str
    family: str | None
    truth: Truth
    estimates: Mapping[str, Mapping[str, JsonValue]]
    """Metric to the primary estimate or the refusal."""
    finding: str | None
    outcome: str
    sentence: str

    @classmethod
    def of(
        cls, policy: Policy, truth: Truth, bundle: Path, judged: Judgement | None
    ) -> PolicyEnding:
        """Read a policy's ending from the bundle that it was judged on."""
        row = ablation_row(bundle, policy.policy_id)
        return cls(
            policy_id=policy.policy_id,
            family=policy.family.value if policy.family else None,
            truth=truth,
            estimates={name: table_of(table_of(row, "estimated"), name) for name in _METRICS},
            finding=str(row["finding"]) if row.get("finding") else None,
            outcome=judged.verdict.outcome.value if judged else "baseline",
            sentence=judged.verdict.sentence if judged else "What the others are held against.",
        )

    def truth_of(self, metric: str) -> float | None:
        """The true value on a metric."""
        return self.truth.outcome if metric == Metric.OUTCOME else self.truth.label

    def holds(self, metric: str) -> bool | None:
        """Whether the interval holds the truth; ``None`` where there is no interval."""
        estimate, truth = self.estimates[metric], self.truth_of(metric)
        lo, hi = estimate.get("lo"), estimate.get("hi")
        if truth is None or not isinstance(lo, float) or not isinstance(hi, float):
            return None
        return lo <= truth <= hi

    def document(self) -> dict[str, JsonValue]:
        """One entry of the demo's ``policies`` list."""
        primary = self.estimates[Metric.OUTCOME]
        estimable = "value" in primary
        return {
            "policy_id": self.policy_id,
            "family": self.family,
            "true_value": self.truth.outcome,
            "estimate": (
                {key: primary[key] for key in ("value", "lo", "hi", "tier")} if estimable else None
            ),
            "not_estimable": None if estimable else primary.get("not_estimable"),
            "holds_truth": self.holds(Metric.OUTCOME),
            "outcome": self.outcome,
            "finding": self.finding,
            "label": {
                "true_among_reactors": self.truth.label,
                "true_if_everyone_reacted": self.truth.everyone,
                "estimate": dict(self.estimates[Metric.LABEL]),
                "holds_truth": self.holds(Metric.LABEL),
            },
        }

    def row(self) -> list[object]:
        """One line of the table that people read."""
        primary = self.estimates[Metric.OUTCOME]
        holds = {True: "yes", False: "NO", None: None}[self.holds(Metric.OUTCOME)]
        return [
            self.policy_id,
            self.family,
            self.truth.outcome,
            primary.get("value"),
            primary.get("lo"),
            primary.get("hi"),
            primary.get("tier") or primary.get("not_estimable"),
            holds,
            self.outcome,
        ]


@dataclass(slots=True)
class Told:
    """The whole story's end."""

    workspace: Path
    cycles: list[CycleResult]
    review: ReviewReport
    policies: list[PolicyEnding]
    promoted: str | None
    canary: tuple[Verdict, ...] = ()
    restored: bool | None = None
    """Whether the rollback brought back the bytes that served before the promotion."""

    @property
    def index(self) -> Path:
        """The page over all bundles."""
        return self.workspace / "artifacts" / "index.html"

    @property
    def report(self) -> Path:
        """The report that the promotion was signed on: of the last shadow day."""
        shadow = self.cycles[: len(self.cycles) - len(self.canary)]
        return shadow[-1].bundle.path / "report.html"

    def document(self) -> dict[str, JsonValue]:
        """``demo --json``."""
        return {
            "schema": "tracebridge.demo.v1",
            "cycles": len(self.cycles),
            "bundles": [str(cycle.bundle.path) for cycle in self.cycles],
            "report": str(self.report),
            "index": str(self.index),
            "policies": [ending.document() for ending in self.policies],
            "review": {"result": self.review.result.value, "sentence": self.review.sentence},
            "promoted": self.promoted,
            "canary": [
                {"outcome": verdict.outcome.value, "sentence": verdict.sentence}
                for verdict in self.canary
            ],
            "restored_byte_for_byte": self.restored,
        }

    def rows(self) -> list[list[object]]:
        """Estimate against truth, a line a policy."""
        return [ending.row() for ending in self.policies]

    def lines(self) -> list[str]:
        """What is to be said after the table."""
        lines = ["", f"review of three days: {self.review.sentence}"]
        if self.promoted:
            lines.append(f"admitted to the canary and signed: {self.promoted}")
        lines += [f"canary: {v.outcome.value}: {v.sentence}" for v in self.canary]
        if self.restored is not None:
            restored = "restored byte for byte" if self.restored else "NOT restored"
            lines.append(f"after the rollback the prior policy is {restored}")
        lines += ["", f"report: {self.report}", f"all cycles: {self.index}"]
        return lines


_METRICS = (Metric.OUTCOME.value, Metric.LABEL.value)


def ablation_row(bundle: Path, policy_id: str) -> dict[str, JsonValue]:
    """A policy's row of a bundle's ablation; empty where it was not compared."""
    rows = read_document(bundle / "ablation.json").get("rows")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("policy_id") == policy_id:
            return row
    return {}
