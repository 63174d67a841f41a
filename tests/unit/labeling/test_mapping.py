"""What emoji are worth."""

from __future__ import annotations

import pytest

from tests.unit.labeling.chats import state
from tracebridge.domain.errors import LabelingError
from tracebridge.domain.feedback import COUNT_ACTOR, Unjoined
from tracebridge.labeling.mapping import (
    DEFAULT_MAPPING,
    MAPPING_SCHEMA,
    mapping_document,
    normalize_emoji,
    parse_mapping,
    unmapped_emoji,
)


@pytest.mark.parametrize(
    ("sent", "folded"),
    [("❤️", "❤"), ("❤\ufe0e", "❤"), ("👍🏽", "👍"), ("👎🏿", "👎"), ("👨‍💻", "👨‍💻"), ("🔥", "🔥")],
)
def test_spelling_makes_no_other_emoji(sent: str, folded: str) -> None:
    assert normalize_emoji(sent) == folded
    assert normalize_emoji(folded) == folded


@pytest.mark.parametrize(
    ("emoji", "score"),
    [
        (["❤️"], 2.0),
        (["👍🏻"], 1.0),
        (["👎"], -1.0),
        (["🙈"], -2.0),
        (["👍", "❤"], 2.0),
        (["👎", "🙈"], -2.0),
        (["👍", "🎉"], 1.0),
        (["👍", "custom:1"], 1.0),
        (["👀", "👍"], 1.0),
        (["👍", "👎"], Unjoined.CONFLICTING),
        (["❤", "👎", "🔥"], Unjoined.CONFLICTING),
        (["👀"], Unjoined.ACKNOWLEDGEMENT),
        (["🔥"], Unjoined.UNMAPPED),
        (["👀", "🔥"], Unjoined.UNMAPPED),
        (["custom:1"], Unjoined.UNMAPPED),
        (["paid"], Unjoined.UNMAPPED),
    ],
)
def test_a_set_of_emoji_is_one_opinion(emoji: list[str], score: float | Unjoined) -> None:
    assert DEFAULT_MAPPING.judge(emoji) == score
    assert DEFAULT_MAPPING.judge(reversed(emoji)) == score


def test_the_owners_mapping_is_read() -> None:
    document = {"schema": MAPPING_SCHEMA, "❤️": 2, "🤔": 0, "custom:5368": -0.5, "paid": 2}
    mapping = parse_mapping(document, file="reaction-mapping.json")
    assert dict(mapping.scores) == {"❤": 2.0, "🤔": 0.0, "custom:5368": -0.5, "paid": 2.0}
    assert mapping.judge(["🤔", "custom:5368"]) == -0.5


def test_the_contracts_mapping_is_the_default() -> None:
    contract = {"❤": 2, "👍": 1, "👎": -1, "🙈": -2}
    assert parse_mapping(contract, file="reaction-mapping.json") == DEFAULT_MAPPING


def test_a_mapping_survives_being_written() -> None:
    assert mapping_document(DEFAULT_MAPPING) == {"❤": 2, "👍": 1, "👎": -1, "🙈": -2}
    mapping = parse_mapping({"❤️": 1.5, "custom:5368": -1}, file="f")
    assert parse_mapping(mapping_document(mapping), file="f") == mapping


def test_an_acknowledgement_with_a_score_is_scored() -> None:
    mapping = parse_mapping({"👀": 1}, file="f")
    assert mapping.judge(["👀"]) == 1.0


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "f is not a JSON object"),
        ({}, "maps no emoji"),
        ({"schema": MAPPING_SCHEMA}, "maps no emoji"),
        ({"schema": "v2", "👍": 1}, "schema 'v2'"),
        ({"👍": 3}, "'👍' the score 3"),
        ({"👍": -2.1}, "score -2.1"),
        ({"👍": True}, "score True"),
        ({"👍": "1"}, "score '1'"),
        ({"👍": None}, "score None"),
        ({"👍": float("nan")}, "score nan"),
        ({"❤": 2, "❤️": 1}, "two scores"),
        ({"good": 1}, "'good', which is no emoji"),
        ({"": 1}, "'', which is no emoji"),
        ({"\ufe0f": 1}, "which is no emoji"),
        ({"custom:x": 1}, "'custom:x', which is no emoji"),
    ],
)
def test_a_wrong_mapping_is_refused_by_file_and_entry(document: object, message: str) -> None:
    with pytest.raises(LabelingError, match=message):
        parse_mapping(document, file="f")


def test_one_emoji_in_two_spellings_may_have_one_score() -> None:
    assert parse_mapping({"❤": 2, "❤️": 2.0}, file="f").scores == {"❤": 2.0}


def test_what_people_use_and_the_mapping_lacks_is_counted() -> None:
    states = [
        state(1, "🔥", "👍"),
        state(2, "🔥\ufe0f", "custom:7"),
        state(3, "👀"),
        state(4, "🎉", actor_is_bot=True),
        state(5, "🎉x3", actor=COUNT_ACTOR),
        state(6),
    ]
    assert unmapped_emoji(states, DEFAULT_MAPPING) == {"custom:7": 1, "🔥": 2}
