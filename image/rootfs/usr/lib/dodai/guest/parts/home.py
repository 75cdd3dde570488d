"""A service's home in the state directory, where runsv works: links only, made from the definition.

runsv wants to write beside the definition, which may be on a read-only file system or in an image's
layer; so it gets a directory of its own whose run, finish, check and control are links to small
programs of the image (the state directory may be mounted noexec) that go on in the definition.
"""

import os

from guest.floor import paths, say
from guest.parts import definition

_LOG = b"log"


def path(state: bytes, name: bytes) -> bytes:
    """STATE/service/NAME."""
    return state + b"/service/" + name


def make(state: bytes, service: definition.Definition) -> bytes:
    """Make the home anew and return its path. Raises OSError."""
    home = path(state, service.name)
    remove_tree(home)
    os.makedirs(home)
    _link_programs(home, service.path, critical=service.critical)
    if service.has(_LOG):
        os.mkdir(home + b"/log")
        _link_programs(home + b"/log", service.path + b"/log")
    _link_supervise(service.path, home)
    return home


def skip_finish(home: bytes) -> None:
    """Called before the stop: a finish that is there only for my_init's own sake need not run any more."""
    if not os.path.exists(home + b"/definition/finish"):
        _unlink(home + b"/finish")


def remove_tree(top: bytes) -> None:
    """Remove a directory tree; what is missing already is fine. Raises OSError."""
    for where, directories, names in os.walk(top, topdown=False):
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


def _link_programs(home: bytes, source: bytes, critical: bool = False) -> None:
    os.symlink(source, home + b"/definition")
    os.symlink(paths.SERVICE_PROGRAMS + b"/run", home + b"/run")
    if critical or os.path.exists(source + b"/finish"):
        os.symlink(paths.SERVICE_PROGRAMS + b"/finish", home + b"/finish")
    if os.path.exists(source + b"/check"):
        os.symlink(paths.SERVICE_PROGRAMS + b"/check", home + b"/check")
    if os.path.exists(source + b"/down"):
        os.close(os.open(home + b"/down", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
    if os.path.isdir(source + b"/control"):
        os.mkdir(home + b"/control")
        for name in os.listdir(source + b"/control"):
            os.symlink(paths.SERVICE_PROGRAMS + b"/control", home + b"/control/" + name)


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


def _unlink(entry: bytes) -> None:
    try:
        os.unlink(entry)
    except OSError:
        pass
