"""Goes from a service's home to its definition's `run`, with every byte of the environment kept."""

from guest.floor import codes, kernel, say
from guest.mechanism import execute, files, inherited


def main() -> int:
    """Replace this process by ./definition/run; returns only on failure, with the exit code."""
    say.PREFIX = "*** "
    execute.plain_signals()
    try:
        number = files.read_or_none(b"notification-fd")
        if number is not None:
            fd = kernel.open(b"ready", kernel.O_WRONLY)
            # dup2's copy is inherited; the original closes at exec.
            kernel.dup2(fd, int(number))
        kernel.chdir(b"definition")
    except OSError as problem:
        say.error(f"cannot start {say.shown(kernel.last_part(kernel.getcwdb()))}: {problem.strerror}")
        return codes.CANNOT_EXECUTE
    problem_at_exec = execute.become([b"./run"], inherited.environment())
    say.error(problem_at_exec.text)
    return problem_at_exec.code
