"""The workspaces that these tests share."""

from tests.workspaces import cycled, world

__all__ = ["cycled", "world"]
