"""How a turn ended, and which of its model responses is the answer: structure decides, not words.

The only texts that are read are protocol tokens of the agent runtime, and only where they are the
whole message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tracebridge.domain.trajectory import Step, StepKind, StepStatus, Trigger, TurnStatus

_SILENT = "NO_REPLY"
_SILENT_HEARTBEAT = "HEARTBEAT_OK"
_DIRECTIVE = re.compile(
    r"\[\[[ \t]*(?:reply_to_current|audio_as_voice|/?[a-z_]+[ \t]*:[^\[\]\n]*|/[a-z_]+)[ \t]*\]\]",
    re.IGNORECASE,
)
"""Delivery directives of OpenClaw, ``[[reply_to_current]]`` or ``[[reply_to:42]]``: not text."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended."""

    status: TurnStatus
    answer: Step | None = None
    """The model step that carries the answer."""
    text: str = ""
    """The answer as the person saw it; of an aborted run, what it had written by then."""


def ending_of(steps: Sequence[Step], trigger: Trigger, *, superseded: bool) -> Ending:
    """Status and answer of a turn.

    The answer is the last text of a response that stopped by itself (``stop`` or ``length``) and
    asked for no tool: text before a tool call is commentary. A failed or aborted response after
    it decides the status.

    Args:
        steps: the turn's steps, in order.
        trigger: who started the turn; a heartbeat may answer that all is well by saying nothing.
        superseded: another request followed in the session, so an answer can no longer come.
    """
    unanswered = Ending(TurnStatus.ABORTED if superseded else TurnStatus.OPEN)
    responses = [step for step in steps if step.kind is StepKind.MODEL]
    asking = {step.parent_step_id for step in steps if step.kind is StepKind.TOOL}
    if not responses:
        return unanswered
    last = responses[-1]
    if last.status is StepStatus.ERROR:
        return Ending(TurnStatus.FAILED)
    if last.status is StepStatus.ABORTED:
        partial = strip_directives(last.output or "")
        return Ending(TurnStatus.ABORTED, last if partial else None, partial)
    if last.step_id in asking:
        return unanswered
    for step in reversed(responses):
        text = strip_directives(step.output or "")
        said = text and not _is_silence(text, trigger)
        if said and step.status is StepStatus.OK and step.step_id not in asking:
            return Ending(TurnStatus.COMPLETED, step, text)
    return Ending(TurnStatus.SILENT)


def strip_directives(text: str) -> str:
    """Text as the person saw it: delivery directives and outer white space removed."""
    return _DIRECTIVE.sub("", text).strip()


def _is_silence(text: str, trigger: Trigger) -> bool:
    return text == _SILENT or (trigger is Trigger.HEARTBEAT and text == _SILENT_HEARTBEAT)
