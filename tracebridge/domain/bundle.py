"""A sealed cycle: what went in, what came out, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class StepOutcome(StrEnum):
    """How a step of the cycle ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepStatus:
    """How one step of the cycle ended. No timing: that is telemetry."""

    name: str
    outcome: StepOutcome
    detail: str = ""
    """The error's sentence, or why it was skipped."""


@dataclass(frozen=True, slots=True)
class InputEntry:
    """One input, named by digest. ``name`` never holds a folder outside the workspace."""

    kind: str
    """``session_log``, ``ledger``, ``deliveries``, ``decisions``, ``config``, ``mapping``,
    ``rewards``, ``policy``."""
    name: str
    sha256: str
    size_bytes: int
    """Length of the prefix that was read: logs and ledgers may have grown since."""
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the bundle, as sealed."""

    path: str
    """Relative to the bundle, POSIX."""
    sha256: str
    size_bytes: int
    rows: int | None = None
    """For tables and line files."""
    reproducible: bool = True
    """False for telemetry, whose bytes carry timings."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The seal. Everything but ``sealed_at`` is the same when the bundle is made again."""

    schema: str
    bundle_id: str
    day: str
    """UTC day, ``YYYY-MM-DD``: events up to its end are in."""
    seed: int
    code_version: str
    config_digest: str
    inputs: tuple[InputEntry, ...]
    files: tuple[FileEntry, ...]
    steps: tuple[StepStatus, ...]
    skips: Mapping[str, int]
    """What was left out, by reason."""
    parents: tuple[str, ...]
    """Bundle ids this one follows."""
    versions: Mapping[str, str]
    """Adapters and libraries whose version can change bytes."""
    status: str
    """``ok`` or ``failed``."""
    sealed_at: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class SealedBundle:
    """A published bundle and the digest of its seal."""

    path: Path
    manifest: Manifest
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that `verify` or `reproduce` found."""

    path: str
    what: str
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One line of ``events.jsonl``: ordered, allowed to carry timings."""

    seq: int
    event: str
    step: str | None = None
    attrs: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
