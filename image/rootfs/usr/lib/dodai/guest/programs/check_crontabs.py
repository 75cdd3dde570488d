"""Run by the cron service before cron: one line for each crontab and script that cron will ignore (promise E3)."""

from guest.floor import codes, say
from guest.parts import crontabs


def main(_arguments: list[str]) -> int:
    """Name them on stderr; the exit code is 0, since cron runs the others."""
    say.PREFIX = "*** cron: "
    for finding in crontabs.check():
        say.error(str(finding))
    return codes.OK
