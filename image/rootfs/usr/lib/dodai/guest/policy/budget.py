"""How long each part of the stop may take, so that the whole fits into the grace period outside.

One budget for everything: the larger of MY_INIT_STOP_BUDGET and what KILL_PROCESS_TIMEOUT and
KILL_ALL_PROCESSES_TIMEOUT say together. A share of it is kept for the pre hooks, the log flush and the
post hooks; what is not used goes to those who come later. All values are seconds; times are monotonic.
"""

from guest.floor import say

DOCKER_BUDGET = 8.0  # docker stop kills after 10
KUBERNETES_BUDGET = 25.0  # terminationGracePeriodSeconds is 30 by default
_SMALLEST_SHARE = 1.0
_SHARES = 8  # of a wide budget the hooks get an eighth each, unless explicit timeouts claim it


class Budget:
    """The deadlines of one stop, counted from `start`."""

    __slots__ = ("_others", "_services", "share", "start", "total")

    def __init__(self, variables: dict[bytes, bytes], start: float) -> None:
        default = KUBERNETES_BUDGET if b"KUBERNETES_SERVICE_HOST" in variables else DOCKER_BUDGET
        whole = _seconds(variables, b"MY_INIT_STOP_BUDGET")
        self._services = _seconds(variables, b"KILL_PROCESS_TIMEOUT")
        self._others = _seconds(variables, b"KILL_ALL_PROCESSES_TIMEOUT")
        self.total = max(default if whole is None else whole, (self._services or 0) + (self._others or 0))
        explicit = self._services is not None or self._others is not None
        wide = _SMALLEST_SHARE if explicit else max(_SMALLEST_SHARE, self.total / _SHARES)
        self.share = min(wide, self.total / 4)
        self.start = start

    def pre_hooks(self, now: float) -> float:
        """When the pre-shutdown hooks must be over."""
        return min(now + self.share, self._before(3))

    def interrupted(self) -> float:
        """When a startup file that was asked to end must have ended; the hooks come after it."""
        return self._before(4)

    def services(self, now: float) -> float:
        """When the command and the services must have ended."""
        return self._limited(now, self._services, 3)

    def command(self, now: float) -> float:
        """How long the services wait for the command, which may need them, before they are stopped too."""
        return now + (self.services(now) - now) / 2

    def others(self, now: float) -> float:
        """When every other process must have ended."""
        return self._limited(now, self._others, 2)

    def syslog(self) -> float:
        """When the system logger must have flushed and ended."""
        return self._before(1)

    def post_hooks(self) -> float:
        """When all is over."""
        return self._before(0)

    def _before(self, shares: int) -> float:
        return self.start + self.total - shares * self.share

    def _limited(self, now: float, wish: float | None, shares: int) -> float:
        latest = self._before(shares)
        return latest if wish is None else min(now + wish, latest)


def _seconds(variables: dict[bytes, bytes], name: bytes) -> float | None:
    """A variable's value in seconds; None when it is not set or, said in one line, not a number."""
    text = variables.get(name, b"").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:  # also refuses nan
        say.error(f"{name.decode()}='{say.shown(text)}' is not a number of seconds; the default is used")
        return None
    return value
