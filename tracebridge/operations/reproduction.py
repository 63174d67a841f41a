"""Make a bundle again from its named inputs, somewhere else, and hold the bytes side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tracebridge.adapters.bundle_checks import compare, read_bundle, verify
from tracebridge.adapters.sessions.discover import session_files
from tracebridge.cycle import run_shadow_cycle
from tracebridge.domain.bundle import InputEntry, Manifest, Mismatch
from tracebridge.domain.errors import BundleError
from tracebridge.settings import Settings, Source, load_settings, with_seed
from tracebridge.wiring import build_house, open_workspace, refresh, terms_of

_COPIED = frozenset({"config", "mapping", "policy", "rewards"})
"""Kinds that lie in the bundle itself, under ``inputs/``."""


@dataclass(frozen=True, slots=True)
class SealedMoment:
    """A clock that stands at the moment when the bundle was sealed."""

    at: datetime

    def now(self) -> datetime:
        """The moment of the seal."""
        return self.at


def reproduce(
    settings: Settings, bundle: Path, *, extra_sources: Sequence[Path] = ()
) -> tuple[Mismatch, ...]:
    """Run the bundle's day again in a scratch workspace; returns every difference.

    Logs are looked for by digest where they were imported from and in ``extra_sources``; a log
    or ledger that has grown since is read only as far as it was read then.

    Raises:
        BundleError: the bundle is not intact, or an input cannot be found any more.
    """
    sealed = read_bundle(bundle)
    broken = verify(bundle)
    if broken:
        return broken
    with TemporaryDirectory(prefix="tracebridge-") as folder:
        scratch = Path(folder) / "workspace"
        _lay_out(settings, sealed.manifest, bundle, scratch, extra_sources)
        remade = load_settings(scratch)
        if (scratch / "logs").is_dir():
            remade = replace(remade, sources=(Source(scratch / "logs"),))
        else:
            remade = replace(remade, sources=())
        remade = with_seed(remade, sealed.manifest.seed)
        workspace = open_workspace(remade)
        clock = SealedMoment(datetime.fromisoformat(sealed.manifest.sealed_at))
        house = build_house(workspace, clock, refresh_sources=lambda: refresh(workspace))
        result = run_shadow_cycle(
            date.fromisoformat(sealed.manifest.day),
            house,
            terms_of(remade),
            parents=sealed.manifest.parents,
        )
        return compare(bundle, result.bundle.path)


def _lay_out(
    settings: Settings,
    manifest: Manifest,
    bundle: Path,
    scratch: Path,
    extra_sources: Sequence[Path],
) -> None:
    """Put every input where a workspace has it, each as long as it was."""
    target = load_settings_of_empty(scratch)
    for folder in (target.policies_folder, target.rewards_folder):
        folder.mkdir()  # without it the shipped files would stand in for an empty folder
    for entry in manifest.inputs:
        if entry.kind in _COPIED:
            place = target.mapping_path if entry.kind == "mapping" else scratch / entry.name
            _put(place, (bundle / "inputs" / entry.name).read_bytes())
    for kind, source, place in (
        ("ledger", settings.ledger_path, target.ledger_path),
        ("deliveries", settings.deliveries_path, target.deliveries_path),
    ):
        for entry in _of_kind(manifest, kind):
            if entry.size_bytes:
                _put(place, _prefix(source, entry))
    for entry in _of_kind(manifest, "decisions"):
        _put(
            target.decisions_folder / entry.name,
            _prefix(settings.decisions_folder / entry.name, entry),
        )
    candidates = list(_candidates(settings, extra_sources))
    for number, entry in enumerate(_of_kind(manifest, "session_log")):
        _put(_log_place(scratch / "logs", number, entry), _find(entry, candidates))


def load_settings_of_empty(workspace: Path) -> Settings:
    """Where things lie in a workspace that does not exist yet."""
    workspace.mkdir(parents=True)
    return load_settings(workspace)


def _of_kind(manifest: Manifest, kind: str) -> list[InputEntry]:
    return [entry for entry in manifest.inputs if entry.kind == kind]


def _log_place(folder: Path, number: int, entry: InputEntry) -> Path:
    """A folder for each log: namesakes are read in the order of their folders, as before."""
    return folder / f"{number:08}" / entry.name


def _candidates(settings: Settings, extra_sources: Sequence[Path]) -> Iterator[Path]:
    """Files in which a log might be found again, each once."""
    seen: set[Path] = set()
    known = open_workspace(settings).store.source_paths()
    roots = [source.path for source in settings.sources] + list(extra_sources)
    for path in _files(known, roots):
        if path not in seen:
            seen.add(path)
            yield path


def _files(known: Iterable[Path], roots: Iterable[Path]) -> Iterator[Path]:
    yield from (path for path in known if path.is_file())
    for root in roots:
        if root.exists():
            yield from session_files(root)


def _find(entry: InputEntry, candidates: Sequence[Path]) -> bytes:
    """The bytes of a log: the file that begins with what the digest names."""
    named = [path for path in candidates if path.name == entry.name]
    for path in [*named, *(path for path in candidates if path.name != entry.name)]:
        with suppress(BundleError):
            return _prefix(path, entry)
    raise BundleError(
        f"{entry.name}: no file begins with the {entry.size_bytes} bytes that the bundle names; "
        "give the folder that holds it with --source"
    )


def _prefix(path: Path, entry: InputEntry) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(entry.size_bytes)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); restore it") from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BundleError(
            f"{path}: no longer begins with what the bundle was made from; restore it"
        )
    return data


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
