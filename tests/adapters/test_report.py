"""The pages escape everything, never raise for a hole, never lie, and are the same bytes twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import sample_documents
from tests.sample_ablation import Document
from tests.sample_documents import Documents
from tracebridge.adapters.html import formats, plots
from tracebridge.adapters.html.index import render_index
from tracebridge.adapters.html.reading import MAX_TEXT, Node, cleaned
from tracebridge.adapters.html.report import render_report
from tracebridge.adapters.html.views.comparison import comparison_of
from tracebridge.adapters.html.views.feedback import feedback_of
from tracebridge.adapters.html.views.observed import observed_of
from tracebridge.domain.events import JsonValue

REPOSITORY = Path(__file__).resolve().parents[2]
CYCLES = ("full", "day_one", "failed")

PAYLOADS = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ 7 * 191 }}{% raw %}",
    "<!--<a href='https://evil.example/'>x</a>",
    "&lt;b&gt; &#x3C;script&#x3E;",
    "`<b>`<i>`",
)


def documents(cycle: str) -> Documents:
    made: Documents = getattr(sample_documents, f"{cycle}_documents")()
    return made


def text_of(page: str) -> str:
    """What a reader sees, in one line."""
    body = page.split("</style>", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


class Elements(HTMLParser):
    """Every element and attribute that a browser would build."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: str) -> Elements:
    parsed = Elements()
    parsed.feed(page)
    parsed.close()
    assert parsed.open == [], "every element is closed"
    return parsed


def assert_harmless(page: str, *, links: frozenset[str] = frozenset()) -> None:
    parsed = elements(page)
    assert not {"script", "iframe", "object", "embed", "img", "form", "base"} & set(parsed.tags)
    assert parsed.tags.count("style") == 1
    for name, value in parsed.attributes:
        assert not name.startswith("on"), name
        if name in {"href", "src", "xlink:href", "action"}:
            assert value is not None
            assert value.startswith("#") or value in links | {"data:,"}, value
        if name == "style":
            assert re.fullmatch(r"(width:[\d.]+%|flex-grow:[\d.]+)", value or "")
    assert "default-src 'none'" in page
    assert "url(" not in page
    assert "@import" not in page


def poisoned(value: JsonValue, payload: str) -> JsonValue:
    """The document with the payload in every text and every key that data can choose."""
    if isinstance(value, str):
        return f"{value}{payload}"
    if isinstance(value, list):
        return [poisoned(item, payload) for item in value]
    if isinstance(value, dict):
        open_keys = {"by_score", "by_rule", "unjoined", "unmapped", "violations", "scrubbed"}
        return {
            key: {f"{name}{payload}": poisoned(inner, payload) for name, inner in item.items()}
            if key in open_keys and isinstance(item, dict)
            else poisoned(item, payload)
            for key, item in value.items()
        }
    return value


# --- hostile text -----------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_in_every_field_builds_no_element_and_no_link(payload: str) -> None:
    for cycle in CYCLES:
        clean = elements(render_report(documents(cycle)))
        page = render_report({k: poisoned(v, payload) for k, v in documents(cycle).items()})
        assert_harmless(page)
        assert set(elements(page).tags) <= set(clean.tags)
        assert "1337" not in page, "a template in the data was run"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_replacing_every_field_builds_no_element_and_no_link(payload: str) -> None:
    def replaced(value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return {key: replaced(inner) for key, inner in value.items()}
        return [replaced(item) for item in value] if isinstance(value, list) else payload

    page = render_report({key: replaced(value) for key, value in documents("full").items()})
    assert_harmless(page)


@pytest.mark.parametrize(
    "payload", [*PAYLOADS, "https://evil.example/x.html", "//evil.example/x.html"]
)
def test_the_index_links_only_to_plain_relative_pages(payload: str) -> None:
    entries = [poisoned(entry, payload) for entry in sample_documents.index_entries()]
    entries += [
        {"report_href": payload},
        {"report_href": f"a/../{payload}"},
        {"report_href": "../x.html"},
    ]
    assert_harmless(render_index([entry for entry in entries if isinstance(entry, dict)]))


def test_text_that_could_redraw_the_page_is_replaced() -> None:
    assert cleaned("abc\u202egpj.exe\x00\ud800\n") == "abc\ufffdgpj.exe\ufffd\ufffd\ufffd"
    assert len(cleaned("x" * 5000)) == MAX_TEXT
    page = render_report({"summary": {"verdict": {"sentence": "no\u202ever\udc00"}}})
    page.encode()
    assert "\u202e" not in page


def test_lists_and_objects_stay_one_line() -> None:
    assert Node([1, "b", None]).line() == "1, b, unknown"
    assert Node({"b": 2, "a": [1]}).line() == "a unknown, b 2"
    assert Node([f"d{n}" for n in range(365)]).line() == "d0 … d364 (365)"
    assert (Node([]).line(), Node({}).line(), Node().line()) == ("none", "none", "unknown")


# --- holes ------------------------------------------------------------------------------------


def test_without_any_document_the_page_says_so() -> None:
    for nothing in ({}, {"summary": None}, {"summary": {}}, {"summary": [], "ablation": "x"}):
        page = render_report(nothing)
        assert_harmless(page)
        text = text_of(page)
        assert "This cycle reached no verdict" in text
        assert "The cycle ended before it could count what happened." in text
        assert "No comparison was made in this cycle." in text
        assert not re.search(r"\b0 turns\b", text), "what is unknown is not zero"


def every_path(value: JsonValue, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner: list[tuple[str | int, JsonValue]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:2]))
    return [path] * bool(path) + [
        it for key, item in inner for it in every_path(item, (*path, key))
    ]


def replaced_at(value: JsonValue, path: tuple[str | int, ...], new: JsonValue) -> JsonValue:
    changed = deepcopy(value)
    place = changed
    for key in path[:-1]:
        assert isinstance(place, dict | list)
        place = place[key]  # type: ignore[index, call-overload]
    assert isinstance(place, dict | list)
    place[path[-1]] = new  # type: ignore[index, call-overload]
    return changed


@pytest.mark.parametrize("instead", [None, -1, "", [], {"a": [None]}], ids=repr)
def test_any_single_field_may_be_missing_or_of_another_type(instead: JsonValue) -> None:
    whole: JsonValue = documents("full")
    paths = every_path(whole)
    assert len(paths) > 400
    for path in paths[:: 2 if instead is None else 9]:
        holed = replaced_at(whole, path, instead)
        assert isinstance(holed, dict)
        assert "</html>" in render_report(holed), path


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(_JSON, _JSON)
def test_reading_anything_never_raises(summary: JsonValue, ablation: JsonValue) -> None:
    node = Node(summary)
    assert node["a"]["b"].number() is None or isinstance(summary, dict)
    render_report({"summary": summary, "ablation": ablation}).encode()


def test_a_failed_cycle_names_the_step_and_its_sentence() -> None:
    text = text_of(render_report(documents("failed")))
    assert "What failed in this cycle" in text
    assert "replay : replay_rows.parquet: 3 rows have a propensity of 0" in text
    assert "cycle failed" in text
    assert "No comparison was made in this cycle." in text


# --- honesty ----------------------------------------------------------------------------------


def test_the_verdict_in_words_comes_first() -> None:
    text = text_of(render_report(documents("full")))
    sentence = text.index("No clear winner yet: route-strong looks better")
    assert sentence < text.index("What would decide:") < text.index("What happened", sentence)


def test_unknown_is_written_and_never_zero() -> None:
    page = render_report(documents("day_one"))
    tile = re.search(
        r"<dt>Cost</dt>\s*<dd class=\"value none\">(.*?)</dd>\s*<dd class=\"note\">(.*?)<", page
    )
    assert tile is not None
    assert tile.groups() == ("unknown", "known for 0 of 57 turns")
    assert "$0" not in page


def test_without_labels_the_page_tells_how_to_get_them() -> None:
    text = text_of(render_report(documents("day_one")))
    assert "None of 48 answers carries a reaction." in text
    assert "How to get to a first verdict" in text
    assert "0 of 100 labeled episodes; without new labels no day can be named" in text
    assert "Make the bot an administrator of the chat, then run tracebridge doctor ." in text
    assert "nobody reacted yet" in text


def test_silence_is_counted_by_turns_and_not_by_labels() -> None:
    view = feedback_of(Node(documents("full")["summary"]))
    assert view.silence.startswith(f"{1_286 - 151:,} of 1,286 answers carry no reaction.")


def test_each_kind_of_figure_has_its_own_columns() -> None:
    ablation = documents("full")["ablation"]
    view = comparison_of(Node(ablation))
    rows = {row.policy_id: row for row in view.rows}
    assert rows["tools-parallel"].observed is None
    assert rows["tools-parallel"].replayed == ("959 of 1,102", "39% less")
    assert rows["tools-parallel"].estimated.refusal is not None
    assert rows["route-strong"].replayed is None
    assert rows["route-strong"].estimated.interval == "0.719 to 0.814"
    assert rows["route-strong"].estimated.tier == "A"
    assert rows["prompt-concise"].observed == (
        "218",
        "0.684",
        "+0.31",
        "unknown",
        "11.2\N{NO-BREAK SPACE}s",
    )
    page = render_report({"ablation": ablation})
    groups = re.findall(r'scope="colgroup" class="tone-(\w+)"', page)
    assert groups == ["observed", "replayed", "estimated"]


def test_what_cannot_be_estimated_says_why_in_words() -> None:
    text = text_of(render_report(documents("full")))
    assert "Not estimable. The log never made this choice, so there is nothing to weigh." in text
    assert "Not estimable. Too few independent units made this choice." in text
    assert "6 units played what the policy plays" in text


def test_one_reason_for_all_policies_is_said_once_for_the_primary_metric() -> None:
    page = render_report(documents("day_one"))
    assert page.count('rowspan="5"') == 1
    assert "all at once" not in page, "nothing is drawn where nothing is estimated"


def test_the_forest_shows_zero_and_every_interval_in_order() -> None:
    view = comparison_of(Node(documents("full")["ablation"]))
    drawn = [row.whisker for row in view.forest if row.whisker]
    assert len(drawn) == 2
    for whisker in drawn:
        assert whisker.outer_lo is not None
        assert whisker.outer_hi is not None
        places = [whisker.outer_lo, whisker.lo, whisker.x, whisker.hi, whisker.outer_hi]
        numbers = [float(place.removesuffix("%")) for place in places]
        assert numbers == sorted(numbers)
        assert numbers[0] >= 0
        assert numbers[-1] <= 100
    zero = float(view.zero.removesuffix("%"))
    better, worse = drawn
    assert float(better.lo.removesuffix("%")) > zero > float(worse.hi.removesuffix("%"))
    assert [tick.x for tick in view.ticks if tick.text == "0"] == [view.zero]


def test_a_winner_and_no_winner_are_both_said() -> None:
    no_sentence: Document = {"rows": [{"policy_id": "baseline"}], "winner": None}
    assert "No clear winner." in text_of(render_report({"ablation": no_sentence}))
    assert "p is the clear winner." in text_of(
        render_report({"ablation": no_sentence | {"winner": "p"}})
    )


def test_tools_that_never_failed_lost_no_time_and_others_may_have_lost_an_unknown_one() -> None:
    tools: list[JsonValue] = [
        {"tool": "a", "calls": 8, "errors": 0, "failed_ms": None},
        {"tool": "b", "calls": 4, "errors": 3, "failed_ms": None},
        {"tool": "c", "calls": 4, "errors": 1, "failed_ms": 40},
    ]
    view = observed_of(Node({"tools": tools}))
    assert [(row.tool, row.lost) for row in view.tools] == [
        ("b", "unknown"),
        ("c", "40\N{NO-BREAK SPACE}ms"),
        ("a", "none"),
    ]
    assert view.tools_sentence == "4 of 16 calls failed, 3 of them in b."


def test_an_arm_that_never_served_has_no_observed_figures() -> None:
    row: Document = {"policy_id": "p", "observed": {"turns": 0, "mean_outcome": None}}
    assert comparison_of(Node({"rows": [row]})).rows[0].observed is None


def test_a_slower_plan_is_said_to_cost_time() -> None:
    row: Document = {"policy_id": "p", "serial_ms": 1000, "wall_ms": 1500, "eligible_turns": 3}
    text = text_of(render_report({"summary": {"replayed": [row]}}))
    assert "would have cost 500 ms more of tool time (50%)" in text


# --- the same bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize("cycle", CYCLES)
def test_equal_documents_give_equal_bytes_whatever_their_key_order(cycle: str) -> None:
    made = documents(cycle)
    page = render_report(made)
    backwards = json.loads(json.dumps(made, sort_keys=True))
    assert render_report(backwards) == page
    assert_harmless(page)


def test_another_process_locale_and_time_zone_give_the_same_bytes() -> None:
    script = (
        "import hashlib\n"
        "from tests import sample_documents as s\n"
        "from tracebridge.adapters.html.report import render_report\n"
        "from tracebridge.adapters.html.index import render_index\n"
        "page = render_report(s.full_documents()) + render_index(s.index_entries())\n"
        "print(hashlib.sha256(page.encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C.UTF-8"},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone, seed in (("UTC", "0"), ("Asia/Kolkata", "77"))
    }
    assert len(digests) == 1


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formats.count(None), "unknown"),
        (formats.count(1_234_567), "1,234,567"),
        (formats.count(-3), "−3"),
        (formats.plural(1, "turn"), "1 turn"),
        (formats.plural(None, "turn"), "unknown turns"),
        (formats.large(999_999), "999,999"),
        (formats.large(2_841_330), "2.84 M"),
        (formats.share(0.0), "0.0%"),
        (formats.share(0.0001), "<0.1%"),
        (formats.share(1.0, 0), "100%"),
        (formats.usd(0.0), "$0.00"),
        (formats.usd(14.8231), "$14.82"),
        (formats.usd(-0.0031), "−$0.0031"),
        (formats.duration(0), "0 ms"),
        (formats.duration(999), "999 ms"),
        (formats.duration(61_000), "1 min 1 s"),
        (formats.duration(3_600_000), "1 h 0 min"),
        (formats.duration(-2300), "−2.3 s"),
        (formats.metric("cost", 0.0031, contrast=True), "+$0.0031"),
        (formats.metric("latency", -3.4, contrast=True), "−3.4 s"),
        (formats.metric("label", 0.71), "+0.71"),
        (formats.metric("outcome", 0.0570, contrast=True), "+0.057"),
        (formats.interval("outcome", None, 1.0), "unknown"),
        (formats.day("2026-03-02"), "Monday, 2 March 2026"),
        (formats.day("yesterday"), "yesterday"),
        (formats.day(None), "unknown"),
    ],
)
def test_numbers_are_written_with_unit_and_sign(shown: str, expected: str) -> None:
    assert shown.replace("\N{NO-BREAK SPACE}", " ") == expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_an_axis_shows_zero_and_every_value_inside(values: list[float]) -> None:
    axis = plots.contrast_axis(values)
    assert axis is not None
    for value in (0.0, *values):
        assert axis.lo < value < axis.hi
    assert 2 <= len(axis.ticks()) <= 12
    places = [float(tick.x.removesuffix("%")) for tick in axis.ticks()]
    assert places == sorted(places)


def test_parts_of_a_stacked_bar_are_the_whole() -> None:
    segments = plots.stacked(
        [("a", 6187, "good"), ("b", None, "calm"), ("c", 0, "bad"), ("d", 17, "bad")]
    )
    assert [part.label for part in segments] == ["a", "d"]
    assert sum(float(part.grow) for part in segments) == pytest.approx(100, abs=0.01)
    assert segments[1].share == "0.3%"


def test_an_empty_histogram_is_not_drawn() -> None:
    assert plots.histogram([0, None, 0], unit="turn") == ()
    assert plots.histogram([], unit="turn") == ()


def test_the_index_lists_the_newest_first_and_counts_within_a_second() -> None:
    entries = sample_documents.index_entries()
    twins: list[Document] = [
        entries[0] | {"bundle_id": f"20270101T000000Z{suffix}", "report_href": f"t{suffix}.html"}
        for suffix in ("-10", "", "-2")
    ]
    page = render_index([*entries, *twins])
    links = re.findall(r'href="([^"#]+\.html)"', page)
    assert links[:3] == ["t-10.html", "t-2.html", "t.html"]
    assert links[3:] == [entry["report_href"] for entry in reversed(entries)]
    assert "cycle failed" in page
    assert "9 cycles sealed" in text_of(page)
    assert_harmless(page, links=frozenset(links))


def test_an_index_without_cycles_says_how_to_make_one() -> None:
    assert "No cycle has been sealed yet." in text_of(render_index([]))


# --- in a browser -----------------------------------------------------------------------------


@pytest.mark.browser
def test_chromium_shows_the_page_without_a_console_message(tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    page = tmp_path / "report.html"
    page.write_text(render_report(documents("full")), encoding="utf-8")
    shot = tmp_path / "report.png"
    done = subprocess.run(
        [
            chromium, "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0",
            "--window-size=1200,2600", f"--screenshot={shot}", page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert shot.stat().st_size > 100_000, done.stderr
    assert "CONSOLE" not in done.stderr
