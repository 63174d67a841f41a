"""A circuit breaker: after several faults in a short time, stop trying for a while."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Breaker:
    """Open after ``faults`` within ``window_s``; closed again ``cooldown_s`` later.

    Faults that are still inside the window after the cool-down count on, so one more of them
    opens the breaker at once, and a quiet spell closes it for good.
    """

    def __init__(
        self,
        *,
        faults: int = 5,
        window_s: float = 60.0,
        cooldown_s: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``monotonic`` gives seconds and never goes back."""
        self._window_s = window_s
        self._cooldown_s = cooldown_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=faults)
        self._open_until: float | None = None

    def is_open(self) -> bool:
        """Whether to serve the baseline without trying."""
        with self._lock:
            if self._open_until is not None and self._monotonic() >= self._open_until:
                self._open_until = None
            return self._open_until is not None

    def record_fault(self) -> None:
        """Count one fault now."""
        with self._lock:
            now = self._monotonic()
            self._times.append(now)
            full = len(self._times) == self._times.maxlen
            if full and now - self._times[0] <= self._window_s:
                self._open_until = now + self._cooldown_s
