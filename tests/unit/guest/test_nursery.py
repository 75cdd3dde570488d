"""Supervisors are started while the next home is made; those that a dying perl has named are known, the others start too."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest.floor import paths
from guest.mechanism import nursery, reap, subreaper

# In place of perl: notes each word as it comes, and names pids.
PATIENT = """
import os
with open({notes!r}, "wb", 0) as notes:
    while byte := os.read(0, 1):
        notes.write(byte)
os.write(1, b"7\\n8\\n")
"""
DYING = """
import os
os.write(1, b"7\\n")
"""


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The homes that were started without perl."""
    started: list[bytes] = []

    def by_ourselves(job: nursery.Job, _environment: dict[bytes, bytes]) -> int:
        started.append(job.home)
        return 1000 + len(started)

    monkeypatch.setattr(nursery, "_by_ourselves", by_ourselves)
    monkeypatch.setattr(subreaper, "adopts", lambda: True)
    monkeypatch.setattr(paths, "RUNSV", b"/bin/true")
    monkeypatch.setattr(reap, "register", lambda _pid: None)
    monkeypatch.setattr(reap, "forget", lambda pid: os.waitpid(pid, 0))
    return started


def replace_perl(directory: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    program, notes = directory / "perl", directory / "notes"
    program.write_text(f"#!{sys.executable} -IS\n" + text.format(notes=str(notes)))
    program.chmod(0o755)
    monkeypatch.setattr(nursery, "_INTERPRETER", os.fsencode(program))
    return notes


def test_one_is_handed_over_before_the_next_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: list[bytes]) -> None:
    notes = replace_perl(tmp_path, monkeypatch, PATIENT)

    def homes() -> Iterator[nursery.Job]:
        yield nursery.Job(b"first")
        deadline = time.monotonic() + 10
        while not (notes.exists() and b"first" in notes.read_bytes()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield nursery.Job(b"second")

    jobs = nursery.start(homes(), {b"A": b"b"})
    assert [job.pid for job in jobs] == [7, 8]
    assert notes.read_bytes() == b"1\0A=b\0first\0\0\0\0second\0\0\0\0"
    assert ours == []


def test_a_perl_that_dies_has_not_started_any_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: list[bytes]) -> None:
    replace_perl(tmp_path, monkeypatch, DYING)
    many = [nursery.Job(b"home%d" % number, extra=b"A=" + b"x" * 9999) for number in range(50)]
    jobs = nursery.start(many, {})
    assert jobs == many
    assert jobs[0].pid == 7
    assert ours == [job.home for job in many[1:]]
