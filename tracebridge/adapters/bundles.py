"""The folder of bundles. A folder without a manifest never happened; none is ever replaced."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from tracebridge.adapters.bundle_checks import compare, read_bundle, read_manifest, verify
from tracebridge.adapters.bundle_draft import DirectoryBundleDraft, open_draft
from tracebridge.adapters.manifests import MANIFEST_NAME
from tracebridge.domain.bundle import Mismatch, SealedBundle
from tracebridge.domain.errors import BundleError

__all__ = [
    "DirectoryBundleDraft",
    "DirectoryBundleStore",
    "compare",
    "read_bundle",
    "read_manifest",
    "verify",
]

_BUNDLE_ID = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?")


class DirectoryBundleStore:
    """The bundles of one folder, such as ``artifacts/phase1-shadow``."""

    def __init__(self, root: Path, *, code_version: str) -> None:
        self._root = root
        self._code_version = code_version

    def open(self, now: datetime) -> DirectoryBundleDraft:
        """Start a bundle that is named after ``now``; clears away what dead writers left.

        Raises `ClockError` for a time without a zone, `BundleError` if the folder refuses.
        """
        return open_draft(self._root, now=now, code_version=self._code_version)

    def sealed(self, *, last: int | None = None) -> tuple[SealedBundle, ...]:
        """Sealed bundles, oldest first; only the newest ``last`` of them if given.

        Folders whose manifest is damaged are left out here and listed by `damaged`.
        """
        bundles: list[SealedBundle] = []
        for path in reversed(self._folders()):
            if last is not None and len(bundles) == last:
                break
            try:
                bundles.append(read_bundle(path))
            except BundleError:
                continue
        return tuple(reversed(bundles))

    def damaged(self) -> tuple[Mismatch, ...]:
        """Folders that carry a manifest which cannot be believed, each with what is wrong."""
        found = []
        for path in self._folders():
            try:
                read_bundle(path)
            except BundleError as error:
                found.append(Mismatch(f"{path.name}/{MANIFEST_NAME}", "malformed", "", str(error)))
        return tuple(found)

    def find(self, bundle_id: str) -> SealedBundle:
        """The sealed bundle of that id. Raises `BundleError` if there is none."""
        path = self._root / bundle_id
        if not _BUNDLE_ID.fullmatch(bundle_id) or not path.is_dir():
            raise BundleError(
                f"{self._root}: there is no bundle {bundle_id!r}; see `tracebridge bundle list`."
            )
        return read_bundle(path)

    def _folders(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        candidates = [
            (match[1], int(match[2] or 1), path)
            for path in self._root.iterdir()
            if (match := _BUNDLE_ID.fullmatch(path.name)) and (path / MANIFEST_NAME).is_file()
        ]
        return [path for *_, path in sorted(candidates)]
