"""B11: not PID 1, my_init adopts its orphans by an attribute that perl sets; where the kernel refuses it, it says so."""

import os
import subprocess

import pytest

from guest.floor import kernel
from guest.mechanism import subreaper

MARK = "MY_INIT_IS_SUBREAPER"


@pytest.mark.parametrize(("number", "marked"), [(None, str(os.getpid())), (99999, "refused")])
def test_perl_tells_whether_it_was_set(number: int | None, marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = subreaper.system_calls()
    assert calls is not None
    monkeypatch.setattr(subreaper, "system_calls", lambda: (calls[0], number or calls[1]))
    asked: list[tuple[bytes, list[bytes], dict[bytes, bytes]]] = []
    monkeypatch.setattr(kernel, "execve", lambda *words: asked.append(words))
    subreaper.become(["my_init", "--", "true"], {b"A": b"b"})
    ((path, argv, variables),) = asked
    assert argv[-2:] == [b"--", b"true"]
    program = [path, *argv[1:3], b"/usr/bin/env"]
    seen = subprocess.run(program, env=variables, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {f"{MARK}={marked}", "A=b"} <= set(seen)


def test_a_refusal_is_said_and_not_taken_for_the_attribute(capfd: pytest.CaptureFixture[str]) -> None:
    variables = {MARK.encode(): b"refused", b"A": b"b"}
    subreaper.become(["my_init"], variables)
    assert variables == {b"A": b"b"}
    assert not subreaper.adopts()
    assert "not allowed to adopt orphans" in capfd.readouterr().err
