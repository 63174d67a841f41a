"""A small world whose truth is known: chats, requests, arms, outcomes, moods and reactions.

Everything that a log can show is drawn from the tables below, so the value of every policy
can be computed exactly (``tracebridge.demo.truth``) and each estimate be held against it.

Planted on purpose: a winner (the stronger route helps long tasks and commands), a loser (the
concise prompt hurts them), a null (the plain reply changes nothing), an arm that the router
never plays (so nothing can be said about it), and people who react by mood: gloomy ones speak
up when it goes wrong, sunny ones when it goes well, so the labeled turns are not the typical
ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from random import Random

BASELINE = "baseline"
STRONG = "strong"
CONCISE = "concise"
PARALLEL = "parallel"
PLAIN = "plain"
UNSUPPORTED = "experimental"
"""Declared by a policy of the demo, played by no router: the variant without support."""


class Ending(StrEnum):
    """How a request ends, as the log will show it."""

    CLEAN = "clean"
    RECOVERED = "recovered"
    """A tool fails once and succeeds when called again."""
    UNRESOLVED = "unresolved"
    """The last tool call fails and the answer comes all the same."""
    ABORTED = "aborted"
    """The run is stopped: its draft is deleted, a notice stays, and there is nothing to judge."""


class Mood(StrEnum):
    """Hidden from the log; differs by chat and day."""

    SUNNY = "sunny"
    GLOOMY = "gloomy"


class Difficulty(StrEnum):
    """A hidden trait of a chat: why turns of one chat resemble each other."""

    EASY = "easy"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: what it looks like and how often an arm gets it right."""

    name: str
    share: float
    success: Mapping[str, float]
    """Arm to probability of a good ending in a chat of average difficulty."""
    tools: tuple[str, ...]
    """Tools of an undisturbed run, in order; empty: nothing that could be judged."""
    requests: tuple[str, ...]
    parts: tuple[int, ...]
    """Possible numbers of Telegram messages that the answer takes."""


LONG_REQUESTS = (
    (
        "Please go through the sample sheet and the cold room log of this week, compare the two, "
        "and write a report for the lab that lists every difference, who signed for it, what "
        "should happen next, and which of the open points from last week are settled by now. "
        "Keep the tables short enough to read on a phone, but leave nothing out that the auditor "
        "will ask for on Monday, and save it beside the other reports."
    ),
    (
        "We need the onboarding guide for the new people. Collect the badge rules, the bench "
        "booking steps and the safety walk from the three notes in the workspace, bring them into "
        "one order, check that the check script still passes with the new labels, and write the "
        "guide so that somebody who starts on Monday can follow it alone without calling anybody. "
        "Use the names of the rooms as they are on the doors, and end with the list of keys."
    ),
)

KINDS = (
    Kind(
        "question",
        0.30,
        {BASELINE: 0.74, STRONG: 0.75, CONCISE: 0.70, PARALLEL: 0.74, PLAIN: 0.74},
        ("web_search", "read"),
        (
            "When does the tool library open on Saturday?",
            "Which of the two pumps was serviced last?",
            "What is left in the travel budget?",
        ),
        (1,),
    ),
    Kind(
        "task",
        0.35,
        {BASELINE: 0.52, STRONG: 0.78, CONCISE: 0.34, PARALLEL: 0.52, PLAIN: 0.52},
        ("read", "read", "exec"),
        LONG_REQUESTS,
        (2, 3),
    ),
    Kind(
        "command",
        0.20,
        {BASELINE: 0.60, STRONG: 0.80, CONCISE: 0.48, PARALLEL: 0.60, PLAIN: 0.60},
        ("exec", "exec"),
        ("/run nightly-check", "/run backup --verify", "/deploy notes-site"),
        (1,),
    ),
    Kind(
        "chat",
        0.15,
        {BASELINE: 0.90, STRONG: 0.90, CONCISE: 0.90, PARALLEL: 0.90, PLAIN: 0.90},
        (),
        ("Thanks, that helped.", "Good morning to the whole lab.", "I will be late today."),
        (1,),
    ),
)

DIFFICULTY_SHIFT: Mapping[Difficulty, float] = {Difficulty.EASY: 0.10, Difficulty.HARD: -0.10}
GLOOMY_SHARE = 0.35
GROUP_SHARE = 0.06
ACTIVE_SHARE = 0.62
"""Chance that a chat speaks on a day."""
SECOND_TURN_SHARE = 0.40
"""Chance that an active chat asks a second time, within the same episode."""

GOOD_SPLIT: Mapping[Ending, float] = {Ending.CLEAN: 0.80, Ending.RECOVERED: 0.20}
BAD_SPLIT: Mapping[Ending, float] = {Ending.UNRESOLVED: 0.85, Ending.ABORTED: 0.15}

REACTS: Mapping[tuple[Mood, bool], float] = {
    (Mood.SUNNY, True): 0.34,
    (Mood.SUNNY, False): 0.06,
    (Mood.GLOOMY, True): 0.08,
    (Mood.GLOOMY, False): 0.45,
}
"""Chance of a reaction to an answer by mood and by whether it went well: labels are not a random
sample."""

EMOJI: Mapping[bool, tuple[tuple[str, float, int], ...]] = {
    True: (("\U0001f44d", 0.7, 1), ("\u2764", 0.3, 2)),
    False: (("\U0001f44e", 0.8, -1), ("\U0001f648", 0.2, -2)),
}
"""By whether it went well: emoji, chance, score under the default mapping."""

LATENCY_FACTOR: Mapping[str, float] = {
    BASELINE: 1.0,
    STRONG: 1.02,
    CONCISE: 0.9,
    PARALLEL: 0.8,
    PLAIN: 1.0,
}
COST_FACTOR: Mapping[str, float] = {
    BASELINE: 1.0,
    STRONG: 0.92,
    CONCISE: 0.8,
    PARALLEL: 1.0,
    PLAIN: 1.0,
}
JITTER = (0.8, 1.0, 1.3)
"""Equally likely factors on every duration of a turn."""

OUTAGE_SHIFT = -0.75
"""What the planted outage does to the success of the arms that it strikes."""
OUTAGE_SLOWDOWN = 8.0
"""And how many times as long they take."""


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat of the world, with the traits that stay."""

    chat_id: int
    chat_type: str
    difficulty: Difficulty
    person: int


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks, before anything is decided about it."""

    chat: Chat
    kind: Kind
    text: str
    second_of_day: int
    first_in_episode: bool
    mood: Mood
    number: int
    """Position in the chat's day, from 0."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a request went under the arm that served it."""

    request: Request
    arm: str
    ending: Ending
    jitter: float
    parts: int
    emoji: str | None
    """What the person left under the last part; ``None``: nothing, which is no zero."""


def chance(*key: object) -> Random:
    """A generator keyed by what it is for, so no draw depends on the order of others."""
    return Random(":".join(str(part) for part in key))  # noqa: S311 - a simulation, not a secret


def chats(seed: int, count: int) -> tuple[Chat, ...]:
    """The population: ``count`` chats with their hidden traits."""
    population = []
    for index in range(count):
        draw = chance(seed, "chat", index)
        group = draw.random() < GROUP_SHARE
        population.append(
            Chat(
                chat_id=-1_001_000_000_000 - index if group else 500_000 + index,
                chat_type="group" if group else "direct",
                difficulty=draw.choice((Difficulty.EASY, Difficulty.HARD)),
                person=500_000 + index,
            )
        )
    return tuple(population)


def requests_of_day(seed: int, chat: Chat, day: date) -> tuple[Request, ...]:
    """What one chat asks on one day: nothing, one request, or two in one episode."""
    draw = chance(seed, "day", chat.chat_id, day)
    if draw.random() >= ACTIVE_SHARE:
        return ()
    mood = Mood.GLOOMY if draw.random() < GLOOMY_SHARE else Mood.SUNNY
    second = draw.randrange(6 * 3600, 19 * 3600)
    count = 2 if draw.random() < SECOND_TURN_SHARE else 1
    asked = []
    for number in range(count):
        kind = draw.choices(KINDS, [kind.share for kind in KINDS])[0]
        asked.append(
            Request(
                chat=chat,
                kind=kind,
                text=draw.choice(kind.requests),
                second_of_day=second + number * draw.randrange(900, 5400),
                first_in_episode=number == 0,
                mood=mood,
                number=number,
            )
        )
    return tuple(asked)


def success_probability(kind: Kind, arm: str, difficulty: Difficulty, shift: float = 0.0) -> float:
    """Chance of a good ending, in [0.02, 0.98]."""
    return min(0.98, max(0.02, kind.success[arm] + DIFFICULTY_SHIFT[difficulty] + shift))


def run(seed: int, request: Request, day: date, arm: str, *, struck: bool = False) -> Run:
    """Draw how ``request`` goes under ``arm``, which an outage may have struck."""
    shift = OUTAGE_SHIFT if struck else 0.0
    draw = chance(seed, "run", request.chat.chat_id, day, request.number, arm)
    good = draw.random() < success_probability(request.kind, arm, request.chat.difficulty, shift)
    split = GOOD_SPLIT if good else BAD_SPLIT
    ending = draw.choices(list(split), list(split.values()))[0]
    emoji = None
    if draw.random() < REACTS[request.mood, good] and ending is not Ending.ABORTED:
        options = EMOJI[good]
        emoji = draw.choices([o[0] for o in options], [o[1] for o in options])[0]
    return Run(
        request=request,
        arm=arm,
        ending=ending,
        jitter=draw.choice(JITTER) * (OUTAGE_SLOWDOWN if struck else 1.0),
        parts=draw.choice(request.kind.parts),
        emoji=emoji,
    )
