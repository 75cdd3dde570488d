"""E7: setuser takes on a user by name or number with groups and variables, and is a no-op when it is that user.

Also here: the exit codes 126, 127, 1 and 2, that the rest of the environment, standard input, the
signal mask and the descriptors reach the command as they were, and that SIGPIPE and SIGXFSZ are default.
"""

import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import pytest

ME = str(os.getuid())
NOBODY, NOGROUP = 65534, 65534
ID = "/usr/bin/id"


def variables(block: bytes) -> dict[bytes, bytes]:
    return dict(entry.split(b"=", 1) for entry in block.split(b"\0") if entry)


def the_line(done: Any, code: int) -> str:
    """What the tool said: one line on stderr, nothing on stdout, this exit code."""
    assert (done.returncode, done.stdout) == (code, b""), done
    text = done.stderr.decode()
    assert text.startswith("setuser: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    return str(text)


class TestUsage:
    @pytest.mark.parametrize("arguments", [[], ["root"], ["-x", "root", "true"], ["--", "root"]])
    def test_wrong_usage_is_one_line_and_2(self, tools: Any, arguments: list[str]) -> None:
        assert "usage" in the_line(tools.run("setuser", *arguments), 2)

    @pytest.mark.parametrize("spec", ["", ":", ":root", "root:", "4294967295", "99999999999999999999", "0:4294967295"])
    def test_a_spec_that_names_nobody_is_2(self, tools: Any, spec: str) -> None:
        the_line(tools.run("setuser", spec, "true"), 2)

    def test_help_goes_to_stdout(self, tools: Any) -> None:
        done = tools.run("setuser", "--help")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"usage: setuser USER[:GROUP] COMMAND")

    def test_options_after_the_user_are_the_commands(self, tools: Any) -> None:
        assert tools.run("setuser", ME, "printf", "%s|", "--help", "-x", "").stdout == b"--help|-x||"


class TestUnknown:
    def test_user(self, tools: Any) -> None:
        line = the_line(tools.run("setuser", "no-such-user", "true"), 1)
        assert "cannot become 'no-such-user': no such user; create it" in line

    def test_group(self, tools: Any) -> None:
        assert "no such group" in the_line(tools.run("setuser", f"{ME}:no-such-group", "true"), 1)

    def test_a_name_with_a_newline_stays_on_one_line(self, tools: Any) -> None:
        the_line(tools.run("setuser", "a\nb\x1b", "true"), 1)


class TestCommand:
    """What cannot be run is said with the remedy and the code a shell would give."""

    def test_not_found_is_127(self, tools: Any) -> None:
        assert "'no-such-command': not found in PATH" in the_line(tools.run("setuser", ME, "no-such-command"), 127)
        assert "no such file" in the_line(tools.run("setuser", ME, "/no/such/file"), 127)
        the_line(tools.run("setuser", ME, ""), 127)

    @pytest.mark.parametrize(
        ("content", "mode", "code", "words"),
        [
            (b"#!/bin/sh\n", 0o644, 126, "chmod +x"),
            (b"echo hello\n", 0o755, 126, "#!/bin/sh"),
            (b"", 0o755, 126, "empty"),
            (b"#!/bin/sh\r\necho\r\n", 0o755, 127, "CRLF"),
            (b"#!/no/such/interpreter\n", 0o755, 127, "'/no/such/interpreter' is missing"),
        ],
    )
    def test_broken_scripts(self, tools: Any, tmp_path: Path, content: bytes, mode: int, code: int, words: str) -> None:
        script = tmp_path / "script"
        script.write_bytes(content)
        script.chmod(mode)
        assert words in the_line(tools.run("setuser", ME, str(script)), code)

    def test_a_directory_is_126(self, tools: Any, tmp_path: Path) -> None:
        assert "directory" in the_line(tools.run("setuser", ME, str(tmp_path)), 126)

    @pytest.mark.parametrize("code", [0, 1, 7, 255])
    def test_the_exit_code_is_the_commands(self, tools: Any, code: int) -> None:
        assert tools.run("setuser", ME, "sh", "-c", f"exit {code}").returncode == code

    def test_it_is_the_same_process(self, tools: Any) -> None:
        with subprocess.Popen(tools.command("setuser", ME, "sh", "-c", "echo $$"), stdout=subprocess.PIPE) as process:
            out, _ = process.communicate(timeout=30)
        assert int(out) == process.pid

    def test_the_command_is_searched_in_the_given_path(self, tools: Any, tmp_path: Path) -> None:
        (tmp_path / "mine").write_text("#!/bin/sh\necho mine\n")
        (tmp_path / "mine").chmod(0o755)
        assert tools.run("setuser", ME, "mine", env={"PATH": f"/no/such:{tmp_path}"}).stdout == b"mine\n"


class TestHandedOn:
    @pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}, {"LANG": "C.UTF-8"}])
    def test_environment_but_for_the_users_variables(self, tools: Any, locale: dict[str, str]) -> None:
        given = {"PATH": "/usr/bin:/bin", "ODD.NAME": "x", "EMPTY": "", "LINES2": "a\nb\n\n", **locale}
        raw = {**{os.fsencode(n): os.fsencode(v) for n, v in given.items()}, b"BYTES\xff": b"\xff\xfe=\x01"}
        found = variables(tools.run("setuser", ME, "env", "-0", env=raw).stdout)
        for name in (b"HOME", b"USER", b"LOGNAME", b"SHELL", b"UID"):
            assert found.pop(name)
        assert found == raw

    def test_standard_input(self, tools: Any) -> None:
        data = bytes(range(256)) * 1000
        assert tools.run("setuser", ME, "cat", input=data).stdout == data

    def test_descriptors(self, tools: Any) -> None:
        # ls has one of its own open: the directory.
        assert tools.run("setuser", ME, "ls", "/proc/self/fd").stdout.split() == [b"0", b"1", b"2", b"3"]

    def test_signals(self, tools: Any) -> None:
        """Default for those CPython ignores; what the caller ignores or blocks stays so."""

        def before() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

        done = tools.run("setuser", ME, "cat", "/proc/self/status", preexec_fn=before)
        status = dict(line.split(b":\t") for line in done.stdout.splitlines())
        # 32 and 33 are glibc's own: whatever posix_spawn(3) started, as make does, has them ignored, and nothing can undo that.
        assert int(status[b"SigIgn"], 16) & ~(0b11 << 31) == 1 << (signal.SIGHUP - 1)
        assert int(status[b"SigBlk"], 16) == 1 << (signal.SIGUSR1 - 1)
        assert int(status[b"SigCgt"], 16) == 0


class TestAlreadyThatUser:
    def test_by_number_with_and_without_group(self, tools: Any) -> None:
        for spec in (ME, f"{ME}:{os.getgid()}"):
            assert tools.run("setuser", spec, ID, "-u").stdout.decode().strip() == ME

    @pytest.mark.root
    @pytest.mark.parametrize("spec", ["nobody", str(NOBODY), f"nobody:{NOGROUP}"])
    @pytest.mark.parametrize("gid", [NOGROUP, 0])
    def test_without_any_privilege(self, tools: Any, spec: str, gid: int) -> None:
        """Under `docker run --user`, where the group may be 0 and nothing can be changed."""
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        done = subprocess.run(
            [*command, *tools.command("setuser", spec, ID, "-u")], capture_output=True, timeout=30, check=False
        )
        if ":" in spec and gid != NOGROUP:
            # The group was asked for by name, so doing without it would be a lie.
            assert "start the container as root" in the_line(done, 1)
        else:
            assert (done.stdout, done.stderr) == (b"65534\n", b"")

    @pytest.mark.root
    def test_root_without_capabilities(self, tools: Any) -> None:
        done = subprocess.run(
            ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *tools.command("setuser", "root", ID, "-u")],
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert (done.stdout, done.stderr) == (b"0\n", b"")


@pytest.mark.root
class TestBecomes:
    ACCOUNTS: ClassVar = {
        "passwd": "root:x:0:0::/root:/bin/bash\napp:x:4242:4343::/home/app:/bin/zsh\nbare:x:4244:4343:::\n",
        "group": "root:x:0:\napp:x:4343:\nssl-cert:x:4444:other,app\nunrelated:x:4445:other\n",
    }

    def run(self, tools: Any, tmp_path: Path, *arguments: str) -> Any:
        """Run setuser where /etc/passwd and /etc/group are those above."""
        mounts = []
        for name, text in self.ACCOUNTS.items():
            (tmp_path / name).write_text(text)
            mounts.append(f"mount --bind {tmp_path / name} /etc/{name}")
        # Without nsswitch's other sources the two files are all there is, as in the image.
        script = " && ".join([*mounts, "exec " + shlex.join(tools.command("setuser", *arguments))])
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            capture_output=True,
            timeout=30,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "KEPT": "yes"},
        )

    @pytest.mark.parametrize(
        ("spec", "uid", "gid", "groups"),
        [
            ("app", 4242, 4343, {4343, 4444}),
            ("4242", 4242, 4343, {4343, 4444}),
            ("app:ssl-cert", 4242, 4444, {4444}),
            ("app:4445", 4242, 4445, {4445}),
            ("7777", 7777, 0, {0}),
            ("7777:8888", 7777, 8888, {8888}),
            ("07777:08888", 7777, 8888, {8888}),
        ],
    )
    def test_ids(self, tools: Any, tmp_path: Path, spec: str, uid: int, gid: int, groups: set[int]) -> None:
        done = self.run(tools, tmp_path, spec, "cat", "/proc/self/status")
        status = dict(line.split(":\t") for line in done.stdout.decode().splitlines())
        assert status["Uid"].split() == [str(uid)] * 4
        assert status["Gid"].split() == [str(gid)] * 4
        # A group that the process has as its own need not be listed a second time.
        assert {gid, *map(int, status["Groups"].split())} == groups

    @pytest.mark.parametrize(
        ("spec", "home", "name", "shell", "uid"),
        [
            ("app", b"/home/app", b"app", b"/bin/zsh", b"4242"),
            ("4242", b"/home/app", b"app", b"/bin/zsh", b"4242"),
            ("bare", b"/", b"bare", b"/bin/sh", b"4244"),
            ("7777", b"/", b"7777", b"/bin/sh", b"7777"),
        ],
    )
    def test_variables(self, tools: Any, tmp_path: Path, spec: str, home: bytes, name: bytes, shell: bytes, uid: bytes) -> None:
        found = variables(self.run(tools, tmp_path, spec, "env", "-0").stdout)
        found.pop(b"PWD", None)  # the shell's that did the mounts
        assert found == {
            b"PATH": b"/usr/sbin:/usr/bin:/sbin:/bin",
            b"KEPT": b"yes",
            b"HOME": home,
            b"USER": name,
            b"LOGNAME": name,
            b"SHELL": shell,
            b"UID": uid,
        }

    def test_nested(self, tools: Any) -> None:
        inner = tools.command("setuser", f"{NOBODY}:{NOGROUP}", ID, "-u")
        assert tools.run("setuser", str(NOBODY), *inner).stdout == b"65534\n"

    def test_it_cannot_come_back(self, tools: Any) -> None:
        done = tools.run("setuser", f"{NOBODY}:{NOGROUP}", *tools.command("setuser", "root", ID))
        assert "cannot become 'root': this process is uid 65534" in the_line(done, 1)

    def test_root_without_the_capabilities_says_which(self, tools: Any) -> None:
        done = subprocess.run(
            ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *tools.command("setuser", "nobody", ID)],
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert "--cap-add SETUID --cap-add SETGID" in the_line(done, 1)
