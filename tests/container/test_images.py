"""A1, B2, C1, C2, D1, E1, E3, E4, E7: six images as people build them: built, used over its protocol, restarted, stopped.

The directories below images/ are also the examples of the documentation.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container import harness
from tests.container.conftest import Derived
from tests.container.harness import Container, Engine

IMAGES = Path(__file__).parent / "images"
STOP_SECONDS = 8.0


def published(box: Container, port: int) -> int:
    """The port on the host's loopback that leads to a container's port."""
    return int(box.engine.call("port", box.name, f"{port}/tcp").out.split()[0].rsplit(":", 1)[1])


@contextlib.contextmanager
def running(
    engine: Engine, image: str, port: int = 0, env: dict[str, str] | None = None, options: list[str] | None = None
) -> Iterator[Container]:
    words = [f"--publish=127.0.0.1::{port}"] if port else []
    with engine.start(image, env=env, options=[*words, *(options or [])]) as box:
        yield box


def soon(box: Container, action: Callable[[], harness.T], what: str) -> harness.T:
    """What action() returns, once it does without an OSError and is not empty."""

    def attempt() -> harness.T | None:
        try:
            return action()
        except (OSError, EOFError, http.client.HTTPException):
            return None

    return harness.until(attempt, what, more=box.report)  # type: ignore[return-value]


def stops_cleanly(box: Container, timeout: int = 10) -> str:
    """Stop it; it ends by itself, with 0, and with no complaint of my_init. Returns its log."""
    assert box.stop(timeout) == 0, box.report()
    log = box.logs()
    assert "did not stop in time" not in log.err, log.err
    return log.log


def memcached(box: Container, *lines: str) -> str:
    with socket.create_connection(("127.0.0.1", published(box, 11211)), timeout=5) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in [*lines, "quit"]).encode())
        answer = b""
        while more := connection.recv(4096):
            answer += more
    return answer.decode()


def test_memcached(engine: Engine, derived: Derived) -> None:
    with running(engine, derived(IMAGES / "memcached"), 11211, {"MEMCACHED_MEGABYTES": "16"}) as box:
        assert soon(box, lambda: memcached(box, "set k 0 0 5", "hello"), "answer") == "STORED\r\n"
        assert memcached(box, "get k") == "VALUE k 0 5\r\nhello\r\nEND\r\n"
        assert "limit_maxbytes 16777216" in memcached(box, "stats")
        assert box.sh("ps -o user= -C memcached").startswith("memcac")
        box.restart()
        assert soon(box, lambda: memcached(box, "get k"), "answer") == "END\r\n"
        old = box.sh("pgrep -x memcached")
        box.sh("kill -KILL $(pgrep -x memcached)")
        assert soon(box, lambda: memcached(box, "get k"), "answer of a new process") == "END\r\n"
        assert box.sh("pgrep -x memcached") != old
        stops_cleanly(box)


def get(box: Container, port: int, path: str = "/", data: bytes | None = None) -> str:
    url = f"http://127.0.0.1:{published(box, port)}{path}"
    with urllib.request.urlopen(url, data=data, timeout=5) as answer:  # the scheme is ours
        body: bytes = answer.read()
    return body.decode()


def test_nginx_and_php(engine: Engine, derived: Derived) -> None:
    with running(engine, derived(IMAGES / "nginx-php"), 80, {"SITE_TITLE": "grüß  dich"}) as box:
        assert soon(box, lambda: get(box, 80), "page") == "grüß  dich as www-data\n"
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(box, 80, "/nothing.php")
        assert refused.value.code == 404
        refused.value.close()
        box.wait_for("GET /nothing.php")
        box.restart()
        assert soon(box, lambda: get(box, 80), "page after a restart").endswith("as www-data\n")
        stops_cleanly(box)
        log = box.logs()
        assert '"GET / HTTP/1.1" 200' in log.out
        assert "request from 172." in log.err
        assert log.err.count("fpm is running") == log.err.count("exiting, bye-bye!") == 2
    with running(engine, derived(IMAGES / "nginx-php"), 80) as box:
        assert soon(box, lambda: get(box, 80), "page with a startup file's value") == "Untitled as www-data\n"


def psql(box: Container, query: str, host: str = "") -> harness.Result:
    words = ["--host=127.0.0.1", "--username=postgres"] if host else []
    as_user = [] if host else ["setuser", "postgres"]
    return box.exec(*as_user, "psql", *words, "-qAtc", query, "postgres", env={"PGPASSWORD": host}, check=False)


def test_postgresql(engine: Engine, derived: Derived) -> None:
    env = {"POSTGRES_PASSWORD": "it's  secret"}
    with running(engine, derived(IMAGES / "postgresql"), 5432, env) as box:

        def answers() -> bool:
            with socket.create_connection(("127.0.0.1", published(box, 5432)), timeout=5) as connection:
                connection.sendall(bytes.fromhex("0000000804d2162f"))  # SSLRequest
                return bool(connection.recv(1)) and psql(box, "SELECT 1").out == "1\n"

        soon(box, answers, "PostgreSQL")
        assert psql(box, "CREATE TABLE t AS SELECT 42 AS n").code == 0
        assert psql(box, "SELECT n FROM t", env["POSTGRES_PASSWORD"]).out == "42\n"
        assert "password authentication failed" in psql(box, "SELECT 1", "wrong").err
        main = box.sh("pgrep -o -x postgres")
        groups = box.sh(f"sed -n 's/^Groups:[[:space:]]*//p' /proc/{main}/status").split()
        assert box.sh("getent group ssl-cert | cut -d: -f3") in groups
        # A client that stays does not keep it from stopping.
        box.spawn("setuser", "postgres", "psql", "-c", "SELECT pg_sleep(600)")
        harness.until(
            lambda: "pg_sleep" in psql(box, "SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()").out, "client"
        )
        box.restart()
        soon(box, answers, "PostgreSQL after a restart")
        assert psql(box, "SELECT n FROM t").out == "42\n"
        log = stops_cleanly(box)
        assert log.count("database system is shut down") >= 2, log
        assert "not properly shut down" not in log


def test_cron_job(engine: Engine, derived: Derived) -> None:
    value = 'it\'s  "quoted" $HOME'
    with running(engine, derived(IMAGES / "cron"), env={"TENANT": value}) as box:
        assert not box.sh("ls /etc/service | grep sshd; ls /etc/my_init.d", check=False)
        box.wait_for("]: up since 2")
        for tag, user in (("report-sh", "root"), ("report-env", "report")):
            box.wait_for(f"{tag}: report for {value} by {user}", seconds=75)
            assert f"{tag}: report for {value} by {user}" in box.sh("cat /var/log/syslog")
        box.wait_for(lambda: re.search(rf"cron/report\[\d+\]: report for {re.escape(value)} by report\n", box.logs().err))
        box.restart()
        harness.until(lambda: box.logs().err.count("]: up since 2") == 2, "jobs of the boot", more=box.report)
        stops_cleanly(box)
        assert box.logs().out == ""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)
    return path


SSH = [
    "-F",
    "none",
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
]


def ssh(program: str, box: Container, key: Path, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
    port = ["-P" if program == "sftp" else "-p", str(published(box, 22))]
    argv = [program, *SSH, "-o", "IdentitiesOnly=yes", "-i", str(key), *port, *words]
    return subprocess.run(argv, input=input, capture_output=True, text=True, timeout=20, check=False)


def test_ssh_and_sftp(engine: Engine, derived: Derived, keys: Path, tmp_path: Path) -> None:
    tag = derived(IMAGES / "sftp", files={"id.pub": keys.with_suffix(".pub").read_bytes()})
    with running(engine, tag, 22, {"GREETING": "one line"}) as box:

        def banner() -> bytes:
            with socket.create_connection(("127.0.0.1", published(box, 22)), timeout=5) as connection:
                return connection.recv(7)

        assert soon(box, banner, "sshd") == b"SSH-2.0"
        fingerprints = box.sh("cat /etc/ssh/ssh_host_*_key.pub")
        assert ssh("ssh", box, keys, "root@127.0.0.1", "exit 7").returncode == 7
        assert ssh("ssh", box, keys, "root@127.0.0.1", "with_env sh -c 'echo $GREETING'").stdout == "one line\n"
        (tmp_path / "up").write_text("content\n")
        sent = ssh(
            "sftp",
            box,
            keys,
            "-b",
            "-",
            "files@127.0.0.1",
            input=f"put {tmp_path}/up upload/there\nget upload/there {tmp_path}/down\n",
        )
        assert sent.returncode == 0, sent.stderr
        assert (tmp_path / "down").read_text() == "content\n"
        assert box.sh("stat -c %U /srv/sftp/upload/there") == "files"
        assert "uid=" not in ssh("ssh", box, keys, "files@127.0.0.1", "id").stdout
        refused = ssh("ssh", box, Path("/nonexistent"), "-v", "-o", "PreferredAuthentications=password", "root@127.0.0.1")
        assert "Permission denied (publickey)" in refused.stderr
        box.restart()
        soon(box, banner, "sshd after a restart")
        assert box.sh("cat /etc/ssh/ssh_host_*_key.pub") == fingerprints
        assert ssh("ssh", box, keys, "root@127.0.0.1", "true").returncode == 0
        stops_cleanly(box)
        assert box.logs().out == ""


def test_web_application_worker_and_migrations(engine: Engine, derived: Derived) -> None:
    tag = derived(IMAGES / "webapp")
    volume = f"dodai-test-{harness.RUN}-webapp"
    mount = [f"--volume={volume}:/var/lib/app"]
    engine.call("volume", "create", "--label", harness.LABEL, volume)

    def manage(*words: str) -> harness.Result:
        return engine.run(tag, "/sbin/my_init", "--quiet", "--", "manage", *words, options=mount)

    try:
        assert manage("version").code == 1
        migrated = manage("migrate")
        assert (migrated.code, migrated.out) == (0, "migration 1 done\nmigration 2 done\n"), migrated.log
        assert manage("migrate").out == ""
        with running(engine, tag, 8000, options=mount) as box:
            number = soon(box, lambda: get(box, 8000, data=b"a job"), "answer").strip()
            soon(box, lambda: get(box, 8000, f"/{number}").strip() == "A JOB", "result")
            assert set(box.sh("ps -o user= -C python3 | sort -u").split()) <= {"app", "root"}
            assert box.sh("sv status web worker").count("run: ") == 2
            box.restart()
            assert soon(box, lambda: get(box, 8000, f"/{number}"), "result after a restart") == "A JOB\n"
            log = stops_cleanly(box)
            assert f'"GET /{number} HTTP/1.1" 200' in log
            assert log.count("worker: stopped") == 2
        failed = manage("nonsense")
        assert (failed.code, failed.out) == (1, "")
        assert "usage: " in failed.err
    finally:
        engine.call("volume", "rm", "--force", volume, check=False)
