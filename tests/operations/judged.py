"""Workspaces with a sealed bundle that says whatever a test needs it to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from tests.unit.gate.evidence import baseline_reports, good_reports
from tracebridge.domain.bundle import SealedBundle, StepOutcome, StepStatus
from tracebridge.domain.documents import document_bytes, estimates_document
from tracebridge.domain.replay import PolicyReport
from tracebridge.operations.workspaces import make_workspace
from tracebridge.settings import Settings, load_settings
from tracebridge.wiring import bundle_store, policies_of, small_inputs

CANDIDATE = "route-strong"
SEALED_AT = datetime(2026, 3, 3, 0, 15, tzinfo=UTC)
NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def judged_workspace(root: Path) -> Settings:
    """A workspace with one bundle, whose estimates pass every check for `CANDIDATE`."""
    make_workspace(root, home=root / "nobody")
    settings = load_settings(root)
    seal_bundle(settings, good_reports(CANDIDATE))
    return settings


def seal_bundle(
    settings: Settings,
    reports: Sequence[PolicyReport],
    *,
    now: datetime = SEALED_AT,
    outcome: StepOutcome = StepOutcome.OK,
) -> SealedBundle:
    """Seal a bundle that compares the workspace's policies as they are and estimates as told."""
    draft = bundle_store(settings).open(now)
    rows = [
        {"policy_id": policy.policy_id, "digest": policy.digest}
        for policy in policies_of(small_inputs(settings))
    ]
    estimates = estimates_document([*baseline_reports(), *reports], {})
    draft.write_bytes("estimates.json", document_bytes(estimates))
    draft.write_bytes("ablation.json", document_bytes({"rows": rows}))  # type: ignore[dict-item]
    draft.write_bytes("report.html", f"<p>{now.isoformat()}</p>".encode())
    return draft.seal(
        day=date(2026, 3, 2),
        seed=7,
        config_digest=settings.config_digest,
        inputs=[],
        steps=[StepStatus("judge", outcome)],
        skips={},
        parents=[],
        versions={},
        now=now,
    )
