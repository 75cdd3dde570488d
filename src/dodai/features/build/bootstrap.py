"""mmdebstrap: the root of the image, as one deterministic tar, in two runs.

The first installs the packages; what it makes depends on nothing but the archive and a few files of image/, so it can be kept
(`cache`). The second unpacks that and makes it Dodai. It is two runs also when nothing is kept: one way to build, one result.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from dodai import errors, process
from dodai.features import provision
from dodai.features.build import fence, keyring, packages, plan

INSIDE = "/tmp/dodai-image"  # noqa: S108 - inside the root that is being made, where nobody else is
INSIDE_SLIM = "/etc/dpkg/dpkg.cfg.d/dodai-slim"
SLIM = Path(f"rootfs{INSIDE_SLIM}")
POLICY = "/usr/sbin/policy-rc.d"

#: What image/install reads while it installs packages. The first run sees nothing else of image/.
INPUTS = ("install", "packages.toml", "sysuser-helper", str(SLIM), f"rootfs{POLICY}", "rootfs/etc/apt/apt.conf.d/dodai")

#: What the first run leaves in `report`: the stanzas of the archive for what is installed, and the archive's dates.
STANZAS, DATES = "stanzas", "dates"

# In these suites nothing but a tool can merge /usr: left to themselves they install usrmerge, and with it full perl (50 MB).
# From Debian 13 on base-files has the links.
_MERGED_BY_HOOK = ("bookworm",)
_MERGE_HOOKS = "/usr/share/mmdebstrap/hooks/merged-usr"

# What mmdebstrap says while it works → what we say. Its own words: /usr/bin/mmdebstrap, info().
_STAGES = (
    ("running apt-get update", "reading the package lists"),
    ("downloading packages", "downloading the base system"),
    ("extracting archives", "unpacking the base system"),
    ("installing essential packages", "configuring the base system"),
    ("installing remaining packages", "installing packages"),
    ("running --customize-hook", "making it Dodai"),
    ("cleaning package lists", "cleaning up"),
    ("creating tarball", "packing"),
)

_NO_SPACE = re.compile(r"no space left on device|you don't have enough free space", re.IGNORECASE)
_NO_MIRROR = re.compile(
    r"(?:E:|W:|Err:\d+) .*(?:Failed to fetch|Could not resolve|Temporary failure resolving|Could not connect|Connection failed"
    r"|Connection timed out|Unable to connect|does not have a Release file)",
    re.IGNORECASE,
)
_NO_PACKAGE = re.compile(r"E: (?:Unable to locate package|Package '?)\s*([a-z0-9][a-z0-9+.-]+)")
_NO_DEPENDENCY = re.compile(r"Depends: (\S+).* but it is not (?:installable|going to be installed)")
_ADDRESS = re.compile(r"https?://[^\s'\"]+")


def check(build: plan.Plan) -> str:
    """Install what is missing, as root, and return mmdebstrap's mode for this user: "root" or "unshare".

    Raises errors.BuildFailed with what to do when it cannot work.
    """
    plain = os.geteuid() != 0
    distribution = build.suite.distribution
    needed = {"mmdebstrap": "mmdebstrap"}
    if distribution.keyring_package:
        needed[distribution.keyring] = distribution.keyring_package
    else:
        keyring.provide(build.suite, mirror=build.sources[0].uri)
    if build.compression == "zstd" and build.output is not None:
        needed["zstd"] = "zstd"
    if plain:
        needed["newuidmap"] = "uidmap"
    try:
        provision.packages(needed, purpose="build the image")
    except errors.ProvisionFailed as error:
        raise errors.BuildFailed(error.message, hint=error.hint) from None
    if not plain:
        return "root"
    user = getpass.getuser()
    if not _has_range(Path("/etc/subuid"), user) or not _has_range(Path("/etc/subgid"), user):
        raise errors.BuildFailed(
            f'cannot build as user "{user}": there are no subordinate ids for it in /etc/subuid and /etc/subgid',
            hint=f"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
        )
    return "unshare"


def packages_arguments(build: plan.Plan, *, mode: str, inputs: Path, sources: Path, report: Path, target: str) -> list[str]:
    """Return mmdebstrap's argument vector of the first run. `sources` is a deb822 file, `target` a tar file."""
    # Given by --dpkgopt, the paths to leave out would make mmdebstrap filter each package of the base system through a program
    # of its own, 8 s in all. Here what it unpacked goes again, before dpkg unpacks the same packages properly.
    slim = [
        *_policy(inputs),
        f"upload {shlex.quote(str(inputs / SLIM))} {INSIDE_SLIM}",
        f'sed -n "s/^path-exclude=//p" "$1{INSIDE_SLIM}" | while read -r path; do rm -rf "$1"$path; done',
    ]
    # apt-cache ends with 100 where it knows one of them only from dpkg: what install itself built.
    listed = """$(dpkg-query --admindir="$1/var/lib/dpkg" -W -f '${Package}:${Architecture}=${Version}\\n')"""
    show = f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-cache show {listed} >{shlex.quote(str(report / STANZAS))}'
    hooks = [
        *_install(build, inputs, "--packages-only"),
        f"{show} || test $? -eq 100",
        f'sed -n "s/^Date: //p" "$1"/var/lib/apt/lists/*Release >{shlex.quote(str(report / DATES))}',
        'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
        *_settle(build, sources),
    ]
    return [
        "mmdebstrap",
        f"--mode={mode}",
        *_architecture(build),
        "--variant=minbase",
        "--format=tar",
        # The hooks have cleaned up after apt already; mmdebstrap would leave lock files behind.
        "--skip=output/dev,cleanup/apt,chroot/policy-rc.d",
        # Debian's minbase has apt; in Ubuntu it is not among the required packages.
        f"--include={','.join(('apt', *build.packages))}",
        # What is being made is thrown away when the power fails; dpkg need not wait for the disk.
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        *(f"--extract-hook={hook}" for hook in slim),
        *([f"--hook-dir={_MERGE_HOOKS}"] if build.suite.name in _MERGED_BY_HOOK else []),
        *(f"--customize-hook={hook}" for hook in hooks),
        build.suite.name,
        target,
        str(sources),
    ]


def image_arguments(build: plan.Plan, *, mode: str, image: Path, sources: Path, base: Path, target: str) -> list[str]:
    """Return mmdebstrap's argument vector of the second run, on the tar `base` of the first, readable by all."""
    hooks = [*_policy(image), *_install(build, image), *_settle(build, sources)]
    return [
        "mmdebstrap",
        f"--mode={mode}",
        *_architecture(build),
        "--variant=custom",
        "--format=tar",
        "--skip=update,check/signed-by,output/dev,cleanup/apt,chroot/policy-rc.d",
        # Where it may not make device nodes, mmdebstrap mounts the host's, if there is a directory; the tar need not have one.
        '--setup-hook=mkdir -p "$1/dev"',
        # mmdebstrap's own tar-in takes twice as long: it hands each piece on through a pipe.
        f'--setup-hook=tar -C "$1" --numeric-owner --xattrs --xattrs-include="*" -xpf {shlex.quote(str(base))}',
        *(f"--customize-hook={hook}" for hook in hooks),
        build.suite.name,
        target,
        str(sources),
    ]


def _architecture(build: plan.Plan) -> list[str]:
    return [f"--architectures={build.foreign}"] if build.foreign else []


def _policy(image: Path) -> list[str]:
    """mmdebstrap would put a policy-rc.d of its own here and remove whatever has that name at the end, also the image's."""
    return [f"upload {shlex.quote(str(image / f'rootfs{POLICY}'))} {POLICY}", f'chmod 0755 "$1{POLICY}"']


def _install(build: plan.Plan, image: Path, *options: str) -> list[str]:
    """Run image/install inside."""
    script = ["sh", f"{INSIDE}/install", "--variant", build.variant, "--without", ",".join(build.without), *options]
    return [
        f'mkdir -p "$1{INSIDE}"',
        f"sync-in {shlex.quote(str(image))} {INSIDE}",
        # install empties /tmp, where mmdebstrap keeps the configuration that holds its apt to this root: without that, its
        # clean-up would be of the host's package lists.
        'cp -p "$MMDEBSTRAP_APT_CONFIG" "$1/run/mmdebstrap.apt.conf"',
        f'chroot "$1" {shlex.join(script)}',
        'mv "$1/run/mmdebstrap.apt.conf" "$MMDEBSTRAP_APT_CONFIG"',
        f'rm -rf "$1{INSIDE}"',
    ]


def _settle(build: plan.Plan, sources: Path) -> list[str]:
    """Leave the archive's sources under the name that the distribution's own images have, and nothing of this host."""
    listed = f"/etc/apt/sources.list.d/{build.suite.distribution.sources}"
    return [
        f'mv "$1"/etc/apt/sources.list.d/0000{sources.name} "$1"{listed} && chmod 0644 "$1"{listed}',
        'rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
        'rm -f "$1"/etc/resolv.conf "$1"/etc/hostname',
    ]


def sources_text(sources: Sequence[packages.Source]) -> str:
    """Return the deb822 text of sources.list(5), signed by the keyring that each source names. One without is our own pool."""
    stanzas = [
        f"Types: deb\nURIs: {source.uri}\nSuites: {' '.join(source.suites)}\nComponents: {' '.join(source.components)}\n"
        + (f"Signed-By: {source.keyring}\n" if source.keyring else "Trusted: yes\n")
        for source in sources
    ]
    return "\n".join(stanzas)


def inputs(image: Path, work: Path) -> Path:
    """Copy what the first run may see of image/ into `work`, with modes that do not depend on the checkout's; return it."""
    copy = work / "inputs"
    for name in INPUTS:
        source, target = image / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for entry in (copy, *copy.rglob("*")):
        entry.chmod(0o755 if entry.is_dir() or entry.stat().st_mode & 0o100 else 0o644)
    return copy


class Runner:
    """Runs mmdebstrap in `work`, an empty directory of ours. `log` keeps every line that was said.

    Both runs raise errors.NoSpace, MirrorUnreachable, or BuildFailed; what mmdebstrap began is gone by then.
    """

    def __init__(
        self, build: plan.Plan, *, mode: str, work: Path, epoch: int, log: Path, on_stage: Callable[[str], None]
    ) -> None:
        self._build, self._mode, self._work, self._log, self._on_stage = build, mode, work, log, on_stage
        self._scratch, self.report = work / "scratch", work / "report"
        for directory in (self._scratch, self.report):
            directory.mkdir(exist_ok=True)
            # In unshare mode root is another user, who must be able to write here: mmdebstrap(1), TMPDIR.
            directory.chmod(0o1777)
        self._sources = work / build.suite.distribution.sources
        self._sources.write_text(sources_text(build.sources), encoding="utf-8")
        self._environment = {
            "SOURCE_DATE_EPOCH": str(epoch),
            "TMPDIR": str(self._scratch),
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            # Our own pool is on loopback, where no proxy finds it.
            "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1"))),
        }

    def packages(self, inputs: Path) -> Path:
        """Make the root with its packages; return its tar. `report` has STANZAS and DATES then."""
        target = self._work / "packages.tar"
        self._run(
            packages_arguments(
                self._build,
                mode=self._mode,
                inputs=inputs,
                sources=self._sources,
                report=self.report,
                target=str(target),
            )
        )
        return target

    def image(self, image: Path, base: Path) -> Path:
        """Make the root in the tar `base` the image's; return its tar."""
        target = self._work / "root.tar"
        self._run(
            image_arguments(self._build, mode=self._mode, image=image, sources=self._sources, base=base, target=str(target))
        )
        return target

    def _run(self, argv: Sequence[str]) -> None:
        watch = _Watch(self._on_stage)
        try:
            process.stream(
                [*fence.prefix(self._mode, self._scratch, os.environ), *argv],
                doing="build the image",
                on_line=watch,
                env=self._environment,
                log=self._log,
            )
        except errors.CommandFailed as error:
            raise _explain(error, watch, self._build, self._work, self._log) from None


class _Watch:
    """Follows what mmdebstrap says: the stage it is at, and the line that tells why it will fail."""

    def __init__(self, on_stage: Callable[[str], None]) -> None:
        self._on_stage = on_stage
        self._stage = ""
        self.no_space = ""
        self.no_mirror = ""
        self.no_package = ""

    def __call__(self, line: str) -> None:
        for begins, stage in _STAGES:
            if line.startswith(f"I: {begins}") and stage != self._stage:
                self._stage = stage
                self._on_stage(stage)
        if _NO_SPACE.search(line):
            self.no_space = self.no_space or line
        if _NO_MIRROR.search(line):
            self.no_mirror = self.no_mirror or line
        if found := _NO_PACKAGE.search(line) or _NO_DEPENDENCY.search(line):
            self.no_package = self.no_package or found.group(1)


def _explain(error: errors.CommandFailed, watch: _Watch, build: plan.Plan, work: Path, log: Path) -> errors.DodaiError:
    if isinstance(error, errors.CommandMissing):
        return errors.BuildFailed(error.message, hint=error.hint)
    whole = f"the whole log: {log}"
    if watch.no_space:
        return errors.NoSpace(
            f'cannot build the image: no space left in "{work.parent}"', hint="free some, or name another directory in TMPDIR"
        )
    if watch.no_mirror:
        address = _ADDRESS.search(watch.no_mirror)
        mirror = address.group(0) if address else build.sources[0].uri
        return errors.MirrorUnreachable(
            f'cannot fetch from the mirror "{mirror}": {watch.no_mirror}', hint=f"try again, or --mirror URL; {whole}"
        )
    if watch.no_package:
        archive = "the lock" if build.locked else build.suite.name
        return errors.BuildFailed(
            f'cannot build the image: {archive} has no package "{watch.no_package}"',
            hint=f"make a new lock: dodai build --lock; {whole}" if build.locked else f"check image/packages.toml; {whole}",
        )
    return errors.BuildFailed(f"{error.message}", hint=whole)


def _has_range(path: Path, user: str) -> bool:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.split(":")[0] in (user, str(os.geteuid())) for line in lines)
