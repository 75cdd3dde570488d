"""What a build will do, decided before anything is done: frozen steps, each with its reason.

`dodai build --dry-run` prints exactly what `execute` follows.
"""

from __future__ import annotations

import dataclasses
import difflib
import urllib.parse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from dodai import errors
from dodai.features.build import layer, machine, names, oci, packages

Action = Literal[
    "check",
    "date",
    "read lock",
    "pool",
    "packages",
    "image",
    "report",
    "measure",
    "layout",
    "archive",
    "load",
    "lock",
    "publish",
]


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, as it was typed; nothing of it is checked yet."""

    suite: str = names.DEFAULT_SUITE
    variant: str = names.DEFAULT_VARIANT
    without: tuple[str, ...] = ()
    architecture: str | None = None
    mirror: str | None = None
    security_mirror: str | None = None
    output: Path | None = None
    archive: Path | None = None
    load: bool = True
    tags: tuple[str, ...] = ()
    compression: str = layer.COMPRESSIONS[0]
    cache: bool = True
    lock: bool = False
    locked: bool = False
    lock_file: Path | None = None
    pool: Path | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing to do and why."""

    action: Action
    what: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A build that can be carried out: everything that needs no network and no engine was checked."""

    suite: packages.Suite
    sources: tuple[packages.Source, ...]
    variant: str
    without: tuple[str, ...]
    foreign: str  # the architecture, where it is not this machine's; else ""
    packages: tuple[str, ...]
    names: tuple[str, ...]
    compression: str
    output: Path | None
    archive: Path | None
    load: bool
    cache: bool
    needed: tuple[str, ...]  # every package that is asked for by name
    lock: bool
    locked: bool
    lock_file: Path | None  # None: where the lock of the suite and architecture is kept
    pool: Path | None
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """Return the image in a few words, for progress."""
        left_out = f" without {', '.join(self.without)}" if self.without else ""
        foreign = f", for {self.foreign}" if self.foreign else ""
        return f"{self.names[-1]} ({self.suite.name}, {self.variant}{left_out}{foreign})"


def make(request: Request, catalogue: packages.Catalogue) -> Plan:
    """Return the plan for `request`; raises errors.UsageError for what cannot be built."""
    suite = catalogue.suites[_known("suite", request.suite, catalogue.suites)]
    variant = _known("variant", request.variant, catalogue.variants)
    asked = [_known("service", service, names.SERVICES) for service in request.without]
    # In one order and once each, so that two ways to ask for the same image give the same bytes.
    without = tuple(service for service in names.SERVICES if service in asked and variant == names.DEFAULT_VARIANT)
    foreign = _foreign(request.architecture)
    _known("compression", request.compression, layer.COMPRESSIONS)
    if not (request.load or request.output or request.archive):
        raise errors.UsageError(
            "cannot build to nowhere: --no-load leaves out the engine, and no directory is named", hint="add -o DIR"
        )
    _check_lock(request)
    if request.output is not None:
        _check_output(request.output)
    if request.archive is not None:
        _check_parent(request.archive)
        if request.archive.is_dir():
            raise errors.UsageError(
                f'cannot write "{request.archive}": it is a directory', hint="--archive names a file, -o a directory"
            )
    chosen = Plan(
        suite=suite,
        sources=_sources(suite, request),
        variant=variant,
        without=without,
        foreign=foreign,
        packages=catalogue.select(variant, without),
        names=tuple(names.check(tag) for tag in request.tags) or names.for_build(suite.name, variant, without, foreign),
        compression=request.compression,
        output=request.output,
        archive=request.archive,
        load=request.load,
        cache=request.cache,
        needed=tuple(sorted({*catalogue.select(variant, without), *catalogue.tables["init"]})),
        lock=request.lock,
        locked=request.locked,
        lock_file=request.lock_file,
        pool=request.pool,
        steps=(),
    )
    return dataclasses.replace(chosen, steps=tuple(_steps(chosen)))


def _steps(plan: Plan) -> Iterable[Step]:
    mirrors = ", ".join(source.uri for source in plan.sources)
    emulator = f", an emulator of {plan.foreign}" if plan.foreign else ""
    yield Step(
        "check",
        f"look for mmdebstrap{emulator} (as root, install it), the right to use it, and room on the disk",
        "a build that cannot end is not begun",
    )
    if plan.locked:
        yield Step("read lock", f"read {_lock_name(plan)}", "it says which packages, and the time of the image")
        pool = f'the pool "{plan.pool}"' if plan.pool else "a pool of this build"
        yield Step("pool", f"fetch from {mirrors} what {pool} lacks, and compare all of it with the lock", "--locked")
    else:
        yield Step("date", f"ask {mirrors} for the date of {plan.suite.name}", "every time in the image comes from it")
    kept = ", unless one of the same is kept" if plan.cache else ""
    yield Step(
        "packages",
        f"make a root of {plan.suite.name} with mmdebstrap{kept}, with: {' '.join(plan.packages)}",
        f"the {plan.variant} variant" + (f" without {', '.join(plan.without)}" if plan.without else ""),
    )
    yield Step("image", "run image/install in it", "it puts in rootfs/ and settles what packages leave open")
    what = "which security updates it lacks" if plan.locked else f"what changed since {_lock_name(plan)}, if there is one"
    yield Step("report", f"tell {what}", "a build is a chance to see what is old")
    yield Step("measure", "measure and hash the layer", "the configuration names it by its digest")
    if plan.output is not None:
        yield Step("layout", f"write an OCI layout, its layer {_packed(plan.compression)}", "-o")
    if plan.archive is not None or plan.load:
        yield Step("archive", "write an archive for docker load", "--archive" if plan.archive else "what the engine loads")
    if plan.load:
        yield Step(
            "load", f"load it into the engine as {', '.join(plan.names)}", "so that it can be run; --no-load leaves this out"
        )
    if plan.lock:
        fetched = f' and fetch its packages into "{plan.pool}"' if plan.pool else ""
        yield Step("lock", f"write {_lock_name(plan)}{fetched}", "--lock")
    if places := [f'"{place}"' for place in (plan.output, plan.archive) if place is not None]:
        yield Step("publish", f"move it to {' and '.join(places)}", "only now: a build that fails leaves what was there")


def _lock_name(plan: Plan) -> str:
    return f'the lock "{plan.lock_file}"' if plan.lock_file else f"the lock of {plan.suite.name}"


def _packed(compression: str) -> str:
    return "as it is" if compression == "none" else f"in {compression}"


def _known(kind: str, name: str, known: Iterable[str]) -> str:
    choices = list(known)
    if name in choices:
        return name
    near = difflib.get_close_matches(name, choices, n=1)
    hint = f'did you mean "{near[0]}"?' if near else ""
    raise errors.UsageError(
        f'cannot build the {kind} "{name}": there is no such {kind}', hint=hint or f"choose from: {', '.join(choices)}"
    )


def _foreign(asked: str | None) -> str:
    """The architecture that was asked for, unless it is this machine's."""
    if asked is None:
        return ""
    known = _known("architecture", asked, machine.EMULATORS)
    return "" if known == machine.own() else known


def _sources(suite: packages.Suite, request: Request) -> tuple[packages.Source, ...]:
    replaced: Sequence[str | None] = (request.mirror, request.security_mirror)
    changed = []
    for index, source in enumerate(suite.sources):
        uri = replaced[index] if index < len(replaced) else None
        changed.append(source if uri is None else dataclasses.replace(source, uri=_checked_uri(uri)))
    return tuple(changed)


def _checked_uri(uri: str) -> str:
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.netloc or any(c.isspace() for c in uri):
        raise errors.UsageError(
            f'cannot use the mirror "{uri}": it is not an http or https address', hint="--mirror http://HOST/debian"
        )
    return uri.rstrip("/")


def _check_lock(request: Request) -> None:
    if request.lock and request.locked:
        raise errors.UsageError("cannot both make a lock and build from one", hint="choose --lock or --locked")
    if request.pool is not None and not (request.lock or request.locked):
        raise errors.UsageError(
            f'cannot use the pool "{request.pool}" without a lock: nothing says what belongs in it',
            hint="add --locked, or --lock",
        )
    if request.lock_file is not None and request.lock_file.is_dir():
        raise errors.UsageError(f'cannot use the lock "{request.lock_file}": it is a directory', hint="name a file")
    if request.pool is not None and request.pool.exists() and not request.pool.is_dir():
        raise errors.UsageError(f'cannot use the pool "{request.pool}": it is not a directory', hint="name a directory")


def _check_output(output: Path) -> None:
    """Refuse to replace anything that is not an image of ours: a mistyped -o must not cost a user's files."""
    _check_parent(output)
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise errors.UsageError(f'cannot write "{output}": it is not a directory', hint="name a directory that does not exist")
    if output.is_dir() and any(output.iterdir()) and not oci.is_layout(output):
        raise errors.UsageError(
            f'cannot write "{output}": it has other files in it', hint="name a directory that is new, empty or an OCI layout"
        )


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise errors.UsageError(f'cannot write "{path}": "{path.parent}" is not a directory', hint="create it first")
