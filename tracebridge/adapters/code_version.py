"""Which code made a result: the release and a digest over every source file of the package."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

_SOURCES = frozenset({".py", ".sql", ".j2", ".json", ".toml"})
_BYTE_MAKERS = ("agentlightning", "duckdb", "jinja2", "numpy", "pyarrow", "google-re2")
"""Libraries whose version can change the bytes of a bundle."""


@cache
def code_version() -> str:
    """``<release>+<12 hex>``: the hex is SHA-256 over the package's sources, by path."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in _SOURCES and path.is_file():
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(b"\0")
            digest.update(path.read_bytes())
    return f"{metadata.version('tracebridge')}+{digest.hexdigest()[:12]}"


@cache
def library_versions() -> dict[str, str]:
    """Name to version of what can change bytes; ``absent`` where it is not installed."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _BYTE_MAKERS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions
