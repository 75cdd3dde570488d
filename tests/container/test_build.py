"""A1, A5, A6, A7: `dodai build` with the real mmdebstrap: no registry, no engine, nothing left behind; an engine loads it.

Also F2 and bad input: what cannot be built is told in one line and its remedy, with the exit code of its kind.
"""

from __future__ import annotations

import dataclasses
import datetime
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dodai import engine, paths
from tests.container import harness, left_out

pytestmark = [pytest.mark.container, pytest.mark.root]

BUILD_SECONDS = 600


def dodai(*words: str, temporary: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(paths.image_dir().parent / "src")} | variables
    return subprocess.run(
        [sys.executable, "-m", "dodai", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )


@dataclasses.dataclass(frozen=True)
class Made:
    """What one build left: a layout, an archive with a name of its own, its words."""

    suite: str
    without: str
    layout: Path
    archive: Path
    name: str
    temporary: Path
    done: subprocess.CompletedProcess[str]

    def blob(self, descriptor: dict[str, Any]) -> bytes:
        data: bytes = (self.layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
        assert len(data) == descriptor["size"]
        return data

    def manifest(self) -> dict[str, Any]:
        index = json.loads((self.layout / "index.json").read_text())
        manifest: dict[str, Any] = json.loads(self.blob(index["manifests"][0]))
        return manifest

    def tree(self) -> tarfile.TarFile:
        (only,) = self.manifest()["layers"]
        return tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.blob(only))))


# The whole variant, and the one with nothing that can be left out.
@pytest.fixture(scope="module", params=[("trixie", "syslog,ssh,cron"), ("bookworm", "")], ids=["trixie-without", "bookworm"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    suite, without = request.param
    base = tmp_path_factory.mktemp("build")
    temporary = base / "temporary"
    temporary.mkdir()
    layout, archive, name = base / "layout", base / "image.tar", f"dodai-test-{uuid.uuid4().hex[:12]}:build"
    words = ["build", "--suite", suite, "--without", without, "--no-load", "-o", str(layout), "--archive", str(archive)]
    lists = set(Path("/var/lib/apt/lists").iterdir())
    # An engine that cannot be: the build must not look for one.
    done = dodai(*words, "--tag", name, temporary=temporary, DODAI_ENGINE="docker", DOCKER_HOST="tcp://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    # What apt does in the image's root, it does not do to the host. (Another run of the tests may fetch lists.)
    assert lists <= set(Path("/var/lib/apt/lists").iterdir())
    return Made(suite, without, layout, archive, name, temporary, done)


@pytest.fixture
def loaded(made: Made) -> Iterator[engine.Engine]:
    into = engine.find()
    into.load(made.archive)
    yield into
    into.call("image", "rm", made.name, doing="remove the test's image")


def test_nothing_but_the_results_is_there(made: Made) -> None:
    assert list(made.temporary.iterdir()) == []
    assert {entry.name for entry in made.layout.parent.iterdir()} == {"temporary", "layout", "image.tar"}
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(made.temporary) not in mounts


def test_stdout_is_one_line_with_sizes_and_digest(made: Made) -> None:
    (line,) = made.done.stdout.splitlines()
    (only,) = made.manifest()["layers"]
    assert f"{only['size']} bytes of layer (gzip)" in line
    assert json.loads((made.layout / "index.json").read_text())["manifests"][0]["digest"] in line


def test_the_layer_is_the_image(made: Made) -> None:
    with made.tree() as tree:
        names = {member.name for member in tree}
        devices = [member.name for member in tree if member.isdev()]
        sources = tree.extractfile("./etc/apt/sources.list.d/debian.sources")
        assert sources is not None
        text = sources.read().decode()
    assert {"./usr/sbin/my_init", "./usr/bin/runsv", "./dev"} <= names
    assert devices == []
    assert f"Suites: {made.suite} {made.suite}-updates\n" in text
    assert f"Suites: {made.suite}-security\n" in text
    # The full perl would be a third of the image.
    assert not [name for name in names if "/libperl.so" in name]
    # The host's resolver and name, and what the build brought with it, stay out.
    for name in ("./etc/resolv.conf", "./etc/hostname", "./tmp/dodai-image", "./etc/apt/apt.conf.d/99mmdebstrap"):
        assert name not in names
    assert [name for name in names if name.startswith("./etc/apt/sources.list.d/")] == [
        "./etc/apt/sources.list.d/debian.sources"
    ]


def test_no_time_is_younger_than_the_image(made: Made) -> None:
    created = json.loads(made.blob(made.manifest()["config"]))["created"]
    with made.tree() as tree:
        youngest = max(member.mtime for member in tree)
    assert youngest <= datetime.datetime.fromisoformat(created).timestamp()


def test_an_engine_runs_it(made: Made, loaded: engine.Engine) -> None:
    config = made.manifest()["config"]
    with tarfile.open(made.archive) as archive:
        (listed,) = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        kept = archive.extractfile(listed["Config"]).read()  # type: ignore[union-attr]
    assert loaded.image_id(made.name) == f"sha256:{hashlib.sha256(kept).hexdigest()}"
    # The one thing that Docker's format can say and OCI's cannot.
    of_docker = json.loads(kept)
    assert of_docker["config"].pop("Healthcheck", None)
    assert of_docker == json.loads(made.blob(config))
    done = loaded.call("run", "--rm", made.name, "/sbin/my_init", "--", "dpkg", "--print-architecture", doing="run the image")
    told = loaded.inspect_image(made.name)
    assert told is not None
    assert told["Architecture"] == json.loads(made.blob(config))["architecture"]
    assert done.stdout == f"{subprocess.check_output(['dpkg', '--print-architecture'], text=True)}"
    assert told["Config"]["Cmd"] == ["/sbin/my_init"]


def test_what_was_left_out_is_gone_and_the_rest_works(made: Made, loaded: engine.Engine) -> None:
    left_out.check(harness.Engine(loaded.kind), made.name, set(filter(None, made.without.split(","))))


def test_built_again_it_has_the_same_digest(made: Made, tmp_path: Path) -> None:
    new = tmp_path / "again"
    # From nothing: with the kept packages it would be the same by copying.
    words = ["--no-cache", "--suite", made.suite, "--without", made.without, "--no-load", "-o", str(new), "--tag", made.name]
    again = dodai("build", *words, temporary=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (new / "index.json").read_bytes() == (made.layout / "index.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "message", "remedy"),
    [
        (["--mirror", "http://127.0.0.1:1/debian"], 124, 'cannot reach the mirror "http://127.0.0.1:1/debian"', "--mirror"),
        (["--suite", "trixi"], 2, '"trixi"', 'did you mean "trixie"?'),
        (["--variant", "minimum"], 2, '"minimum"', 'did you mean "minimal"?'),
        (["--without", "sshd"], 2, '"sshd"', 'did you mean "ssh"?'),
    ],
)
def test_what_cannot_be_built_is_told_in_a_line(tmp_path: Path, words: list[str], code: int, message: str, remedy: str) -> None:
    done = dodai("build", "--no-load", "-o", str(tmp_path / "new"), *words, temporary=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_no_engine_is_told_before_the_build(tmp_path: Path) -> None:
    done = dodai("build", temporary=tmp_path, DODAI_ENGINE="docker", DOCKER_HOST="tcp://127.0.0.1:1")
    assert done.returncode == 125
    assert "remedy:" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_with_what_is_needed(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "dodai-test", str(small)], check=True)
    try:
        done = dodai("build", "--no-load", "-o", str(tmp_path / "new"), temporary=small)
        assert done.returncode == 124
        assert str(small) in done.stderr
        assert "MB are needed" in done.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_dry_run_prints_the_plan_and_does_nothing(tmp_path: Path) -> None:
    done = dodai(
        "build", "--dry-run", "--without", "cron", "-o", str(tmp_path / "new"), temporary=tmp_path, DODAI_ENGINE="docker"
    )
    assert done.returncode == 0
    assert "mmdebstrap" in done.stdout
    assert "cron" not in done.stdout.partition("with: ")[2].partition("\n")[0].split()
    assert done.stdout.count("why: ") >= 6
    assert list(tmp_path.iterdir()) == []
