"""A file is whole or not there; a published folder replaces nothing; one holder per workspace."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tracebridge.adapters import files
from tracebridge.adapters.lock import workspace_lock
from tracebridge.domain.errors import LockHeldError

REPOSITORY = Path(__file__).resolve().parents[2]


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )


def test_an_atomic_write_replaces_all_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    files.write_atomic(target, b"old" * 1000)
    files.write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_short_writes_are_continued_until_all_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))
    data = bytes(range(256)) * 3
    files.write_atomic(tmp_path / "a", data)
    assert (tmp_path / "a").read_bytes() == data


def test_a_full_disk_keeps_the_old_content_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    files.write_atomic(target, b"old")
    done = python(
        """
        import resource, sys
        from pathlib import Path
        from tracebridge.adapters import files
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            files.write_atomic(Path(sys.argv[1]), b"x" * 5000)
        except OSError as error:
            print(error.errno)
        """,
        str(target),
    )
    assert done.stdout.strip() == str(errno.EFBIG), done.stderr
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_failed_sync_is_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=r"Input/output error"):
        files.write_atomic(tmp_path / "a", b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=["renameat2", "fallback"])
def publishing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "fallback":
        monkeypatch.setattr(files, "_renameat2", lambda: lambda source, destination: errno.ENOSYS)
    return str(request.param)


@pytest.mark.usefixtures("publishing")
class TestPublishDir:
    def test_a_folder_gets_its_name_whole(self, tmp_path: Path) -> None:
        (tmp_path / "a" / "inner").mkdir(parents=True)
        (tmp_path / "a" / "inner" / "file").write_bytes(b"1")
        files.publish_dir(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b" / "inner" / "file").read_bytes() == b"1"
        assert not (tmp_path / "a").exists()

    @pytest.mark.parametrize("occupant", ["empty folder", "full folder", "file", "dangling link"])
    def test_nothing_is_replaced(self, tmp_path: Path, occupant: str) -> None:
        (tmp_path / "a").mkdir()
        taken = tmp_path / "b"
        if occupant == "file":
            taken.write_bytes(b"")
        elif occupant == "dangling link":
            taken.symlink_to(tmp_path / "nowhere")
        else:
            taken.mkdir()
            if occupant == "full folder":
                (taken / "kept").write_bytes(b"")
        with pytest.raises(FileExistsError):
            files.publish_dir(tmp_path / "a", taken)
        assert (tmp_path / "a").is_dir()

    def test_a_missing_source_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            files.publish_dir(tmp_path / "a", tmp_path / "b")


def test_the_fallback_never_replaces_what_came_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody fills the claimed folder before the rename: the rename must fail."""
    monkeypatch.setattr(files, "_renameat2", lambda: None)
    plain_mkdir = Path.mkdir

    def mkdir_and_fill(path: Path) -> None:
        plain_mkdir(path)
        (path / "theirs").write_bytes(b"")

    (tmp_path / "a").mkdir()
    monkeypatch.setattr(Path, "mkdir", mkdir_and_fill)
    with pytest.raises(OSError, match="not empty"):
        files.publish_dir(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b" / "theirs").exists()


def test_the_digest_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert files.sha256_file(tmp_path / "a") == known


def test_a_second_holder_is_refused_at_once_and_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / ".tracebridge" / "lock"
    with workspace_lock(path):
        second = python(
            """
            import sys
            from pathlib import Path
            from tracebridge.adapters.lock import workspace_lock
            from tracebridge.domain.errors import LockHeldError
            try:
                with workspace_lock(Path(sys.argv[1])):
                    print("entered")
            except LockHeldError as error:
                print(error)
            """,
            str(path),
        )
    assert f"process {os.getpid()}" in second.stdout, second.stderr
    assert "entered" not in second.stdout


def test_the_lock_is_free_after_the_block_even_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError), workspace_lock(path):
        raise RuntimeError
    with workspace_lock(path):
        pass


def test_a_lock_within_the_lock_is_refused(tmp_path: Path) -> None:
    with (
        workspace_lock(tmp_path / "lock"),
        pytest.raises(LockHeldError),
        workspace_lock(tmp_path / "lock"),
    ):
        pass


def test_a_killed_holder_leaves_no_lock_and_its_child_does_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = python(
        """
        import os, signal, subprocess, sys
        from pathlib import Path
        from tracebridge.adapters.lock import workspace_lock
        with workspace_lock(Path(sys.argv[1])):
            quiet = subprocess.DEVNULL
            child = subprocess.Popen(["sleep", "20"], stdout=quiet, stderr=quiet, close_fds=False)
            print(child.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        str(path),
    )
    child = int(holder.stdout)
    try:
        os.kill(child, 0)
        with workspace_lock(path):
            pass
    finally:
        os.kill(child, 9)
