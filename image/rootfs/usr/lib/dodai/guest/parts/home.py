"""A service's home in the state directory, where runsv works: links only, made from the definition.

runsv wants to write beside the definition, which may be on a read-only file system or in an image's
layer; so it gets a directory of its own whose run, finish, check and control are links to small
programs of the image (the state directory may be mounted noexec) that go on in the definition.
"""

import os

from guest.floor import paths, say
from guest.mechanism import files, signals
from guest.parts import definition

SUPERVISE = b"/supervise"
GO = b"/go"  # on this fifo `finish` waits for the word to go on
READY = b"/ready"  # and on this one a service says that it is ready (notification-fd)


def path(state: bytes, name: bytes) -> bytes:
    """STATE/service/NAME."""
    return state + b"/service/" + name


def make(state: bytes, service: definition.Definition, *, held: bool, exact: bool) -> bytes:
    """Make the home anew and return its path. Raises OSError.

    held: it waits for others, so runsv must not start it by itself. exact: the environment has names
    that are not shell names, which the small shell program would lose.
    """
    home = path(state, service.name)
    try:
        os.mkdir(home)
    except FileExistsError:
        remove_tree(home)
        os.mkdir(home)
    # Made before runsv makes it, so that it can be watched from the first change on.
    os.mkdir(home + SUPERVISE, 0o700)
    os.mkfifo(home + GO, 0o600)
    os.symlink(service.path, home + b"/definition")
    for name in (b"/finish", b"/check"):
        os.symlink(paths.SERVICE_PROGRAMS + name, home + name)
    os.symlink(_run_program(home, service.settings.notification_fd, exact), home + b"/run")
    if held or service.has(b"down"):
        _touch(home + b"/down")
    if service.settings.critical:
        _touch(home + b"/critical")  # what my_init goes by, whatever becomes of the definition's
    _link_controls(home, service)
    if service.has(b"log/run"):
        log = home + b"/log"
        os.makedirs(log + SUPERVISE, 0o700)
        os.symlink(service.path + b"/log", log + b"/definition")
        os.symlink(paths.SERVICE_PROGRAMS + (b"/run-exact" if exact else b"/run"), log + b"/run")
        if service.has(b"log/finish"):
            os.symlink(paths.SERVICE_PROGRAMS + b"/finish-log", log + b"/finish")
    _link_supervise(service.path, home)
    return home


def release(home: bytes) -> None:
    """Let a finish that waits go on, if one does."""
    try:
        fd = os.open(home + GO, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # ENXIO: nobody waits
    _say_go(fd)


def skip_policy(home: bytes) -> None:
    """Called before the stop: no finish waits any more, and one that is there only for us does not run at all."""
    try:
        # Held open over the removal: a finish that has just opened it gets the word, too.
        fd = os.open(home + GO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        pass
    else:
        files.remove(home + GO)
        _say_go(fd)
    if not os.path.exists(home + b"/definition/finish"):
        files.remove(home + b"/finish")
    if not os.path.exists(home + b"/definition/control/t") and not os.path.exists(home + b"/stop-signal"):
        files.remove(home + b"/control/t")


def forget_request(home: bytes) -> None:
    """The end that somebody asked for has come; the next one counts again."""
    files.remove(home + b"/asked")


def remove_tree(top: bytes) -> None:
    """Remove a directory tree; what is missing already is fine. Raises OSError."""
    for where, directories, names in os.walk(top, topdown=False, onerror=_refuse):
        for name in names:
            os.unlink(where + b"/" + name)
        for name in directories:
            entry = where + b"/" + name
            if os.path.islink(entry):
                os.unlink(entry)
            else:
                os.rmdir(entry)
    if os.path.isdir(top):
        os.rmdir(top)


def _refuse(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):
        raise problem


def _run_program(home: bytes, notification_fd: int | None, exact: bool) -> bytes:
    if notification_fd is None:
        return paths.SERVICE_PROGRAMS + (b"/run-exact" if exact else b"/run")
    os.mkfifo(home + READY, 0o622)
    os.chmod(home + READY, 0o622)  # the umask, and a service may run as somebody else
    _write(home + b"/notification-fd", b"%d\n" % notification_fd)
    return paths.SERVICE_PROGRAMS + (b"/run-exact" if exact or notification_fd > 9 else b"/run-notify")


def _link_controls(home: bytes, service: definition.Definition) -> None:
    os.mkdir(home + b"/control")
    own = os.listdir(service.path + b"/control") if service.has(b"control") else []
    for name in own:
        if name != b"t":
            os.symlink(paths.SERVICE_PROGRAMS + b"/control", home + b"/control/" + name)
    os.symlink(paths.SERVICE_PROGRAMS + b"/control-t", home + b"/control/t")
    number = service.settings.stop_signal
    if number is not None:
        _write(home + b"/stop-signal", signals.name(number).removeprefix("SIG").encode() + b"\n")


def _link_supervise(source: bytes, home: bytes) -> None:
    """Let `sv` find the state by the definition's path; where that cannot be written it works by name."""
    for below in (b"", b"/log"):
        if below and not os.path.isdir(home + below):
            continue
        link, target = source + below + b"/supervise", home + below + b"/supervise"
        try:
            if os.path.islink(link):
                if os.readlink(link) == target:
                    continue
                os.unlink(link)
            elif os.path.isdir(link):
                remove_tree(link)  # left in the image by a runsv that ran while it was built
            os.symlink(target, link)
        except OSError as problem:
            say.debug(f"cannot link {say.shown(link)}: {problem.strerror}; use sv with the service's name")


def _say_go(fd: int) -> None:
    """Write the word that a finish waits for, and close the fifo."""
    try:
        os.write(fd, b"\n")
    except OSError:
        pass
    finally:
        os.close(fd)


def _touch(entry: bytes) -> None:
    _write(entry, b"")


def _write(entry: bytes, data: bytes) -> None:
    fd = os.open(entry, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        files.write_all(fd, data)
    finally:
        os.close(fd)
