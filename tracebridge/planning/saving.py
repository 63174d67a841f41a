"""How much tool time a schedule saves, with an interval over units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import ReplayedTurn
from tracebridge.stats.clusters import cluster_ratio, interval


def saved_share(
    replayed: Sequence[ReplayedTurn], units: Mapping[str, str], *, level: float
) -> dict[str, JsonValue] | None:
    """The share of recorded tool time that the schedule saves; ``None`` where there was none.

    ``units`` maps turn id to unit. The share is ``1 - sum(wall) / sum(serial)``, its interval the
    cluster-robust t interval of that ratio at ``level``; ``lo`` and ``hi`` are ``None`` where
    fewer than two units, or units without variation, give none. It speaks of the eligible turns
    only, and of tool time, not of the time that the model takes.
    """
    serial: dict[str, int] = {}
    wall: dict[str, int] = {}
    for turn in replayed:
        unit = units[turn.turn_id]
        serial[unit] = serial.get(unit, 0) + turn.serial_ms
        wall[unit] = wall.get(unit, 0) + turn.wall_ms
    if not any(serial.values()):
        return None
    order = sorted(serial)
    spent = np.array([serial[unit] for unit in order], dtype=np.float64)
    saved = spent - np.array([wall[unit] for unit in order], dtype=np.float64)
    share = cluster_ratio(saved, spent)
    lo, hi = interval(share, level)
    known = math.isfinite(lo) and math.isfinite(hi)
    return {
        "value": share.value,
        "lo": lo if known else None,
        "hi": hi if known else None,
        "level": level,
        "turns": len(replayed),
        "units": len(order),
    }
