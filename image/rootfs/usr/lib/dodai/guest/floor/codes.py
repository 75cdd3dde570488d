"""Exit codes of the guest's programs; the table in docs/reference/exit-codes.md has a row for each."""

OK = 0
FAILED = 1  # setuser, with_env, dodaictl: findings, no privilege, no environment
USAGE = 2
UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h, which callers of sendmail expect: there is no mail
INTERNAL = 70  # EX_SOFTWARE of sysexits.h: my_init itself failed
CANNOT_EXECUTE = 126  # POSIX sh, "Exit Status for Commands": found but not executable
NOT_FOUND = 127  # the same: not found
SIGNAL_BASE = 128  # killed by signal n gives 128 + n


def of_status(status: int) -> int:
    """The exit code for a wait status as waitpid(2) returns it: n, or 128 + n after signal n."""
    signal_number = status & 0x7F
    if signal_number:
        return SIGNAL_BASE + signal_number
    return status >> 8 & 0xFF
