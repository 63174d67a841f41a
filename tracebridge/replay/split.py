"""Where a unit stands: train or hold-out, which fold, in or out of a sample.

Each answer is a hash of the seed and the unit alone, so new units move no old one, no unit is
ever on both sides, and the answer is the same on any machine.
"""

from __future__ import annotations

import hashlib

TRAIN = "train"
HOLDOUT = "holdout"

_BITS = 52
"""Bits of the digest in use: as many as a double holds exactly."""


def split_of(unit: str, *, seed: int, train_fraction: float) -> str:
    """``train`` for about ``train_fraction`` of all units, else ``holdout``.

    ``train_fraction`` lies in [0, 1]; raising it moves units to train and none back.
    """
    return TRAIN if _uniform(f"split:{seed}:{unit}") < train_fraction else HOLDOUT


def fold_of(unit: str, *, seed: int, folds: int) -> int:
    """The unit's cross-fitting fold, in ``range(folds)``; independent of its split."""
    return int(_uniform(f"fold:{seed}:{unit}") * folds)


def in_sample(key: str, *, seed: int, fraction: float) -> bool:
    """Whether ``key`` belongs to a sample of about ``fraction``; samples of one seed nest."""
    return _uniform(f"sample:{seed}:{key}") < fraction


def _uniform(text: str) -> float:
    """A number in [0, 1) that SHA-256 assigns to ``text``."""
    head = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return (head >> (64 - _BITS)) / float(1 << _BITS)
