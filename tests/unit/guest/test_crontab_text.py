"""E3: the text of a crontab as cron reads it. That cron agrees is tested in tests/container/test_e_cron.py."""

import pytest

from guest.parts import crontab_text
from guest.parts.crontab_text import Fault, Rules

SYSTEM = Rules(True, lambda user: user == b"root", b"trixie")
USERS = Rules(False, lambda _: False, b"trixie")


def test_jobs_of_a_system_crontab() -> None:
    text = b'# comment\n\n  SHELL=/bin/sh\nMAILTO=""\n */5 0-7,22 1 jan-MAR/2 Sun\troot  a  b % input\n@daily root c\n\t# last'
    assert [(job.user, job.command) for job in crontab_text.jobs(text, SYSTEM)] == [
        (b"root", b"a  b % input"),
        (b"root", b"c"),
    ]


def test_jobs_of_a_users_own_crontab() -> None:
    assert [(job.user, job.command) for job in crontab_text.jobs(b"@reboot a b\n", USERS)] == [(b"", b"a b")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"60 * * * * root x", "line 1: bad minute '60'"),
        (b"*/0 * * * * root x", "line 1: bad minute '*/0'"),
        (b"1/2 * * * * root x", "line 1: bad minute '1/2'"),
        (b"1, * * * * root x", "line 1: bad minute '1,'"),
        (b"5x * * * * root x", "line 1: bad minute '5x'"),
        (b"* * 0 * * root x", "line 1: bad day of month '0'"),
        (b"* * * 13 * root x", "line 1: bad month '13'"),
        (b"* * * * 8 root x", "line 1: bad day of week '8'"),
        (b"* * * * mo root x", "line 1: bad day of week 'mo'"),
        (b"* * *", "line 1: the month is missing"),
        (b"* * * * * root", "line 1: it has no command"),
        (b"* * * * * nosuch x", "line 1: there is no user 'nosuch'"),
        (b"@fortnightly root x", "line 1: there is no '@fortnightly'"),
        (b"@daily root " + b"x" * 999, "line 1: its command is longer than 998 bytes"),
        (b"A = 'b", "line 1: bad minute 'A'"),
    ],
)
def test_faults(line: bytes, why: str) -> None:
    with pytest.raises(Fault) as caught:
        crontab_text.jobs(line + b"\n", SYSTEM)
    assert caught.value.why == why
    assert caught.value.remedy


def test_faults_of_the_whole_file() -> None:
    for text, why in (
        (b"@daily root x", "its last line does not end with a newline"),
        (b"@daily root x\r\n", "it has line ends of Windows (CR LF)"),
        (b"\n" * 10004, "it has more than 10000 lines"),
    ):
        with pytest.raises(Fault) as caught:
            crontab_text.jobs(text, SYSTEM)
        assert caught.value.why == why


def test_an_empty_value_is_an_error_to_older_crons() -> None:
    assert crontab_text.jobs(b"MAILTO=\n", SYSTEM) == []
    with pytest.raises(Fault):
        crontab_text.jobs(b"MAILTO=\n", Rules(True, lambda _: True, b"bookworm"))


def test_the_part_of_a_command_that_the_shell_gets() -> None:
    assert crontab_text.unescaped(b"date +\\%F \\\\ \\x%input%more") == b"date +%F \\ \\x"
