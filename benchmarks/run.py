"""The whole suite as one table of ratios: ``python -m benchmarks.run [--mb N]``.

Every row is a ratio within this run, CPU time unless it says memory, of real commands in child
processes. Rows of the plan that nothing measures yet are listed as such. Nothing here fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
UNMEASURED = (
    ("8 OPE points + intervals, 1M rows", "obp 0.5.7"),
    ("cluster bootstrap, 1M rows x 1,000", "obp-style loop"),
    ("join 1M reactions to 10M chunks", "polars join_asof"),
    ("cycle on day 365", "day 7"),
)


@dataclass(frozen=True)
class Spent:
    """What a child process took."""

    cpu_s: float
    peak_mb: float


def spend(*arguments: str, **environment: str) -> Spent:
    """Run a child to its end; it must succeed."""
    child = subprocess.Popen(
        arguments,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    said = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(arguments)} failed: {said[-400:]}")
    return Spent(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def tracebridge(workspace: Path, *arguments: str) -> Spent:
    command = str(Path(sys.executable).with_name("tracebridge"))
    return spend(command, "--workspace", str(workspace), *arguments)


def python(code: str) -> Spent:
    return min((spend(sys.executable, "-c", code) for _ in range(5)), key=lambda it: it.cpu_s)


def cycle_rows(folder: Path, megabytes: float) -> list[tuple[str, str, str, str]]:
    """Import and daily cycle over the same generated logs, each in a fresh workspace."""
    logs = folder / "logs"
    spend(sys.executable, str(HERE / "make_logs.py"), str(logs), "--mb", str(megabytes))
    small = folder / "small"
    spend(sys.executable, str(HERE / "make_logs.py"), str(small), "--mb", str(megabytes / 10))
    (folder / "nothing").mkdir()
    floor = tracebridge(folder / "nothing", "bundle", "list").cpu_s
    first = tracebridge(folder / "imported", "import", str(logs))
    again = tracebridge(folder / "imported", "import", str(logs))
    tenth = tracebridge(folder / "tenth", "import", str(small))
    cycled = folder / "cycled"
    cycled.mkdir()
    config = f'schema = "tracebridge.config.v1"\n[[sources]]\npath = "{logs}"\n'
    (cycled / "tracebridge.toml").write_text(config)
    cycle = tracebridge(cycled, "cycle", "run")
    work = first.cpu_s - floor
    return [
        ("second import of unchanged logs", "first", f"{(again.cpu_s - floor) / work:.3f}", "0.05"),
        (
            f"import, peak memory at {megabytes:g} MB ({first.peak_mb:.0f} MB)",
            f"at {megabytes / 10:g} MB",
            f"{first.peak_mb / tenth.peak_mb:.2f}",
            "1.2",
        ),
        (
            f"whole daily cycle over {megabytes:g} MB of new logs ({cycle.peak_mb:.0f} MB peak)",
            "its import alone",
            f"{(cycle.cpu_s - floor) / work:.2f}",
            "2.0",
        ),
    ]


def start_rows() -> list[tuple[str, str, str, str]]:
    bare = python("pass").cpu_s
    router = python("from tracebridge.canary import Router").cpu_s
    shown = min(tracebridge(Path.cwd(), "--help").cpu_s for _ in range(5))
    return [
        ("`tracebridge --help`", "bare python", f"+{shown - bare:.2f} s", "0.3 s more"),
        ("`Router` import", "bare python", f"+{router - bare:.2f} s", "0.3 s more"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=100.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*cycle_rows(Path(folder), chosen.mb), *start_rows()]
    print("| what | against | ratio | pass |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    for what, against in UNMEASURED:
        print(f"| {what} | {against} | not measured | |")
    print("\nImport against its practical floor:\n", flush=True)
    subprocess.run(
        [sys.executable, str(HERE / "bench_import.py"), "--mb", str(chosen.mb)], check=True
    )


if __name__ == "__main__":
    main()
