"""with_env: run a command with the container's environment, byte for byte (promise C7).

For `docker exec`, cron jobs, SSH logins and whatever else my_init did not start itself. The command
gets exactly the variables that my_init gives to services, and of the caller's own only those that
are about the caller rather than the container:

- the terminal, the login and the working directory (OF_THE_SESSION), where the caller has them;
- HOME, USER, LOGNAME, SHELL and UID when the caller is another user than my_init.

Where no my_init runs (while an image is built) the caller's variables and those of
/etc/container_environment are given, as my_init would do.
"""

from guest.floor import codes, kernel, say
from guest.mechanism import execute, inherited, output
from guest.parts import current

HELP = """\
usage: with_env COMMAND [ARGUMENT…]

Run COMMAND with the environment of the container, in place of this process:
docker's variables and those of /etc/container_environment, byte for byte as
services see them.

Of the caller's own variables only those about the terminal and the login stay
(TERM, COLORTERM, COLUMNS, LINES, PWD, SSH_*), and, when the caller is another
user than my_init, HOME, USER, LOGNAME, SHELL and UID. To add one more:
with_env env NAME=VALUE COMMAND.

Users other than root must be in the group docker_env.

exit code: COMMAND's; 127 not found, 126 cannot be executed, 1 the environment
cannot be read, 2 wrong usage.
"""

OF_THE_SESSION = (
    b"TERM",
    b"COLORTERM",
    b"COLUMNS",
    b"LINES",
    b"PWD",
    b"SSH_AUTH_SOCK",
    b"SSH_CLIENT",
    b"SSH_CONNECTION",
    b"SSH_ORIGINAL_COMMAND",
    b"SSH_TTY",
)
OF_THE_USER = (b"HOME", b"USER", b"LOGNAME", b"SHELL", b"UID")


def main(argv: list[str]) -> int:
    """Become the command; returns only when that fails, with the exit code."""
    say.PREFIX = "with_env: "
    execute.plain_signals()
    arguments = argv[1:]
    if arguments[:1] in (["--help"], ["-h"]):
        return output.write(HELP)
    if arguments[:1] == ["--"]:
        del arguments[0]
    elif arguments and arguments[0].startswith("-"):
        say.error(f"unknown option '{say.shown(kernel.fsencode(arguments[0]))}'; with_env --help says more")
        return codes.USAGE
    if not arguments:
        say.error("usage: with_env COMMAND [ARGUMENT…]; with_env --help says more")
        return codes.USAGE
    try:
        container = current.load()
    except current.Unreadable as problem:
        say.error(problem.text)
        return codes.FAILED
    environment = combine(container, inherited.environment(), kernel.geteuid())
    failure = execute.become([kernel.fsencode(argument) for argument in arguments], environment)
    say.error(failure.text)
    return failure.code


def combine(container: current.Current, own: dict[bytes, bytes], uid: int) -> dict[bytes, bytes]:
    """The command's environment from the container's and the caller's own, who runs as uid."""
    result = dict(container.variables)
    result.update((name, own[name]) for name in OF_THE_SESSION if name in own)
    if container.owner not in (None, uid):
        for name in OF_THE_USER:
            result.pop(name, None)
            if name in own:
                result[name] = own[name]
    return result
