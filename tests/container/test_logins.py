"""B10, C6, C7 from outside PID 1's own tree: what a cron job and an SSH login start with, and any bytes through with_env there.

The jobs are @reboot ones: cron starts them as it starts every other, and nobody has to wait for a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.container import harness
from tests.container.conftest import Derived
from tests.container.test_e_logging_cron_ssh import ENABLED, ssh, ssh_key, sshd_up

DIRECTORY = "/etc/container_environment"
LOOK = "ls /proc/self/fd; cat /proc/self/status"
JOBS: harness.Files = {
    "/etc/cron.d/look": (
        f"@reboot root ({LOOK}) >/tmp/looked.new; mv /tmp/looked.new /tmp/looked\n"
        "@reboot root with_env env -0 >/tmp/seen.new; mv /tmp/seen.new /tmp/seen\n"
    )
}
# The C library keeps signals 32 and 33 for itself: its posix_spawn(3) leaves them ignored.
OF_THE_LIBRARY = 0b11 << 31

# What a login, cron, a shell or my_init itself sets.
TAKEN = {"PATH", "HOME", "SHELL", "LOGNAME", "USER", "MAIL", "PWD", "OLDPWD", "_", "SHLVL", "TERM", "LANG", "SVDIR", "TZ"}
# By -e, where names are any text and values too; then by the image's directory, where a name is a file's and a value any bytes.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
NAMES = st.one_of(
    st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.sampled_from(["../x", "a/b", ".", "..", "/etc/x", "x" * 300, "a.b", "-n", "a b"]),
).filter(lambda name: name not in TAKEN and not name.startswith(("SSH_", "MY_INIT", "DODAI")) and name.strip() == name)
FILE_NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", min_size=1, max_size=12).map(lambda name: f"V_{name}")
VALUES = st.binary(max_size=80).filter(lambda value: b"\0" not in value)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ssh_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def with_sshd(derived: Derived, key: Path) -> str:
    return derived(ENABLED, files={"key.pub": key.with_suffix(".pub").read_bytes()})


def written(box: harness.Container, path: str) -> bytes:
    """What a job has written."""
    box.wait_for(lambda: box.exec("test", "-f", path, check=False).code == 0)
    return box.exec("cat", path).stdout


@pytest.fixture(scope="module")
def box(engine: harness.Engine, with_sshd: str) -> Iterator[harness.Container]:
    with engine.start(with_sshd, files=JOBS) as started:
        sshd_up(started)
        yield started


Look = Callable[[harness.Container, Path], bytes]
WHO: dict[str, Look] = {
    "cron job": lambda box, _key: written(box, "/tmp/looked"),
    "ssh login": lambda box, key: ssh(box, key, LOOK).stdout,
    "ssh login shell": lambda box, key: ssh(box, key, f"bash -lc '{LOOK}'").stdout,
    "setuser": lambda box, _key: box.exec("setuser", "nobody", "sh", "-c", LOOK).stdout,
    "with_env": lambda box, _key: box.exec("with_env", "sh", "-c", LOOK).stdout,
}


@pytest.mark.parametrize("who", WHO)
def test_it_starts_clean(box: harness.Container, key: Path, who: str) -> None:
    lines = WHO[who](box, key).decode().splitlines()
    at = lines.index("Name:\tcat")
    assert lines[:at] == ["0", "1", "2", "3"], "3 is what ls reads the directory with"
    masks = {
        name: int(value, 16)
        for name, _, value in (line.partition(":\t") for line in lines[at:])
        if name.startswith("Sig") and name != "SigQ"
    }
    assert masks["SigBlk"] == 0
    assert masks["SigIgn"] & ~OF_THE_LIBRARY == 0
    assert masks["SigCgt"] == 0


def block(data: bytes) -> dict[bytes, bytes]:
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(options=st.dictionaries(NAMES, TEXT, max_size=8), files=st.dictionaries(FILE_NAMES, VALUES, max_size=8))
@example(
    options={"../x": "up", "a/b": "slash", ".": "dot", "n" * 300: "long", "NL": "one\n\n", "HASH": "a#b", "%": "%"},
    files={"V_BYTES": b"\xff\xfe", "V_LINES": b"one\ntwo\n\n", "V_EMPTY": b"", "V_SHELL": b"$(id) `id` \\ ' \""},
)
def test_with_env_gives_any_bytes_to_a_job_and_to_a_login(
    engine: harness.Engine, with_sshd: str, key: Path, options: dict[str, str], files: dict[str, bytes]
) -> None:
    wanted = {name.encode(): value.encode() for name, value in options.items()}
    wanted |= {name.encode(): value for name, value in files.items() if name not in options}
    # Reading a file strips one newline at its end.
    given_files: harness.Files = {f"{DIRECTORY}/{name}": value + b"\n" for name, value in files.items()}
    with engine.start(with_sshd, env=options, files={**JOBS, **given_files}) as box:
        sshd_up(box)
        for who, seen in {
            "cron job": written(box, "/tmp/seen"),
            "ssh login": ssh(box, key, "with_env env -0").stdout,
            "exec": box.exec("env", "-i", "/sbin/with_env", "env", "-0").stdout,
        }.items():
            assert wanted.items() <= block(seen).items(), who
