"""E3: what cron will not run in a root, as `dodaictl lint` asks. The messages are tested in tests/container/test_e_cron.py."""

import os
from pathlib import Path

import pytest

from guest.parts import crontabs

pytestmark = pytest.mark.root  # owners


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with cron in it, and a good job."""
    for directory in ("usr/sbin", "etc/cron.d", "etc/cron.daily", "var/spool/cron/crontabs"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "usr/sbin/cron").touch()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nalien:x:4242:4242::/:/bin/sh\n")
    put(tmp_path, "etc/crontab", "17 * * * * root cd / && run-parts /etc/cron.hourly\n")
    put(tmp_path, "etc/cron.d/good", "* * * * * alien date +\\%F % input\n")
    return tmp_path


def put(root: Path, path: str, text: str, mode: int = 0o644, uid: int = 0) -> None:
    file = root / path
    file.write_text(text)
    file.chmod(mode)
    os.chown(file, uid, 0)


def paths(root: Path) -> set[bytes]:
    return {finding.path for finding in crontabs.check(bytes(root))}


def test_a_good_root(root: Path) -> None:
    put(root, "etc/cron.daily/good", "#!/bin/sh\n", 0o755)
    put(root, "var/spool/cron/crontabs/alien", "@daily true\n", 0o600, uid=4242)
    put(root, "etc/cron.d/.placeholder", "x")
    put(root, "etc/cron.d/good.dpkg-new", "x")
    assert paths(root) == set()


def test_the_users_are_those_of_the_root(root: Path) -> None:
    put(root, "etc/cron.d/stranger", "* * * * * games true\n")
    (finding,) = crontabs.check(bytes(root))
    assert (finding.path, finding.why) == (b"/etc/cron.d/stranger", "line 1: there is no user 'games'")


def test_owners_modes_links_and_names(root: Path) -> None:
    put(root, "etc/crontab", "@daily root true\n", 0o622)
    put(root, "etc/cron.d/own", "@daily root true\n", uid=4242)
    put(root, "etc/cron.d/two", "@daily root true\n")
    (root / "etc/cron.d/too").hardlink_to(root / "etc/cron.d/two")
    (root / "etc/cron.d/directory").mkdir()
    put(root, "etc/cron.daily/job.sh", "#!/bin/sh\n", 0o755)
    put(root, "etc/cron.daily/plain", "#!/bin/sh\n")
    put(root, "var/spool/cron/crontabs/alien", "@daily true\n", 0o640, uid=4242)
    assert paths(root) == {
        b"/etc/crontab",
        b"/etc/cron.d/own",
        b"/etc/cron.d/two",
        b"/etc/cron.d/too",
        b"/etc/cron.d/directory",
        b"/etc/cron.daily/job.sh",
        b"/etc/cron.daily/plain",
        b"/var/spool/cron/crontabs/alien",
    }


def test_a_root_without_cron_has_no_findings(root: Path) -> None:
    put(root, "etc/cron.d/own", "@daily root true\n", uid=4242)
    (root / "usr/sbin/cron").unlink()
    assert paths(root) == set()


def test_the_name_of_a_job(root: Path) -> None:
    where = bytes(root)
    assert crontabs.job_name(b"alien", b"date +%F ", where) == b"good"
    assert crontabs.job_name(b"root", b"cd / && run-parts /etc/cron.hourly", where) == b"crontab"
    assert crontabs.job_name(b"alien", b"their own", where) == b"alien"
