"""The exit code of the container: the first primary cause wins (docs/reference/exit-codes.md)."""

from guest.floor import codes


class Outcome:
    """What has been learnt of why the container ends."""

    __slots__ = ("_command_given", "_settled", "command_started", "stop_signal")

    def __init__(self, command_given: bool) -> None:
        self._command_given = command_given
        self._settled: int | None = None
        self.command_started = False
        self.stop_signal: int | None = None

    def settle(self, code: int) -> None:
        """A primary cause with its exit code; a later one changes nothing."""
        if self._settled is None:
            self._settled = code

    @property
    def code(self) -> int:
        """The exit code as things stand now."""
        if self._settled is not None:
            return self._settled
        if not self._command_given or self.stop_signal is None:
            return codes.OK
        # The command was never started, or would not even die of SIGKILL.
        return codes.SIGNAL_BASE + (9 if self.command_started else self.stop_signal)
