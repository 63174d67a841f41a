"""The coarse features that a policy may condition on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.assembly.session import Session
from tracebridge.assembly.context import (
    context_digest,
    context_key,
    context_of,
    request_context,
)
from tracebridge.assembly.episodes import assign_episodes
from tracebridge.assembly.turns import group_turns


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("When does it open?", "question"),
        ("Wann öffnet es?**", "question"),
        ("何時に開きますか\uff1f", "question"),
        ("متى يفتح\u061f", "question"),
        ("He said: \u201cis it open?\u201d", "question"),
        ("Is it open? I wait.", "statement"),
        ("/deploy site?", "command"),
        ("/etc/hosts is wrong", "command"),
        ("/ nothing", "statement"),
        ("Fix this:\n```py\nx = 1\n```", "code"),
        ("Do it.", "statement"),
        ("", "statement"),
        ("x = 1;", "statement"),
    ],
)
def test_form_is_read_from_structure(text: str, form: str) -> None:
    assert request_context(text, None, first_in_episode=True)["form"] == form


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, "short"), (79, "short"), (80, "medium"), (399, "medium"), (400, "long")],
)
def test_length_counts_characters_without_outer_space(length: int, expected: str) -> None:
    text = f"\n {'é' * length} \n"
    assert request_context(text, None, first_in_episode=True)["length"] == expected


@pytest.mark.parametrize(
    ("chat_type", "expected"),
    [("direct", "direct"), ("group", "group"), ("channel", "none"), (None, "none")],
)
def test_an_unknown_chat_type_is_none(chat_type: str | None, expected: str) -> None:
    assert request_context("Hi", chat_type, first_in_episode=False)["chat"] == expected


@given(st.text(max_size=600), st.sampled_from([None, "direct", "group"]), st.booleans())
def test_a_context_has_few_values_and_no_text(
    text: str, chat_type: str | None, first: bool
) -> None:
    context = request_context(text, chat_type, first_in_episode=first)
    assert context["length"] in {"short", "medium", "long"}
    assert context["form"] in {"question", "code", "command", "statement"}
    assert context["chat"] in {"direct", "group", "none"}
    assert context["turn"] in {"first", "later"}
    assert len(context) == 4


def test_what_is_only_known_after_the_answer_moves_no_context() -> None:
    log = Session().user("How many?").reply("Three.").wait(seconds=5).user("Sure?").reply("Yes.")
    (first, later), _ = assign_episodes(group_turns(log.events), episode_gap=timedelta(hours=4))
    assert context_of(first) == request_context("How many?", "direct", first_in_episode=True)
    assert context_of(later) == request_context("Sure?", "direct", first_in_episode=False)
    altered = replace(later, answer_text="No.", steps=(), model=None, latency_ms=9, tokens_out=1)
    assert context_of(altered) == context_of(later)


def test_key_and_digest_do_not_depend_on_the_order_of_features() -> None:
    one, other = {"turn": "first", "chat": "none"}, {"chat": "none", "turn": "first"}
    assert context_key(one) == context_key(other) == "chat=none|turn=first"
    expected = hashlib.sha256(b'{"chat":"none","turn":"first"}').hexdigest()
    assert context_digest(one) == context_digest(other) == expected
