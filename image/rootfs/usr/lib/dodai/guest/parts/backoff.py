"""How long a service that failed waits, and when it is given up (promise D4). Pure arithmetic."""

FIRST, LONGEST = 1.0, 30.0  # seconds
STABLE = 60.0  # seconds; who has run so long begins anew


class Backoff:
    """The failures of one service since its last stable minute."""

    __slots__ = ("_failures", "_limit")

    def __init__(self, limit: int | None) -> None:
        """limit: how often it may be restarted (max-restarts); None for ever."""
        self._limit = limit
        self._failures = 0

    def failed(self, lived: float) -> float | None:
        """It failed after so many seconds: how long to wait, None to give it up.

        The pause counts from its start, as runit's own second does: who has lived longer than the
        pause is started again at once, and who fails at once starts after 1, 2, 4, … 30 seconds.
        """
        if lived >= STABLE:
            self._failures = 0
        self._failures += 1
        if self._limit is not None and self._failures > self._limit:
            return None
        pause = min(LONGEST, FIRST * 2.0 ** min(self._failures - 1, 10))
        return max(0.0, pause - lived)

    def forgive(self) -> None:
        """Somebody has started it by hand: count anew."""
        self._failures = 0
