"""A5, A6, bad input: `execute` carries a plan out, and leaves nothing behind when it fails.

mmdebstrap is a stand-in here: a script that behaves at its edges as the real one does (a tar at the named place, words on
stderr, an exit status). tests/container/test_build.py builds with the real one. Root, because mmdebstrap's mode depends on it.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from dodai import errors, paths, process
from dodai.features.build import execute, inventory, oci, packages, plan
from tests.unit.host.build import archive_of

pytestmark = pytest.mark.root

DATE = "Sat, 21 Nov 2026 09:15:44 UTC"
IN_RELEASE = f"Date: {DATE}\n"
STANZAS = "Package: hello\nVersion: 1\nArchitecture: all\nFilename: pool/hello_1_all.deb\nSize: 3\nSHA256: 00\n"
DEADLINE = 20.0  # seconds, for what takes a fraction of one


class Scene:
    """A mirror of files, a stand-in for mmdebstrap, and directories to look into afterwards."""

    def __init__(self, root: Path, base: Path) -> None:
        self.temporary, self.programs, self.place = base / "temporary", base / "programs", base / "place"
        for directory in (self.temporary, self.programs, self.place):
            directory.mkdir()
        self.output = self.place / "layout"
        self.cache = base / "cache"
        self.root = root
        self.runs = base / "runs"
        self.stanzas = base / "stanzas"
        self.stanzas.write_text(STANZAS)
        self.keyring = base / "keyring.gpg"
        self.keyring.touch()
        self.mirror = base / "mirror"
        for suite in ("trixie", "trixie-updates", "trixie-security"):
            (self.mirror / "dists" / suite).mkdir(parents=True)
            (self.mirror / "dists" / suite / "InRelease").write_text(IN_RELEASE)
        self.bootstrap(f'cp "{root}" "$target"')

    def bootstrap(self, body: str) -> None:
        """Let mmdebstrap do this; $target is the tar it is to write. The first run's hooks leave what apt knows."""
        script = self.programs / "mmdebstrap"
        script.write_text(
            "#!/bin/sh\n"
            "for word; do case $word in */packages.tar | */root.tar) target=$word ;; esac; done\n"
            f'cp "{self.stanzas}" "$TMPDIR/../report/stanzas"\n'
            f'for suite in 1 2 3; do echo "{DATE}"; done >"$TMPDIR/../report/dates"\n'
            f'echo "$target" >>"{self.runs}"\n'
            f"{body}\n"
        )
        script.chmod(0o755)

    def planned(self, *, archive: Path | None = None) -> plan.Plan:
        catalogue = packages.load(paths.image_dir() / packages.FILE)
        made = plan.make(plan.Request(load=False, output=self.output, archive=archive), catalogue)
        sources = tuple(dataclasses.replace(source, uri=f"file://{self.mirror}") for source in made.sources)
        distribution = packages.Distribution(str(self.keyring), "none", "debian.sources")
        suite = dataclasses.replace(made.suite, distribution=distribution)
        return dataclasses.replace(made, suite=suite, sources=sources)

    def build(self, made: plan.Plan | None = None) -> execute.Built:
        return execute.execute(made or self.planned(), image=paths.image_dir(), load_into=None)

    def made(self) -> list[str]:
        """Which tars mmdebstrap was asked for since the last question."""
        asked = [Path(line).name for line in self.runs.read_text().splitlines()]
        self.runs.unlink()
        return asked

    def left_behind(self) -> list[str]:
        """What is in the temporary directory and next to the output, but the output."""
        return [entry.name for place in (self.temporary, self.place) for entry in place.iterdir() if entry != self.output]


@pytest.fixture
def scene(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(root, tmp_path)
    monkeypatch.setenv("PATH", f"{made.programs}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(made.temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.cache))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return made


def test_the_layout_is_put_in_place_whole(scene: Scene) -> None:
    built = scene.build()
    assert built.unpacked == 2003
    assert built.layout is not None
    assert oci.is_layout(scene.output)
    assert scene.output.stat().st_mode & 0o777 == 0o755
    assert scene.left_behind() == []


def test_built_twice_gives_the_same_digest(scene: Scene) -> None:
    first, second = scene.build(), scene.build()
    assert first.layout == second.layout


def test_packages_are_kept_and_the_rest_is_made_again(scene: Scene) -> None:
    scene.build()
    assert scene.made() == ["packages.tar", "root.tar"]
    scene.build()
    assert scene.made() == ["root.tar"]


def test_without_the_cache_nothing_is_used_or_kept(scene: Scene) -> None:
    scene.build(dataclasses.replace(scene.planned(), cache=False))
    assert not (scene.cache / "dodai" / "roots").exists()
    scene.build()
    scene.made()
    scene.build(dataclasses.replace(scene.planned(), cache=False))
    assert scene.made() == ["packages.tar", "root.tar"]


@pytest.mark.parametrize("what", ["date", "variant", "suite", "epoch"])
def test_packages_of_another_build_are_not_used(scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "date":
        # The archive's date counts also where it is not the image's.
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    scene.build()
    scene.made()
    made = scene.planned()
    if what == "date":
        later = "Sat, 21 Nov 2026 09:15:45 UTC"
        (scene.mirror / "dists/trixie/InRelease").write_text(f"Date: {later}\n")
        scene.bootstrap(
            f'(echo "{DATE}"; echo "{DATE}"; echo "{later}") >"$TMPDIR/../report/dates"; cp "{scene.root}" "$target"'
        )
    if what == "epoch":
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    if what == "variant":
        made = dataclasses.replace(made, variant="minimal", packages=("python3-minimal",))
    if what == "suite":
        made = dataclasses.replace(made, suite=dataclasses.replace(made.suite, name="bookworm"))
    scene.build(made)
    assert scene.made() == ["packages.tar", "root.tar"]


def test_an_archive_that_changes_in_the_middle_is_downloaded_again(scene: Scene) -> None:
    release = scene.mirror / "dists/trixie/InRelease"
    later = "Sat, 21 Nov 2026 15:15:44 UTC"
    # Whoever asked for the date saw the old one; from the first download on there is the new one.
    scene.bootstrap(
        f'echo "Date: {later}" >"{release}"\n'
        f'(echo "{DATE}"; echo "{DATE}"; echo "{later}") >"$TMPDIR/../report/dates"; cp "{scene.root}" "$target"'
    )
    scene.build()
    assert scene.made() == ["packages.tar", "packages.tar", "root.tar"]


def test_a_mirror_that_changes_all_the_time_is_named(scene: Scene) -> None:
    scene.bootstrap('echo "Sat, 21 Nov 2026 15:15:44 UTC" >"$TMPDIR/../report/dates"; : >"$target"')
    with pytest.raises(errors.MirrorUnreachable, match="a mirror that changes"):
        scene.build()
    assert scene.left_behind() == []


@pytest.fixture
def hello(scene: Scene) -> inventory.Package:
    """A real package, which the stand-in installs from now on."""
    made = archive_of.package(scene.mirror, "hello")
    fields = {"Package": made.name, "Version": made.version, "Architecture": made.architecture, "Filename": made.file}
    fields |= {"Size": str(made.size), "SHA256": made.sha256, "Priority": made.priority}
    scene.stanzas.write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
    return made


def locking(scene: Scene, *, pool: Path | None = None) -> plan.Plan:
    made = scene.planned()
    steps = (*made.steps[:-1], plan.Step("lock", "write the lock", "--lock"), made.steps[-1])
    return dataclasses.replace(made, lock=True, lock_file=scene.place / "x.lock", pool=pool, steps=steps)


def from_lock(scene: Scene, *, needed: tuple[str, ...] = ("hello",)) -> plan.Plan:
    made = scene.planned()
    steps = (
        made.steps[0],
        plan.Step("read lock", "read the lock", "--locked"),
        plan.Step("pool", "fetch", "--locked"),
        *(step for step in made.steps if step.action not in ("check", "date", "report")),
    )
    return dataclasses.replace(made, locked=True, lock_file=scene.place / "x.lock", needed=needed, steps=steps)


def test_a_locked_build_is_the_one_that_was_locked(scene: Scene, hello: inventory.Package) -> None:
    pool = scene.place / "pool"
    first = scene.build(locking(scene, pool=pool))
    assert [entry.name for entry in pool.iterdir()] == ["hello_1.0-1_all.deb"]
    # Another day, and no mirror has anything any more.
    (scene.mirror / hello.file).unlink()
    for release in scene.mirror.glob("dists/*/InRelease"):
        release.write_text("Date: Sun, 22 Nov 2026 09:15:44 UTC\n")
    second = scene.build(dataclasses.replace(from_lock(scene), pool=pool))
    assert first.layout == second.layout
    assert sorted(scene.left_behind()) == ["pool", "x.lock"]


def test_a_package_that_is_not_the_locks_ends_the_build(scene: Scene, hello: inventory.Package) -> None:
    scene.build(locking(scene, pool=scene.place / "pool"))
    before = (scene.output / "index.json").read_bytes()
    scene.stanzas.write_text(scene.stanzas.read_text().replace("1.0-1", "1.0-2"))
    with pytest.raises(errors.BuildFailed, match=r'"hello" 1\.0-2'):
        scene.build(dataclasses.replace(from_lock(scene), pool=scene.place / "pool"))
    assert (scene.output / "index.json").read_bytes() == before
    assert sorted(scene.left_behind()) == ["pool", "x.lock"]


def test_a_lock_without_what_is_asked_for_is_refused_at_once(scene: Scene, hello: inventory.Package) -> None:
    scene.build(locking(scene))
    scene.made()
    with pytest.raises(errors.BuildFailed, match='it has no package "curl"'):
        scene.build(from_lock(scene, needed=("hello", "curl")))
    assert not scene.runs.exists()


def test_what_changed_since_the_lock_is_told(
    scene: Scene, hello: inventory.Package, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.build(locking(scene))
    known = dataclasses.replace(scene.planned(), lock_file=scene.place / "x.lock", cache=False)
    capsys.readouterr()
    scene.build(known)
    assert "packages: the same as in the lock of 2026-11-21" in capsys.readouterr().err
    scene.stanzas.write_text(scene.stanzas.read_text().replace("Version: 1.0-1", "Version: 1.0-2"))
    scene.build(known)
    told = capsys.readouterr().err
    assert "packages: 1 changed since the lock of 2026-11-21" in told
    assert "hello 1.0-1 -> 1.0-2" in told


def test_times_come_from_the_archive_or_from_the_user(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.bootstrap(f'echo "$SOURCE_DATE_EPOCH" > "{scene.place}/epoch"; cp "{scene.root}" "$target"')
    scene.build()
    assert (scene.place / "epoch").read_text() == "1795252544\n"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    scene.build()
    assert (scene.place / "epoch").read_text() == "1700000000\n"


def test_the_archive_is_readable_by_others(scene: Scene) -> None:
    built = scene.build(scene.planned(archive=scene.place / "image.tar"))
    assert built.image_id.startswith("sha256:")
    assert (scene.place / "image.tar").stat().st_mode & 0o777 == 0o644
    assert scene.left_behind() == ["image.tar"]


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("echo 'E: something broke' >&2; exit 25", errors.BuildFailed, "something broke"),
        ("echo 'tar: ./x: Cannot write: No space left on device' >&2; exit 1", errors.NoSpace, "no space left"),
        (
            "echo 'E: Failed to fetch http://a.b/c.deb  Could not resolve' >&2; exit 1",
            errors.MirrorUnreachable,
            "http://a.b/c.deb",
        ),
        ("echo 'E: Unable to locate package runnit' >&2; exit 1", errors.BuildFailed, '"runnit"'),
        ('printf half > "$target"', errors.BuildFailed, "cannot use the root"),
        ("exit 0", errors.BuildFailed, "No such file"),
    ],
)
def test_a_failure_says_why_and_leaves_the_old_output(
    scene: Scene, body: str, kind: type[errors.BuildFailed], message: str
) -> None:
    scene.build()
    before = (scene.output / "index.json").read_bytes()
    scene.bootstrap(body)
    with pytest.raises(kind) as caught:
        scene.build()
    assert message in caught.value.message
    assert caught.value.exit_code == 124
    assert "\n" not in caught.value.message
    assert (scene.output / "index.json").read_bytes() == before
    assert scene.left_behind() == []


def test_the_log_is_kept(scene: Scene) -> None:
    scene.bootstrap("echo 'W: first'; echo 'E: last' >&2; exit 1")
    with pytest.raises(errors.BuildFailed) as caught:
        scene.build()
    log = scene.cache / "dodai" / "build.log"
    assert str(log) in caught.value.hint
    assert log.read_text() == "W: first\nE: last\n"


def test_a_keyring_that_cannot_be_installed_is_named(scene: Scene) -> None:
    made = scene.planned()
    distribution = packages.Distribution("/nowhere/keyring.gpg", "", "ubuntu.sources")
    made = dataclasses.replace(made, suite=dataclasses.replace(made.suite, distribution=distribution))
    with pytest.raises(errors.BuildFailed, match=r"/nowhere/keyring\.gpg") as caught:
        scene.build(made)
    assert "copy it from" in str(caught.value.hint)


def test_a_missing_temporary_directory_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    with pytest.raises(errors.BuildFailed, match="/nowhere/at/all") as caught:
        scene.build()
    assert "TMPDIR" in caught.value.hint


def test_a_disk_too_full_is_seen_before(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(execute.ROOM, "default", 1 << 60)
    with pytest.raises(errors.NoSpace) as caught:
        scene.build()
    assert str(scene.temporary) in caught.value.message
    assert f"{(1 << 60) // 1_000_000} MB are needed" in caught.value.message
    assert scene.left_behind() == []


@pytest.mark.parametrize(("number", "end"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_stopped_in_the_middle_nothing_is_left(
    scene: Scene, number: int, end: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.5)
    # A command line that no other process has, in a grandchild that mmdebstrap leaves TERM to.
    scene.bootstrap(f'trap "" TERM; touch "{scene.place}/begun"; sleep 61.4242; exit 1')

    def stop() -> None:
        deadline = time.monotonic() + DEADLINE
        while not (scene.place / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(end):
        scene.build()
    thread.join()
    (scene.place / "begun").unlink()
    assert scene.left_behind() == []
    assert not scene.output.exists()
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"61.4242" in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
