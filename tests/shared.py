"""Where tests find the data folder that is kept beside the repository, if it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def shared_path(*parts: str) -> Path:
    """The path below the shared data folder; skips the test, saying so, where it is absent."""
    root = Path(os.environ.get("TRACEBRIDGE_SHARED", REPOSITORY.parent / "shared"))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared data is absent: {'/'.join(parts)} (set TRACEBRIDGE_SHARED)")
    return path
