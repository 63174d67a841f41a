"""The workspaces that these tests share, and one in which a candidate may be promoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.judged import judged_workspace
from tests.workspaces import cycled, world
from tracebridge.settings import Settings

__all__ = ["cycled", "world"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace whose newest bundle shows ``route-strong`` to be better."""
    return judged_workspace(tmp_path / "workspace")
