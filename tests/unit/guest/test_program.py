"""B4, B8, D7: why a program cannot start is said with the remedy, and with a shell's exit code."""

import errno
from pathlib import Path

import pytest

from guest.mechanism import program


def script(path: Path, content: bytes, mode: int = 0o755) -> bytes:
    path.write_bytes(content)
    path.chmod(mode)
    return bytes(path)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"#!/bin/sh\n", 0o644, "chmod +x"),
        (b"#!/bin/sh\r\nexit\r\n", 0o755, "CRLF"),
        (b"#!/no/such/thing\n", 0o755, "interpreter '/no/such/thing' is missing"),
        (b"echo hi\n", 0o755, "no #! line"),
        (b"#!\n", 0o755, "names no interpreter"),
        (b"", 0o755, "empty"),
    ],
)
def test_faults_of_a_script(tmp_path: Path, content: bytes, mode: int, words: str) -> None:
    assert words in (program.fault(script(tmp_path / "run", content, mode)) or "")


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"#! /bin/sh -e\n", b"#!/usr/bin/env sh\n", b"\x7fELF..."])
def test_good_ones_have_none(tmp_path: Path, content: bytes) -> None:
    assert program.fault(script(tmp_path / "run", content)) is None


def test_missing_dangling_and_directory(tmp_path: Path) -> None:
    assert program.fault(bytes(tmp_path / "no")) == "no such file"
    (tmp_path / "link").symlink_to("nowhere")
    assert "link to 'nowhere'" in (program.fault(bytes(tmp_path / "link")) or "")
    assert program.fault(bytes(tmp_path)) == "is not a file"


def test_find_searches_path_as_execvp_does(tmp_path: Path) -> None:
    script(tmp_path / "tool", b"#!/bin/sh\n")
    script(tmp_path / "plain", b"#!/bin/sh\n", 0o644)
    (tmp_path / "folder").mkdir()
    path = {b"PATH": b"/nowhere:" + bytes(tmp_path)}
    assert program.find(b"tool", path) == bytes(tmp_path / "tool")
    assert program.find(b"./x", path) == b"./x"
    for name, code in ((b"absent", 127), (b"", 127), (b"folder", 127), (b"plain", 126)):
        with pytest.raises(program.CannotStart) as caught:
            program.find(name, path)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("error", "code"), [(errno.ENOENT, 127), (errno.EACCES, 126), (errno.ENOEXEC, 126), (errno.E2BIG, 126)]
)
def test_codes_are_those_of_a_shell(tmp_path: Path, error: int, code: int) -> None:
    problem = program.cannot_start(bytes(tmp_path / "x"), error)
    assert problem.code == code
    assert str(tmp_path / "x") in problem.text
