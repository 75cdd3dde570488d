"""A state directory as my_init and runsv keep it, written byte by byte as the contract and runit's documentation have it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

DOWN, RUN, FINISH = bytes([0]), bytes([1]), bytes([2])


def status_bytes(state: bytes, pid: int, wanted: bytes = b"u", paused: bool = False, ago: float = 0) -> bytes:
    """A supervise/status: TAI64N, pid, paused, wanted, TERM sent, state."""
    seconds = int(time.time() - ago) + 2**62 + 10
    return seconds.to_bytes(8, "big") + bytes(4) + pid.to_bytes(4, "little") + bytes([paused]) + wanted + b"\0" + state


class State:
    """A state directory with services in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._held: list[int] = []
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}

    def boot(self, phase: str = "running") -> None:
        """A my_init that lives: this process."""
        (self.directory / "service").mkdir(parents=True)
        (self.directory / "pid").write_text(f"{os.getpid()}\n")
        (self.directory / "phase").write_text(f"{phase}\n")
        (self.directory / "environ").write_bytes(b"B=two\nlines\0A=\xff\xc3\xa9\0")

    def home(self, name: str) -> Path:
        """STATE/service/NAME."""
        return self.directory / "service" / name

    def add(self, name: str, *status: Any, supervised: bool = True, **more: Any) -> None:
        """A service with what runsv says of it."""
        supervise = self.home(name) / "supervise"
        supervise.mkdir(parents=True)
        os.mkfifo(supervise / "ok")
        if supervised:
            # runsv holds it open for reading as long as it lives.
            self._held.append(os.open(supervise / "ok", os.O_RDONLY | os.O_NONBLOCK))
        if status:
            (supervise / "status").write_bytes(status_bytes(*status, **more))

    def policy(self, name: str, state: str, **members: Any) -> None:
        """What my_init says of it."""
        told = {"wanted": "up", "restarts": 0, "exit": "none", "ready": 0, "healthy": 0, "critical": 0, "since": 0.0}
        lines = {"state": state, **told, **members}
        file = self.home(name) / "policy"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name("new").write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        file.with_name("new").rename(file)

    def run(self, name: str, script: str, *, down: bool = False) -> subprocess.Popen[bytes]:
        """A service below a real runsv; my_init, which is not here, has found it ready."""
        home = self.home(name)
        home.mkdir(parents=True)
        (home / "run").write_text(f"#!/bin/sh\n{script}\n")
        (home / "run").chmod(0o755)
        if down:
            (home / "down").touch()
        self.policy(name, "down" if down else "ready", ready=int(not down), healthy=1)
        runsv = subprocess.Popen([shutil.which("runsv") or "/usr/bin/runsv", str(home)], stdin=subprocess.DEVNULL)
        self._supervisors[name] = runsv
        return runsv

    def events(self, *events: dict[str, Any], file: str = "events") -> None:
        """Append to the boot log."""
        with (self.directory / file).open("a") as log:
            log.write("".join(f"{json.dumps(event)}\n" for event in events))

    def close(self) -> None:
        """End what runs, and close what is open."""
        for descriptor in self._held:
            os.close(descriptor)
        for name, runsv in self._supervisors.items():
            # Not TERM: runsv sleeps a second after a service that lived for less.
            runsv.kill()
            runsv.wait(30)
            status = self.home(name) / "supervise" / "status"
            pid = int.from_bytes(status.read_bytes()[12:16], "little") if status.exists() else 0
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
