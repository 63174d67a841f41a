"""The project's pages as tests see them: fenced blocks, inline code, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.shared import REPOSITORY

_FENCE = re.compile(r"^(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)$")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    """1-based, of the opening fence."""
    info: str
    lines: tuple[str, ...]
    after: str
    """The paragraph that follows, in one line."""
    before: str
    """The last line of text before it."""

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info.split() else ""

    @property
    def is_runnable(self) -> bool:
        return "run" in self.info.split()[1:]

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


@cache
def pages() -> tuple[Path, ...]:
    """Every page that speaks to people, the front page first."""
    named = ("README.md", "CHANGELOG.md", "SECURITY.md")
    folders = ("docs", "examples", "artifacts", "memory")
    found = [REPOSITORY / name for name in named]
    for folder in folders:
        found += sorted((REPOSITORY / folder).rglob("*.md"))
    return tuple(path for path in found if path.is_file())


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


@cache
def blocks_of(page: Path) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return tuple(_blocks(page, lines))


@cache
def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    lines = page.read_text(encoding="utf-8").splitlines()
    kept = list(lines)
    for block in _blocks(page, lines):
        for number in range(block.line - 1, block.line + len(block.lines) + 1):
            if number < len(kept):
                kept[number] = ""
    return "\n".join(kept)


def inline_code(page: Path) -> list[str]:
    """Code spans of the prose; a table's escaped bars are read as bars."""
    return [it.replace("\\|", "|") for it in _INLINE.findall(prose_of(page))]


def links_of(page: Path) -> list[str]:
    """Targets of links and images in the prose."""
    return _LINK.findall(_INLINE.sub("", prose_of(page)))


def anchors_of(page: Path) -> set[str]:
    """Anchors of the headings, as they are made where the pages are shown."""
    seen: dict[str, int] = {}
    anchors = set()
    for line in prose_of(page).splitlines():
        if heading := _HEADING.match(line):
            slug = _slug(heading[1])
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            anchors.add(slug if not count else f"{slug}-{count}")
    return anchors


def table_rows(page: Path) -> list[list[str]]:
    """Rows of all tables of a page, cells stripped; the rules under heads are left out."""
    rows = []
    for line in prose_of(page).splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not all(re.fullmatch(r":?-{3,}:?", cell) for cell in cells):
                rows.append(cells)
    return rows


def _slug(heading: str) -> str:
    text = _LINK.sub(lambda found: found[0].partition("]")[0].lstrip("!["), heading)
    text = re.sub(r"[`*]", "", text).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened is None:
            number += 1
            continue
        end = number + 1
        while end < len(lines) and lines[end].strip() != opened["ticks"]:
            end += 1
        yield Block(
            page=page,
            line=number + 1,
            info=opened["info"].strip(),
            lines=tuple(lines[number + 1 : end]),
            after=_paragraph(lines[end + 1 :]),
            before=next((it.strip() for it in reversed(lines[:number]) if it.strip()), ""),
        )
        number = end + 1


def _paragraph(lines: list[str]) -> str:
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            break
    return " ".join(paragraph)
