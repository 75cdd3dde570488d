"""A6: the same bytes as root and as a plain user, on another day, from a lock and a pool; what an image says of itself is true.

Also bad input: a wrong lock, a tampered package, a mirror that dies half-way, a disk that fills up: one line that names it,
nothing left behind, what was there before untouched.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import os
import pwd
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dodai.features.build import updates
from tests import pages

BUILD_SECONDS = 600
ROOT = pages.ROOT
MINIMAL = ["build", "--variant", "minimal", "--no-load"]


def environment(temporary: Path, **more: str) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"} | more


def dodai(*words: str | Path, temporary: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "dodai", *words], temporary=temporary, **more)


def run(argv: Sequence[str | Path], *, temporary: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, env=environment(temporary, **more), capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )


def failed(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line of a failure."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("dodai: cannot ")]
    return line


@dataclasses.dataclass(frozen=True)
class Place:
    """A directory of its own that everybody can read, with a build that was locked."""

    directory: Path
    temporary: Path
    name: str

    @property
    def layout(self) -> Path:
        return self.directory / "layout"

    @property
    def locked(self) -> list[str | Path]:
        """The words of a build from the lock and the pool."""
        return [*MINIMAL, "--tag", self.name, "--locked", "--lock-file", self.directory / "x.lock"]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    # Not pytest's directory, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="dodai-test-", dir="/var/tmp") as made:
        directory = Path(made)
        directory.chmod(0o755)
        (directory / "temporary").mkdir()
        found = Place(directory, directory / "temporary", f"dodai-test-{secrets.token_hex(6)}:supply")
        words: list[str | Path] = [
            "--no-cache",
            "--lock",
            "--lock-file",
            directory / "x.lock",
            "--pool",
            directory / "pool",
            "-o",
            found.layout,
        ]
        done = dodai(*MINIMAL, "--tag", found.name, *words, "--archive", directory / "image.tar", temporary=found.temporary)
        assert done.returncode == 0, done.stderr
        assert list(found.temporary.iterdir()) == []
        yield found


class Plain:
    """A user with nothing but subordinate ids, who sees this checkout and this Python wherever they are."""

    def __init__(self, home: Path) -> None:
        self.name = f"dodai-{secrets.token_hex(4)}"
        self.home = home
        subprocess.run(["useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/sh", self.name], check=True)
        for name in ("", "temporary", "checkout", "python", "packages"):
            (home / name).mkdir()
            os.chown(home / name, *self.ids)

    @property
    def ids(self) -> tuple[int, int]:
        entry = pwd.getpwnam(self.name)
        return entry.pw_uid, entry.pw_gid

    def dodai(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run dodai as this user."""
        uid, gid = self.ids
        # Any of these may be below a directory that only root may enter.
        seen = {"checkout": ROOT, "python": sys.base_prefix, "packages": sysconfig.get_path("purelib")}
        mounts = " && ".join(f"mount --bind {shlex.quote(str(path))} {name}" for name, path in seen.items())
        python = self.home / "python" / Path(sys.executable).resolve().relative_to(sys.base_prefix)
        become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups", "--"]
        argv = [*become, str(python), "-m", "dodai", *map(str, words)]
        path = f"{self.home / 'checkout/src'}:{self.home / 'packages'}"
        variables = environment(self.home / "temporary", HOME=str(self.home), PYTHONPATH=path)
        variables.pop("XDG_CACHE_HOME", None)
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh", *argv],
            cwd=self.home,
            env=variables,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )

    def remove(self) -> None:
        subprocess.run(["userdel", self.name], check=True, stderr=subprocess.DEVNULL)


@pytest.fixture
def plain(place: Place) -> Iterator[Plain]:
    user = Plain(place.directory / "home")
    try:
        yield user
    finally:
        user.remove()


def difference(one: Path, other: Path, temporary: Path) -> str:
    return dodai("verify", one, "--against", other, temporary=temporary).stdout


def test_a_plain_user_on_another_day_builds_the_same_bytes_from_the_pool(place: Place, plain: Plain) -> None:
    for attempt in ("cold", "warm"):
        layout, archive = plain.home / f"{attempt}-layout", plain.home / f"{attempt}.tar"
        # With all .debs in the pool no mirror is needed.
        where = ["--pool", place.directory / "pool", "--mirror", "http://127.0.0.1:1/debian"]
        done = plain.dodai(*place.locked, *where, "-o", layout, "--archive", archive)
        assert done.returncode == 0, done.stderr
        assert ("of an earlier build" in done.stderr) == (attempt == "warm")
        same = (layout / "index.json").read_bytes() == (place.layout / "index.json").read_bytes()
        assert same, difference(place.layout, layout, place.temporary)
        assert sorted(path.name for path in (layout / "blobs/sha256").iterdir()) == sorted(
            path.name for path in (place.layout / "blobs/sha256").iterdir()
        )
        assert archive.read_bytes() == (place.directory / "image.tar").read_bytes()
        assert list((plain.home / "temporary").iterdir()) == []


def test_what_the_image_says_of_itself_is_true(place: Place) -> None:
    done = dodai("verify", place.layout, "--extract", place.directory / "documents", temporary=place.temporary)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("digests, contents, SBOMs and provenance agree\n")
    installed = {one["name"] for one in json.loads((place.directory / "documents/sbom.cdx.json").read_text())["components"]}
    assert {"runit", "libc6", "dodai-sysuser-helper"} <= installed
    assert "curl" not in installed


def test_nothing_in_it_knows_the_clock(place: Place) -> None:
    (layer,) = [path for path in (place.layout / "blobs/sha256").iterdir() if path.stat().st_size > 10_000_000]
    tree = place.directory / "tree"
    tree.mkdir()
    subprocess.run(["tar", "-xzf", layer, "-C", tree, "./etc/shadow", "./var/lib/dpkg", "./etc/ld.so.cache"], check=True)
    days = {int(line.split(":")[2]) for line in (tree / "etc/shadow").read_text().splitlines()}
    lock = (place.directory / "x.lock").read_text()
    epoch = int(re.search(r"^epoch = (\d+)", lock, re.MULTILINE)[1])  # type: ignore[index]
    assert max(days) <= epoch // 86400
    shutil.rmtree(tree)


def test_security_updates_are_asked_for(place: Place) -> None:
    done = dodai("verify", place.layout, "--updates", temporary=place.temporary)
    assert "security updates: none is missing" in done.stderr, done.stdout + done.stderr
    names = re.findall(r'^"([^"]+)" = ', (place.directory / "x.lock").read_text(), re.MULTILINE)
    old = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 0\nArchitecture: amd64\nMaintainer: x\nDescription: x\n\n"
        for name in names
    )
    (layer,) = [path for path in (place.layout / "blobs/sha256").iterdir() if path.stat().st_size > 10_000_000]
    sources = subprocess.check_output(["tar", "-xzOf", layer, "./etc/apt/sources.list.d/debian.sources"], text=True)
    found = updates.pending(old.encode(), sources, "amd64")
    assert found
    assert {one.name for one in found} <= set(names)
    assert {one.installed for one in found} == {"0"}


def test_a_tampered_package_is_refused(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.directory / "pool", tmp_path / "pool")
    (victim,) = (tmp_path / "pool").glob("runit_*.deb")
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    shutil.copytree(place.layout, tmp_path / "layout")
    done = dodai(*place.locked, "--pool", tmp_path / "pool", "-o", tmp_path / "layout", temporary=place.temporary)
    line = failed(done, 124)
    assert '"runit"' in line
    assert str(victim) in line
    assert list(place.temporary.iterdir()) == []
    assert (tmp_path / "layout/index.json").read_bytes() == (place.layout / "index.json").read_bytes()


@pytest.mark.parametrize("wrong", ["sum", "missing"])
def test_a_wrong_lock_names_the_package(place: Place, tmp_path: Path, wrong: str) -> None:
    lines = (place.directory / "x.lock").read_text().splitlines(keepends=True)
    (number,) = [number for number, line in enumerate(lines) if line.startswith('"libzstd1"')]
    if wrong == "sum":
        lines[number] = re.sub(r'sha256 = "[0-9a-f]{8}', 'sha256 = "00000000', lines[number])
    else:
        # Asked for by nobody, but others depend on it: apt has to find that out.
        del lines[number]
    (tmp_path / "x.lock").write_text("".join(lines))
    words: list[str | Path] = [*MINIMAL, "--locked", "--lock-file", tmp_path / "x.lock", "--pool", place.directory / "pool"]
    done = dodai(*words, "-o", tmp_path / "layout", temporary=place.temporary)
    line = failed(done, 124)
    assert '"libzstd1"' in line
    assert list(place.temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]


@contextlib.contextmanager
def mirror(upstream: str, packages: int) -> Iterator[str]:
    """A mirror of `upstream` that is gone after some packages."""
    served: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.endswith(".deb"):
                served.append(self.path)
                if len(served) > packages:
                    self.close_connection = True
                    return
            try:
                with urllib.request.urlopen(upstream + self.path, timeout=60) as answer:
                    body = answer.read()
            except urllib.error.HTTPError as error:
                error.close()
                self.send_error(error.code)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_mirror_that_dies_half_way(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.layout, tmp_path / "layout")
    with mirror("http://deb.debian.org/debian", packages=20) as address:
        done = dodai(*MINIMAL, "--no-cache", "--mirror", address, "-o", tmp_path / "layout", temporary=place.temporary)
    assert address in failed(done, 124)
    assert "--mirror" in done.stderr
    assert list(place.temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["layout"]
    assert (tmp_path / "layout/index.json").read_bytes() == (place.layout / "index.json").read_bytes()


def test_a_disk_that_fills_up_half_way(place: Place, tmp_path: Path) -> None:
    small = place.directory / "small"
    small.mkdir()
    shutil.copytree(place.layout, tmp_path / "layout")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "dodai-test", str(small)], check=True)
    try:
        argv = [*place.locked, "--no-cache", "--pool", place.directory / "pool", "-o", tmp_path / "layout"]
        child = subprocess.Popen(
            [sys.executable, "-m", "dodai", *map(str, argv)], env=environment(small), stderr=subprocess.PIPE, text=True
        )
        assert child.stderr is not None
        said = ""
        for line in child.stderr:
            said += line
            if "unpacking the base system" in line:
                free = shutil.disk_usage(small).free
                subprocess.run(["fallocate", "-l", str(free - (20 << 20)), small / "filler"], check=True)
        code = child.wait(BUILD_SECONDS)
        child.stderr.close()
        assert f'no space left in "{small}"' in failed(subprocess.CompletedProcess([], code, "", said), 124)
        assert [path.name for path in small.iterdir()] == ["filler"]
        assert (tmp_path / "layout/index.json").read_bytes() == (place.layout / "index.json").read_bytes()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_stopped_half_way_nothing_is_left(place: Place, tmp_path: Path) -> None:
    argv = [*place.locked, "--no-cache", "--pool", place.directory / "pool", "-o", tmp_path / "layout"]
    child = subprocess.Popen(
        [sys.executable, "-m", "dodai", *map(str, argv)],
        env=environment(place.temporary),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if "unpacking the base system" in line:
            child.send_signal(signal.SIGTERM)
            break
    child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 128 + signal.SIGTERM
    assert list(place.temporary.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
