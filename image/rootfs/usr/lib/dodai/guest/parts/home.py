"""A service's home in the state directory, where runsv works: links only, made from the definition.

runsv wants to write beside the definition, which may be on a read-only file system or in an image's
layer; so it gets a directory of its own whose run, finish, check and control are links to small
programs of the image (the state directory may be mounted noexec) that go on in the definition.
"""

from guest.floor import kernel, paths, say
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
        kernel.mkdir(home)
    except FileExistsError:
        remove_tree(home)
        kernel.mkdir(home)
    # Made before runsv makes it, so that it can be watched from the first change on.
    kernel.mkdir(home + SUPERVISE, 0o700)
    kernel.mkfifo(home + GO, 0o600)
    kernel.symlink(service.path, home + b"/definition")
    for name in (b"/finish", b"/check"):
        kernel.symlink(paths.SERVICE_PROGRAMS + name, home + name)
    kernel.symlink(_run_program(home, service.settings.notification_fd, exact), home + b"/run")
    if held or service.has(b"down"):
        _touch(home + b"/down")
    if service.settings.critical:
        _touch(home + b"/critical")  # what my_init goes by, whatever becomes of the definition's
    _link_controls(home, service)
    if service.has(b"log/run"):
        log = home + b"/log"
        kernel.mkdir(log)
        kernel.mkdir(log + SUPERVISE, 0o700)
        kernel.symlink(service.path + b"/log", log + b"/definition")
        kernel.symlink(paths.SERVICE_PROGRAMS + (b"/run-exact" if exact else b"/run"), log + b"/run")
        if service.has(b"log/finish"):
            kernel.symlink(paths.SERVICE_PROGRAMS + b"/finish-log", log + b"/finish")
    _link_supervise(service.path, home)
    return home


def release(home: bytes) -> None:
    """Let a finish that waits go on, if one does."""
    try:
        fd = kernel.open(home + GO, kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
    except OSError:
        return  # ENXIO: nobody waits
    _say_go(fd)


def skip_policy(home: bytes) -> None:
    """Called before the stop: no finish waits any more, and one that is there only for us does not run at all."""
    try:
        # Held open over the removal: a finish that has just opened it gets the word, too.
        fd = kernel.open(home + GO, kernel.O_RDWR | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
    except OSError:
        pass
    else:
        files.remove(home + GO)
        _say_go(fd)
    if not kernel.exists(home + b"/definition/finish"):
        files.remove(home + b"/finish")
    if not kernel.exists(home + b"/definition/control/t") and not kernel.exists(home + b"/stop-signal"):
        files.remove(home + b"/control/t")


def forget_request(home: bytes) -> None:
    """The end that somebody asked for has come; the next one counts again."""
    files.remove(home + b"/asked")


def remove_tree(top: bytes) -> None:
    """Remove a directory tree; what is missing already is fine. Raises OSError."""
    left = [(top, False)]
    while left:
        directory, emptied = left.pop()
        try:
            if emptied:
                kernel.rmdir(directory)
                continue
            with kernel.scandir(directory) as entries:
                found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except FileNotFoundError:
            continue
        left.append((directory, True))  # once what is below it has gone
        for path, is_directory in found:
            if is_directory:
                left.append((path, False))
            else:
                kernel.unlink(path)


def _run_program(home: bytes, notification_fd: int | None, exact: bool) -> bytes:
    if notification_fd is None:
        return paths.SERVICE_PROGRAMS + (b"/run-exact" if exact else b"/run")
    kernel.mkfifo(home + READY, 0o622)
    kernel.chmod(home + READY, 0o622)  # the umask, and a service may run as somebody else
    _write(home + b"/notification-fd", b"%d\n" % notification_fd)
    return paths.SERVICE_PROGRAMS + (b"/run-exact" if exact or notification_fd > 9 else b"/run-notify")


def _link_controls(home: bytes, service: definition.Definition) -> None:
    kernel.mkdir(home + b"/control")
    own = kernel.listdir(service.path + b"/control") if service.has(b"control") else []
    for name in own:
        if name != b"t":
            kernel.symlink(paths.SERVICE_PROGRAMS + b"/control", home + b"/control/" + name)
    kernel.symlink(paths.SERVICE_PROGRAMS + b"/control-t", home + b"/control/t")
    number = service.settings.stop_signal
    if number is not None:
        _write(home + b"/stop-signal", signals.name(number).removeprefix("SIG").encode() + b"\n")


def _link_supervise(source: bytes, home: bytes) -> None:
    """Let `sv` find the state by the definition's path; where that cannot be written it works by name."""
    for below in (b"", b"/log"):
        if below and not kernel.is_directory(home + below):
            continue
        link, target = source + below + b"/supervise", home + below + b"/supervise"
        try:
            if kernel.is_link(link):
                if kernel.readlink(link) == target:
                    continue
                kernel.unlink(link)
            elif kernel.is_directory(link):
                remove_tree(link)  # left in the image by a runsv that ran while it was built
            kernel.symlink(target, link)
        except OSError as problem:
            say.debug(f"cannot link {say.shown(link)}: {problem.strerror}; use sv with the service's name")


def _say_go(fd: int) -> None:
    """Write the word that a finish waits for, and close the fifo."""
    try:
        kernel.write(fd, b"\n")
    except OSError:
        pass
    finally:
        kernel.close(fd)


def _touch(entry: bytes) -> None:
    _write(entry, b"")


def _write(entry: bytes, data: bytes) -> None:
    fd = kernel.open(entry, kernel.O_WRONLY | kernel.O_CREAT | kernel.O_CLOEXEC, 0o644)
    try:
        files.write_all(fd, data)
    finally:
        kernel.close(fd)
