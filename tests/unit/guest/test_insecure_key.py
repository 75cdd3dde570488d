"""E5: the insecure key is one pair in three files, and enable_insecure_key lets it in, once and loudly."""

import base64
import hashlib
import hmac
import subprocess
from pathlib import Path
from typing import Any

import pytest

COMMENT = "dodai-insecure-key"


def take(blob: bytes) -> tuple[bytes, bytes]:
    """RFC 4251, section 5: a string is its length in four bytes and then itself; what follows it too."""
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length], blob[4 + length :]


def ssh_string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


class TestThePair:
    def test_the_private_key_belongs_to_the_public_one(self, rootfs: Path, tmp_path: Path) -> None:
        private = tmp_path / "key"
        private.write_bytes((rootfs / "etc/insecure_key").read_bytes())
        private.chmod(0o600)  # git keeps no such mode, and ssh-keygen insists
        done = subprocess.run(
            ["ssh-keygen", "-y", "-P", "", "-f", private], capture_output=True, timeout=30, check=True, text=True
        )
        assert done.stdout == (rootfs / "etc/insecure_key.pub").read_text()
        assert done.stdout.split()[0::2] == ["ssh-ed25519", COMMENT]

    def test_the_putty_form_holds_the_same_key(self, rootfs: Path) -> None:
        """The format is in PuTTY's manual, appendix C."""
        fields: dict[str, Any] = {}
        lines = iter((rootfs / "etc/insecure_key.ppk").read_text().splitlines())
        for line in lines:
            name, value = line.split(": ")
            if name.endswith("-Lines"):
                fields[name] = base64.b64decode("".join(next(lines) for _ in range(int(value))))
            else:
                fields[name] = value
        assert fields["PuTTY-User-Key-File-3"] == "ssh-ed25519"
        assert (fields["Encryption"], fields["Comment"]) == ("none", COMMENT)
        public, private = fields["Public-Lines"], fields["Private-Lines"]
        signed = [b"ssh-ed25519", b"none", COMMENT.encode(), public, private]
        mac = hmac.new(b"", b"".join(map(ssh_string, signed)), hashlib.sha256).hexdigest()
        assert fields["Private-MAC"] == mac
        assert base64.b64encode(public).decode() == (rootfs / "etc/insecure_key.pub").read_text().split()[1]
        assert take(private)[0] == self.openssh_seed(rootfs)

    @staticmethod
    def openssh_seed(rootfs: Path) -> bytes:
        """The secret in an OpenSSH key file without passphrase (PROTOCOL.key of OpenSSH)."""
        text = (rootfs / "etc/insecure_key").read_text().splitlines()
        rest = base64.b64decode("".join(text[1:-1])).removeprefix(b"openssh-key-v1\0")
        for expected in (b"none", b"none", b""):  # cipher, kdf, kdf options
            found, rest = take(rest)
            assert found == expected
        _public, rest = take(rest[4:])  # after the number of keys
        section, _ = take(rest)
        kind, rest = take(section[8:])  # after two check numbers
        assert kind == b"ssh-ed25519"
        _public, rest = take(rest)
        pair, _ = take(rest)
        return pair[:32]


class Login:
    """enable_insecure_key with the files of a directory instead of root's."""

    def __init__(self, top: Path, rootfs: Path) -> None:
        self.key, self.directory, self.sshd = top / "insecure_key", top / "home/.ssh", top / "sshd"
        self.authorized = self.directory / "authorized_keys"
        for suffix in ("", ".pub"):
            (top / f"insecure_key{suffix}").write_bytes((rootfs / f"etc/insecure_key{suffix}").read_bytes())
        self.public = (top / "insecure_key.pub").read_text()
        self.sshd.mkdir()
        text = (rootfs / "usr/sbin/enable_insecure_key").read_text()
        for name, value in (("key", self.key), ("directory", self.directory), ("sshd", self.sshd)):
            line = next(line for line in text.splitlines() if line.startswith(f"{name}=/"))
            text = text.replace(f"\n{line}\n", f"\n{name}={value}\n")
        self.program = top / "enable_insecure_key"
        self.program.write_text(text)
        self.program.chmod(0o755)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *arguments], capture_output=True, timeout=30, check=False, text=True, **options)


@pytest.fixture
def login(tmp_path: Path, rootfs: Path) -> Login:
    return Login(tmp_path, rootfs)


class TestEnable:
    def test_it_warns_and_shows_the_private_key_and_leaves_stdout_alone(self, login: Login) -> None:
        done = login.run()
        assert (done.returncode, done.stdout) == (0, "")
        assert "WARNING" in done.stderr
        assert "EVERYBODY can log in as root" in done.stderr
        assert done.stderr.endswith(login.key.read_text())
        for place in (login.key, f"{login.key}.pub", f"{login.key}.ppk"):
            assert f"{place} " in done.stderr

    def test_a_new_file_is_private(self, login: Login) -> None:
        login.run()
        assert login.authorized.read_text() == login.public
        assert login.authorized.stat().st_mode & 0o7777 == 0o600
        assert login.directory.stat().st_mode & 0o7777 == 0o700

    @pytest.mark.parametrize("before", ["", "ssh-ed25519 AAAA other\n", "ssh-ed25519 AAAA no newline at the end"])
    def test_other_keys_stay_and_the_key_comes_once(self, login: Login, before: str) -> None:
        login.directory.mkdir(parents=True, mode=0o755)
        login.authorized.write_text(before)
        login.authorized.chmod(0o644)
        for _ in range(3):
            assert login.run().returncode == 0
        expected = before if before.endswith("\n") or not before else before + "\n"
        assert login.authorized.read_text() == expected + login.public
        assert login.authorized.stat().st_mode & 0o7777 == 0o600

    def test_the_key_as_the_last_line_without_a_newline_counts(self, login: Login) -> None:
        login.directory.mkdir(parents=True)
        login.authorized.write_text(login.public.rstrip("\n"))
        login.run()
        assert login.authorized.read_text().count("dodai-insecure-key") == 1

    def test_a_down_sshd_is_mentioned(self, login: Login) -> None:
        assert "sshd is down" not in login.run().stderr
        (login.sshd / "down").touch()
        assert f"sshd is down in this image; enable it: rm -f {login.sshd}/down" in login.run().stderr

    def test_an_image_without_the_key(self, login: Login) -> None:
        (login.key.parent / "insecure_key.pub").unlink()
        done = login.run()
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "this image is without ssh" in done.stderr
        assert not login.directory.exists()

    def test_usage_and_help(self, login: Login) -> None:
        assert login.run("--help").stdout.startswith("usage: enable_insecure_key")
        done = login.run("--no-such-option")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert not login.directory.exists()

    @pytest.mark.root
    def test_a_read_only_file_system_is_one_line(self, login: Login) -> None:
        login.directory.parent.mkdir()
        place = login.directory.parent
        script = f"mount --bind {place} {place} && mount -o remount,bind,ro {place} && exec {login.program}"
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script], capture_output=True, timeout=30, check=False, text=True
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert f"mount a tmpfs on {login.directory}" in done.stderr
