"""What a decision may depend on: the caller's arguments, cleaned, coarse and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from tracebridge.canary.state_file import Fault
from tracebridge.domain.errors import CanaryError

_MAX_UNIT = 512
_MAX_ITEMS = 256
_MAX_FEATURES = 32
_MAX_FEATURE = 64
_MAX_REF = 128


@dataclass(frozen=True, slots=True)
class Request:
    """What a decision may depend on, cleaned: text-free, coarse, bounded."""

    unit: str
    context: Mapping[str, str]
    request_ref: str | None


class RequestError(CanaryError):
    """The caller's unit or context cannot be used; that is no fault of the rollout."""

    def __init__(self, why: Fault) -> None:
        """``why`` is ``unit`` or ``context``."""
        super().__init__(f"The request's {why} cannot be used; pass strings.")
        self.why = why


def read_request(unit_id: object, context: object) -> Request:
    """Clean a caller's arguments; raises `CanaryError` for a unit or context of a wrong kind.

    Features that are not short UTF-8 strings are dropped: the log must stay free of text.
    """
    unit = usable_unit(unit_id)
    if unit is None:
        raise RequestError(Fault.UNIT)
    if not isinstance(context, Mapping):
        raise RequestError(Fault.CONTEXT)
    try:
        items = dict(islice(context.items(), _MAX_ITEMS + 1))
        request_ref = items.pop("request_ref", None)
        features = {
            name: value
            for name, value in items.items()
            if _is_short(name, _MAX_FEATURE) and _is_short(value, _MAX_FEATURE)
        }
    except Exception as error:
        # The mapping is the caller's own code and may raise anything.
        raise RequestError(Fault.CONTEXT) from error
    if len(items) > _MAX_ITEMS or len(features) > _MAX_FEATURES:
        raise RequestError(Fault.CONTEXT)
    return Request(
        unit=unit,
        context={name: features[name] for name in sorted(features)},
        request_ref=request_ref if _is_short(request_ref, _MAX_REF) else None,
    )


def usable_unit(unit_id: object) -> str | None:
    """The unit, if it is a string that can be logged: not empty, not long, UTF-8."""
    return unit_id if isinstance(unit_id, str) and _is_short(unit_id, _MAX_UNIT) else None


def _is_short(value: object, limit: int) -> bool:
    return type(value) is str and 0 < len(value) <= limit and _encodes(value)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
