"""The direct method: believe the reward model. Biased; it may never promote anything."""

from __future__ import annotations

from tracebridge.ope.panel import Panel, Target
from tracebridge.ope.reward_model import RewardModel
from tracebridge.stats.clusters import Linearized, cluster_ratio


def dm(panel: Panel, target: Target, model: RewardModel) -> Linearized:
    """``sum(q(x, policy)) / sum(p(x, policy))`` over all rows.

    ``q`` is the cross-fitted expected metric, ``p`` the expected share of observed rows (1 where
    all are), both averaged over the policy's arms in the row's context. Beygelzimer and Langford
    2009. **Biased** whenever the model is wrong, and its interval, which takes the model as
    given, covers only the spread of contexts; it is printed to be compared, at evidence tier D.
    """
    value = model.expected(model.value, target)[panel.fold, panel.context]
    rate = model.expected(model.rate, target)[panel.fold, panel.context]
    return cluster_ratio(panel.by_unit(panel.rows * value), panel.by_unit(panel.rows * rate))
