"""The marks by which the runtime hooks prove that they ran and saw the right content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

MARK = "tracebridge_hook"
"""Metadata key and event type of the marks."""
ENQUEUED = "enqueued after startup"
"""Metadata value of a rollout that passed ``on_enqueue`` after ``on_startup``."""


def signature(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """What a rollout's events say, in three figures that only their content gives.

    ``events``: pairs of event type and data, in order. An answer is the text of the last model
    request's response.
    """
    requests: list[Mapping[str, Any]] = []
    reward: Any = None
    for event_type, data in events:
        if event_type == "model_request":
            requests.append(data)
        elif event_type == "reward":
            reward = data["value"]
    answer = requests[-1]["response"]["choices"][0]["message"]["content"] if requests else None
    return {
        "model_requests": len(requests),
        "answer_sha256": hashlib.sha256((answer or "").encode()).hexdigest(),
        "reward": reward,
    }
