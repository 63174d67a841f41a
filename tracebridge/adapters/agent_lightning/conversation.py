"""A recorded turn as chat messages, the way chat-completion APIs and trainers write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracebridge.domain.events import JsonValue
from tracebridge.domain.trajectory import Step, StepKind, Turn, TurnStatus

type Message = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One completed turn: the request, each round of tool calls, the answer."""

    messages: tuple[Message, ...]
    """Roles: user, then (assistant with ``tool_calls``, its tools) any number of times, then
    assistant."""
    omitted_calls: int
    """Tool calls left out because no result is recorded: a chat template cannot hold them."""


def conversation_of(turn: Turn) -> Conversation | None:
    """The turn as messages; ``None`` unless it was completed and both ends have text."""
    request, answer = turn.request_text.strip(), turn.answer_text.strip()
    if turn.status is not TurnStatus.COMPLETED or not request or not answer:
        return None
    calls = calls_by_response(turn.steps)
    messages: list[Message] = [{"role": "user", "content": turn.request_text}]
    omitted = 0
    for step in _responses_before_answer(turn):
        complete = [call for call in calls[step.step_id] if is_complete_call(call)]
        omitted += len(calls[step.step_id]) - len(complete)
        if complete:
            messages.append(response_message(step, complete))
            messages.extend(map(tool_message, complete))
    messages.append({"role": "assistant", "content": turn.answer_text})
    return Conversation(tuple(messages), omitted)


def calls_by_response(steps: Sequence[Step]) -> Mapping[str, list[Step]]:
    """Tool steps by the id of the model step that issued them, in order."""
    calls: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.kind is StepKind.TOOL and step.parent_step_id is not None:
            calls[step.parent_step_id].append(step)
    return calls


def is_complete_call(call: Step) -> bool:
    """Whether both the arguments and the result of a tool step are recorded."""
    return call.arguments is not None and call.output is not None


def response_message(response: Step, calls: Sequence[Step]) -> Message:
    """What the model said: its text (``None`` if it only called tools) and its tool calls.

    Calls are named by step id, because the ids that models give repeat within one session.
    """
    message: Message = {"role": "assistant", "content": response.output or None}
    if calls:
        message["tool_calls"] = [
            {
                "id": call.step_id,
                "type": "function",
                "function": {
                    "name": call.tool_name or "unknown",
                    "arguments": call.arguments or "{}",
                },
            }
            for call in calls
        ]
    return message


def tool_message(call: Step) -> Message:
    """What a tool gave back."""
    return {"role": "tool", "tool_call_id": call.step_id, "content": call.output or ""}


def _responses_before_answer(turn: Turn) -> Iterator[Step]:
    for step in turn.steps:
        if turn.answer_event_id is not None and turn.answer_event_id in step.event_ids:
            return
        if step.kind is StepKind.MODEL:
            yield step
