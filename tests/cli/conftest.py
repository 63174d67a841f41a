"""The command line in this process, and the workspaces that it is asked about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.calls import Answer, Call, call_of
from tests.workspaces import Cycled, copy_of, cycled, world

__all__ = ["cycled", "world"]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command line as `tracebridge.cli.main.main` does, without a workspace around."""
    monkeypatch.delenv("TRACEBRIDGE_WORKSPACE", raising=False)
    return call_of(capsys)


@pytest.fixture(scope="session")
def kept(cycled: Cycled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after two cycles that tests only read; its logs are stored."""
    return cycled.root


@pytest.fixture
def root(cycled: Cycled, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return copy_of(cycled.root, tmp_path / "workspace")


@pytest.fixture
def ask(call: Call, kept: Path) -> Callable[..., Answer]:
    """Ask about the workspace that tests only read."""
    return lambda *words: call("--workspace", str(kept), *words)
