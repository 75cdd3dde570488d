"""The inits that are compared: what Debian packages, Dodai itself, and what peers.toml names."""

from __future__ import annotations

import dataclasses
import signal
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dodai import errors

DODAI = "dodai"
DODAI_DEFAULT = "dodai-default"
DODAI_PREFIX = "dodai-prefix"
DODAI_JSON = "dodai-json"
OURS = (DODAI, DODAI_DEFAULT, DODAI_PREFIX, DODAI_JSON)

# How a peer is told of its services.
RUN_FILES = "run-files"  # SERVICES/NAME/run: runit, s6, s6-overlay, my_init
SUPERVISOR = "supervisor"  # /etc/supervisor/conf.d
PEBBLE = "pebble"  # a layer of YAML
COMMAND = "command"  # it starts one program, its argument
LAYOUTS = (RUN_FILES, SUPERVISOR, PEBBLE, COMMAND)

# Where the lines of a service go: to the container's output as they are, or as MY_INIT_LOG_FORMAT has it; or into a file.
PLAIN, PREFIX, JSON = "plain", "prefix", "json"
STREAMS = (PLAIN, PREFIX, JSON)
SVLOGD, S6_LOG, SUPERVISORD = "svlogd", "s6-log", "supervisord"
LOGS = {
    RUN_FILES: (*STREAMS, SVLOGD, S6_LOG),
    SUPERVISOR: (SUPERVISORD,),
    PEBBLE: (),
    COMMAND: (PLAIN,),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """One init.

    `init` is what is started as PID 1; for COMMAND the service's program is put behind it. `one_shot` is what a one-shot
    command is put behind; empty where there is no such thing. The root comes from exactly one of `image` (a local image of the
    engine), `root` (a directory), `packages` (of Debian, on the base of Dodai minimal) and `variant` (of Dodai).
    `stop_signal` is 0 where a stop leaves the services to the kernel, so that there is nothing to compare. `log` says where the
    lines of its services go, one of LOGS; empty: no lines are measured.
    """

    name: str
    init: tuple[str, ...]
    layout: str = RUN_FILES
    services: str = "/etc/service"
    one_shot: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    image: str = ""
    root: str = ""
    packages: tuple[str, ...] = ()
    variant: str = ""
    note: str = ""
    # Whether it is measured in every row; otherwise only in those with one service and one command.
    full: bool = True
    log: str = ""
    # Whether only the rows about lines are measured, since in the others it is as another peer.
    logs_only: bool = False

    @property
    def supervises(self) -> bool:
        """Whether it can run more than one service and start them again."""
        return self.layout != COMMAND


# Debian's /etc/service is a link that its runit manages.
_SCAN = "/srv/service"


def _formatted(name: str, log: str) -> Peer:
    return Peer(
        name,
        ("/sbin/my_init",),
        one_shot=("/sbin/my_init", "--"),
        variant="minimal",
        full=False,
        log=log,
        logs_only=True,
        note=f"dodai with MY_INIT_LOG_FORMAT={log}",
    )


# What no init in Python can be without: signals blocked, one program started, TERM passed on, its exit code taken over.
_FLOOR = """\
import sys, _signal
_signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
import posix
pid = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ, setsigmask=())
while True:
    if _signal.sigwait((_signal.SIGTERM, _signal.SIGCHLD)) == _signal.SIGTERM:
        posix.kill(pid, _signal.SIGTERM)
        continue
    done, status = posix.waitpid(-1, posix.WNOHANG)
    if done == pid:
        posix._exit(status >> 8 or status & 127 and 128 + (status & 127))
"""
_FLOOR_INIT = ("/usr/bin/python3", "-IS", "-c", _FLOOR)

BUILT_IN = (
    Peer(DODAI, ("/sbin/my_init",), one_shot=("/sbin/my_init", "--"), variant="minimal", log=PLAIN),
    _formatted(DODAI_PREFIX, PREFIX),
    _formatted(DODAI_JSON, JSON),
    Peer(
        DODAI_DEFAULT,
        ("/sbin/my_init",),
        one_shot=("/sbin/my_init", "--"),
        variant="default",
        note="with syslog-ng and cron",
        full=False,
    ),
    Peer(
        "runsvdir",
        ("/usr/bin/runsvdir", "-P", _SCAN),
        services=_SCAN,
        stop_signal=0,
        packages=("runit",),
        note="a stop leaves its services to the kernel; svlogd -tt writes its lines into a file",
        log=SVLOGD,
    ),
    Peer(
        "s6-svscan",
        ("/usr/bin/s6-svscan", _SCAN),
        services=_SCAN,
        packages=("s6",),
        note="s6-log T writes its lines into a file",
        log=S6_LOG,
    ),
    Peer(
        "supervisord",
        ("/usr/bin/supervisord", "-n", "-c", "/etc/supervisor/supervisord.conf"),
        layout=SUPERVISOR,
        packages=("supervisor",),
        note="it writes the lines into a file itself",
        log=SUPERVISORD,
    ),
    Peer("tini", ("/usr/bin/tini", "--"), layout=COMMAND, one_shot=("/usr/bin/tini", "--"), packages=("tini",)),
    Peer(
        "dumb-init",
        ("/usr/bin/dumb-init", "--"),
        layout=COMMAND,
        one_shot=("/usr/bin/dumb-init", "--"),
        packages=("dumb-init",),
    ),
    Peer(
        "catatonit",
        ("/usr/bin/catatonit", "--"),
        layout=COMMAND,
        one_shot=("/usr/bin/catatonit", "--"),
        packages=("catatonit",),
    ),
    Peer(
        "python",
        _FLOOR_INIT,
        layout=COMMAND,
        one_shot=_FLOOR_INIT,
        packages=("python3-minimal",),
        full=False,
        note="a dozen lines that start one program and wait: the floor of every init in Python",
    ),
)

_KEYS = ("image", "root", "init", "layout", "services", "one-shot", "stop-signal", "log", "note")


def read(path: Path) -> list[Peer]:
    """The peers of a file like peers.toml. Raises UsageError naming the place and the remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise errors.UsageError(f'cannot read "{path}": {error.strerror}', hint="--peers names a TOML file") from None
    except UnicodeDecodeError:
        raise errors.UsageError(f'cannot read "{path}": it is not UTF-8', hint="save it as UTF-8") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> list[Peer]:
    """The peers in the text of a peers.toml; `name` is for messages."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise errors.UsageError(f'cannot read "{name}": {error}', hint="correct the file") from None
    _only(document, ("peer",), name, "table")
    tables = document.get("peer", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise errors.UsageError(f'cannot use "{name}": peer is not made of tables', hint="write [peer.NAME]")
    return [_peer(key, table, name) for key, table in tables.items()]


def select(known: Sequence[Peer], wanted: Sequence[str]) -> list[Peer]:
    """The peers whose names are wanted, all for none. Raises UsageError for a name that is not there."""
    names = [peer.name for peer in known]
    for name in wanted:
        if name not in names:
            raise errors.UsageError(f'cannot measure "{name}": there is no such peer', hint=f"choose from: {', '.join(names)}")
    return [peer for peer in known if not wanted or peer.name in wanted]


def _peer(key: str, table: Mapping[str, Any], name: str) -> Peer:
    place = f"{name}, peer.{key}"
    _only(table, _KEYS, place, "key")
    if ("image" in table) == ("root" in table):
        raise errors.UsageError(f"cannot use {place}: it needs either image or root", hint='image = "NAME:TAG"')
    if key in {peer.name for peer in BUILT_IN}:
        raise errors.UsageError(f"cannot use {place}: that name is taken", hint="choose another")
    layout = _string(table, "layout", RUN_FILES, place)
    if layout not in LAYOUTS:
        raise errors.UsageError(f'cannot use {place}: no layout "{layout}"', hint=f"choose from: {', '.join(LAYOUTS)}")
    log = _string(table, "log", "", place)
    if log and log not in LOGS[layout]:
        choice = ", ".join(LOGS[layout]) or "none: leave it out"
        raise errors.UsageError(f'cannot use {place}: no log "{log}" with layout "{layout}"', hint=f"choose from: {choice}")
    init = _words(table, "init", place)
    if not init or not init[0].startswith("/"):
        raise errors.UsageError(f"cannot use {place}: init does not begin with a path", hint='init = ["/sbin/init"]')
    return Peer(
        name=key,
        init=init,
        layout=layout,
        services=_string(table, "services", "/etc/service", place),
        one_shot=_words(table, "one-shot", place),
        stop_signal=_signal(_string(table, "stop-signal", "TERM", place), place),
        image=_string(table, "image", "", place),
        root=_string(table, "root", "", place),
        note=_string(table, "note", "", place),
        log=log,
    )


def _only(table: Mapping[str, Any], known: Sequence[str], place: str, kind: str) -> None:
    for key in table:
        if key not in known:
            raise errors.UsageError(f'cannot use {place}: unknown {kind} "{key}"', hint=f"known: {', '.join(known)}")


def _string(table: Mapping[str, Any], key: str, default: str, place: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise errors.UsageError(f"cannot use {place}: {key} is not a string", hint=f'{key} = "…"')
    return value


def _words(table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise errors.UsageError(f"cannot use {place}: {key} is not a list of strings", hint=f'{key} = ["…", "…"]')
    return tuple(value)


def _signal(text: str, place: str) -> int:
    if text == "none":
        return 0
    try:
        return signal.Signals[f"SIG{text.removeprefix('SIG')}"]
    except KeyError:
        raise errors.UsageError(f'cannot use {place}: no signal "{text}"', hint='stop-signal = "TERM", or "none"') from None
