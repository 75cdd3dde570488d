"""Carries a plan out: everything in directories of its own, moved into place at the end."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from dodai import __version__, engine, errors, output, paths
from dodai.features.build import (
    archive,
    attest,
    bootstrap,
    cache,
    inventory,
    layer,
    lock,
    machine,
    oci,
    packages,
    plan,
    pool,
    provenance,
    release,
    report,
    workspace,
)

# Bytes that a build takes at its peak, which is when the root is packed: 319 MB and 270 MB were measured with trixie. A third
# is added for other suites.
ROOM = {"default": 430_000_000, "minimal": 360_000_000}
LAYOUT_ROOM = 200_000_000  # a layout holds the layer once, at worst uncompressed
ATTEMPTS = 3  # at packages of one date, while the archive changes


@dataclasses.dataclass(frozen=True, slots=True)
class Built:
    """An image that was built. Sizes are in bytes, digests begin with "sha256:"."""

    image_id: str
    unpacked: int
    layout: oci.Layout | None
    seconds: float


def execute(build: plan.Plan, *, image: Path, load_into: engine.Engine | None) -> Built:
    """Carry out `build` from the sources in `image`. `load_into` is needed when the plan loads.

    Raises errors.BuildFailed and its kinds, or errors.EngineError. Whatever ends it, also SIGTERM and ^C, temporary files are
    gone and what was there before is untouched.
    """
    started = time.monotonic()
    with workspace.stoppable(), workspace.make() as work, contextlib.ExitStack() as beside:
        running = _Build(build, image, load_into, work, beside)
        for step in build.steps:
            running.carry_out(step)
        return Built(running.image_id, running.content.files, running.layout, time.monotonic() - started)


class _Build:
    """What one step hands on to the next."""

    def __init__(
        self, build: plan.Plan, image: Path, load_into: engine.Engine | None, work: Path, beside: contextlib.ExitStack
    ) -> None:
        self._build = build
        self._image = image
        self._engine = load_into
        self._work = work
        self._beside = beside
        self._mode = ""
        self._architecture: str
        self._description: oci.Description
        self._source = provenance.source(image)
        self._kept = cache.default() if build.cache else None
        self._key = ""
        self._lock: lock.Lock | None = None
        self._mirrors: list[str] = []
        self._pool: Path
        self._newest = 0
        self._dates: dict[str, int] = {}  # address and suite → seconds since 1970
        self._runner: bootstrap.Runner
        self._base: Path
        self._root: Path
        self.inventory: tuple[inventory.Package, ...] = ()
        self._archive = work / "image.tar"
        self._new_layout: Path | None = None
        self.content: layer.Content
        self.layout: oci.Layout | None = None
        self.image_id = ""

    def carry_out(self, step: plan.Step) -> None:
        """Do one step; a full disk is told as such, whichever step meets it."""
        actions = {
            "check": self._check,
            "date": self._date,
            "read lock": self._read_lock,
            "pool": self._fill_pool,
            "packages": self._packages,
            "image": self._make_image,
            "report": self._report,
            "measure": self._measure,
            "layout": self._write_layout,
            "archive": self._write_archive,
            "load": self._load,
            "lock": self._write_lock,
            "publish": self._publish,
        }
        try:
            actions[step.action]()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise errors.BuildFailed(f"cannot {step.what}: {error.strerror or error}") from error
            where = Path(error.filename).parent if error.filename else self._work
            raise workspace.no_space(where, 0) from None

    def _check(self) -> None:
        self._mode = bootstrap.check(self._build)
        self._architecture = self._build.foreign or machine.own()
        machine.ready(self._architecture)
        workspace.check_room(self._work, ROOM[self._build.variant])
        for target in (self._build.output, self._build.archive):
            if target is not None:
                workspace.check_room(target.parent, LAYOUT_ROOM)

    def _date(self) -> None:
        with output.progress("asking the mirrors for their date"):
            # Also with a date of the user's own: it is how a mirror out of reach is noticed in time.
            self._dates = {
                f"{source.uri} {suite}": release.date(source.uri, suite)
                for source in self._build.sources
                for suite in source.suites
            }
        self._describe(max(self._dates.values()))

    def _describe(self, newest: int) -> None:
        """Settle what the image says about itself; `newest` is the date of the newest Release file, in seconds since 1970."""
        self._newest = newest
        self._description = oci.Description(
            version=__version__,
            suite=self._build.suite.name,
            variant=self._build.variant,
            without=self._build.without,
            architecture=self._architecture,
            epoch=release.epoch(os.environ, newest),
        )

    def _read_lock(self) -> None:
        self._lock = lock.read(self._lock_path(), suite=self._build.suite.name, architecture=self._architecture)
        lock.check(self._lock, self._lock_path(), self._build.needed)
        # The image names the archives that it was made from, wherever its packages are fetched from now.
        mirrors = [source.uri for source in self._build.sources]
        self._mirrors = list(dict.fromkeys([*mirrors, *(uri for uri, _, _ in self._lock.sources)]))
        self._build = dataclasses.replace(self._build, sources=lock.sources(self._lock, self._build.suite))
        self._describe(self._lock.epoch)

    def _fill_pool(self) -> None:
        if self._lock is None:
            raise errors.InternalError("a pool without a lock")
        self._pool = self._build.pool or self._work / "pool"
        with output.progress(f"looking for the {len(self._lock.packages)} packages of the lock") as shown:
            pool.fill(self._pool, self._lock, self._mirrors, lambda done, of: shown.update(f"{done} of {of}"))

    def _write_lock(self) -> None:
        made = lock.Lock(
            suite=self._build.suite.name,
            architecture=self._architecture,
            variant=self._build.variant,
            without=self._build.without,
            epoch=self._newest,
            sources=tuple((source.uri, source.suites, source.components) for source in self._build.sources),
            packages=tuple(one for one in self.inventory if one.file),
        )
        if self._build.pool is not None:
            mirrors = [source.uri for source in self._build.sources]
            with output.progress(f"fetching into {self._build.pool}") as shown:
                pool.fill(self._build.pool, made, mirrors, lambda done, of: shown.update(f"{done} of {of}"))
        lock.write(self._lock_path(), made)
        output.say(f'locked {len(made.packages)} packages in "{self._lock_path()}"')

    def _lock_path(self) -> Path:
        return self._build.lock_file or lock.place(self._image, self._build.suite.name, self._architecture)

    def _packages(self) -> None:
        inputs = bootstrap.inputs(self._image, self._work)
        for _ in range(ATTEMPTS):
            self._key = cache.key(self._facts(), inputs)
            found = self._beside.enter_context(self._kept.get(self._key)) if self._kept else None
            if found is not None:
                output.say("the packages are those of an earlier build")
                self.inventory = inventory.read(found / bootstrap.STANZAS)
                self._base = self._work / "packages.tar"
                cache.copy(found / "packages.tar", self._base)
                return
            self._base = self._install_packages(inputs)
            told = self._runner.report
            self.inventory = inventory.read(told / bootstrap.STANZAS)
            if self._lock is not None:
                lock.compare(self._lock, self._lock_path(), self.inventory)
            dates = inventory.dates((told / bootstrap.DATES).read_text(encoding="ascii"))
            if self._lock is not None or dates == tuple(sorted(self._dates.values())):
                if self._kept is not None:
                    self._kept.put(self._key, {"packages.tar": self._base, bootstrap.STANZAS: told / bootstrap.STANZAS})
                return
            # What is dated by one state of the archive and made of another would not be the same bytes twice.
            output.say("the archive changed in the middle of the build: once more")
            self._base.unlink()
            self._date()
        raise errors.MirrorUnreachable(
            f"cannot build from a mirror that changes: its date was another one after each of {ATTEMPTS} downloads",
            hint="try again, or name another mirror: --mirror URL",
        )

    def _install_packages(self, inputs: Path) -> Path:
        if self._lock is None:
            return self._run(self._build, lambda runner: runner.packages(inputs))
        with pool.serve(self._pool, self._lock, self._build.suite) as address:
            own = packages.Source(address, (self._build.suite.name,), ("main",), "")
            return self._run(dataclasses.replace(self._build, sources=(own,)), lambda runner: runner.packages(inputs))

    def _facts(self) -> dict[str, object]:
        """What the packages' root depends on, but for its files of image/."""
        return {
            "architecture": self._description.architecture,
            "dates": self._dates,
            "lock": lock.text(self._lock) if self._lock is not None else "",
            "epoch": self._description.epoch,
            "packages": self._build.packages,
            "sources": bootstrap.sources_text(self._build.sources),
            "suite": self._build.suite.name,
            "variant": self._build.variant,
            "without": self._build.without,
        }

    def _make_image(self) -> None:
        self._description = dataclasses.replace(
            self._description, revision=self._source.revision, packages=inventory.digest(self.inventory)
        )
        self._root = self._run(self._build, lambda runner: runner.image(self._image, self._base))

    def _run(self, build: plan.Plan, task: Callable[[bootstrap.Runner], Path]) -> Path:
        """Let mmdebstrap work, and show how far it is."""
        log = paths.cache_dir() / "build.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        started = time.monotonic()
        with output.progress(f"building {self._build.title}") as shown:

            def on_stage(stage: str) -> None:
                shown.update(f"{stage} ({time.monotonic() - started:.0f} s)")
                if not output.interactive():
                    output.say(f"{stage} ({time.monotonic() - started:.0f} s)")

            self._runner = bootstrap.Runner(
                build,
                mode=self._mode,
                work=self._work,
                epoch=self._description.epoch,
                log=log,
                on_stage=on_stage,
            )
            return task(self._runner)

    def _report(self) -> None:
        if self._lock is not None:
            report.security(self._build, self._root, self._description.architecture)
        elif self._lock_path().exists():
            kept = lock.read(self._lock_path(), suite=self._build.suite.name, architecture=self._description.architecture)
            report.since(kept, self._build, self.inventory)

    def _measure(self) -> None:
        self.content = layer.measure(self._root, epoch=self._description.epoch)

    def _write_layout(self) -> None:
        if self._build.output is None:
            raise errors.InternalError("the plan writes a layout to nowhere")
        self._new_layout = workspace.beside(self._build.output, self._beside)
        with output.progress("writing the OCI layout"), cache.members(self._kept, self._key) as known:
            self.layout = oci.write(
                self._new_layout,
                self._description,
                self.content,
                names=self._build.names,
                compression=self._build.compression,
                known=known,
                documents=self._documents,
            )

    def _documents(self, digest: str) -> dict[str, bytes]:
        made = attest.Made(self._build, self._description, self._source, self.content.diff_id, self.inventory, self._root)
        return attest.documents(made, digest)

    def _write_archive(self) -> None:
        if self._build.archive is not None:
            self._archive = workspace.beside(self._build.archive, self._beside) / "image.tar"
        # Podman runs health checks by systemd alone, and without one complains on the stderr of every container.
        podman_only = self._build.archive is None and self._engine is not None and self._engine.kind == engine.PODMAN
        configuration = oci.config(self._description, self.content.diff_id, health=not podman_only)
        with output.progress("writing the archive"):
            self.image_id = archive.write(
                self._archive, self.content, configuration, names=self._build.names, epoch=self._description.epoch
            )

    def _load(self) -> None:
        if self._engine is None:
            raise errors.InternalError("the plan loads an image into no engine")
        with output.progress(f"loading into {self._engine.kind}"):
            self._engine.load(self._archive)

    def _publish(self) -> None:
        if self._build.archive is not None:
            self._archive.chmod(0o644)
            self._archive.replace(self._build.archive)
        if self._build.output is not None and self._new_layout is not None:
            self._new_layout.chmod(0o755)
            workspace.swap(self._new_layout, self._build.output, self._beside)
