"""E3: sendmail for cron, against a socket that stands for /dev/log."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = ("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "nosuch")
HEAD = (
    "From: root (Cron Daemon)\nTo: nosuch\nSubject: Cron <nosuch@host> a > b{failed}\nContent-Transfer-Encoding: {encoding}\n\n"
)


@pytest.fixture
def log(tools: Any, tmp_path: Path) -> Iterator[socket.socket]:
    """The system log's end of /dev/log."""
    tools.paths["DEV_LOG"] = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.setblocking(False)
        yield listener


def messages(log: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(log.recv(1 << 16))
        except BlockingIOError:
            return found


def mail(body: bytes, failed: str = "", encoding: str = "8bit") -> bytes:
    return HEAD.format(failed=failed, encoding=encoding).encode() + body


def test_each_line_is_a_message_under_the_jobs_name(tools: Any, log: socket.socket) -> None:
    done = tools.run("sendmail", *ARGUMENTS, input=mail(b"one\n\n  two \xff\nlast"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    first, second, last = messages(log)
    # RFC 3164: facility cron (9), level info (6). The user's name, since no crontab here has this line.
    assert re.fullmatch(rb"<78>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d cron/nosuch\[%d\]: one" % os.getpid(), first)
    assert second.endswith(b"]:   two \xff")
    assert last.endswith(b"]: last")


def test_output_of_a_failed_job_is_a_warning(tools: Any, log: socket.socket) -> None:
    tools.run("sendmail", *ARGUMENTS, input=mail(b"one\n", failed=" (failed)"))
    assert messages(log)[0].startswith(b"<76>")


def test_quoted_printable_as_debian_13_has_it(tools: Any, log: socket.socket) -> None:
    tools.run("sendmail", *ARGUMENTS, input=mail(b"gr=C3=BC=C3=9Fe=\n two=3Done\nodd =zz\n", encoding="quoted-printable"))
    assert [text.partition(b"]: ")[2] for text in messages(log)] == ["grüße two=one".encode(), b"odd =zz"]


def test_run_parts_names_the_script(tools: Any, log: socket.socket) -> None:
    tools.run("sendmail", *ARGUMENTS, input=mail(b"/etc/cron.daily/logrotate:\none\n/elsewhere:\n"))
    first, second = messages(log)
    assert b" cron/logrotate[" in first
    assert second.endswith(b"]: /elsewhere:")


def test_long_lines_become_several_messages(tools: Any, log: socket.socket) -> None:
    tools.run("sendmail", *ARGUMENTS, input=mail(b"x" * 20000 + b"\nend\n"))
    assert [len(text.partition(b"]: ")[2]) for text in messages(log)] == [8000, 8000, 4000, 3]


def test_without_a_system_log_it_is_standard_error(tools: Any, tmp_path: Path) -> None:
    tools.paths["DEV_LOG"] = tmp_path / "nothing"
    done = tools.run("sendmail", *ARGUMENTS, input=mail(b"one\ntwo\n"))
    assert done.returncode == 0
    assert done.stderr == b"cron/nosuch[%d]: one\ncron/nosuch[%d]: two\n" % (os.getpid(), os.getpid())


def test_mail_of_others_is_refused(tools: Any, log: socket.socket) -> None:
    done = tools.run("sendmail", "-t", "root", input=mail(b"one\n"))
    assert done.returncode == 69
    assert done.stderr.startswith(b"sendmail: there is no mail in this container; install an MTA")
    assert messages(log) == []
