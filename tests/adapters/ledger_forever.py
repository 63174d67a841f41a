"""Run as a process that tests kill: sends all updates from the first, as a harvester would.

Usage: python -m tests.adapters.ledger_forever FILE
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from tests.feedback import reaction
from tracebridge.adapters.ledger import ReactionLedger


def main() -> None:
    ledger = ReactionLedger(Path(sys.argv[1]))
    for number in count(1):
        ledger.append([reaction(number, "👍"), reaction(number + 1, "👎")])
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
