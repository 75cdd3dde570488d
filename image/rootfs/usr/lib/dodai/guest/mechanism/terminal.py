"""The controlling terminal, when stdin is one (`docker run -t`)."""

from guest.floor import kernel


def controlling() -> int | None:
    """Descriptor 0 when it is our controlling terminal and we may hand out its foreground, else None."""
    try:
        if kernel.isatty(0) and kernel.tcgetpgrp(0) == kernel.getpgrp():
            return 0
    except OSError:
        pass  # ENOTTY: a terminal, but not ours
    return None


def take_back(terminal: int) -> None:
    """Make our own group the foreground again, so that hooks and ^C during the stop find an owner."""
    try:
        kernel.tcsetpgrp(terminal, kernel.getpgrp())  # SIGTTOU is blocked, so this does not stop us
    except OSError:
        pass  # the terminal was closed
