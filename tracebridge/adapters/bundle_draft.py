"""A bundle while it is written: a hidden folder beside, sealed by a manifest, then renamed.

The writer holds a kernel lock on its staging folder. What a dead writer left has no lock, is
seen by the next one and removed; what a living one is writing is never touched.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tracebridge.adapters.bundle_checks import as_bundle_error, contents, rows_of
from tracebridge.adapters.files import (
    fsync_dir,
    fsync_file,
    publish_dir,
    sha256_file,
    write_atomic,
    write_new,
)
from tracebridge.adapters.manifests import (
    MANIFEST_NAME,
    MANIFEST_SCHEMA,
    is_safe_name,
    manifest_bytes,
)
from tracebridge.domain.bundle import (
    FileEntry,
    InputEntry,
    Manifest,
    SealedBundle,
    StepOutcome,
    StepStatus,
)
from tracebridge.domain.errors import BundleError, ClockError

_STAGING = ".staging-"
_NAMES_PER_SECOND = 1000


def open_draft(root: Path, *, now: datetime, code_version: str) -> DirectoryBundleDraft:
    """Start a bundle in ``root`` that is named after ``now``; clears away what dead writers left.

    Raises `ClockError` for a time without a zone, `BundleError` if the folder refuses.
    """
    stamp = f"{_utc(now):%Y%m%dT%H%M%SZ}"
    with as_bundle_error(root):
        root.mkdir(parents=True, exist_ok=True)
        # Between making a staging folder and locking it, a sweep would take it for abandoned.
        with _locked(root):
            _sweep(root)
            staging = root / f"{_STAGING}{os.getpid()}-{secrets.token_hex(8)}"
            staging.mkdir()
            owner = _lock(staging, fcntl.LOCK_EX)
    return DirectoryBundleDraft(staging, owner, stamp, code_version)


class DirectoryBundleDraft:
    """A bundle being written beside its final place. As a context, abandoned unless sealed."""

    def __init__(self, path: Path, owner: int, stamp: str, code_version: str) -> None:
        self._path = path
        self._owner: int | None = owner
        self._stamp = stamp
        self._code_version = code_version
        self._files: dict[str, FileEntry] = {}

    @property
    def path(self) -> Path:
        """The staging folder. What is put there by other means must be given to `adopt`."""
        return self._path

    def write_bytes(
        self, name: str, data: bytes, *, rows: int | None = None, reproducible: bool = True
    ) -> None:
        """Write one file durably. Rows of ``.parquet`` and ``.jsonl`` are counted here.

        Raises `BundleError` for an unsafe or taken name, a wrong count, or a failed write.
        """
        self._claim(name)
        target = self._path / name
        with as_bundle_error(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(target, data)
        digest = hashlib.sha256(data).hexdigest()
        self._enter(name, digest, len(data), rows=rows, reproducible=reproducible)

    def adopt(self, name: str, *, rows: int | None = None, reproducible: bool = True) -> None:
        """Take in a file that was written under `path` by other means, such as an exporter."""
        self._claim(name)
        target = self._path / name
        with as_bundle_error(target):
            if target.is_symlink() or not target.is_file():
                raise BundleError(f"{target}: there is no such file to take into the bundle.")
            fsync_file(target)
            digest, size_bytes = sha256_file(target), target.stat().st_size
        self._enter(name, digest, size_bytes, rows=rows, reproducible=reproducible)

    def discard(self, name: str) -> None:
        """Remove a file or folder below `path`, entered or not, as if it had never been put there.

        For what a failed step leaves half done: the bundle can then still be sealed as failed.
        """
        self._must_be_open()
        target = self._path / name
        if not is_safe_name(name):
            raise BundleError(f"{name!r}: a bundle holds only plain relative file names.")
        with as_bundle_error(target):
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        gone = [held for held in self._files if held == name or held.startswith(f"{name}/")]
        for held in gone:
            del self._files[held]

    def seal(
        self,
        *,
        day: date,
        seed: int,
        config_digest: str,
        inputs: Sequence[InputEntry],
        steps: Sequence[StepStatus],
        skips: Mapping[str, int],
        parents: Sequence[str],
        versions: Mapping[str, str],
        now: datetime,
    ) -> SealedBundle:
        """fsync all, write the manifest last, publish without replacing.

        The status is ``failed`` if any step failed. Inputs of one name keep the order given:
        of two logs that tell the same entry the first counts it. Raises `BundleError` where a
        file was left that nobody entered, or the disk refuses; nothing is published then.
        """
        self._must_be_open()
        failed = any(step.outcome is StepOutcome.FAILED for step in steps)
        manifest = Manifest(
            schema=MANIFEST_SCHEMA,
            bundle_id=self._stamp,
            day=day.isoformat(),
            seed=seed,
            code_version=self._code_version,
            config_digest=config_digest,
            inputs=tuple(sorted(inputs, key=lambda it: (it.kind, it.name))),
            files=tuple(self._files[name] for name in sorted(self._files)),
            steps=tuple(steps),
            skips=dict(skips),
            parents=tuple(parents),
            versions=dict(versions),
            status="failed" if failed else "ok",
            sealed_at=_utc(now).isoformat(),
        )
        with as_bundle_error(self._path):
            self._sync()
            published = self._publish(manifest)
        self._release()
        return published

    def abandon(self) -> None:
        """Remove what was written; nothing of it counts. Harmless after `seal`."""
        if self._owner is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abandon()

    def _claim(self, name: str) -> None:
        self._must_be_open()
        if not is_safe_name(name):
            raise BundleError(f"{name!r}: a bundle takes only plain relative file names.")
        if name in self._files:
            raise BundleError(f"{name}: the bundle already holds a file of this name.")

    def _enter(
        self, name: str, digest: str, size_bytes: int, *, rows: int | None, reproducible: bool
    ) -> None:
        counted = rows_of(self._path / name)
        if counted is not None and rows is not None and counted != rows:
            raise BundleError(f"{name}: {rows} rows were announced, but it holds {counted}.")
        self._files[name] = FileEntry(
            path=name,
            sha256=digest,
            size_bytes=size_bytes,
            rows=rows if counted is None else counted,
            reproducible=reproducible,
        )

    def _sync(self) -> None:
        strays = contents(self._path) - self._files.keys() - {MANIFEST_NAME}
        if strays:
            raise BundleError(
                f"{self._path / min(strays)}: the file was never entered; write or adopt it."
            )
        for folder, _, _ in os.walk(self._path, topdown=False):
            fsync_dir(Path(folder))

    def _publish(self, manifest: Manifest) -> SealedBundle:
        root = self._path.parent
        for bundle_id in _names(self._stamp):
            if os.path.lexists(root / bundle_id):
                continue
            named = replace(manifest, bundle_id=bundle_id)
            data = manifest_bytes(named)
            write_atomic(self._path / MANIFEST_NAME, data)
            try:
                publish_dir(self._path, root / bundle_id)
            except FileExistsError:
                continue
            fsync_dir(root)
            return SealedBundle(root / bundle_id, named, hashlib.sha256(data).hexdigest())
        raise BundleError(f"{root}: every name for {self._stamp} is taken.")

    def _must_be_open(self) -> None:
        if self._owner is None:
            raise BundleError(f"{self._path}: the bundle was already sealed or abandoned.")

    def _release(self) -> None:
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None


def _write_whole(target: Path, data: bytes) -> None:
    """All of the bytes or no file: half a file would keep the bundle from saying what failed."""
    try:
        write_new(target, data)
    except FileExistsError:
        raise
    except OSError:
        with suppress(OSError):
            target.unlink()
        raise


def _names(stamp: str) -> Iterator[str]:
    yield stamp
    for number in range(2, _NAMES_PER_SECOND):
        yield f"{stamp}-{number}"


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ClockError("A bundle was given a time without a zone; give it in UTC.")
    return moment.astimezone(UTC)


def _lock(folder: Path, operation: int) -> int:
    """Lock a folder; the lock lasts until the descriptor is closed, by whatever end."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, operation)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _sweep(root: Path) -> None:
    for staging in root.glob(f"{_STAGING}*"):
        try:
            descriptor = _lock(staging, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its writer lives, or it is not ours to judge
            continue
        shutil.rmtree(staging, ignore_errors=True)
        os.close(descriptor)
