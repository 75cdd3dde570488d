"""Mounts and processes of mmdebstrap's own, which cannot outlive it; and memory to work in, where there is plenty.

A root is thousands of small files that are unpacked, packed and removed within seconds. On a disk that is most of the time of a
build from kept packages; in memory it is a second.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from dodai import errors, process

ROOM = 1_000_000_000  # bytes, of which 300 MB are used at most
PLENTY = 4 * ROOM  # what must be free, so that nobody else misses it

_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--")
# Control groups, version 2 and 1: what a container may use is less than what the machine has.
_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


def prefix(mode: str, scratch: Path, environment: Mapping[str, str]) -> list[str]:
    """Return what to write before mmdebstrap's command. Its TMPDIR `scratch` is in memory unless the user named a place."""
    if mode != "root":
        return []  # unshare mode is that already
    in_memory = not environment.get("TMPDIR") and plenty()
    mount = ["sh", "-c", f'mount -t tmpfs -o size={ROOM},mode=1777 dodai "$0" && exec "$@"', os.fspath(scratch)]
    for words in ([*_UNSHARE, *mount] if in_memory else [], list(_UNSHARE)):
        # Not everywhere may root do that.
        with contextlib.suppress(errors.CommandFailed):
            if words:
                process.run([*words, "true"], doing="separate mounts and processes")
                return words
    return []


def plenty(root: Path = Path("/")) -> bool:
    """Whether so much memory is free that a root in it is no matter."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return False
    for name in _LIMITS:
        with contextlib.suppress(OSError, ValueError):
            # "max" is no number, and no limit.
            free = min(free, int((root / name).read_text(encoding="ascii")))
    return free >= PLENTY
