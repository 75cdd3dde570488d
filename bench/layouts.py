"""The same services in each peer's own words: files that are laid over its image."""

from __future__ import annotations

import dataclasses
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

# On a tmpfs, as a container's /run is. Nothing is rotated: a new file would be a chance for the reader to miss lines.
LOG_FILES = {
    peers.SVLOGD: "/run/bench-log/current",
    peers.S6_LOG: "/run/bench-log/current",
    peers.SUPERVISORD: "/run/bench-log",
}
_LOGGERS = {
    peers.SVLOGD: "#!/bin/sh\nmkdir -p /run/bench-log\necho s0 >/run/bench-log/config\nexec svlogd -tt /run/bench-log\n",
    peers.S6_LOG: "#!/bin/sh\nexec s6-log T n1 s268435455 /run/bench-log\n",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Lines:
    """Each service writes `count` lines of LINE bytes when it gets USR1, one every `pause` microseconds.

    With `pause` 0 as fast as it can; with `count` 0 that too, at once and for ever.
    """

    count: int
    pause: int = 0

    @property
    def wanted(self) -> str:
        """What native/log.c is to say of them: nothing, when each came, or when the last one came."""
        if self.count == 0:
            return "drain"
        return "each" if self.pause else "all"


LINE = 100  # bytes, as in native/service.c


def write(peer: peers.Peer, names: Sequence[str], top: Path, more: Mapping[str, str], lines: Lines | None = None) -> list[str]:
    """Write the services, and `more` files below their directory, into `top`; return the arguments of PID 1."""
    scripts = {}
    told = f" --log {lines.count} {lines.pause}" if lines else ""
    for name in names:
        # A script, as services are; what it says of the time is said by the program, in its first statement.
        place = f"{peer.services}/{name}/run" if peer.layout == peers.RUN_FILES else f"/srv/bench/{name}"
        path = top / place.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nexec {PROGRAM} {name}{told}\n", encoding="ascii")
        path.chmod(0o755)
        scripts[name] = place
        if lines and peer.log in _LOGGERS:
            logger = path.parent / "log" / "run"
            _write(logger, _LOGGERS[peer.log])
            logger.chmod(0o755)
    if peer.layout == peers.RUN_FILES:
        (top / peer.services.lstrip("/")).mkdir(parents=True, exist_ok=True)
    if peer.layout == peers.SUPERVISOR:
        log = LOG_FILES[peers.SUPERVISORD] if lines else "/dev/null"
        _write(
            top / "etc/supervisor/supervisord.conf",
            _SUPERVISORD + "".join(_program(*service, log) for service in scripts.items()),
        )
    if peer.layout == peers.PEBBLE:
        # pebble.yaml(5) calls this the layer format; the directory is the default of $PEBBLE.
        _write(top / "var/lib/pebble/default/layers/001-bench.yaml", "services:\n" + "".join(map(_layer, scripts.items())))
    for place, text in more.items():
        _write(top / peer.services.lstrip("/") / place, text)
    _age(top)
    if peer.layout == peers.COMMAND:
        return [*peer.init, *scripts.values()]
    return list(peer.init)


def environment(peer: peers.Peer) -> dict[str, str]:
    """What a peer is to be told of lines by its environment."""
    return {"MY_INIT_LOG_FORMAT": peer.log} if peer.log in peers.STREAMS else {}


def _program(name: str, script: str, log: str) -> str:
    return (
        f"[program:{name}]\ncommand={script}\nautorestart=true\n"
        f"stdout_logfile={log}\nstdout_logfile_maxbytes=0\nstderr_logfile=/dev/null\n"
    )


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
