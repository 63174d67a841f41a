"""JSON as the rollout folder holds it: strict parsing, canonical bytes, compiled policies.

The router must stay light, so nothing here validates by a schema library.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import NoReturn, cast

from tracebridge.domain.errors import CanaryError
from tracebridge.domain.replay import BASELINE_ARM, Arm, Family, Policy, PolicyRule

_ARM_KEYS = frozenset({"name", "family", "config"})
_RULE_KEYS = frozenset({"when", "distribution"})
_POLICY_KEYS = frozenset(
    {
        "policy_id",
        "family",
        "parent",
        "factor",
        "description",
        "arms",
        "rules",
        "digest",
        "learned_from",
    }
)


def canonical_json(value: object) -> str:
    """One spelling per value: sorted keys, no spaces, UTF-8 text, no NaN or infinity."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(value: object) -> str:
    """SHA-256 (hex) of the canonical JSON of ``value``."""
    return sha256(canonical_json(value).encode()).hexdigest()


def parse_json(data: bytes, *, where: str) -> object:
    """Parse strictly: UTF-8, no duplicate key, no NaN or infinity, no lone surrogate.

    Raises `CanaryError` for anything else, depth that overflows included.
    """
    try:
        document: object = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        # What has no canonical bytes (1e999, a lone surrogate) could not be digested later.
        canonical_json(document).encode()
    except (ValueError, RecursionError) as error:
        raise CanaryError(f"{where} is not strict JSON ({error}); restore it from a backup.") from (
            error
        )
    return document


def time_text(moment: datetime) -> str:
    """UTC, ISO 8601 with microseconds and ``Z``. Raises `CanaryError` for a naive time."""
    if moment.tzinfo is None:
        raise CanaryError(f"time {moment.isoformat()} has no zone; pass an aware UTC datetime.")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Fields:
    """Typed access to one JSON object whose keys are known; each miss is a `CanaryError`."""

    def __init__(self, document: object, keys: frozenset[str], *, where: str) -> None:
        """``where`` names the file and the place in it; a key not in ``keys`` is refused."""
        self.where = where
        if not isinstance(document, dict):
            raise CanaryError(f"{where} must be a JSON object, not {type(document).__name__}.")
        self._document = cast("dict[str, object]", document)
        if surplus := sorted(self._document.keys() - keys):
            raise CanaryError(f"{where} has the unknown key {surplus[0]!r}; remove it.")
        if missing := sorted(keys - self._document.keys()):
            raise CanaryError(f"{where} lacks the key {missing[0]!r}; write the file anew.")

    def raw(self, key: str) -> object:
        return self._document[key]

    def text(self, key: str) -> str:
        value = self._document[key]
        if not isinstance(value, str) or not value:
            self.refuse(key, "a non-empty string")
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self._document[key] is None else self.text(key)

    def number(self, key: str) -> float:
        value = self._document[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.refuse(key, "a number")
        if not math.isfinite(value):
            self.refuse(key, "a finite number")
        return float(value)

    def flag(self, key: str) -> bool:
        value = self._document[key]
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value

    def moment(self, key: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(key))
        except ValueError:
            self.refuse(key, "an ISO 8601 time")
        if moment.tzinfo is None:
            self.refuse(key, "a time with a zone")
        return moment.astimezone(UTC)

    def objects(self, key: str) -> list[object]:
        value = self._document[key]
        if not isinstance(value, list):
            self.refuse(key, "a list")
        return cast("list[object]", value)

    def mapping(self, key: str) -> dict[str, object]:
        value = self._document[key]
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return cast("dict[str, object]", value)

    def text_mapping(self, key: str) -> dict[str, str]:
        value = self.mapping(key)
        if not all(isinstance(item, str) for item in value.values()):
            self.refuse(key, "an object of strings")
        return cast("dict[str, str]", value)

    def refuse(self, key: str, wanted: str) -> NoReturn:
        raise CanaryError(f"{self.where}: field {key!r} must be {wanted}; write the file anew.")


def policy_document(policy: Policy) -> dict[str, object]:
    """The compiled form of a policy, JSON-ready; `parse_policy_document` reads it back."""
    return {
        "policy_id": policy.policy_id,
        "family": policy.family,
        "parent": policy.parent,
        "factor": policy.factor,
        "description": policy.description,
        "arms": [
            {"name": arm.name, "family": arm.family, "config": dict(arm.config)}
            for arm in policy.arms
        ],
        "rules": [
            {
                "when": {name: list(allowed) for name, allowed in rule.when.items()},
                "distribution": dict(rule.distribution),
            }
            for rule in policy.rules
        ],
        "digest": policy.digest,
        "learned_from": policy.learned_from,
    }


def parse_policy_document(document: object, *, where: str) -> Policy:
    """Read a compiled policy.

    Raises `CanaryError` when a key is unknown or missing, a distribution does not sum to 1, or
    an arm is played that nobody declares.
    """
    fields = Fields(document, _POLICY_KEYS, where=where)
    arms = tuple(
        _parse_arm(arm, where=f"{where}.arms[{at}]")
        for at, arm in enumerate(fields.objects("arms"))
    )
    known = frozenset(arm.name for arm in arms) | {BASELINE_ARM}
    rules = tuple(
        _parse_rule(rule, known, where=f"{where}.rules[{at}]")
        for at, rule in enumerate(fields.objects("rules"))
    )
    if not isinstance(fields.raw("description"), str):
        fields.refuse("description", "a string")
    return Policy(
        policy_id=fields.text("policy_id"),
        family=_family(fields),
        parent=fields.optional_text("parent"),
        factor=fields.optional_text("factor"),
        description=str(fields.raw("description")),
        arms=arms,
        rules=rules,
        digest=fields.text("digest"),
        learned_from=fields.optional_text("learned_from"),
    )


def _parse_arm(document: object, *, where: str) -> Arm:
    fields = Fields(document, _ARM_KEYS, where=where)
    config = fields.mapping("config")
    if not all(isinstance(value, (str, int, float, bool)) for value in config.values()):
        fields.refuse("config", "an object of strings, numbers and flags")
    return Arm(
        name=fields.text("name"),
        family=_family(fields),
        config=cast("dict[str, str | int | float | bool]", config),
    )


def _parse_rule(document: object, known: frozenset[str], *, where: str) -> PolicyRule:
    fields = Fields(document, _RULE_KEYS, where=where)
    when: dict[str, tuple[str, ...]] = {}
    for name, allowed in fields.mapping("when").items():
        if not isinstance(allowed, list) or not all(isinstance(value, str) for value in allowed):
            fields.refuse("when", "an object of lists of strings")
        when[name] = tuple(allowed)
    distribution: dict[str, float] = {}
    for arm, share in fields.mapping("distribution").items():
        if arm not in known:
            fields.refuse("distribution", f"over declared arms, and {arm!r} is none")
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            fields.refuse("distribution", "an object of probabilities in (0, 1]")
        distribution[arm] = float(share)
    if abs(math.fsum(distribution.values()) - 1.0) > 1e-9:
        fields.refuse("distribution", "probabilities that sum to 1")
    return PolicyRule(when=when, distribution=distribution)


def _family(fields: Fields) -> Family | None:
    name = fields.optional_text("family")
    if name is None:
        return None
    if name not in set(Family):
        fields.refuse("family", "one of " + ", ".join(Family))
    return Family(name)


def _unique(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
