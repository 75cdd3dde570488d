"""C1 to C7 of a real container: `docker run -e`, /etc/container_environment, its dumps, startup files, services, with_env."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.container import harness
from tests.container.harness import File, script

MY_INIT = "/sbin/my_init"
ALONE = ("--network=none",)
DIRECTORY = "/etc/container_environment"
SH = f"{DIRECTORY}.sh"
JSON = f"{DIRECTORY}.json"
STARTUP = "/etc/my_init.d"

# Values that break naive writers: quotes, newlines (also at the end), what a shell would expand, UTF-8 and what is none.
# The engine's own interface is JSON, so that what is no UTF-8 can only come from the image's directory.
NOT_UTF8 = {"BYTES": b"\xff\xfe\x80"}
BY_OPTION = {
    "QUOTES": b'it\'s "quoted" \\ back',
    "LINES": b"one\ntwo",
    "TRAILING": b"end\n\n",
    "EXPAND": b"$HOME `id` $(id) * ~ !x",
    "UTF8": "Grüße 東京 \U0001f419".encode(),
    "EMPTY": b"",
    "SPACES": b"  a  b  ",
}
HARD = BY_OPTION | NOT_UTF8


def variables(block: bytes) -> dict[bytes, bytes]:
    """What `env -0` printed."""
    return dict(entry.split(b"=", 1) for entry in block.split(b"\0") if entry)


def hard(found: dict[bytes, bytes]) -> dict[str, bytes]:
    return {name: found[name.encode()] for name in HARD if name.encode() in found}


# --- C1, C6: every byte reaches everybody ---------------------------------------------------------------


@pytest.fixture(scope="module")
def given_hard(engine: harness.Engine, image: str) -> Iterator[harness.Container]:
    """A container that got the hard values by -e, and whose startup files, service and login kept what they saw."""
    # As the kernel has it: dash keeps variables whose names are not its own from env(1).
    files: harness.Files = {
        **{f"{DIRECTORY}/{name}": value for name, value in NOT_UTF8.items()},
        f"{STARTUP}/10": script("cat /proc/$$/environ >/seen.startup1"),
        f"{STARTUP}/20": script("cat /proc/$$/environ >/seen.startup2"),
        "/etc/service/s/run": script("cat /proc/$$/environ >/seen.new; mv /seen.new /seen.service; exec sleep 1000"),
    }
    with engine.start(image, files=files, env=BY_OPTION | {"not.a-name": "x", "a/b": "slash"}, options=ALONE) as container:
        container.wait_for(lambda: container.exec("test", "-e", "/seen.service", check=False).code == 0)
        yield container


@pytest.mark.parametrize("who", ["startup1", "startup2", "service"])
def test_docker_run_e_reaches_everybody_byte_for_byte(given_hard: harness.Container, who: str) -> None:
    found = variables(given_hard.read(f"/seen.{who}"))
    assert hard(found) == HARD
    assert found[b"not.a-name"] == b"x"
    assert found[b"a/b"] == b"slash"


def test_with_env_gives_the_exact_bytes_to_exec(given_hard: harness.Container) -> None:
    found = variables(given_hard.exec("env", "-i", "/sbin/with_env", "env", "-0").stdout)
    assert hard(found) == HARD


def test_the_directory_has_a_file_for_each_variable(given_hard: harness.Container) -> None:
    """Compat 19; a value that ends in a newline has one more, since reading strips exactly one."""
    for name, value in HARD.items():
        assert given_hard.read(f"{DIRECTORY}/{name}") == (value + b"\n" if value.endswith(b"\n") else value)
    assert given_hard.read(f"{DIRECTORY}/not.a-name") == b"x"
    listed = given_hard.sh(f"find {DIRECTORY}").splitlines()
    assert f"{DIRECTORY}/PATH" in listed
    assert not [path for path in listed if path.rsplit("/", 1)[-1] in ("HOME", "USER", "SHELL", "UID", "GID", "GROUP")]
    assert f"{DIRECTORY}/a" not in listed  # a name with a slash is no path


def test_bash_sources_the_dump(given_hard: harness.Container) -> None:
    done = given_hard.exec("env", "-i", "/bin/bash", "-euc", f". {SH}; exec /usr/bin/env -0")
    assert done.err == ""
    assert hard(variables(done.stdout)) == HARD
    dash = given_hard.exec("env", "-i", "/bin/sh", "-euc", f". {SH}; exec /usr/bin/env -0")
    assert hard(variables(dash.stdout)) == HARD


def test_json_holds_every_name_and_byte(given_hard: harness.Container) -> None:
    read = {os.fsencode(name): os.fsencode(value) for name, value in json.loads(given_hard.read(JSON)).items()}
    assert hard(read) == HARD
    assert read[b"a/b"] == b"slash"
    assert b"HOME" not in read


def test_what_is_no_shell_name_is_left_out_of_sh_with_one_warning(given_hard: harness.Container) -> None:
    assert b"not.a-name" not in given_hard.read(SH)
    err = given_hard.logs().err
    for name in ("not.a-name", "a/b"):
        assert err.count(f"variable '{name}' is not a shell name") == 1


def test_the_dumps_are_readable_by_docker_env_only(given_hard: harness.Container) -> None:
    """C5."""
    table = given_hard.sh(f"stat -c '%a %U %G %g %n' {DIRECTORY} {SH} {JSON}").splitlines()
    assert table == [
        f"750 root docker_env 8377 {DIRECTORY}",
        f"640 root docker_env 8377 {SH}",
        f"640 root docker_env 8377 {JSON}",
    ]
    for path in (f"{DIRECTORY}/UTF8", SH, JSON):
        assert given_hard.exec("cat", path, user="nobody", check=False).code != 0
        assert given_hard.exec("cat", path, user="nobody:docker_env", check=False).code == 0


# Names are the shell's, so that .sh has them too.
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", min_size=1, max_size=12).map(lambda name: f"V_{name}")
VALUES = st.binary(max_size=40).map(lambda value: value.replace(b"\0", b""))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(wanted=st.dictionaries(NAMES, VALUES, min_size=3, max_size=12))
def test_any_bytes_come_through(engine: harness.Engine, image: str, wanted: dict[str, bytes]) -> None:
    files: harness.Files = {
        **{f"{DIRECTORY}/{name}": value + b"\n" for name, value in wanted.items()},  # exactly one is stripped
        f"{STARTUP}/10": script("true"),
    }
    command = ["bash", "-c", f"env -0; printf '===\\0'; exec env -i bash -c '. {SH}; exec env -0'"]
    result = engine.run(image, MY_INIT, "--quiet", "--", *command, files=files, options=ALONE)
    own, dump = result.stdout.split(b"===\0")
    for found in (variables(own), variables(dump)):
        assert {name: found[name.encode()] for name in wanted} == wanted


# --- C2: the directory of the image ---------------------------------------------------------------------


def test_a_file_defines_a_variable_and_e_wins(each_engine: harness.Engine, image: str) -> None:
    files: dict[str, str | bytes | File] = {
        f"{DIRECTORY}/ECHOED": "value\n",
        f"{DIRECTORY}/BARE": "value",
        f"{DIRECTORY}/TWO": "value\n\n",
        f"{DIRECTORY}/BOTH": "file\n",
        f"{DIRECTORY}/HOME": "/srv\n",
        "/show": script('printf "<%s>" "$ECHOED" "$BARE" "$TWO" "$BOTH" "$HOME"'),
        # The very first: after it the directory is read again.
        f"{STARTUP}/00": script("/show"),
    }
    result = each_engine.run(image, MY_INIT, "--", "/show", files=files, env={"BOTH": "option"}, options=ALONE)
    assert result.out == "<value><value><value\n><option></srv>" * 2


def test_what_cannot_be_a_variable_is_named_and_the_rest_goes_on(engine: harness.Engine, image: str) -> None:
    files: dict[str, str | bytes | File] = {
        f"{DIRECTORY}/NUL": b"a\0b",
        f"{DIRECTORY}/DIRECTORY/x": "x",
        f"{DIRECTORY}/DANGLING": File(link="/no/such"),
        f"{DIRECTORY}/GOOD": "good",
    }
    result = engine.run(image, MY_INIT, "--", "sh", "-c", 'echo "$GOOD${NUL-}"', files=files, options=ALONE)
    assert (result.code, result.out) == (0, "good\n")
    assert f"{DIRECTORY}/NUL holds a NUL byte" in result.err
    assert f"{DIRECTORY}/DIRECTORY is a directory" in result.err


# --- C3, C4: startup files ------------------------------------------------------------------------------


def test_the_dumps_are_there_before_the_first_startup_file(engine: harness.Engine, image: str) -> None:
    look = script(f'cat {DIRECTORY}/A; echo; . {SH}; echo $A; grep -o \'"A": "one"\' {JSON}')
    result = engine.run(image, MY_INIT, "--", "true", files={f"{STARTUP}/00": look}, env={"A": "one"}, options=ALONE)
    assert result.out.split("\n")[:3] == ["one", "one", '"A": "one"']


def test_after_each_startup_file_the_directory_is_what_counts(each_engine: harness.Engine, image: str) -> None:
    show = f'echo "$A ${{B-gone}} ${{C-none}}" $(. {SH}; echo "$A") $(grep -c \'"C"\' {JSON})'
    files = {
        f"{STARTUP}/10": script(f"{show}; echo two >{DIRECTORY}/A; rm {DIRECTORY}/B; echo new >{DIRECTORY}/C; export A=lost"),
        f"{STARTUP}/20": script(f"{show}; echo 'export A=wrong' >>{SH}; echo '{{\"A\": \"wrong\"}}' >{JSON}"),
        f"{STARTUP}/30": script(show),
        "/etc/service/s/run": script(
            f"echo service >{DIRECTORY}/A; env | sed -n 's/^[ABC]=/&/p' | sort | xargs echo >/seen.new; mv /seen.new /seen\n"
            "exec sleep 99"
        ),
        "/command": script('until [ -e /seen ]; do sleep 0.02; done; cat /seen; echo "$A"'),
    }
    result = each_engine.run(image, MY_INIT, "--", "/command", files=files, env={"A": "one", "B": "b"}, options=ALONE)
    assert result.out.splitlines() == [
        "one b none one 0",
        "two gone new two 1",
        "two gone new two 1",
        "A=two C=new",
        "two",
    ]


def test_home_and_its_like_survive_and_are_not_dumped(engine: harness.Engine, image: str) -> None:
    kept = {"HOME": "/home/app", "USER": "app", "SHELL": "/bin/zsh", "GROUP": "staff"}
    files = {f"{STARTUP}/10": script("true"), f"{STARTUP}/20": script("true")}
    command = f'echo "$HOME $USER $SHELL $GROUP"; cd {DIRECTORY}; ls HOME USER SHELL GROUP UID GID 2>/dev/null | wc -l'
    result = engine.run(image, MY_INIT, "--", "sh", "-c", command, files=files, env=kept, options=ALONE)
    assert result.out == "/home/app app /bin/zsh staff\n0\n"


def test_a_derived_images_modes_and_owners_are_respected(engine: harness.Engine, image: str) -> None:
    """C5, compat 20: a chmod or chown in a derived image, for the crontab of a user."""
    secret = f"{DIRECTORY}/SECRET"
    change = f"chmod 644 {SH}; chown games:games {JSON}; chmod 755 {DIRECTORY}; echo x >{secret}; chmod 600 {secret}"
    files = {f"{STARTUP}/10": script(f"echo new >{DIRECTORY}/SECRET")}
    show = f"stat -c '%a %U:%G' {DIRECTORY} {SH} {JSON} {DIRECTORY}/SECRET; grep SECRET {SH}"
    result = engine.run(
        image, "sh", "-c", f'{change}; exec {MY_INIT} -- sh -c "{show}"', files=files, env={"A": "b"}, options=ALONE
    )
    assert result.out.splitlines() == [
        "755 root:docker_env",
        "644 root:docker_env",
        "640 games:games",
        "600 root:root",
        "export SECRET='new'",
    ]


# --- C5: where /etc cannot be written -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (["--read-only", "--tmpfs=/run"], "/run/dodai/environment"),
        (["--read-only", "--tmpfs=/tmp"], "/tmp/dodai-0/environment"),
        (["--user=1234:5678"], "/tmp/dodai-1234/environment"),
    ],
    ids=["read-only run", "read-only tmp", "user"],
)
def test_without_a_writable_etc_the_three_are_in_the_state(
    engine: harness.Engine, image: str, options: list[str], place: str
) -> None:
    show = 'echo "$MY_INIT_ENV_DIR"; cat "$MY_INIT_ENV_DIR/A"; echo; . "$MY_INIT_ENV_DIR.sh"; echo "$A"'
    command = ["sh", "-c", f"{show}; stat -c %a {place}.sh {place}.json; grep -c MY_INIT_ENV_DIR {place}.sh {place}.json"]
    result = engine.run(image, MY_INIT, "--", *command, env={"A": "it's"}, options=[*ALONE, *options])
    assert result.out.splitlines() == [place, "it's", "it's", "640", "640", f"{place}.sh:0", f"{place}.json:0"]
