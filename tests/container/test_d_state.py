"""D6, D5, F2: what runs, from inside and from the host: dodaictl, `dodai status`, `dodai boot-chart`, the health check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pages
from tests.container import harness

SERVICES: harness.Files = {
    "/etc/service/db/run": harness.script("sleep 0.3; touch /tmp/db; exec sleep 1000"),
    "/etc/service/db/check": harness.script("test -e /tmp/db"),
    "/etc/service/web/run": harness.script("echo out; echo err >&2; exec sleep 1000"),
    "/etc/service/web/depends": "db\n",
    "/etc/service/off/run": harness.script("exec sleep 1000"),
    "/etc/service/off/down": "",
    "/etc/my_init.d/50_work": harness.script("sleep 0.1"),
}
KEYS = ["name", "state", "wanted", "pid", "uptime_s", "restarts", "last_exit", "ready", "healthy", "critical"]


def dodai(kind: str, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The host's command, with this engine."""
    environment = os.environ | harness.podman_settings() | {"DODAI_ENGINE": kind, "PYTHONPATH": str(pages.ROOT / "src")}
    argv = [sys.executable, "-m", "dodai", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment, cwd=cwd, check=False)


@pytest.fixture(scope="module")
def box(engine: harness.Engine, minimal: str) -> Iterator[harness.Container]:
    """A container with services in it, up and ready."""
    with engine.start(minimal, env={"MY_INIT_LOG_FORMAT": "json"}, files=SERVICES) as container:
        container.exec("dodaictl", "ready", "--wait", "30", "db", "web")
        yield container


def status(container: harness.Container) -> dict[str, dict[str, Any]]:
    seen = json.loads(container.exec("dodaictl", "status", "--json").stdout)
    assert list(seen) == ["phase", "services"]
    assert seen["phase"] == "running"
    assert all(list(service) == KEYS for service in seen["services"])
    return {service["name"]: service for service in seen["services"]}


def test_status(box: harness.Container) -> None:
    seen = status(box)
    assert sorted(seen) == ["db", "off", "web"]
    web, off = seen["web"], seen["off"]
    assert (web["state"], web["wanted"], web["ready"], web["healthy"], web["last_exit"]) == ("ready", "up", True, True, None)
    assert box.sh(f"cat /proc/{web['pid']}/comm") == "sleep"
    assert (off["state"], off["wanted"], off["pid"], off["healthy"]) == ("down", "down", None, True)


def test_health_and_status_for_any_user(box: harness.Container) -> None:
    for user in ("0", "nobody", "12345:12345"):
        assert box.exec("dodaictl", "health", user=user).log == "", user
    seen = json.loads(box.exec("dodaictl", "status", "--json", "web", user="nobody").stdout)["services"]
    assert [(one["state"], one["ready"]) for one in seen] == [("ready", True)]
    refused = box.exec("dodaictl", "stop", "web", user="nobody", check=False)
    assert (refused.code, "run dodaictl as uid 0" in refused.err) == (1, True)


def test_stop_start_restart_and_signal(box: harness.Container) -> None:
    before = status(box)["db"]["pid"]
    assert box.exec("dodaictl", "restart", "db").log == ""
    after = status(box)["db"]
    assert (after["pid"] != before, after["ready"]) == (True, True)
    box.exec("dodaictl", "stop", "db")
    assert box.exec("dodaictl", "health", check=False).code == 0
    assert status(box)["db"]["state"] == "down"
    box.exec("dodaictl", "start", "db")
    assert status(box)["db"]["state"] == "ready"
    box.exec("dodaictl", "signal", "KILL", "db")
    box.wait_for(lambda: status(box)["db"]["last_exit"] == {"signal": 9})
    box.exec("dodaictl", "ready", "--wait", "30", "db")
    assert "did you mean 'web'?" in box.exec("dodaictl", "stop", "wbe", check=False).err


def test_logs_of_one_service(box: harness.Container) -> None:
    lines = [json.loads(line) for line in box.exec("dodaictl", "logs", "web").out.splitlines()]
    assert {(line["service"], line["stream"], line["message"]) for line in lines} == {
        ("web", "stdout", "out"),
        ("web", "stderr", "err"),
    }


def test_the_boot_as_text_and_events(box: harness.Container) -> None:
    text = box.exec("dodaictl", "boot").out
    chain = text.partition("slowest")[0]
    order = [chain.find(name) for name in ("my_init", "/etc/my_init.d/50_work", "  db", "  web")]
    assert -1 not in order, box.exec("dodaictl", "events").out + text
    assert order == sorted(order)
    assert text.startswith("all services are ready: ")
    events = [json.loads(line)["event"] for line in box.exec("dodaictl", "events").out.splitlines()]
    assert events[0] == "boot"
    assert {"phase", "script-start", "script-end", "service"} <= set(events)


def test_logs_without_a_format(engine: harness.Engine, minimal: str) -> None:
    with engine.start(minimal, files=SERVICES) as container:
        container.exec("dodaictl", "ready", "--wait", "30", "db", "web")
        done = container.exec("dodaictl", "logs", "web", check=False)
        assert (done.code, "MY_INIT_LOG_FORMAT" in done.err) == (1, True)


def test_docker_runs_the_health_check(engine: harness.Engine, minimal: str) -> None:
    """And it leaves no process behind."""
    options = ["--health-interval=200ms", "--health-retries=1"]
    with engine.start(minimal, options=options, files=SERVICES) as container:

        def said(word: str) -> bool:
            return bool(engine.inspect("container", container.name)["State"]["Health"]["Status"] == word)

        container.wait_for(lambda: said("healthy"))
        container.exec("touch", "/etc/service/web/run.broken")
        container.exec("sh", "-c", "printf '#!/bin/sh\\nexit 1\\n' >/etc/service/web/run")
        container.exec("dodaictl", "signal", "KILL", "web")
        container.wait_for(lambda: said("unhealthy"))
        assert "Z" not in container.sh("cat /proc/[0-9]*/stat | sed 's/.*) //' | cut -c1")


def test_status_on_the_host(each_engine: harness.Engine, minimal: str) -> None:
    with each_engine.start(minimal, files=SERVICES) as container, each_engine.start(minimal, "sleep", "1000") as other:
        container.exec("dodaictl", "ready", "--wait", "30", "db", "web")
        done = dodai(each_engine.kind, "status", "--json")
        assert done.returncode == 0, done.stderr
        seen = {one["name"]: one for one in json.loads(done.stdout)["containers"]}
        assert [service["name"] for service in seen[container.name]["status"]["services"]] == ["db", "off", "web"]
        assert seen[other.name]["status"] is None
        text = dodai(each_engine.kind, "status").stdout
        block = text[text.index(container.name) :].splitlines()
        assert [line.split()[:2] for line in block[1:4]] == [["db", "ready"], ["off", "down"], ["web", "ready"]]


def test_the_boot_as_a_picture(each_engine: harness.Engine, minimal: str, tmp_path: Path) -> None:
    """Of a container that runs, and of one that has stopped."""
    with each_engine.start(minimal, files=SERVICES) as container:
        container.exec("dodaictl", "ready", "--wait", "30", "db", "web")
        done = dodai(each_engine.kind, "boot-chart", container.name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{container.name}-boot.svg\n"), done.stderr
        picture = tmp_path / f"{container.name}-boot.svg"
        ElementTree.parse(picture)
        assert "50_work: exit code 0" in picture.read_text()
        container.stop()
        done = dodai(each_engine.kind, "boot-chart", container.name, "-o", "stop.html", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "stop: SIGTERM" in (tmp_path / "stop.html").read_text()
