"""Response policies over recorded answers: what their transforms change, checked exactly.

Whether the new shape is *better* is not asked here; only that the content survived.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from tracebridge.domain.replay import Family, InvariantReport, Policy
from tracebridge.domain.trajectory import Trajectory
from tracebridge.replay.transforms import INLINE_CODE, apply_transforms, lines_of

MESSAGE_LIMIT = 4000
"""Characters that OpenClaw puts into one Telegram message by default."""

_URL = re.compile(r"https?://[^\s<>\"'`]+")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\w+")


def check_answers(trajectories: Sequence[Trajectory], policy: Policy) -> InvariantReport:
    """What a response policy does to the recorded answers that it would have shaped.

    An answer counts where the policy may play a response arm in the turn's context; the
    likeliest such arm is applied (ties: first by name). ``violations`` may also name
    ``idempotent``: a second pass changed the text again.
    """
    shaped = Counter(
        (names, trajectory.turn.answer_text)
        for trajectory in trajectories
        if (names := _transforms_for(trajectory, policy)) and trajectory.turn.answer_text.strip()
    )
    changed = 0
    violations: Counter[str] = Counter()
    for (names, before), times in shaped.items():
        after = apply_transforms(before, names)
        if after == before:
            continue  # equal texts keep every invariant, and a second pass is the first again
        changed += times
        for name in broken_invariants(before, after):
            violations[name] += times
        if apply_transforms(after, names) != after:
            violations["idempotent"] += times
    return InvariantReport(
        policy_id=policy.policy_id,
        answers=shaped.total(),
        changed=changed,
        violations={name: violations[name] for name in sorted(violations)},
    )


def broken_invariants(before: str, after: str) -> tuple[str, ...]:
    """Names of the invariants that ``after`` breaks, in order of `INVARIANTS`; empty: none."""
    return tuple(name for name, holds in INVARIANTS.items() if not holds(before, after))


def _transforms_for(trajectory: Trajectory, policy: Policy) -> tuple[str, ...]:
    chances = policy.distribution(trajectory.context)
    arms = [arm for arm in policy.arms if arm.family is Family.RESPONSE and arm.name in chances]
    if not arms:
        return ()
    likeliest = min(arms, key=lambda arm: (-chances[arm.name], arm.name))
    return tuple(str(likeliest.config.get("transforms", "")).split())


def _same_code(before: str, after: str) -> bool:
    return _code_of(before) == _code_of(after)


def _code_of(text: str) -> tuple[list[str], list[str]]:
    """Code blocks byte for byte, and the inline code of the prose, each in order."""
    blocks: list[str] = []
    inline: list[str] = []
    for is_code, group in groupby(lines_of(text), key=lambda line: line.is_code):
        joined = "".join(line.text for line in group)
        if is_code:
            blocks.append(joined)
        else:
            inline.extend(INLINE_CODE.findall(joined))
    return blocks, inline


def _within_length(before: str, after: str) -> bool:
    """Some text is left, and at most a tenth (and a few marks) was added."""
    return bool(after.strip()) and len(after) <= 1.1 * len(before) + 16


def _same_messages(before: str, after: str) -> bool:
    return -(-len(after) // MESSAGE_LIMIT) <= -(-len(before) // MESSAGE_LIMIT)


INVARIANTS: Mapping[str, Callable[[str, str], bool]] = {
    "urls": lambda before, after: _URL.findall(before) == _URL.findall(after),
    "numbers": lambda before, after: _NUMBER.findall(before) == _NUMBER.findall(after),
    "words": lambda before, after: _WORD.findall(before) == _WORD.findall(after),
    "code": _same_code,
    "length": _within_length,
    "messages": _same_messages,
}
"""Name to law: URLs, numbers and words all there in their order, code to the byte, no text
that has vanished or swollen, no more Telegram messages than before."""
