"""Run as a process that tests kill: appends numbered lines and says which are acknowledged.

Usage: python -m tests.adapters.append_forever FILE FIRST LINE_BYTES
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from tracebridge.adapters.jsonl import appending


def line_of(number: int, size_bytes: int) -> bytes:
    return f"{number}:".encode().ljust(size_bytes, b"x")


def main() -> None:
    path, first, size_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with appending(path) as appender:
        for number in count(first):
            appender.append([line_of(number, size_bytes)])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
