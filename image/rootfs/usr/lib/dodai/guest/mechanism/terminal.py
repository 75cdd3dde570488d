"""The controlling terminal, when stdin is one (`docker run -t`)."""

import os


def controlling() -> int | None:
    """Descriptor 0 when it is our controlling terminal and we may hand out its foreground, else None."""
    try:
        if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp():
            return 0
    except OSError:
        pass  # ENOTTY: a terminal, but not ours
    return None


def take_back(terminal: int) -> None:
    """Make our own group the foreground again, so that hooks and ^C during the stop find an owner."""
    try:
        os.tcsetpgrp(terminal, os.getpgrp())  # SIGTTOU is blocked, so this does not stop us
    except OSError:
        pass  # the terminal was closed
