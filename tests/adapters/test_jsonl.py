"""The append-only primitive: what it acknowledged stays, whatever happens to the process."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.append_forever import line_of
from tests.shared import REPOSITORY
from tracebridge.adapters.jsonl import appending, prefix_sha256, read_lines, scan_lines
from tracebridge.domain.errors import LedgerError, LockHeldError


def append(path: Path, *lines: bytes) -> None:
    with appending(path) as appender:
        appender.append(lines)


def lines_of(path: Path) -> list[bytes]:
    return [data for _, data in read_lines(path)]


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """The kernel writes what fits, then refuses: a real short write."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_appended_lines_are_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.jsonl"
    append(path, b"one", b"two")
    append(path, b"three")
    assert list(read_lines(path)) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert path.stat().st_mode & 0o077 == 0


def test_a_prefix_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append(path, b"one", b"two")
    size = path.stat().st_size
    digest = sha256(path.read_bytes()).hexdigest()
    append(path, b"three")
    assert [data for _, data in read_lines(path, upto_bytes=size)] == [b"one", b"two"]
    assert [data for _, data in read_lines(path, upto_bytes=size - 1)] == [b"one"]
    assert prefix_sha256(path, size) == digest
    with pytest.raises(LedgerError, match=r"a\.jsonl is 1 bytes shorter"):
        prefix_sha256(path, path.stat().st_size + 1)


@given(
    lines=st.lists(st.binary(max_size=12).filter(lambda it: b"\n" not in it), max_size=8),
    tail=st.binary(max_size=12).filter(lambda it: b"\n" not in it),
    cap=st.integers(1, 15),
)
def test_scanning_accounts_for_every_byte(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], tail: bytes, cap: int
) -> None:
    path = tmp_path_factory.mktemp("scan") / "a"
    content = b"".join(line + b"\n" for line in lines) + tail
    path.write_bytes(content)
    scanned = list(scan_lines(path, max_line_bytes=cap))
    wanted = [*lines, tail] if tail else lines
    assert [line.data for line in scanned] == [line[:cap] for line in wanted]
    assert [line.length for line in scanned] == [len(line) for line in wanted]
    assert [line.number for line in scanned] == list(range(1, len(wanted) + 1))
    assert b"".join(content[line.offset : line.end] for line in scanned) == content
    for position, line in enumerate(scanned):
        assert list(scan_lines(path, after=line, max_line_bytes=cap)) == scanned[position + 1 :]


def test_an_unfinished_tail_is_trimmed_and_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"whole\nto")
    assert lines_of(path) == [b"whole"], "an unacknowledged tail is no line"
    append(path, b"next")
    assert lines_of(path) == [b"whole", b"next"]
    assert (tmp_path / "a.jsonl.torn-1").read_bytes() == b"to"

    path.write_bytes(path.read_bytes() + b"another")
    append(path)
    assert (tmp_path / "a.jsonl.torn-2").read_bytes() == b"another"
    assert lines_of(path) == [b"whole", b"next"]


def test_a_tail_kept_before_a_crash_is_not_kept_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"whole\nto")
    (tmp_path / "a.jsonl.torn-1").write_bytes(b"to")
    append(path)
    assert sorted(it.name for it in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.torn-1"]


def test_a_long_tail_without_any_newline_is_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 3_000_000)
    append(path, b"first")
    assert lines_of(path) == [b"first"]
    assert (tmp_path / "a.jsonl.torn-1").stat().st_size == 3_000_000


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with appending(path), pytest.raises(LockHeldError, match=r"a\.jsonl"):  # noqa: SIM117
        with appending(path, lock_wait_s=0.05):
            pytest.fail("two writers at once")
    append(path, b"free again")


def test_short_writes_are_looped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:3])))
    append(tmp_path / "a.jsonl", b"a long line", b"another one")
    assert lines_of(tmp_path / "a.jsonl") == [b"a long line", b"another one"]


def test_a_full_disk_tears_no_acknowledged_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append(path, b"acknowledged")
    before = path.read_bytes()
    with file_size_limit(len(before) + 9), pytest.raises(LedgerError, match="free space"):
        append(path, b"1234567890")
    assert path.read_bytes() == before + b"123456789", "the kernel wrote what fitted"
    append(path, b"after")
    assert path.read_bytes() == before + b"after\n"
    assert (tmp_path / "a.jsonl.torn-1").read_bytes() == b"123456789"


def test_after_a_failed_fsync_the_writer_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    with appending(path) as appender:
        appender.append([b"one"])
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", _fail_to_sync)
            with pytest.raises(LedgerError, match="Input/output error"):
                appender.append([b"two"])
        with pytest.raises(LedgerError, match="open it again"):
            appender.append([b"three"])
    append(path, b"four")
    assert lines_of(path)[0] == b"one"
    assert lines_of(path)[-1] == b"four"


def test_a_name_that_cannot_be_made_durable_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with appending(tmp_path / "a.jsonl") as appender:
        monkeypatch.setattr(os, "fsync", _fail_to_sync)
        with pytest.raises(LedgerError, match="ready for writing"):
            appender.make_ready()


def test_a_folder_without_rights_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerError, match=r"a\.jsonl could not be opened"):  # noqa: SIM117
        with appending(tmp_path / "file" / "a.jsonl"):
            pytest.fail("opened")


@pytest.mark.parametrize("line_bytes", [40, 2_000_000])
def test_kills_lose_no_acknowledged_line_and_double_none(tmp_path: Path, line_bytes: int) -> None:
    """After each kill the file still begins with all its earlier bytes, and the next writer
    goes on after its last whole line."""
    path = tmp_path / "a.jsonl"
    acknowledged = 0
    before = b""
    for acks in (1, 3, 7, 2, 5, 1, 4):
        written = len(lines_of(path)) if path.exists() else 0
        acknowledged = max(acknowledged, _run_and_kill(path, written + 1, line_bytes, acks))
        after = path.read_bytes()
        assert after.startswith(before)
        before = after[: after.rfind(b"\n") + 1]
    append(path)
    numbers = [int(line.partition(b":")[0]) for line in lines_of(path)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= acknowledged
    assert all(line == line_of(i, line_bytes) for i, line in enumerate(lines_of(path), start=1))


def _run_and_kill(path: Path, first: int, line_bytes: int, acks: int) -> int:
    """Last line that a writer acknowledged before it was killed."""
    command = [sys.executable, "-m", "tests.adapters.append_forever"]
    with subprocess.Popen(
        [*command, str(path), str(first), str(line_bytes)],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(acks)]
        writer.send_signal(signal.SIGKILL)
        said += [int(it) for it in writer.stdout.read().split()]
    assert writer.returncode == -signal.SIGKILL
    return said[-1]


def _fail_to_sync(descriptor: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
