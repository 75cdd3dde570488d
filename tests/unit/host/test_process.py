"""Style rule 6, bad input: the one door to programs says what it was doing, how that ended and why; nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dodai import errors, process
from tests.unit.host.conftest import ROOT


def test_output_code_and_time() -> None:
    done = process.run(["sh", "-c", "cat; echo err >&2; exit 3"], doing="try", check=False, input=b"in\xff")
    assert (done.code, done.stdout, done.stderr, done.ok) == (3, "in\udcff", "err\n", False)
    assert done.seconds > 0


def test_stdin_is_empty_unless_given() -> None:
    assert process.run(["cat"], doing="read").stdout == ""


def test_environment_is_added() -> None:
    done = process.run(["sh", "-c", "echo $MORE $PATH"], doing="try", env={"MORE": "1"})
    assert done.stdout == f"1 {os.environ['PATH']}\n"


def test_failure_names_what_why_and_the_last_words() -> None:
    with pytest.raises(errors.CommandFailed) as caught:
        process.run(["sh", "-c", "echo first >&2; echo last >&2; exit 4"], doing="pack it")
    assert str(caught.value) == "cannot pack it: sh exited with 4: last"
    assert (caught.value.code, caught.value.tail) == (4, ["first", "last"])


def test_death_by_a_signal_is_named() -> None:
    with pytest.raises(errors.CommandFailed, match="killed by SIGKILL") as caught:
        process.run(["sh", "-c", "kill -9 $$"], doing="live")
    assert caught.value.code == 137


def test_missing_program() -> None:
    with pytest.raises(errors.CommandMissing, match='cannot look: "dodai-nothing" is not installed') as caught:
        process.run(["dodai-nothing"], doing="look")
    assert caught.value.code == 127


def test_missing_directory_is_not_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(errors.CommandFailed) as caught:
        process.run(["true"], doing="look", cwd=tmp_path / "gone")
    assert not isinstance(caught.value, errors.CommandMissing)


def test_not_executable(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(errors.CommandFailed, match="ermission denied") as caught:
        process.run([tmp_path / "plain"], doing="look")
    assert caught.value.code == 126


def test_timeout_kills() -> None:
    with pytest.raises(errors.CommandTimedOut, match=r"did not answer in 0\.2 s"):
        process.run(["sleep", "60"], doing="wait", timeout=0.2)


def test_stream_gives_lines_as_they_come_and_keeps_them(tmp_path: Path) -> None:
    lines: list[str] = []
    log = tmp_path / "log"
    with pytest.raises(errors.CommandFailed, match="cannot build: sh exited with 2: two"):
        process.stream(["sh", "-c", "echo one; echo two >&2; exit 2"], doing="build", on_line=lines.append, log=log)
    assert lines == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"


def test_stream_ends_the_child_when_interrupted() -> None:
    pids: list[int] = []

    def first(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.stream(["sh", "-c", "echo $$; exec sleep 60"], doing="build", on_line=first)
    assert not process.alive(pids[0])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGINT, 8), (signal.SIGHUP, 9)])
def test_attached_hands_signals_on_and_waits(number: int, code: int, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    child = f"trap 'exit 7' TERM; trap 'exit 8' INT; trap 'exit 9' HUP; : >{ready}; while :; do sleep 0.05; done"
    script = (
        "import sys; from dodai import process\n"
        f"ended = process.attached(['sh', '-c', {child!r}], doing='try')\n"
        "print(ended.code, ended.signal)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(ready)
    parent.send_signal(number)
    assert parent.communicate(timeout=20)[0] == f"{code} {int(number)}\n"


def test_attached_child_begins_with_no_signal_blocked() -> None:
    script = "from dodai import process\nprocess.attached(['grep', 'SigBlk', '/proc/self/status'], doing='try')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert int(done.stdout.split()[1], 16) == 0


def test_background_outlives_us_in_a_session_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = process.background(["sh", "-c", "echo up; exec sleep 60"], doing="start", log=log)
    try:
        assert os.getsid(pid) == pid
        wait_for(log, b"up\n")
        assert process.alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process.alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_which_looks_in_sbin_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = tmp_path / "daemon"
    daemon.write_text("")
    daemon.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    assert process.which("daemon") is None
    monkeypatch.setattr(process, "SBIN", str(tmp_path))
    assert process.which("daemon") == str(daemon)


def wait_for(path: Path, content: bytes = b"") -> None:
    """Wait until a file is there, with this content."""
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_bytes().startswith(content)):
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)
