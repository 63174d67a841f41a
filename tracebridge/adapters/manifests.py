"""The seal of a bundle as bytes: canonical JSON that carries a digest of itself.

Format ``tracebridge.manifest.v1``: JSON with sorted keys, two-space indent and a final newline.
``manifest_digest`` is the SHA-256 of the compact canonical JSON of all other fields. A reader
demands that the bytes are the canonical ones and that the digest fits, so that no byte of a
manifest can change unseen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from tracebridge.domain.bundle import (
    FileEntry,
    InputEntry,
    Manifest,
    StepOutcome,
    StepStatus,
)
from tracebridge.domain.errors import BundleError

MANIFEST_SCHEMA = "tracebridge.manifest.v1"
MANIFEST_NAME = "manifest.json"

_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_SAFE_NAME = re.compile(rf"{_PART}(?:/{_PART})*")


def is_safe_name(name: str) -> bool:
    """Whether a file of a bundle may have this name: relative, POSIX, no hidden part."""
    return _SAFE_NAME.fullmatch(name) is not None and name != MANIFEST_NAME


def manifest_document(manifest: Manifest) -> dict[str, Any]:
    """The manifest as a JSON object, its digest included."""
    content: dict[str, Any] = {
        "schema": manifest.schema,
        "bundle_id": manifest.bundle_id,
        "day": manifest.day,
        "seed": manifest.seed,
        "code_version": manifest.code_version,
        "config_digest": manifest.config_digest,
        "inputs": [_input_document(entry) for entry in manifest.inputs],
        "files": [_file_document(entry) for entry in manifest.files],
        "steps": [
            {"name": step.name, "outcome": step.outcome.value, "detail": step.detail}
            for step in manifest.steps
        ],
        "skips": dict(manifest.skips),
        "parents": list(manifest.parents),
        "versions": dict(manifest.versions),
        "status": manifest.status,
        "sealed_at": manifest.sealed_at,
    }
    return content | {"manifest_digest": _digest(content)}


def manifest_bytes(manifest: Manifest) -> bytes:
    """The bytes of ``manifest.json``."""
    return _canonical_bytes(manifest_document(manifest))


def parse_manifest(data: bytes, *, file: str) -> Manifest:
    """The manifest in ``data``.

    Raises `BundleError` naming ``file`` where the bytes are not those that sealing wrote, or a
    field is missing or of another type.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _malformed(file, "it is not JSON") from error
    if not isinstance(document, dict) or document.get("schema") != MANIFEST_SCHEMA:
        raise _malformed(file, f"its `schema` is not {MANIFEST_SCHEMA}")
    content = {key: value for key, value in document.items() if key != "manifest_digest"}
    try:
        canonical = _canonical_bytes(document)
        digest = _digest(content)
    except ValueError as error:
        raise _malformed(file, "it holds text or numbers that JSON cannot carry") from error
    if canonical != data:
        raise _malformed(file, "its bytes are not the canonical form of its content")
    if document.get("manifest_digest") != digest:
        raise _malformed(file, "its content does not fit `manifest_digest`")
    try:
        return _manifest_of(content)
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed(file, f"a field is missing or of the wrong type ({error})") from error


def _malformed(file: str, what: str) -> BundleError:
    return BundleError(f"{file}: the manifest was changed or damaged: {what}.")


def _canonical_bytes(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _input_document(entry: InputEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "sha256": entry.sha256,
        "bytes": entry.size_bytes,
        "rows": entry.rows,
    }


def _file_document(entry: FileEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "sha256": entry.sha256,
        "bytes": entry.size_bytes,
        "rows": entry.rows,
        "reproducible": entry.reproducible,
    }


def _manifest_of(content: Mapping[str, Any]) -> Manifest:
    return Manifest(
        schema=_typed(content, "schema", str),
        bundle_id=_typed(content, "bundle_id", str),
        day=_typed(content, "day", str),
        seed=_typed(content, "seed", int),
        code_version=_typed(content, "code_version", str),
        config_digest=_typed(content, "config_digest", str),
        inputs=tuple(map(_input_of, _typed(content, "inputs", list))),
        files=tuple(map(_file_of, _typed(content, "files", list))),
        steps=tuple(map(_step_of, _typed(content, "steps", list))),
        skips={key: int(count) for key, count in _typed(content, "skips", dict).items()},
        parents=tuple(map(str, _typed(content, "parents", list))),
        versions={key: str(value) for key, value in _typed(content, "versions", dict).items()},
        status=_typed(content, "status", str),
        sealed_at=_typed(content, "sealed_at", str),
    )


def _input_of(document: Mapping[str, Any]) -> InputEntry:
    return InputEntry(
        kind=_typed(document, "kind", str),
        name=_typed(document, "name", str),
        sha256=_typed(document, "sha256", str),
        size_bytes=_typed(document, "bytes", int),
        rows=_rows(document),
    )


def _file_of(document: Mapping[str, Any]) -> FileEntry:
    path = _typed(document, "path", str)
    if not is_safe_name(path):
        raise ValueError("`path` of a file leads out of the bundle")
    return FileEntry(
        path=path,
        sha256=_typed(document, "sha256", str),
        size_bytes=_typed(document, "bytes", int),
        rows=_rows(document),
        reproducible=_typed(document, "reproducible", bool),
    )


def _step_of(document: Mapping[str, Any]) -> StepStatus:
    return StepStatus(
        name=_typed(document, "name", str),
        outcome=StepOutcome(document["outcome"]),
        detail=_typed(document, "detail", str),
    )


def _rows(document: Mapping[str, Any]) -> int | None:
    return None if document["rows"] is None else _typed(document, "rows", int)


def _typed[T](document: Mapping[str, Any], key: str, kind: type[T]) -> T:
    value = document[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"`{key}` is not of type {kind.__name__}")
    return value
