"""The same services in each peer's own words: files that are laid over its image."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import peers

PROGRAM = "/bench/bench-service"

_SUPERVISORD = """\
[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord.pid
"""


def write(peer: peers.Peer, names: Sequence[str], top: Path, more: Mapping[str, str]) -> list[str]:
    """Write the services, and `more` files below their directory, into `top`; return the arguments of PID 1."""
    scripts = {}
    for name in names:
        # A script, as services are; what it says of the time is said by the program, in its first statement.
        place = f"{peer.services}/{name}/run" if peer.layout == peers.RUN_FILES else f"/srv/bench/{name}"
        path = top / place.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nexec {PROGRAM} {name}\n", encoding="ascii")
        path.chmod(0o755)
        scripts[name] = place
    if peer.layout == peers.RUN_FILES:
        (top / peer.services.lstrip("/")).mkdir(parents=True, exist_ok=True)
    if peer.layout == peers.SUPERVISOR:
        _write(top / "etc/supervisor/supervisord.conf", _SUPERVISORD + "".join(map(_program, scripts.items())))
    if peer.layout == peers.PEBBLE:
        # pebble.yaml(5) calls this the layer format; the directory is the default of $PEBBLE.
        _write(top / "var/lib/pebble/default/layers/001-bench.yaml", "services:\n" + "".join(map(_layer, scripts.items())))
    for place, text in more.items():
        _write(top / peer.services.lstrip("/") / place, text)
    _age(top)
    if peer.layout == peers.COMMAND:
        return [*peer.init, *scripts.values()]
    return list(peer.init)


def _program(service: tuple[str, str]) -> str:
    name, script = service
    return f"[program:{name}]\ncommand={script}\nautorestart=true\nstdout_logfile=/dev/null\nstderr_logfile=/dev/null\n"


def _layer(service: tuple[str, str]) -> str:
    name, script = service
    return f"  {name}:\n    override: replace\n    command: {script}\n    startup: enabled\n"


def _age(top: Path) -> None:
    """As old as in an image: runsvdir waits a second when its directory has changed within the last."""
    when = time.time() - 3600
    for path in [*top.rglob("*"), top]:
        os.utime(path, (when, when))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")
