"""The gateway in this process, and recorded turns played into it as a runner would.

Agent Lightning's rollout manager polls its gateway over HTTP until a rollout has ended. Here the
gateway is the real application under a test client, nothing listens on a port, and the poll that
finds a rollout still queued makes the runner play that turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tracebridge.adapters.agent_lightning.rollouts import ATTEMPT_ID, Document, events_of

_ROLLOUT = re.compile(r"/api/rollouts/([^/]+)\Z")


class PlaybackClient:
    """What the rollout manager takes for its HTTP client."""

    def __init__(self, gateway: Any, rows: Mapping[str, Document]) -> None:
        """``gateway``: an authorized client of the application; ``rows``: by data id."""
        self._gateway, self._rows = gateway, rows
        self._played: set[str] = set()
        self.events_written = 0
        """Recorded events that the store accepted."""

    def get(self, url: str, **options: Any) -> Any:
        """Play a queued rollout first, then ask the gateway."""
        polled = _ROLLOUT.match(url)
        if polled is not None and polled.group(1) not in self._played:
            self._played.add(polled.group(1))
            self._play(polled.group(1))
        return self._gateway.get(url, **options)

    def post(self, url: str, **options: Any) -> Any:
        """Straight to the gateway."""
        return self._gateway.post(url, **options)

    def post_with_retry(self, url: str, **options: Any) -> Any:
        """Straight to the gateway: in one process there is nothing to retry."""
        return _accepted(self._gateway.post(url, **options))

    def delete(self, url: str, **options: Any) -> Any:
        """Straight to the gateway."""
        return self._gateway.delete(url, **options)

    def _play(self, rollout_id: str) -> None:
        path = f"/api/rollouts/{rollout_id}"
        rollout = _accepted(self._gateway.get(path)).json()["rollout"]
        row = self._rows[rollout["input"]["data_id"]]
        self._move(path, {"state": "running", "last_attempt_id": ATTEMPT_ID})
        for event in events_of(row):
            _accepted(self._gateway.post(f"{path}/attempt/{ATTEMPT_ID}/events", json=event))
            self.events_written += 1
        self._move(path, {"state": row["state"]})

    def _move(self, path: str, status: Mapping[str, Any]) -> None:
        _accepted(self._gateway.patch(path, json={"status": status}))


def _accepted(response: Any) -> Any:
    response.raise_for_status()
    return response
