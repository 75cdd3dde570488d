"""setuser: run a command as another user, in place of this process (promise E7).

Who that is follows gosu(1): a name or a number, a number always being a uid. USER alone gives the
user's own group and the supplementary groups of /etc/group; USER:GROUP gives that one group and no
other. A uid without an entry in /etc/passwd keeps the caller's group, as `docker run --user` does,
has the home directory / and its number as its name.

The environment is handed on byte for byte but for HOME, USER, LOGNAME, SHELL and UID (the reference
sets UID too). Where the process is that user already nothing needs to be allowed: without the
privilege to change them it keeps the groups it has, which it could use anyhow.
"""

import errno
import pwd

from guest.floor import codes, kernel, say
from guest.mechanism import execute, inherited, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
usage: setuser USER[:GROUP] COMMAND [ARGUMENT…]

Run COMMAND as USER, in place of this process.

  USER        a name of /etc/passwd, or a uid, which needs no entry there
  USER:GROUP  with GROUP (a name or a gid) as the only group; without it the
              user's own group and the supplementary ones. A uid without an
              entry keeps the caller's group.

HOME, USER, LOGNAME, SHELL and UID are set; everything else is handed on.
Being USER already is fine and needs no privilege.

exit code: COMMAND's; 127 not found, 126 cannot be executed, 1 cannot become
USER, 2 wrong usage.
"""

# (uid_t)-1 means "leave as it is" to setresuid(2), so it is nobody's number.
_HIGHEST_ID = 2**32 - 2


class CannotBecome(Exception):
    """The user cannot be taken on: a sentence with the reason and the remedy, and the exit code."""

    __slots__ = ("code", "text")

    def __init__(self, text: str, code: int = codes.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Target:
    """Whom to become. `groups` holds every group of the process, the primary one included."""

    __slots__ = ("gid", "groups", "home", "name", "only_group", "shell", "uid")

    def __init__(self, uid: int, gid: int, name: str, home: str, shell: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups: Sequence[int] = (gid,)
        self.only_group = False
        self.name = name
        self.home = home
        self.shell = shell

    def variables(self) -> dict[bytes, bytes]:
        """What a login would set."""
        name = kernel.fsencode(self.name)
        return {
            b"HOME": kernel.fsencode(self.home),
            b"USER": name,
            b"LOGNAME": name,
            b"SHELL": kernel.fsencode(self.shell),
            b"UID": b"%d" % self.uid,
        }


def main(argv: list[str]) -> int:
    """Become the user and the command; returns only when that fails, with the exit code."""
    say.PREFIX = "setuser: "
    execute.plain_signals()
    if argv[1:2] in (["--help"], ["-h"]):
        return output.write(HELP)
    if len(argv) < 3 or argv[1].startswith("-"):
        say.error("usage: setuser USER[:GROUP] COMMAND [ARGUMENT…]; setuser --help says more")
        return codes.USAGE
    # Read first: after the change of user the kernel shows /proc/self/environ to root only.
    environment = inherited.environment()
    try:
        target = resolve(argv[1])
        become(target)
    except CannotBecome as problem:
        say.error(problem.text)
        return problem.code
    environment.update(target.variables())
    failure = execute.become([kernel.fsencode(argument) for argument in argv[2:]], environment)
    say.error(failure.text)
    return failure.code


def resolve(spec: str) -> Target:
    """The user that USER[:GROUP] names. Raises CannotBecome for one that does not exist."""
    user, colon, group = spec.partition(":")
    if not user or (colon and not group):
        raise CannotBecome(f"'{_shown(spec)}' is not USER or USER:GROUP: a part is empty", codes.USAGE)
    entry = _entry(user)
    if entry is not None:
        target = Target(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir or "/", entry.pw_shell or "/bin/sh")
        if not group:
            target.groups = kernel.getgrouplist(entry.pw_name, entry.pw_gid)
    else:
        target = Target(int(user), kernel.getgid(), str(int(user)), "/", "/bin/sh")
    if group:
        target.gid = _gid(group)
        target.groups = (target.gid,)
        target.only_group = True
    return target


def become(target: Target) -> None:
    """Change the groups, the group and the user of this process. Raises CannotBecome.

    Only what differs is asked for, so each step needs its capability only where it changes something.
    """
    same_user = kernel.getresuid() == (target.uid,) * 3
    same_group = kernel.getresgid() == (target.gid,) * 3
    try:
        if set(kernel.getgroups()) | {kernel.getegid()} != set(target.groups) or not same_group:
            kernel.setgroups(target.groups)
        if not same_group:
            kernel.setresgid(target.gid, target.gid, target.gid)
        if not same_user:
            kernel.setresuid(target.uid, target.uid, target.uid)
    except OSError as problem:
        if same_user and (same_group or not target.only_group) and problem.errno == errno.EPERM:
            return
        raise CannotBecome(f"cannot become '{_shown(target.name)}': {_why(problem, target)}") from None


def _why(problem: OSError, target: Target) -> str:
    if problem.errno == errno.EINVAL:
        return (
            f"uid {target.uid} or gid {target.gid} does not exist in this user namespace; "
            "take a smaller one or give the container a larger range"
        )
    if problem.errno != errno.EPERM:
        return kernel.strerror(problem.errno or 0)
    if kernel.geteuid() != 0:
        return (
            f"this process is uid {kernel.geteuid()} with gid {kernel.getegid()} and may not change that; "
            "start the container as root (without --user)"
        )
    return "root may not change its user or groups here; start the container with --cap-add SETUID --cap-add SETGID"


def _entry(user: str) -> "pwd.struct_passwd | None":
    """The passwd entry of a name or uid; None for a uid without one. Raises CannotBecome."""
    try:
        return pwd.getpwuid(_number(user, "uid")) if _is_number(user) else pwd.getpwnam(user)
    except KeyError:
        if _is_number(user):
            return None
    raise CannotBecome(
        f"cannot become '{_shown(user)}': no such user; create it, for example with "
        f"useradd --system {_shown(user)}, or give a uid"
    )


def _gid(group: str) -> int:
    if _is_number(group):
        return _number(group, "gid")
    import grp  # only USER:GROUP needs it

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise CannotBecome(
            f"cannot take the group '{_shown(group)}': no such group; create it with "
            f"groupadd --system {_shown(group)}, or give a gid"
        ) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str, kind: str) -> int:
    value = int(text) if len(text) <= 10 else _HIGHEST_ID + 1
    if value > _HIGHEST_ID:
        raise CannotBecome(f"'{text}' is not a {kind}: the highest is {_HIGHEST_ID}", codes.USAGE)
    return value


def _shown(text: str) -> str:
    return say.shown(kernel.fsencode(text))
