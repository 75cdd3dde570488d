"""Many wake-ups of one kind in a row become few: what my_init does after one costs far more than to take the next.

Ten thousand orphans are ten thousand SIGCHLD, or, where a runsv adopts them, thirty thousand changes of its status.
"""

import time

_CLOSE_SECONDS = 0.005  # a wake-up that comes later than this after another begins anew
_PATIENCE = 16  # so many are taken at once: a start or a stop of a few services has no more
_NAP_SECONDS = 0.002


class Storm:
    """The wake-ups of one kind."""

    __slots__ = ("_last", "_row")

    def __init__(self) -> None:
        self._last = 0.0
        self._row = 0

    def nap(self) -> bool:
        """Called at each wake-up: sleep a moment when there have been many in a row; whether it slept."""
        now = time.monotonic()
        self._row = self._row + 1 if now - self._last < _CLOSE_SECONDS else 0
        self._last = now
        if self._row < _PATIENCE:
            return False
        time.sleep(_NAP_SECONDS)
        self._last += _NAP_SECONDS
        return True
