"""``tracebridge policies``: behavior variants, as files and as distributions over arms."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from tracebridge.cli.output import Negative, counted, emit, settings, story, table
from tracebridge.domain.errors import ConfigurationError


@click.group("policies")
def policies_command() -> None:
    """Behavior variants: each differs from its parent in one factor."""


@policies_command.command("list")
def list_() -> None:
    """Every policy of the workspace; the baseline first."""
    from tracebridge import wiring

    policies = wiring.policies_of(wiring.small_inputs(settings()))
    rows = [
        {
            "policy_id": policy.policy_id,
            "family": policy.family.value if policy.family else None,
            "parent": policy.parent,
            "factor": policy.factor,
            "description": policy.description,
            "digest": policy.digest,
            "learned": policy.learned_from is not None,
        }
        for policy in policies
    ]
    emit(
        {"schema": "tracebridge.policies.v1", "policies": rows},
        table(
            ["policy", "family", "factor", "what it does"],
            [[r["policy_id"], r["family"], r["factor"], r["description"]] for r in rows],
        ),
    )


@policies_command.command("show")
@click.argument("policy_id")
def show(policy_id: str) -> None:
    """One policy: its arms, and the distribution for each context it tells apart."""
    from tracebridge import wiring
    from tracebridge.replay.policies import policy_to_document

    policies = wiring.policies_of(wiring.small_inputs(settings()))
    policy = next((policy for policy in policies if policy.policy_id == policy_id), None)
    if policy is None:
        known = ", ".join(policy.policy_id for policy in policies)
        raise ConfigurationError(f"{policy_id}: no policy has this id; choose one of: {known}")
    rules = [
        [", ".join(f"{k} in {'/'.join(v)}" for k, v in rule.when.items()) or "otherwise", arm, p]
        for rule in policy.rules
        for arm, p in rule.distribution.items()
    ]
    emit(
        {"schema": "tracebridge.policy_view.v1", "policy": policy_to_document(policy)},
        [policy.description, *table(["when", "arm", "probability"], rows=rules)],
    )


@policies_command.command("check")
def check() -> None:
    """Read every policy file and say whether they stand together."""
    from tracebridge import wiring

    policies = wiring.policies_of(wiring.small_inputs(settings()))
    emit(
        {"schema": "tracebridge.policies_check.v1", "policies": len(policies), "valid": True},
        [f"{counted(len(policies) - 1, 'variant')} and the baseline stand together"],
    )


@policies_command.command("learn")
def learn() -> None:
    """Fit a route policy on the training split and write it as a candidate; exit 1 if nothing
    in the training rows is better than the baseline."""
    from tracebridge.operations.learning import learn_candidate

    learned = learn_candidate(settings(), until=datetime.now(UTC))
    emit(
        {
            "schema": "tracebridge.policies_learn.v1",
            "policy_id": learned.policy_id,
            "path": str(learned.path) if learned.path else None,
            "train_rows": learned.train_rows,
            "refusal": learned.refusal,
        },
        [
            f"no candidate is written: {learned.refusal}"
            if learned.refusal
            else f"{learned.policy_id} written to {learned.path}"
        ],
    )
    if learned.refusal:
        raise Negative
    story("It enters the next cycle's comparison, on rows it was not fitted on.")
