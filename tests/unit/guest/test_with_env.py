"""C7: with_env gives a command the container's environment byte for byte, to those who may read it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

CONTAINER = {
    b"PATH": b"/usr/sbin:/usr/bin:/sbin:/bin",
    b"HOME": b"/home/of-the-container",
    b"LINES_2": b"a\nb\n\n",
    b"BYTES\xff": b"\xff\xfe='\"$(x)",
    b"EMPTY": b"",
    b"odd.name-1": b"=x=",
}


def variables(block: bytes) -> dict[bytes, bytes]:
    return dict(entry.split(b"=", 1) for entry in block.split(b"\0") if entry)


def the_line(done: Any, code: int) -> str:
    assert (done.returncode, done.stdout) == (code, b""), done
    text = done.stderr.decode()
    assert text.startswith("with_env: ")
    assert text.count("\n") == 1
    return str(text)


@pytest.fixture
def place(tools: Any, tmp_path: Path) -> Path:
    """A directory for the state and /etc/container_environment of a container, still without either."""
    tools.paths = {
        "RUN_STATE": tmp_path / "run",
        "TMP_STATE": f"{tmp_path}/tmp-%d",
        "ENVIRONMENT_DIRECTORY": tmp_path / "container_environment",
    }
    return tmp_path


def boot(directory: Path, pid: int | None = None) -> Path:
    """Leave what a running my_init leaves: its pid (this process lives) and the variables."""
    directory.mkdir()
    (directory / "pid").write_text(f"{pid or os.getpid()}\n")
    (directory / "environ").write_bytes(b"".join(b"%s=%s\0" % pair for pair in CONTAINER.items()))
    return directory


class TestRunning:
    def test_byte_for_byte_and_nothing_of_the_callers(self, tools: Any, place: Path) -> None:
        boot(place / "run")
        done = tools.run("with_env", "env", "-0", env={"PATH": "/no/such", "FOO": "callers", "HOME": "/callers", "USER": "me"})
        assert done.stderr == b""
        assert variables(done.stdout) == CONTAINER

    def test_state_in_tmp(self, tools: Any, place: Path) -> None:
        boot(place / f"tmp-{os.geteuid()}")
        assert variables(tools.run("with_env", "env", "-0", env={}).stdout) == CONTAINER

    def test_a_state_whose_my_init_is_gone_does_not_count(self, tools: Any, place: Path) -> None:
        with subprocess.Popen(["true"]) as ended:
            pass
        boot(place / "run", ended.pid)
        assert variables(tools.run("with_env", "env", "-0", env={b"PATH": b"/usr/bin:/bin"}).stdout) == {
            b"PATH": b"/usr/bin:/bin"
        }

    def test_terminal_and_login_are_the_callers(self, tools: Any, place: Path) -> None:
        boot(place / "run")
        mine = {b"TERM": b"xterm", b"SSH_CONNECTION": b"1 2 3 4", b"COLUMNS": b"80"}
        found = variables(tools.run("with_env", "env", "-0", env={**mine, b"SSH_X": b"not listed"}).stdout)
        assert found == {**CONTAINER, **mine}

    def test_the_command_is_found_in_the_containers_path(self, tools: Any, place: Path) -> None:
        boot(place / "run")
        assert tools.run("with_env", "sh", "-c", "exit 9", env={"PATH": "/no/such"}).returncode == 9
        assert "not found" in the_line(tools.run("with_env", "no-such-command"), 127)
        assert "directory" in the_line(tools.run("with_env", str(place)), 126)

    def test_it_is_the_same_process_with_the_same_input(self, tools: Any, place: Path) -> None:
        boot(place / "run")
        assert tools.run("with_env", "cat", input=b"x\0y").stdout == b"x\0y"


class TestNotRunning:
    """While an image is built: what my_init would give, the caller's over the directory's."""

    def test_the_directory_and_the_callers_variables(self, tools: Any, place: Path) -> None:
        directory = place / "container_environment"
        directory.mkdir()
        (directory / "FROM_FILE").write_bytes(b"two\nlines\xff\n")
        (directory / "BOTH").write_text("file")
        own = {b"PATH": b"/usr/bin:/bin", b"BOTH": b"caller"}
        found = variables(tools.run("with_env", "env", "-0", env=own).stdout)
        assert found == {**own, b"FROM_FILE": b"two\nlines\xff"}

    @pytest.mark.usefixtures("place")
    def test_no_directory_is_fine(self, tools: Any) -> None:
        assert variables(tools.run("with_env", "env", "-0", env={b"PATH": b"/usr/bin:/bin"}).stdout) == {
            b"PATH": b"/usr/bin:/bin"
        }


class TestUsage:
    @pytest.mark.parametrize("arguments", [[], ["--"], ["--no-such-option", "true"]])
    @pytest.mark.usefixtures("place")
    def test_wrong_usage_is_2(self, tools: Any, arguments: list[str]) -> None:
        the_line(tools.run("with_env", *arguments), 2)

    def test_help(self, tools: Any) -> None:
        done = tools.run("with_env", "--help")
        assert (done.returncode, done.stderr, done.stdout[:22]) == (0, b"", b"usage: with_env COMMAN")

    def test_options_of_the_command_are_its_own(self, tools: Any, place: Path) -> None:
        boot(place / "run")
        assert tools.run("with_env", "--", "printf", "%s|", "--help", "-x").stdout == b"--help|-x|"


@pytest.mark.root
class TestOtherUsers:
    def run(self, tools: Any, place: Path, groups: list[int]) -> Any:
        place.chmod(0o755)
        for parent in place.parents:
            if parent.name.startswith("pytest-"):
                parent.chmod(0o755)
        own = {b"HOME": b"/home/mine", b"USER": b"mine", b"SHELL": b"/bin/mine", b"FOO": b"x"}
        return tools.run("with_env", "/usr/bin/env", "-0", env=own, cwd="/", user=65534, group=65534, extra_groups=groups)

    def test_without_the_group_one_line_says_why_and_what_to_do(self, tools: Any, place: Path) -> None:
        file = boot(place / "run") / "environ"
        file.chmod(0o640)
        os.chown(file, 0, 8377)
        line = the_line(self.run(tools, place, []), 1)
        assert "Permission denied for nobody" in line
        assert "usermod -aG docker_env nobody" in line

    def test_with_the_group_the_user_keeps_who_it_is(self, tools: Any, place: Path) -> None:
        file = boot(place / "run") / "environ"
        file.chmod(0o640)
        os.chown(file, 0, 8377)
        found = variables(self.run(tools, place, [8377]).stdout)
        mine = {b"HOME": b"/home/mine", b"USER": b"mine", b"SHELL": b"/bin/mine"}
        assert found == {**CONTAINER, **mine}

    def test_a_state_that_a_stranger_left_in_tmp_is_not_taken(self, tools: Any, place: Path) -> None:
        os.chown(boot(place / "tmp-0"), 65534, 65534)
        (place / "elsewhere").mkdir()
        os.chown(boot(place / "elsewhere/state"), 65534, 65534)
        (place / "run").symlink_to(place / "elsewhere/state")
        assert variables(tools.run("with_env", "env", "-0", env={b"PATH": b"/usr/bin:/bin"}).stdout) == {
            b"PATH": b"/usr/bin:/bin"
        }

    def test_the_state_of_a_my_init_that_is_not_the_callers(self, tools: Any, place: Path) -> None:
        os.chown(boot(place / "tmp-0") / "environ", 0, 8377)
        found = variables(self.run(tools, place, [8377]).stdout)
        assert found[b"LINES_2"] == CONTAINER[b"LINES_2"]

    def test_an_unreadable_directory_counts_too(self, tools: Any, place: Path) -> None:
        (place / "container_environment").mkdir(mode=0o700)
        assert "run this as uid 0, to whom it belongs" in the_line(self.run(tools, place, []), 1)
        os.chown(place / "container_environment", 0, 8377)
        assert "usermod -aG docker_env" in the_line(self.run(tools, place, []), 1)
