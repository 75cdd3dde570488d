"""Every crontab and script that cron will pass over, or whose commands cannot run, with the reason and the remedy (promise E3).

cron says some of this once, in its own words, in the system log; of a file whose name it does not
take, or a script that is not executable, it says nothing. The rules are those of cron(8),
crontab(5), run-parts(8) and of what cron 3.0pl1 does.
"""

import os
import stat

from guest.floor import say
from guest.mechanism import files, program
from guest.parts import crontab_text, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CRON = b"/usr/sbin/cron"
SYSTEM_CRONTAB = b"/etc/crontab"
SYSTEM_DIRECTORY = b"/etc/cron.d"
USERS_DIRECTORY = b"/var/spool/cron/crontabs"
SCRIPT_DIRECTORIES = (b"/etc/cron.hourly", b"/etc/cron.daily", b"/etc/cron.weekly", b"/etc/cron.monthly")

_NAME = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
# Nobody expects these to run: put aside by hand, by an editor, or by dpkg and ucf.
_PUT_ASIDE = (b"~", b".bak", b".disabled", b".old", b".orig", b".save", b".swp")
_BY_DPKG = (b".dpkg-", b".ucf-")


class Finding:
    """A file that cron passes over: its path (below the root), why, and what to do."""

    __slots__ = ("path", "remedy", "why")

    def __init__(self, path: bytes, why: str, remedy: str) -> None:
        self.path = path
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return f"'{say.shown(self.path)}' will not run: {self.why}; {self.remedy}"


class Place:
    """A root (empty for this system's), whether it is whole, its users, and the two kinds of crontabs."""

    __slots__ = ("_uids", "of_users", "root", "system", "whole")

    def __init__(self, root: bytes, whole: bool) -> None:
        self.root = root
        self.whole = whole
        self._uids: dict[bytes, int] | None = None
        if root:
            lines = (files.read_or_none(root + b"/etc/passwd") or b"").split(b"\n")
            fields = [line.split(b":") for line in lines]
            self._uids = {entry[0]: int(entry[2]) for entry in fields if len(entry) > 2 and entry[2].isdigit()}
        codename = release.codename(root or b"/")
        self.system = crontab_text.Rules(True, lambda user: not whole or self.uid(user) is not None, codename)
        self.of_users = crontab_text.Rules(False, lambda _: True, codename)

    def uid(self, name: bytes) -> int | None:
        """The uid of a user; None for nobody."""
        if self._uids is not None:
            return self._uids.get(name)
        import pwd  # through NSS, which knows more than /etc/passwd

        try:
            return pwd.getpwnam(os.fsdecode(name)).pw_uid
        except KeyError:
            return None


def check(root: bytes = b"/", whole: bool = True) -> list[Finding]:
    """What cron will not run in the system at root, which may be any directory. Without cron in it nothing.

    whole=False: root holds only what will be copied into an image, where owners and users are not yet known.
    """
    root = root.rstrip(b"/")
    if whole and not os.path.exists(root + CRON):
        return []
    place = Place(root, whole)
    found = []
    if os.path.lexists(root + SYSTEM_CRONTAB):
        found.append(_collect(place, SYSTEM_CRONTAB, _check_system))
    for path in _entries(root, SYSTEM_DIRECTORY):
        found.append(_check_name(path) or _collect(place, path, _check_system))
    for path in _entries(root, USERS_DIRECTORY) if whole else []:
        if not path.startswith(USERS_DIRECTORY + b"/tmp."):  # crontab(1) is at work
            found.append(_collect(place, path, _check_users))
    for directory in SCRIPT_DIRECTORIES:
        for path in _entries(root, directory):
            found.append(_check_name(path) or _collect(place, path, _check_script))
    return [one for one in found if one is not None]


def job_name(user: bytes, command: bytes, root: bytes = b"/") -> bytes:
    """The name of the crontab a job stands in: its file in /etc/cron.d, `crontab`, or the user whose own it is.

    command is what the shell got, as cron says it. Of two crontabs with the same line the first is named.
    """
    root = root.rstrip(b"/")
    rules = crontab_text.Rules(True, lambda _: True, release.codename(root or b"/"))
    for path in [SYSTEM_CRONTAB, *_entries(root, SYSTEM_DIRECTORY)]:
        if _check_name(path):
            continue
        try:
            jobs = crontab_text.jobs(files.read(root + path), rules)
        except (OSError, crontab_text.Fault):
            continue
        if any(job.user == user and crontab_text.unescaped(job.command) == command for job in jobs):
            return path.rpartition(b"/")[2]
    return user


def _entries(root: bytes, directory: bytes) -> list[bytes]:
    """The paths of a directory's entries that somebody may want to be run."""
    try:
        names = os.listdir(root + directory)
    except OSError:
        return []
    wanted = (n for n in sorted(names) if not n.startswith(b".") and not n.endswith(_PUT_ASIDE))
    return [directory + b"/" + name for name in wanted if not any(mark in name for mark in _BY_DPKG)]


def _check_name(path: bytes) -> Finding | None:
    name = path.rpartition(b"/")[2]
    if all(byte in _NAME for byte in name):
        return None
    good = bytes(byte if byte in _NAME else ord("-") for byte in name.partition(b".")[0] or name)
    return Finding(
        path,
        f"'{say.shown(name)}' has a character other than letters, digits, '_' and '-'",
        f"rename it, for example to '{say.shown(good)}'",
    )


def _collect(place: Place, path: bytes, rule: "Callable[[Place, bytes], None]") -> Finding | None:
    try:
        rule(place, place.root + path)
    except crontab_text.Fault as fault:
        return Finding(path, fault.why, fault.remedy)
    except OSError as problem:
        return Finding(path, f"it cannot be read: {os.strerror(problem.errno or 0).lower()}", "see that root can read it")
    return None


def _check_system(place: Place, path: bytes) -> None:
    """/etc/crontab and /etc/cron.d: root's alone; links are followed. Raises Fault, OSError."""
    if stat.S_ISLNK((itself := os.lstat(path)).st_mode):
        if place.whole and itself.st_uid != 0:
            raise crontab_text.Fault(f"it is a link of uid {itself.st_uid}, not of root", "run chown -h root on it")
        if place.root:
            return  # it may lead out of the root
        if not os.path.exists(path):
            target = say.shown(os.readlink(path))
            raise crontab_text.Fault(f"it is a link to '{target}', which does not exist", "make that file, or remove the link")
    status = os.stat(path)
    if place.whole and status.st_uid != 0:
        raise crontab_text.Fault(f"it belongs to uid {status.st_uid}, not to root", "run chown root on it")
    if not stat.S_ISREG(status.st_mode):
        raise crontab_text.Fault("it is not a file", "put a file there")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise crontab_text.Fault(f"others than root can write it (mode {status.st_mode & 0o7777:04o})", "run chmod 644 on it")
    _check_content(place, path, status, place.system)


def _check_users(place: Place, path: bytes) -> None:
    """A user's own crontab: the user's (or root's), private, and a file itself. Raises Fault, OSError."""
    name = path.rpartition(b"/")[2]
    user = say.shown(name)
    uid = place.uid(name)
    if uid is None:
        raise crontab_text.Fault(f"there is no user '{user}'", "create the account, or remove the file")
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise crontab_text.Fault("it is not a file, and cron follows no link here", "put a file there")
    if status.st_uid not in (0, uid):
        raise crontab_text.Fault(f"it belongs to uid {status.st_uid}, not to {user}", f"run chown {user} on it")
    if status.st_mode & 0o7777 != 0o600:
        raise crontab_text.Fault(f"its mode is {status.st_mode & 0o7777:04o}, not 0600", "run chmod 600 on it")
    _check_content(place, path, status, place.of_users)


def _check_content(place: Place, path: bytes, status: os.stat_result, rules: crontab_text.Rules) -> None:
    if place.whole and status.st_nlink > 1:
        raise crontab_text.Fault(f"it has {status.st_nlink} hard links", "replace it by a copy of itself")
    crontab_text.jobs(files.read(path), rules)


def _check_script(place: Place, path: bytes) -> None:
    """A script for run-parts(8), which passes over directories and what is not executable. Raises Fault."""
    if os.path.isdir(path) or (place.root and os.path.islink(path)):
        return
    if place.root:
        # Its interpreter is that of the root, not of this system.
        why = None if os.access(path, os.X_OK) else "not executable; run chmod +x on it"
    else:
        why = program.fault(path)
    if why is not None:
        reason, _, remedy = why.partition("; ")
        raise crontab_text.Fault(reason, remedy or "run-parts(8) says what it takes")
