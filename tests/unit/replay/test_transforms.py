from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.replay.response import broken_invariants
from tracebridge.replay.transforms import PARAGRAPH_LIMIT, TRANSFORMS, apply_transforms

LINES = st.sampled_from(
    [
        "",
        "   ",
        "Plain words, 12.5 of them.  ",
        "# A title",
        "#### A deep title ##",
        "## **Bold already**",
        "## # Nested *marks*",
        "# `code` in a title",
        "# see https://example.org/a?b=1",
        "- a list item\t",
        "1. a numbered item",
        "| a | table |",
        "> a quote",
        "```python",
        "```",
        "~~~",
        "    indented = code  ",
        "\ttabbed()",
        "One. Two! Three? `Not. Here` Four. " * 30,
        "\u00dcber 7 Grad. \u00c4rger \u2026 Ende \u201cQuote. Me\u201d. " * 20,
        "https://example.org/x.y. Next sentence. " * 25,
    ]
)
ANSWERS = st.lists(st.one_of(LINES, st.text(max_size=60)), max_size=12).map("\n".join)


@given(ANSWERS, st.sampled_from(sorted(TRANSFORMS)))
def test_every_transform_keeps_words_numbers_links_and_code(answer: str, name: str) -> None:
    broken = broken_invariants(answer, TRANSFORMS[name](answer))
    assert set(broken) <= ({"messages"} if answer.strip() else {"messages", "length"})


@given(ANSWERS, st.permutations(sorted(TRANSFORMS)))
def test_any_chain_of_transforms_is_idempotent(answer: str, names: list[str]) -> None:
    once = apply_transforms(answer, names)
    assert apply_transforms(once, names) == once


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("trim_trailing_space", "one  \ntwo\t\r\nthree ", "one\ntwo\r\nthree"),
        ("trim_trailing_space", "```\ncode  \n```\nend  ", "```\ncode  \n```\nend"),
        ("collapse_blank_lines", "\n\na\n\n \n\nb\n\n", "a\n\nb\n"),
        ("collapse_blank_lines", "```\na\n\n\nb\n```", "```\na\n\n\nb\n```"),
        ("collapse_blank_lines", "    a\n\n\n    b\n\n\nc", "    a\n\n\n    b\n\nc"),
        ("limit_heading_depth", "##### Deep\n## Kept", "### Deep\n## Kept"),
        ("limit_heading_depth", "#no heading\n####### seven", "#no heading\n####### seven"),
        ("unwrap_headings", "## Result\ntext", "**Result**\ntext"),
        ("unwrap_headings", "# **Bold**", "**Bold**"),
        ("unwrap_headings", "# See https://a.example", "# See https://a.example"),
        ("unwrap_headings", "```sh\n# a comment\n```", "```sh\n# a comment\n```"),
    ],
)
def test_examples(name: str, before: str, after: str) -> None:
    assert TRANSFORMS[name](before) == after


def test_a_long_paragraph_is_cut_between_sentences_as_late_as_allowed() -> None:
    sentence = "This sentence has exactly fifty characters, no mor."
    before = " ".join([sentence] * 20)
    paragraphs = TRANSFORMS["split_long_paragraphs"](before).split("\n\n")
    assert " ".join(paragraphs) == before
    assert all(len(paragraph) <= PARAGRAPH_LIMIT for paragraph in paragraphs)
    assert all(len(one) + 1 + len(sentence) > PARAGRAPH_LIMIT for one in paragraphs[:-1])


def test_lists_quotes_and_tables_are_never_cut() -> None:
    for start in ("- ", "* ", "> ", "| ", "1. "):
        line = start + "A sentence. " * 100
        assert TRANSFORMS["split_long_paragraphs"](line) == line


def test_a_fence_is_closed_only_by_its_own_kind() -> None:
    answer = "````\n```\ninner  \n```\n~~~\nstill  \n````\nprose  "
    assert TRANSFORMS["trim_trailing_space"](answer) == answer[:-2]


def test_chains_run_in_the_order_given() -> None:
    """Whether order matters is the policy's business; that it is kept is ours."""
    answer = "#### Deep title  \n\n\nText."
    results = {apply_transforms(answer, order) for order in permutations(TRANSFORMS)}
    assert apply_transforms(answer, ["limit_heading_depth"]) == "### Deep title  \n\n\nText."
    assert results == {"**Deep title**\n\nText."}
