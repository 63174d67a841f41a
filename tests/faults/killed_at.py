"""A cycle that kills itself without a word before or behind one of its steps, as a power cut does.

Usage: ``python -m tests.faults.killed_at WORKSPACE DAY before|behind STEP``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tracebridge.settings import load_settings
from tracebridge.wiring import run_cycle


def main(root: str, day: str, side: str, step: str) -> None:
    def call(name: str, work: Callable[[], Any]) -> Any:
        if (side, step) == ("before", name):
            os.kill(os.getpid(), signal.SIGKILL)
        made = work()
        if (side, step) == ("behind", name):
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    run_cycle(load_settings(Path(root)), date.fromisoformat(day), call=call)


if __name__ == "__main__":
    main(*sys.argv[1:])
