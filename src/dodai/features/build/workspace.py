"""Where a build works: directories of its own that are gone when it ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dodai import errors, output

REMOVE_SECONDS = 3.0


def beside(target: Path, stack: contextlib.ExitStack) -> Path:
    """Make a directory next to `target`, on the same file system, where a rename is one step; it goes when `stack` ends."""
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    stack.callback(shutil.rmtree, made, ignore_errors=True)
    return made


def swap(new: Path, target: Path, stack: contextlib.ExitStack) -> None:
    """Put the directory `new` in the place of `target`; the old one comes back if that fails."""
    if not target.exists():
        new.rename(target)
        return
    old = beside(target, stack) / "old"
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise


def check_room(directory: Path, needed: int) -> None:
    """Raise errors.NoSpace when the disk of `directory` has fewer than `needed` bytes left."""
    if shutil.disk_usage(directory).free < needed:
        raise no_space(directory, needed)


def no_space(directory: Path, needed: int) -> errors.NoSpace:
    """Return the error that a full disk is; `needed` is in bytes, 0 when it is not known."""
    amount = f" and {needed // 1_000_000} MB are needed" if needed else ""
    free = shutil.disk_usage(directory).free // 1_000_000 if directory.is_dir() else 0
    return errors.NoSpace(
        f'cannot build the image: "{directory}" has {free} MB left{amount}',
        hint="free some, or name a directory on another disk in TMPDIR",
    )


@contextlib.contextmanager
def make() -> Iterator[Path]:
    """Give a new directory in TMPDIR, that is gone at the end."""
    # Not /tmp, which is often in memory and small: file-hierarchy(7).
    parent = Path(os.environ.get("TMPDIR") or "/var/tmp")  # noqa: S108 - mkdtemp makes the name
    try:
        work = Path(tempfile.mkdtemp(prefix="dodai-build-", dir=parent))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise no_space(parent, 0) from None
        raise errors.BuildFailed(
            f'cannot make a temporary directory in "{parent}": {error.strerror}', hint="name another in TMPDIR"
        ) from None
    try:
        # Others may pass through, for the user that mmdebstrap becomes in unshare mode, but not look.
        work.chmod(0o711)
        yield work
    finally:
        _remove(work)
        if work.exists():
            output.warn(f'cannot remove "{work}": remove it as root')


def _remove(work: Path) -> None:
    """Remove a directory in which processes that were just killed may write for another moment."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        shutil.rmtree(work, ignore_errors=True)
        if not work.exists() or time.monotonic() > deadline:
            return
        time.sleep(0.05)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the build the way ^C does, with everything cleaned up."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(errors.SIGNAL_BASE + number)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
