"""Is a bundle what was sealed, and are two bundles the same? Findings are values, not errors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tracebridge.adapters.files import refuse, sha256_file
from tracebridge.adapters.manifests import MANIFEST_NAME, manifest_document, parse_manifest
from tracebridge.domain.bundle import FileEntry, Manifest, Mismatch, SealedBundle
from tracebridge.domain.errors import BundleError

_PIECE = 1 << 20


def read_bundle(path: Path) -> SealedBundle:
    """The bundle in a folder, its manifest checked against itself but not against the files.

    Raises `BundleError` where the manifest is missing or was changed.
    """
    file = path / MANIFEST_NAME
    with as_bundle_error(file):
        data = file.read_bytes()
    manifest = parse_manifest(data, file=str(file))
    return SealedBundle(path, manifest, hashlib.sha256(data).hexdigest())


def read_manifest(path: Path) -> Manifest:
    """The manifest of the bundle in a folder. Raises `BundleError` as `read_bundle` does."""
    return read_bundle(path).manifest


def verify(path: Path) -> tuple[Mismatch, ...]:
    """Everything in which a bundle differs from what was sealed; empty if nothing does.

    Raises `BundleError` where ``path`` is no folder or cannot be read.
    """
    if not path.is_dir():
        raise BundleError(f"{path}: there is no such bundle folder.")
    with as_bundle_error(path):
        present = contents(path)
    if MANIFEST_NAME not in present:
        return (Mismatch(MANIFEST_NAME, "missing", "a sealed manifest", "none"),)
    try:
        manifest = read_manifest(path)
    except BundleError as error:
        return (Mismatch(MANIFEST_NAME, "malformed", "", str(error)),)
    found = [
        mismatch
        for entry in manifest.files
        for mismatch in _differences(path, entry, present=present)
    ]
    extra = present - {entry.path for entry in manifest.files} - {MANIFEST_NAME}
    found += [Mismatch(name, "extra", "nothing", "a file") for name in sorted(extra)]
    return tuple(found)


def compare(first: Path, second: Path) -> tuple[Mismatch, ...]:
    """In what two bundles of the same cycle differ, but for time, name and telemetry.

    Compares the bytes on disk of every file marked reproducible, and the manifests without
    ``bundle_id``, ``sealed_at``, ``manifest_digest`` and the digests of telemetry. Raises
    `BundleError` where a manifest cannot be believed or a file cannot be read.
    """
    one, two = read_manifest(first), read_manifest(second)
    found = _manifest_differences(one, two)
    others = {entry.path: entry for entry in two.files}
    for entry in one.files:
        other = others.pop(entry.path, None)
        if other is None:
            found.append(Mismatch(entry.path, "missing", "a file", "none"))
        elif entry.reproducible or other.reproducible:
            found += _content_differences(first, second, entry.path)
    found += [Mismatch(name, "extra", "nothing", "a file") for name in sorted(others)]
    return tuple(found)


def contents(folder: Path) -> set[str]:
    """Relative POSIX names of all that a folder holds, folders only where they are empty."""
    names = set()
    for parent, folders, files in os.walk(folder, onerror=refuse):
        inner = Path(parent)
        links = [name for name in folders if (inner / name).is_symlink()]
        if not folders and not files and inner != folder:
            names.add(f"{inner.relative_to(folder).as_posix()}/")
        names.update((inner / name).relative_to(folder).as_posix() for name in files + links)
    return names


def rows_of(file: Path) -> int | None:
    """Rows of a ``.parquet`` or ``.jsonl`` file, ``None`` for other kinds.

    Raises `BundleError` for a Parquet file that cannot be read.
    """
    if file.suffix == ".jsonl":
        return _lines(file)
    if file.suffix != ".parquet":
        return None
    import pyarrow as pa  # noqa: PLC0415 - listing bundles must not pay for it

    from tracebridge.adapters.tables import count_rows  # noqa: PLC0415

    try:
        return count_rows(file)
    # A damaged footer comes as any of these, wrong UTF-8 in a name as a plain ValueError.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BundleError(f"{file}: it is not a readable Parquet file.") from error


@contextmanager
def as_bundle_error(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` into the `BundleError` that tells the owner what to mend."""
    try:
        yield
    except FileNotFoundError as error:
        raise BundleError(f"{error.filename or path}: it is not there.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BundleError(
            f"{error.filename or path}: the disk refused ({reason}); free space or mend the "
            "rights, then run again."
        ) from error


def _differences(path: Path, entry: FileEntry, *, present: set[str]) -> Iterator[Mismatch]:
    if entry.path not in present:
        yield Mismatch(entry.path, "missing", "a file", "none")
        return
    file = path / entry.path
    if file.is_symlink() or not file.is_file():
        yield Mismatch(entry.path, "not_a_file", "a regular file", "something else")
        return
    with as_bundle_error(file):
        size_bytes, digest = file.stat().st_size, sha256_file(file)
    if size_bytes != entry.size_bytes:
        yield Mismatch(entry.path, "size", f"{entry.size_bytes} bytes", f"{size_bytes} bytes")
    if digest != entry.sha256:
        yield Mismatch(entry.path, "bytes", entry.sha256, digest)
        if file.suffix == ".parquet":  # a footer that nobody vouches for is not parsed
            return
    rows = _rows_found(file)
    if rows is not None and rows != f"{entry.rows} rows":
        yield Mismatch(entry.path, "rows", f"{entry.rows} rows", rows)


def _rows_found(file: Path) -> str | None:
    try:
        rows = rows_of(file)
    except BundleError:
        return "unreadable"
    return None if rows is None else f"{rows} rows"


def _manifest_differences(one: Manifest, two: Manifest) -> list[Mismatch]:
    first, second = (_comparable(manifest) for manifest in (one, two))
    return [
        Mismatch(MANIFEST_NAME, key, str(first[key]), str(second[key]))
        for key in sorted(first)
        if first[key] != second[key]
    ]


def _comparable(manifest: Manifest) -> dict[str, object]:
    """All that must be the same; files are compared by their bytes, and here by their kind."""
    document = manifest_document(replace(manifest, bundle_id="", sealed_at=""))
    del document["manifest_digest"], document["files"]
    return document


def _content_differences(first: Path, second: Path, name: str) -> list[Mismatch]:
    with as_bundle_error(Path(name)):
        one, two = sha256_file(first / name), sha256_file(second / name)
    return [] if one == two else [Mismatch(name, "bytes", one, two)]


def _lines(file: Path) -> int:
    """Lines of a file; an unterminated last one counts."""
    count, last = 0, b"\n"
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            count += piece.count(b"\n")
            last = piece[-1:]
    return count + (last != b"\n")
