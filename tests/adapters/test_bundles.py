"""A bundle is whole or never happened, and no byte of it changes unseen."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.adapters.test_tables import replay_row
from tracebridge.adapters.artifact_tables import replay_rows_to_table
from tracebridge.adapters.bundles import (
    DirectoryBundleDraft,
    DirectoryBundleStore,
    compare,
    read_bundle,
    read_manifest,
    verify,
)
from tracebridge.adapters.manifests import manifest_bytes, parse_manifest
from tracebridge.adapters.tables import parquet_bytes
from tracebridge.domain.bundle import InputEntry, SealedBundle, StepOutcome, StepStatus
from tracebridge.domain.errors import BundleError, ClockError
from tracebridge.ports import BundleStore

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 1, 2, 3, 456789, tzinfo=UTC)


def store(root: Path) -> DirectoryBundleStore:
    return DirectoryBundleStore(root, code_version="0.1.0")


def fill(draft: DirectoryBundleDraft) -> None:
    draft.write_bytes("summary.json", b'{"schema":"tracebridge.summary.v1"}')
    draft.write_bytes("exports/messages.jsonl", b'{"a":1}\n{"a":2}\n')
    draft.write_bytes("replay_rows.parquet", parquet_bytes(replay_rows_to_table([replay_row()])))
    draft.write_bytes("empty.txt", b"")
    draft.write_bytes("events.jsonl", b'{"seq":0}\n', reproducible=False)


def seal(
    draft: DirectoryBundleDraft,
    *,
    now: datetime = NOW,
    seed: int = 7,
    outcome: StepOutcome = StepOutcome.OK,
) -> SealedBundle:
    return draft.seal(
        day=date(2026, 3, 1),
        seed=seed,
        config_digest="c" * 64,
        inputs=[
            InputEntry("session_log", "b.jsonl", "b" * 64, 20, 2),
            InputEntry("ledger", "telegram-reactions.jsonl", "a" * 64, 10, None),
        ],
        steps=[StepStatus("import", StepOutcome.OK), StepStatus("export", outcome, "why")],
        skips={"off_branch": 3},
        parents=["20260301T000000Z"],
        versions={"pyarrow": "26.0.1"},
        now=now,
    )


@pytest.fixture
def bundle(tmp_path: Path) -> SealedBundle:
    draft = store(tmp_path / "artifacts").open(NOW)
    fill(draft)
    return seal(draft)


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


# --- sealing ----------------------------------------------------------------------------------


def test_a_sealed_bundle_is_found_whole_under_its_utc_time(tmp_path: Path) -> None:
    bundles: BundleStore = store(tmp_path / "artifacts")
    local = NOW.astimezone(timezone(timedelta(hours=-8)))
    draft = store(tmp_path / "artifacts").open(local)
    fill(draft)
    assert bundles.sealed() == ()
    sealed = seal(draft, now=local + timedelta(seconds=9))
    assert sealed.path.name == sealed.manifest.bundle_id == "20260302T010203Z"
    assert sealed.manifest.sealed_at == "2026-03-02T01:02:12.456789+00:00"
    assert visible(tmp_path / "artifacts") == ["20260302T010203Z"]
    assert verify(sealed.path) == ()
    assert bundles.sealed() == (sealed,)
    assert (
        sealed.manifest_sha256
        == hashlib.sha256((sealed.path / "manifest.json").read_bytes()).hexdigest()
    )


def test_the_manifest_names_every_file_with_digest_size_and_rows(bundle: SealedBundle) -> None:
    entries = {entry.path: entry for entry in bundle.manifest.files}
    assert list(entries) == sorted(entries)
    for name, entry in entries.items():
        data = (bundle.path / name).read_bytes()
        assert entry.sha256 == hashlib.sha256(data).hexdigest()
        assert entry.size_bytes == len(data)
    rows = {name: entry.rows for name, entry in entries.items()}
    assert rows == {
        "summary.json": None,
        "exports/messages.jsonl": 2,
        "replay_rows.parquet": 1,
        "empty.txt": None,
        "events.jsonl": 1,
    }
    assert [entry.kind for entry in bundle.manifest.inputs] == ["ledger", "session_log"]


def test_two_bundles_of_one_second_get_two_names_and_keep_their_order(tmp_path: Path) -> None:
    bundles = store(tmp_path)
    drafts = [bundles.open(NOW) for _ in range(11)]
    sealed = [seal(draft, seed=number) for number, draft in enumerate(drafts)]
    assert [it.path.name for it in sealed[:3]] == [
        "20260302T010203Z",
        "20260302T010203Z-2",
        "20260302T010203Z-3",
    ]
    assert [it.manifest.seed for it in bundles.sealed()] == list(range(11))
    assert [it.manifest.seed for it in bundles.sealed(last=2)] == [9, 10]
    assert all(verify(it.path) == () for it in sealed)


def test_a_name_that_appears_while_publishing_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = store(tmp_path).open(NOW)
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    taken = tmp_path / "20260302T010203Z"
    taken.mkdir()
    sealed = seal(draft)
    assert sealed.manifest.bundle_id == "20260302T010203Z-2"
    assert list(taken.iterdir()) == []
    assert verify(sealed.path) == ()


def test_a_failed_step_makes_the_bundle_say_failed(tmp_path: Path) -> None:
    ok = seal(store(tmp_path).open(NOW), outcome=StepOutcome.SKIPPED)
    failed = seal(store(tmp_path).open(NOW), outcome=StepOutcome.FAILED)
    assert (ok.manifest.status, failed.manifest.status) == ("ok", "failed")


def test_an_abandoned_draft_leaves_nothing(tmp_path: Path) -> None:
    with store(tmp_path).open(NOW) as draft:
        fill(draft)
    assert visible(tmp_path) == []
    with pytest.raises(BundleError, match="already sealed or abandoned"):
        seal(draft)


def test_a_sealed_draft_takes_nothing_more_and_abandoning_it_is_harmless(tmp_path: Path) -> None:
    draft = store(tmp_path).open(NOW)
    sealed = seal(draft)
    draft.abandon()
    assert verify(sealed.path) == ()
    with pytest.raises(BundleError, match="already sealed"):
        draft.write_bytes("late.json", b"{}")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "./a",
        ".hidden",
        "a/.b",
        "manifest.json",
        "a\n",
        "é",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    with store(tmp_path).open(NOW) as draft, pytest.raises(BundleError):
        draft.write_bytes(name, b"x")


def test_a_name_is_given_once_and_an_announced_count_must_hold(tmp_path: Path) -> None:
    with store(tmp_path).open(NOW) as draft:
        draft.write_bytes("a.jsonl", b"1\n2", rows=2)
        with pytest.raises(BundleError, match="already holds"):
            draft.write_bytes("a.jsonl", b"")
        with pytest.raises(BundleError, match="3 rows were announced, but it holds 1"):
            draft.write_bytes("b.jsonl", b"1\n", rows=3)
        with pytest.raises(BundleError, match="not a readable Parquet file"):
            draft.write_bytes("c.parquet", b"PAR1")


def test_what_others_wrote_is_adopted_or_stops_the_seal(tmp_path: Path) -> None:
    with store(tmp_path).open(NOW) as draft:
        (draft.path / "exports").mkdir()
        (draft.path / "exports" / "x.jsonl").write_bytes(b"1\n2\n3\n")
        with pytest.raises(BundleError, match=r"x\.jsonl: the file was never entered"):
            seal(draft)
        assert store(tmp_path).sealed() == ()
        draft.adopt("exports/x.jsonl")
        sealed = seal(draft)
    assert [(it.path, it.rows) for it in sealed.manifest.files] == [("exports/x.jsonl", 3)]
    assert verify(sealed.path) == ()


def test_a_link_is_not_adopted(tmp_path: Path) -> None:
    with store(tmp_path).open(NOW) as draft:
        (draft.path / "link").symlink_to("/etc/hostname")
        with pytest.raises(BundleError, match="no such file"):
            draft.adopt("link")


def test_times_without_a_zone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClockError):
        store(tmp_path).open(NOW.replace(tzinfo=None))


# --- reading ----------------------------------------------------------------------------------


def test_a_folder_without_a_manifest_never_happened(tmp_path: Path, bundle: SealedBundle) -> None:
    bundles = store(tmp_path / "artifacts")
    (tmp_path / "artifacts" / "20270101T000000Z").mkdir()
    (tmp_path / "artifacts" / "notes").mkdir()
    (tmp_path / "artifacts" / "index.html").write_bytes(b"")
    assert bundles.sealed() == (bundle,)
    assert bundles.find(bundle.manifest.bundle_id) == bundle
    for unknown in ("20270101T000001Z", "../artifacts", "notes"):
        with pytest.raises(BundleError, match="there is no bundle"):
            bundles.find(unknown)


def test_one_damaged_bundle_is_listed_apart_and_stops_no_other(
    tmp_path: Path, bundle: SealedBundle
) -> None:
    bundles = store(tmp_path / "artifacts")
    second = seal(bundles.open(NOW))
    flip(bundle.path / "manifest.json", 40)
    assert bundles.sealed() == (second,)
    (found,) = bundles.damaged()
    assert (found.path, found.what) == ("20260302T010203Z/manifest.json", "malformed")


def test_a_store_without_a_folder_is_empty(tmp_path: Path) -> None:
    assert store(tmp_path / "none").sealed() == ()
    assert store(tmp_path / "none").damaged() == ()


def test_a_manifest_comes_back_as_it_was_sealed(bundle: SealedBundle) -> None:
    assert read_manifest(bundle.path) == bundle.manifest
    assert read_bundle(bundle.path) == bundle
    data = manifest_bytes(bundle.manifest)
    assert data == (bundle.path / "manifest.json").read_bytes()
    assert list(json.loads(data)) == sorted(json.loads(data))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"files": [{"path": "../x"}]}, "leads out of the bundle"),
        ({"seed": "7"}, "`seed` is not of type int"),
        ({"seed": True}, "`seed` is not of type int"),
        ({"schema": "tracebridge.manifest.v9"}, "its `schema` is not"),
        ({"steps": [{"name": "a", "outcome": "maybe", "detail": ""}]}, "maybe"),
        ({"inputs": None}, "`inputs` is not of type list"),
    ],
)
def test_a_well_digested_manifest_of_the_wrong_shape_is_refused(
    bundle: SealedBundle, change: dict[str, object], sentence: str
) -> None:
    document = json.loads((bundle.path / "manifest.json").read_bytes()) | change
    del document["manifest_digest"]
    compact = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document["manifest_digest"] = hashlib.sha256(compact.encode()).hexdigest()
    data = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
    with pytest.raises(BundleError, match=sentence):
        parse_manifest(data, file="manifest.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, b'{"a":NaN}', b"\xff"])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="changed or damaged"):
        parse_manifest(data, file="manifest.json")


# --- verify -----------------------------------------------------------------------------------


def flip(path: Path, position: int, mask: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(data)


def test_every_flipped_byte_anywhere_is_found(bundle: SealedBundle) -> None:
    chance = random.Random(11)
    names = [entry.path for entry in bundle.manifest.files] + ["manifest.json"]
    for name in names:
        file = bundle.path / name
        whole = file.read_bytes()
        positions: list[int] | range = range(len(whole))
        if name.endswith(".parquet"):
            positions = sorted(chance.sample(positions, 900))
        for position in positions:
            flip(file, position, chance.randrange(1, 256))
            found = verify(bundle.path)
            assert found, f"{name}: flipped byte {position} was not found"
            assert {mismatch.path for mismatch in found} == {name}
            file.write_bytes(whole)
    assert verify(bundle.path) == ()


def test_whitespace_and_number_spellings_in_the_manifest_are_found(bundle: SealedBundle) -> None:
    """Changes that leave the parsed content as it was."""
    file = bundle.path / "manifest.json"
    whole = file.read_bytes()
    for changed in (
        whole + b" ",
        whole.rstrip(),
        whole.replace(b'"seed": 7', b'"seed":7'),
        whole.replace(b'"seed": 7', b'"seed": 6, "seed": 7'),
        whole.replace(b'"status": "ok"', b'"status": "\\u006fk"'),
    ):
        assert changed != whole
        file.write_bytes(changed)
        (found,) = verify(bundle.path)
        assert (found.path, found.what) == ("manifest.json", "malformed")


def test_missing_extra_and_replaced_files_are_found(bundle: SealedBundle) -> None:
    (bundle.path / "empty.txt").unlink()
    (bundle.path / "empty.txt").symlink_to("/dev/null")
    (bundle.path / "summary.json").unlink()
    (bundle.path / "more").mkdir()
    (bundle.path / "exports" / "extra.jsonl").write_bytes(b"")
    found = {(it.path, it.what) for it in verify(bundle.path)}
    assert found == {
        ("empty.txt", "not_a_file"),
        ("summary.json", "missing"),
        ("more/", "extra"),
        ("exports/extra.jsonl", "extra"),
    }


def test_a_changed_length_is_told_apart_and_rows_are_counted(bundle: SealedBundle) -> None:
    file = bundle.path / "exports" / "messages.jsonl"
    file.write_bytes(file.read_bytes() + b"{}\n")
    found = verify(bundle.path)
    assert [it.what for it in found] == ["size", "bytes", "rows"]
    assert (found[2].expected, found[2].found) == ("2 rows", "3 rows")


@pytest.mark.parametrize("name", ["replay_rows.parquet", "events.jsonl"])
def test_a_manifest_resealed_with_a_false_row_count_is_found(
    bundle: SealedBundle, name: str
) -> None:
    entries = tuple(
        replace(entry, rows=99) if entry.path == name else entry for entry in bundle.manifest.files
    )
    (bundle.path / "manifest.json").write_bytes(
        manifest_bytes(replace(bundle.manifest, files=entries))
    )
    (found,) = verify(bundle.path)
    assert (found.path, found.what, found.expected) == (name, "rows", "99 rows")


def test_a_folder_without_a_seal_does_not_verify(tmp_path: Path, bundle: SealedBundle) -> None:
    (bundle.path / "manifest.json").unlink()
    assert [it.what for it in verify(bundle.path)] == ["missing"]
    with pytest.raises(BundleError, match="no such bundle folder"):
        verify(tmp_path / "nowhere")


def test_a_copied_bundle_verifies_where_it_is(tmp_path: Path, bundle: SealedBundle) -> None:
    shutil.copytree(bundle.path, tmp_path / "copy")
    assert verify(tmp_path / "copy") == ()


# --- compare ----------------------------------------------------------------------------------


def test_the_same_cycle_made_again_compares_equal(tmp_path: Path, bundle: SealedBundle) -> None:
    draft = store(tmp_path / "elsewhere").open(NOW + timedelta(days=3))
    for entry in bundle.manifest.files:
        data = (bundle.path / entry.path).read_bytes()
        if not entry.reproducible:
            data += b'{"elapsed_ms":12}\n'
        draft.write_bytes(entry.path, data, reproducible=entry.reproducible)
    again = seal(draft, now=NOW + timedelta(days=3))
    assert again.manifest.bundle_id != bundle.manifest.bundle_id
    assert compare(bundle.path, again.path) == ()


def test_every_difference_that_counts_is_named(tmp_path: Path, bundle: SealedBundle) -> None:
    draft = store(tmp_path / "elsewhere").open(NOW)
    draft.write_bytes("summary.json", b"{}")
    draft.write_bytes("new.json", b"{}")
    draft.write_bytes("empty.txt", b"")
    again = seal(draft, seed=8, outcome=StepOutcome.FAILED)
    assert {(it.path, it.what) for it in compare(bundle.path, again.path)} == {
        ("manifest.json", "seed"),
        ("manifest.json", "status"),
        ("manifest.json", "steps"),
        ("summary.json", "bytes"),
        ("exports/messages.jsonl", "missing"),
        ("replay_rows.parquet", "missing"),
        ("events.jsonl", "missing"),
        ("new.json", "extra"),
    }


def test_comparing_reads_the_bytes_and_not_only_the_manifests(
    tmp_path: Path, bundle: SealedBundle
) -> None:
    shutil.copytree(bundle.path, tmp_path / "copy")
    flip(tmp_path / "copy" / "summary.json", 3)
    assert [it.path for it in compare(bundle.path, tmp_path / "copy")] == ["summary.json"]


# --- crashes ----------------------------------------------------------------------------------

# Each child of this single-threaded driver makes one bundle and is killed before its n-th call
# into the kernel; the parent then looks at what is left and makes the next bundle.
_DRIVER = """
import errno, json, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.adapters.crash_cycle import make_bundle
from tracebridge.adapters import files
from tracebridge.adapters.bundles import DirectoryBundleStore, verify

base, fallback = Path(sys.argv[2]), sys.argv[3] == "fallback"
rename = (lambda source, destination: errno.ENOSYS) if fallback else files._renameat2()
calls = {"done": 0, "fatal": None}

def counted(function):
    def call(*arguments, **options):
        calls["done"] += 1
        if calls["done"] == calls["fatal"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

def child(root, fatal):
    calls["fatal"] = fatal
    for name in ("open", "write", "fsync", "mkdir", "rename", "close"):
        setattr(os, name, counted(getattr(os, name)))
    publish = counted(rename)
    files._renameat2 = lambda: publish
    make_bundle(root)
    os._exit(0)

fatal, rounds = 1, []
while True:
    root = base / str(fatal)
    pid = os.fork()
    if pid == 0:
        try:
            child(root, fatal)
        finally:
            os._exit(9)
    status = os.waitpid(pid, 0)[1]
    store = DirectoryBundleStore(root, code_version="0.1.0")
    before = store.sealed()
    after_crash = [m for b in before for m in verify(b.path)]
    bundle = make_bundle(root)
    rounds.append({
        "killed": os.WIFSIGNALED(status), "counted": len(before), "harm": len(after_crash),
        "next_ok": verify(bundle.path) == (), "sealed": len(store.sealed()),
        "staging": sum(p.name.startswith(".staging") for p in root.iterdir()),
    })
    if not os.WIFSIGNALED(status):
        break
    fatal += 1
print(json.dumps({"rounds": rounds, "last": os.waitstatus_to_exitcode(status)}))
"""


@pytest.mark.parametrize("publishing", ["renameat2", "fallback"])
def test_a_kill_at_any_call_leaves_nothing_that_counts_and_the_next_run_is_fine(
    tmp_path: Path, publishing: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(REPOSITORY), str(tmp_path), publishing],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rounds = report["rounds"]
    assert report["last"] == 0
    assert len(rounds) > 30
    assert all(it["killed"] for it in rounds[:-1])
    for it in rounds:
        assert it["harm"] == 0
        assert it["next_ok"]
        assert it["staging"] == 0
        assert it["sealed"] == it["counted"] + 1
    counted = [it["counted"] for it in rounds]
    assert counted == sorted(counted), "a bundle counts only from its rename on"
    assert 0 < sum(counted) < 8, "only kills after the rename may leave a bundle"


def test_a_living_writer_keeps_its_staging_folder(tmp_path: Path) -> None:
    bundles = store(tmp_path)
    first = bundles.open(NOW)
    second = bundles.open(NOW)
    assert len(visible(tmp_path)) == 2
    fill(first)
    assert verify(seal(first).path) == ()
    assert verify(seal(second).path) == ()


def test_everything_is_synced_before_the_name_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    plain = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        plain(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    draft = store(tmp_path).open(NOW)
    fill(draft)
    seal(draft)
    staged = [path.removeprefix(str(draft.path)) for path in synced]
    manifest = next(i for i, path in enumerate(staged) if path.startswith("/.manifest.json."))
    files = {"/summary.json", "/exports/messages.jsonl", "/replay_rows.parquet", "/events.jsonl"}
    assert files | {"/exports", ""} <= set(staged[:manifest])
    assert staged[manifest + 1 :] == ["", str(tmp_path)]


def test_a_full_disk_is_one_sentence_and_no_bundle(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.adapters.crash_cycle import NOW, make_bundle
from tracebridge.adapters.bundles import DirectoryBundleStore
from tracebridge.domain.errors import BundleError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    make_bundle(Path(sys.argv[2]))
except BundleError as error:
    print(error)
"""
    for limit in (10, 700):  # within a file, and within the manifest
        done = subprocess.run(
            [sys.executable, "-c", script, str(REPOSITORY), str(tmp_path), str(limit)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "the disk refused (File too large)" in done.stdout, done.stderr
        assert visible(tmp_path) == []
    assert verify(seal(store(tmp_path).open(NOW)).path) == ()
