"""Policies as files: a strict format in, the `Policy` that is replayed and served out.

One policy changes one factor of the baseline, so that whatever the comparison finds is due to
that factor and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence

from tracebridge.domain.errors import PolicyError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import (
    BASELINE_ARM,
    BASELINE_POLICY,
    Arm,
    Family,
    Policy,
    PolicyRule,
)
from tracebridge.replay.transforms import TRANSFORMS

POLICY_SCHEMA = "tracebridge.policy.v1"

FACTORS: Mapping[str, Mapping[str, type]] = {
    "prompt.instruction": {"instruction": str},
    "tool.schedule": {
        "parallel": bool,
        "across_steps": bool,
        "dedupe_reads": bool,
        "safe_tools": str,
        "path_tools": str,
        "min_calls": int,
        "max_parallel": int,
    },
    "response.transforms": {"transforms": str},
    "route.model": {"model": str},
    "route.thinking_level": {"thinking_level": str},
    "route.agent": {"agent": str},
}
"""Factor to the configuration keys that make it up, and their types."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REQUIRED = ("schema", "policy_id", "family", "parent", "factor", "description", "arms", "rules")
_OPTIONAL = ("learned_from",)
_SUM_TOLERANCE = 1e-9

type _Table = Mapping[str, object]


def parse_policy(document: _Table, *, file: str) -> Policy:
    """The policy that a parsed TOML or JSON document declares.

    Raises:
        PolicyError: unknown or missing key, wrong type, an arm that nobody declares,
            probabilities that do not sum to 1, or more than one factor changed; the sentence
            names ``file``, the field and the mend.
    """
    check = _Check(file)
    check.keys(document, "", required=_REQUIRED, optional=_OPTIONAL)
    if document["schema"] != POLICY_SCHEMA:
        raise check.refuse("schema", f"must be '{POLICY_SCHEMA}'")
    policy_id = check.identifier(document["policy_id"], "policy_id")
    if policy_id == BASELINE_POLICY:
        raise check.refuse("policy_id", f"'{BASELINE_POLICY}' is reserved; choose another name")
    family = _family(document["family"], check)
    factor = _factor(document["factor"], family, check)
    arms = _arms(check.table(document["arms"], "arms"), family, factor, check)
    learned_from = document.get("learned_from")
    return _sealed(
        policy_id=policy_id,
        family=family,
        parent=check.identifier(document["parent"], "parent"),
        factor=factor,
        description=check.text(document["description"], "description"),
        arms=arms,
        rules=_rules(document["rules"], frozenset(arm.name for arm in arms), check),
        learned_from=None if learned_from is None else check.text(learned_from, "learned_from"),
    )


def policy_to_document(policy: Policy) -> dict[str, JsonValue]:
    """The document that `parse_policy` reads back as an equal policy (the baseline aside)."""
    document: dict[str, JsonValue] = {
        "schema": POLICY_SCHEMA,
        "policy_id": policy.policy_id,
        "family": policy.family.value if policy.family else None,
        "parent": policy.parent,
        "factor": policy.factor,
        "description": policy.description,
        "arms": {arm.name: dict(arm.config) for arm in policy.arms},
        "rules": [_rule_document(rule) for rule in policy.rules],
    }
    if policy.learned_from is not None:
        document["learned_from"] = policy.learned_from
    return document


def check_policies(policies: Sequence[Policy]) -> dict[str, Arm]:
    """The declared arm set of policies that are compared with one another, by name.

    Raises:
        PolicyError: two policies share an id, two declare one arm differently, or a parent is
            none of them.
    """
    known = {BASELINE_POLICY}
    for policy in policies:
        if policy.policy_id in known and policy.policy_id != BASELINE_POLICY:
            raise PolicyError(
                f"policies: policy_id '{policy.policy_id}' is used twice; rename one of them"
            )
        known.add(policy.policy_id)
    arms = {BASELINE_ARM: Arm(BASELINE_ARM, None, {})}
    declared_by: dict[str, str] = {}
    for policy in policies:
        if policy.parent is not None and policy.parent not in known:
            raise PolicyError(
                f"policies: parent '{policy.parent}' of '{policy.policy_id}' is not loaded; "
                f"add its file or use '{BASELINE_POLICY}'"
            )
        for arm in policy.arms:
            first = declared_by.setdefault(arm.name, policy.policy_id)
            if arms.setdefault(arm.name, arm) != arm:
                raise PolicyError(
                    f"policies: arm '{arm.name}' is one thing in '{first}' and another in "
                    f"'{policy.policy_id}'; give one of the two another name"
                )
    return {name: arms[name] for name in sorted(arms)}


def _sealed(
    *,
    policy_id: str,
    family: Family | None,
    parent: str | None,
    factor: str | None,
    description: str,
    arms: tuple[Arm, ...],
    rules: tuple[PolicyRule, ...],
    learned_from: str | None = None,
) -> Policy:
    """The policy with the digest over its own document."""
    head = (policy_id, family, parent, factor, description, arms, rules)
    document = policy_to_document(Policy(*head, digest="", learned_from=learned_from))
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Policy(
        *head, digest=hashlib.sha256(canonical.encode()).hexdigest(), learned_from=learned_from
    )


def _rule_document(rule: PolicyRule) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {"distribution": dict(rule.distribution)}
    if rule.when:
        document["when"] = {name: list(values) for name, values in rule.when.items()}
    return document


def _family(value: object, check: _Check) -> Family:
    if value not in {family.value for family in Family}:
        names = ", ".join(family.value for family in Family)
        raise check.refuse("family", f"must be one of {names}")
    return Family(value)


def _factor(value: object, family: Family, check: _Check) -> str:
    own = [name for name in FACTORS if name.startswith(f"{family.value}.")]
    if value not in own:
        raise check.refuse("factor", f"of family {family.value} must be one of {', '.join(own)}")
    return value


def _arms(table: _Table, family: Family, factor: str, check: _Check) -> tuple[Arm, ...]:
    if not table:
        raise check.refuse("arms", "declares no arm; add a table [arms.<name>]")
    arms = []
    for name in sorted(table):
        field = f"arms.{name}"
        check.identifier(name, field)
        if name == BASELINE_ARM:
            raise check.refuse(field, "redeclares the baseline arm; give the arm another name")
        config = _config(check.table(table[name], field), factor, field, check)
        arms.append(Arm(name, family, config))
    return tuple(arms)


def _config(
    table: _Table, factor: str, field: str, check: _Check
) -> dict[str, str | int | float | bool]:
    keys = FACTORS[factor]
    if not table:
        raise check.refuse(field, f"changes nothing; set {' or '.join(keys)}")
    config: dict[str, str | int | float | bool] = {}
    for key in sorted(table):
        if key not in keys:
            other = next((name for name, own in FACTORS.items() if key in own), None)
            raise check.refuse(
                f"{field}.{key}",
                f"changes {other} beside {factor}; move it to a policy of its own"
                if other
                else f"is no key of {factor}; use {', '.join(keys)}",
            )
        config[key] = _setting(table[key], keys[key], f"{field}.{key}", check)
    _check_transforms(config, field, check)
    return config


def _setting(value: object, kind: type, field: str, check: _Check) -> str | int | bool:
    if kind is str:
        return check.text(value, field)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise check.refuse(
        field, "must be true or false" if kind is bool else "must be a whole number from 1"
    )


def _check_transforms(config: _Table, field: str, check: _Check) -> None:
    for name in str(config.get("transforms", "")).split():
        if name not in TRANSFORMS:
            raise check.refuse(
                f"{field}.transforms", f"names '{name}'; known are {', '.join(TRANSFORMS)}"
            )


def _rules(value: object, declared: frozenset[str], check: _Check) -> tuple[PolicyRule, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise check.refuse("rules", "must be a list of tables, [[rules]]")
    rules = tuple(
        _rule(check.table(table, f"rules[{index}]"), declared, f"rules[{index}]", check)
        for index, table in enumerate(value)
    )
    for index, rule in enumerate(rules):
        if bool(rule.when) == (index == len(rules) - 1):
            raise check.refuse(
                f"rules[{index}]",
                "is the last rule and must have no `when`: it is the default"
                if rule.when
                else "has no `when`, so later rules are never reached; move it to the end",
            )
    return rules


def _rule(table: _Table, declared: frozenset[str], field: str, check: _Check) -> PolicyRule:
    check.keys(table, f"{field}.", required=("distribution",), optional=("when",))
    when = check.table(table.get("when", {}), f"{field}.when")
    return PolicyRule(
        when={name: _values(when[name], f"{field}.when.{name}", check) for name in sorted(when)},
        distribution=_distribution(
            check.table(table["distribution"], f"{field}.distribution"),
            declared,
            f"{field}.distribution",
            check,
        ),
    )


def _values(value: object, field: str, check: _Check) -> tuple[str, ...]:
    """Allowed values of one context feature, sorted: their order means nothing."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise check.refuse(field, 'must be a list of values, such as ["long"]')
    return tuple(sorted({check.text(item, field) for item in value}))


def _distribution(
    table: _Table, declared: frozenset[str], field: str, check: _Check
) -> dict[str, float]:
    chances: dict[str, float] = {}
    for name in sorted(table):
        if name != BASELINE_ARM and name not in declared:
            raise check.refuse(
                f"{field}.{name}", f"is an arm that nobody declares; add [arms.{name}]"
            )
        chance = table[name]
        if isinstance(chance, bool) or not isinstance(chance, int | float):
            raise check.refuse(f"{field}.{name}", "must be a probability from 0 to 1")
        if not 0 <= chance <= 1:
            raise check.refuse(f"{field}.{name}", f"is {chance}; a probability is from 0 to 1")
        chances[name] = float(chance)
    total = math.fsum(chances.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise check.refuse(field, f"sums to {total:g}; probabilities must sum to 1")
    return {name: chance for name, chance in chances.items() if chance > 0}


class _Check:
    """Refusals that name the file, the field and the mend."""

    def __init__(self, file: str) -> None:
        self._file = file

    def refuse(self, field: str, mend: str) -> PolicyError:
        return PolicyError(f"{self._file}: '{field}' {mend}")

    def keys(
        self, table: _Table, prefix: str, *, required: tuple[str, ...], optional: tuple[str, ...]
    ) -> None:
        for key in table:
            if key not in required + optional:
                raise self.refuse(
                    f"{prefix}{key}", "is an unknown key; remove it or mend its spelling"
                )
        for key in required:
            if key not in table:
                raise self.refuse(f"{prefix}{key}", "is missing; add it")

    def text(self, value: object, field: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(field, "must be a non-empty text")
        return value

    def identifier(self, value: object, field: str) -> str:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise self.refuse(field, "must be up to 64 lower-case letters, digits, '.', '_' or '-'")
        return value

    def table(self, value: object, field: str) -> _Table:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self.refuse(field, "must be a table")
        return value


BASELINE: Policy = _sealed(
    policy_id=BASELINE_POLICY,
    family=None,
    parent=None,
    factor=None,
    description="What serves today: no factor changed.",
    arms=(),
    rules=(PolicyRule({}, {BASELINE_ARM: 1.0}),),
)
"""The policy that every other one is compared with, and that serves whenever in doubt."""
