"""The container's environment for cron jobs and SSH logins, which get it from PAM (promise C7).

cron and sshd start their children with an environment of their own; what PAM adds to it is the only
way in for both. /etc/pam.d/cron and sshd of the image have a line that reads this file with
pam_env(8), as root. What pam_env makes of a line NAME="value" (_parse_env_file of Linux-PAM 1.5.2,
Debian 12, and 1.7.0, Debian 13):

- everything between the first and the last quote is the value: blanks, quotes, backslashes, ${} too;
- a '#' ends the line wherever it stands, and nothing can stand for it; so does a newline;
- 1.5 reads no further after a line of 8192 bytes or more. Such lines come last here.

The other syntax, that of pam_env.conf, has the same '#' and no backslash at all.
"""

from guest.floor import kernel, paths, say
from guest.mechanism import files
from guest.parts import environment, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MODE = 0o600  # PAM reads it as root, before the job or the login becomes a user

# Whoever logs in has their own; for a cron job they come from cron and the account.
OF_THE_LOGIN = environment.UNDUMPED | {b"LOGNAME", b"MAIL", b"TERM", b"PWD", b"OLDPWD", b"SHLVL", b"_"}

LONGEST_OF_OLD_PAM = 8191  # bytes of a line with its newline: BUF_SIZE of pam_env.c, less the NUL
OLD_PAM = (b"bookworm", b"noble")  # before 1.7

_said: set[str] = set()  # a line is said once: this file is written after each startup file


def save(state: bytes, variables: dict[bytes, bytes]) -> None:
    """Write the file when this container has something that reads it, and name what it cannot carry.

    PAM looks in /run/dodai only: in /tmp anybody can make a name, and what stands there would
    become the environment of root's jobs. Where /run cannot be written neither cron nor sshd runs.
    """
    if state != paths.RUN_STATE or not any(kernel.exists(path) for path in paths.PAM_SERVICES):
        return
    text, left_out = as_text(variables, release.codename)
    try:
        files.replace(state + b"/login_environment", text, MODE)
    except OSError as problem:
        _say_once(f"cannot keep the environment for cron jobs and SSH logins: {problem.strerror}")
    if left_out:
        names = ", ".join(say.shown(name) for name in left_out)
        _say_once(f"cron jobs and SSH logins do not see {names}: PAM cannot carry such a name or value; use with_env there")


def as_text(variables: dict[bytes, bytes], codename: "Callable[[], bytes]") -> tuple[bytes, list[bytes]]:
    """The file for pam_env, and the names it leaves out. codename is asked only when it matters."""
    lines, left_out = [], []
    for name, value in sorted(variables.items()):
        if name in OF_THE_LOGIN:
            continue
        if environment.is_shell_name(name) and b"#" not in value and b"\n" not in value:
            lines.append((name, b'%s="%s"\n' % (name, value)))
        else:
            left_out.append(name)
    lines.sort(key=lambda line: len(line[1]) > LONGEST_OF_OLD_PAM)
    long = [name for name, line in lines if len(line) > LONGEST_OF_OLD_PAM]
    if long and codename() in OLD_PAM:
        left_out += long
    return b"".join(line for _, line in lines), left_out


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        say.info(text)
