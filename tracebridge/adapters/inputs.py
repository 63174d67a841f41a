"""What went into a cycle, named by digest; and the small inputs that a bundle keeps whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from tracebridge.domain.bundle import InputEntry
from tracebridge.domain.events import FileReport

PLAN = "PHASED_ADOPTION_PLAN.md"
SHIPPED = "tracebridge.defaults"
"""Package that holds what a workspace starts with: policies and reward profiles."""


def log_inputs(reports: Sequence[FileReport]) -> list[InputEntry]:
    """One entry a stored session log, in the order given; equal copies are as many entries."""
    return [
        InputEntry(
            kind="session_log",
            name=report.file_name,
            sha256=report.sha256,
            size_bytes=report.size_bytes,
            rows=report.lines,
        )
        for report in reports
    ]


def copy_inputs(copies: Mapping[str, bytes]) -> list[InputEntry]:
    """One entry for each small input that the bundle keeps under ``inputs/``."""
    return [
        InputEntry(
            kind=_kind(name),
            name=name,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
        )
        for name, data in sorted(copies.items())
    ]


def text_files(folder: Path, shipped: str, suffix: str = ".toml") -> dict[str, bytes]:
    """Files of a workspace folder by name; what TraceBridge ships, where there is no folder."""
    if folder.is_dir():
        return {path.name: path.read_bytes() for path in sorted(folder.glob(f"*{suffix}"))}
    return shipped_files(shipped, suffix)


def shipped_files(folder: str, suffix: str = ".toml") -> dict[str, bytes]:
    """Files that TraceBridge ships in ``tracebridge/defaults/<folder>``, by name."""
    root = resources.files(SHIPPED) / folder
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(root.iterdir(), key=lambda item: item.name)
        if entry.name.endswith(suffix)
    }


def plan_text() -> str:
    """The adoption plan that ships with TraceBridge; empty where it is missing."""
    packaged = resources.files(SHIPPED) / PLAN
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    beside = Path(__file__).resolve().parents[2] / "docs" / PLAN
    return beside.read_text(encoding="utf-8") if beside.is_file() else ""


def _kind(name: str) -> str:
    folder = name.split("/", 1)[0]
    return {"policies": "policy", "rewards": "rewards"}.get(folder, _SINGLE.get(name, "config"))


_SINGLE = {"tracebridge.toml": "config", "reaction-mapping.json": "mapping"}
