"""One simulated day: people ask, the real router decides, the agent answers, people react."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from tracebridge.assembly.context import request_context
from tracebridge.canary import Router
from tracebridge.canary.state_file import StateFile
from tracebridge.cycle import end_of
from tracebridge.demo.openclaw_log import OpenClawFolder, moment
from tracebridge.demo.world import (
    BASELINE,
    Request,
    chance,
    chats,
    requests_of_day,
    run,
)
from tracebridge.scrubbing.scrub import scrub_text

BAD_LINES_A_DAY = 2


@dataclass(slots=True)
class SteppedClock:
    """A clock that stands where the simulation puts it."""

    at: datetime

    def now(self) -> datetime:
        """The simulated present."""
        return self.at


class Simulation:
    """The world's course in one workspace: logs, state database, updates, decisions."""

    def __init__(self, workspace: Path, *, seed: int, chat_count: int) -> None:
        self._seed = seed
        self._chats = chats(seed, chat_count)
        self._folder = OpenClawFolder(workspace / "openclaw", seed)
        self._updates = workspace / "updates"
        self._updates.mkdir(exist_ok=True)
        self._clock = SteppedClock(datetime.min.replace(tzinfo=UTC))
        self._decisions = 0
        self._router = Router(
            workspace,
            clock=self._clock.now,
            monotonic=lambda: 0.0,
            make_id=self._next_decision_id,
            state_file=StateFile(workspace / "rollout" / "live.json", deadline_s=60.0),
        )

    def play(self, day: date, *, outage: bool = False) -> Path:
        """Let one day pass; returns the file of the day's reaction updates.

        ``outage`` strikes every arm but the baseline: it hardly succeeds any more, and slowly.
        That breaks in the world, not in the router.
        """
        updates = self._updates / f"{day}.jsonl"
        updates.touch()
        for request in self._requests(day):
            asked_at = moment(day, request.second_of_day)
            self._clock.at = asked_at
            arm = self._decide(request)
            struck = outage and arm != BASELINE
            happened = run(self._seed, request, day, arm, struck=struck)
            answer = self._folder.write_turn(happened, asked_at)
            self._folder.react(answer, updates, end_of(day))
        for second in range(BAD_LINES_A_DAY):
            self._folder.write_bad_line(moment(day, 86_000 + second))
        self._folder.flush()
        return updates

    def close(self) -> None:
        """Let go of the simulated agent's files."""
        self._folder.close()

    def _requests(self, day: date) -> list[Request]:
        asked = [
            request for chat in self._chats for request in requests_of_day(self._seed, chat, day)
        ]
        return sorted(asked, key=lambda request: (request.second_of_day, request.chat.chat_id))

    def _decide(self, request: Request) -> str:
        context: dict[str, object] = dict(
            request_context(
                scrub_text(self._folder.request_text(request))[0],
                request.chat.chat_type,
                first_in_episode=request.first_in_episode,
            )
        )
        inbound = self._folder.inbound_id(request.chat.chat_id)
        context["request_ref"] = f"{request.chat.chat_id}:{inbound}"
        return self._router.decide(str(request.chat.chat_id), context).arm

    def _next_decision_id(self) -> str:
        self._decisions += 1
        return f"{chance(self._seed, 'decision', self._decisions).getrandbits(128):032x}"
