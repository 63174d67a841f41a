"""Where a reacted message belongs, and how surely: the common language of the join rules.

Confidence is the probability, as far as it could be measured, that the message is the said part
of the said answer. It was set on recorded runs of OpenClaw 2026.4.15, 2026.7.1 and 2026.9.6 in
which a reaction was put on every message that stayed, 247 in all. Without a delivery map the
brackets placed 93 of the 121 chunks of answers, all of them rightly, and nothing else; with it
39 of 39 (``tests/adapters/test_live_labels.py`` measures it again). A rule without a miss in n
cases may still err in 3 of n, and live chats are wilder than recorded ones, so no inferred place
comes near 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracebridge.domain.feedback import JoinRule, LabelScope, Unjoined
from tracebridge.domain.trajectory import Turn

MAP_COMPLETE = 1.0
"""The agent's own record of all parts."""
MAP_INCOMPLETE = 0.9
"""Its record lacks a part, so which part is the last is less sure; the answer is not in doubt."""
BRACKET_EXACT = 0.95
"""As many ids between two requests as the answer has chunks."""
BRACKET_SPARE = 0.85
"""More ids, as many as drafts and irregular splitting explain."""
BRACKET_CROWDED = 0.75
"""Parts of an earlier answer, or messages of another chat on the same counter, lie between."""
BRACKET_SCHEDULED = 0.6
"""Shared with scheduled runs, told apart by their times, chunk counts and order."""
FIRST_AFTER_REQUEST = 0.7
"""The first id after a request that a single message answers; what follows is unknown."""
GROUP_DISCOUNT = 0.9
"""Factor where other people write too: their messages take ids and get reactions."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A reacted message found to be a part of an answer."""

    turn: Turn
    scope: LabelScope
    rule: JoinRule
    confidence: float
    chunk_ids: tuple[int, ...]
    """Ids of the answer's messages as far as known, ascending, the reacted one included."""


type Placement = Placed | Unjoined
