"""One critical value that makes several intervals hold at the same time.

Multiplier bootstrap of the largest studentized statistic, with whole clusters flipped in sign.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracebridge.domain.errors import EstimationError
from tracebridge.stats.exact import FloatArray
from tracebridge.stats.quantiles import two_sided_t

REPLICATES = 1999
"""So that (replicates + 1) * 0.95 is a whole number, which makes the test exact in size."""


def simultaneous_critical_value(
    influences: FloatArray,
    cluster_ids: Sequence[str],
    *,
    level: float,
    seed: int,
    replicates: int = REPLICATES,
) -> float:
    """The half-width, in standard errors, at which all K intervals hold together.

    ``influences`` has shape ``(clusters, K)``, every column with some variation; ``cluster_ids``
    are distinct, shape ``(clusters,)``; ``level`` in (0, 1). In replicate b each cluster's
    influences are multiplied by one random sign; the statistic is the largest absolute t over the
    K columns, each studentized by its own replicate's standard error; the answer is its
    ``level`` quantile, never below the t quantile of a single interval with G - 1 degrees of
    freedom. Keeping a cluster's K influences together keeps the correlation of the contrasts,
    so the answer is at most about Bonferroni's.

    Assumes independent clusters and influences without strong skew. Chernozhukov, Chetverikov and
    Kato 2013 (multiplier bootstrap of maxima); Cameron, Gelbach and Miller 2008 (Rademacher signs
    by cluster). The signs are the bits of SHA-256 over (seed, cluster id, block of 256
    replicates): they know nothing of the order or number of rows.

    Raises ``EstimationError`` for fewer than two clusters, repeated ids, or a column that does
    not vary.
    """
    _check(influences, cluster_ids)
    clusters, contrasts = influences.shape
    sums = np.zeros((replicates, contrasts))
    # Cluster by cluster in id order, by elementwise operations: a matrix product would add in an
    # order that depends on the machine.
    for g in sorted(range(clusters), key=lambda index: cluster_ids[index]):
        signs = rademacher_signs(seed, cluster_ids[g], replicates)
        sums += signs[:, None] * influences[g][None, :]
    squares = np.square(influences).T
    square_sums = np.array([math.fsum(column) for column in squares.tolist()])
    # Signs square to one, so a replicate's sum of squares is the sample's.
    spread = (square_sums - np.square(sums) / clusters) * (clusters / (clusters - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.abs(sums) / np.sqrt(np.maximum(spread, 0.0))
    largest = np.sort(statistics.max(axis=1))
    rank = min(math.ceil(level * (replicates + 1) - 1e-9), replicates)
    return max(float(largest[rank - 1]), two_sided_t(level, clusters - 1))


def rademacher_signs(seed: int, cluster_id: str, replicates: int) -> NDArray[np.float64]:
    """Independent fair signs, shape ``(replicates,)``, each -1.0 or 1.0, keyed by hash."""
    blocks = -(-replicates // 256)
    digests = b"".join(
        hashlib.sha256(f"signs:{seed}:{block}:{cluster_id}".encode()).digest()
        for block in range(blocks)
    )
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8), count=replicates)
    return bits.astype(np.float64) * 2.0 - 1.0


def _check(influences: FloatArray, cluster_ids: Sequence[str]) -> None:
    if influences.ndim != 2 or len(influences) != len(cluster_ids):
        raise EstimationError("influences need the shape (clusters, contrasts), one row per id")
    if len(cluster_ids) < 2 or influences.shape[1] < 1:
        raise EstimationError("simultaneous intervals need at least two clusters and one contrast")
    if len(set(cluster_ids)) != len(cluster_ids):
        raise EstimationError("cluster ids repeat: sum the rows of a cluster first")
    if not np.all(np.isfinite(influences)) or not np.all(np.any(influences != 0, axis=0)):
        raise EstimationError("a contrast does not vary: leave it out of the comparison")
