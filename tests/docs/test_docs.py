"""The pages hold together: links lead somewhere, figures say what they show, nothing private."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import (
    Block,
    anchors_of,
    blocks_of,
    inline_code,
    links_of,
    name_of,
    pages,
    prose_of,
)
from tests.shared import REPOSITORY

DIAGRAMS = frozenset({"flowchart", "graph", "sequenceDiagram", "stateDiagram-v2", "timeline"})
RESERVED = frozenset(
    {"end", "click", "style", "class", "classDef", "linkStyle", "subgraph", "graph"}
)
ADRS = sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md"))
MACHINE_PATH = re.compile(r"(?<![\w.~])/(?:work|root)/")
PACKAGE_INDEX = re.compile(r"pypi\.(?:org|python)|pythonhosted\.|--(?:extra-)?index-url")


def all_blocks(language: str) -> list[Block]:
    return [block for page in pages() for block in blocks_of(page) if block.language == language]


def test_front_page_leads_with_the_two_commands() -> None:
    page = REPOSITORY / "README.md"
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# "), "README.md has no title"
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        address = urlsplit(link)
        if address.scheme or address.netloc:
            continue
        target = (page.parent / address.path).resolve() if address.path else page
        is_page = target.exists() and target.suffix == ".md"
        if not target.exists():
            broken.append(link)
        elif is_page and address.fragment and address.fragment not in anchors_of(target):
            broken.append(f"{link} (no such heading)")
    assert not broken


def test_every_page_of_the_docs_is_linked_from_another() -> None:
    linked = {
        (page.parent / urlsplit(link).path).resolve()
        for page in pages()
        for link in links_of(page)
        if urlsplit(link).path and not urlsplit(link).scheme
    }
    docs = set((REPOSITORY / "docs").rglob("*.md"))
    assert docs - linked == set()


def test_fenced_blocks_are_closed_and_named() -> None:
    for page in pages():
        for block in blocks_of(page):
            assert block.language, f"{block}: a fenced block names no language"
            end = block.line + len(block.lines)
            assert len(page.read_text(encoding="utf-8").splitlines()) > end, f"{block}: not closed"


def test_there_are_figures() -> None:
    assert len(all_blocks("mermaid")) >= 4


@pytest.mark.parametrize("block", all_blocks("mermaid"), ids=str)
def test_figures_are_of_a_known_kind_and_have_a_caption(block: Block) -> None:
    kind = block.lines[0].split()[0]
    assert kind in DIAGRAMS, f"{kind} is no diagram type in use here"
    caption = re.fullmatch(r"[*_](.+)[*_]", block.after) or re.fullmatch(
        r"[*_](.+)[*_]", block.before
    )
    assert caption, "the paragraph after (or the line before) must be a caption in italics"
    assert len(caption[1]) > 20


@pytest.mark.parametrize("block", all_blocks("mermaid"), ids=str)
def test_figures_are_written_soundly(block: Block) -> None:
    """Slips that make a diagram fail to draw: open brackets or quotes, reserved words as names."""
    for line in block.lines[1:]:
        bare = re.sub(r'"[^"]*"', "", line)
        assert '"' not in bare, f"open quote: {line}"
        for opening, closing in ("[]", "()", "{}"):
            assert bare.count(opening) == bare.count(closing), f"open {opening}: {line}"
        names = re.findall(r"(?:^\s*|[->|]\s)([A-Za-z_]\w*)(?=[\[({\s]|$)", bare)
        if block.lines[0].split()[0] in {"flowchart", "graph"}:
            assert not RESERVED.intersection(names), line


@pytest.mark.parametrize("page", ADRS, ids=name_of)
def test_decisions_have_context_decision_and_consequences(page: Path) -> None:
    text = prose_of(page)
    number = page.name[:4]
    assert text.startswith(f"# {number}: ")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
    for section in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert len(section.split()) >= 20, "a section says too little"


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    assert [page.name[:4] for page in ADRS] == [f"{n:04}" for n in range(1, len(ADRS) + 1)]
    listed = links_of(REPOSITORY / "docs" / "adr" / "README.md")
    assert [link for link in listed if link[:1].isdigit()] == [page.name for page in ADRS]


def test_documented_make_targets_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    code = [text for page in pages() for text in inline_code(page)]
    code += [
        line for block in (*all_blocks("bash"), *all_blocks("console")) for line in block.lines
    ]
    named = {found[1] for text in code if (found := re.match(r"(?:\$ )?make ([a-z-]+)", text))}
    assert named, "no page names a make target"
    assert named <= targets


def test_license_and_changelog_speak_of_this_release() -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    license_text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert license_text.startswith(f"{project['license']} License")
    assert "TraceBridge contributors" in license_text
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    assert releases[0] == "Unreleased"
    assert project["version"] in releases


def test_no_text_names_a_machine_path_or_a_package_index() -> None:
    finds = [
        f"{path.relative_to(REPOSITORY)}:{number}: {found[0]}"
        for path in own_files()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        for found in (
            MACHINE_PATH.search(line),
            PACKAGE_INDEX.search(line),
            here_only().search(line),
        )
        if found
    ]
    assert not finds


def test_the_search_for_private_text_would_find_it() -> None:
    assert MACHINE_PATH.search("see " + "/work" + "/main/x")
    assert PACKAGE_INDEX.search("https://" + "pypi" + ".org/x")
    assert not MACHINE_PATH.search("~" + "/work" + "/x, framework" + "/root" + "/x")


@cache
def own_files() -> tuple[Path, ...]:
    """What the repository holds or would hold: known to git, or new and not ignored."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout, so what belongs to the project is not known")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    paths = (REPOSITORY / name for name in listed.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data[:4096] else data.decode("utf-8", "replace")


@cache
def here_only() -> re.Pattern[str]:
    """Hosts and folders from which this very machine installs packages."""
    names = sorted(set(_package_sources()))
    return re.compile("|".join(map(re.escape, names)) if names else r"(?!)")


def _package_sources() -> Iterator[str]:
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    for setting in listed.splitlines():
        name, _, value = setting.partition("=")
        if name.rpartition(".")[2] in {"index-url", "extra-index-url", "find-links"}:
            for word in value.strip("'\"").split():
                address = urlsplit(word)
                yield from filter(
                    None, [address.netloc, address.path if not address.netloc else ""]
                )
