"""mmdebstrap: the root of the image, as one deterministic tar."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from dodai import errors, process
from dodai.features import provision
from dodai.features.build import packages, plan

INSIDE = "/tmp/dodai-image"  # noqa: S108 - inside the root that is being made, where nobody else is
INSIDE_SLIM = "/etc/dpkg/dpkg.cfg.d/dodai-slim"
SLIM = Path(f"rootfs{INSIDE_SLIM}")
POLICY = "/usr/sbin/policy-rc.d"

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
    elif not Path(distribution.keyring).exists():
        raise errors.BuildFailed(
            f'cannot verify the packages of {build.suite.title}: there is no "{distribution.keyring}"',
            hint=f"copy it from a machine that runs {build.suite.title}",
        )
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


def arguments(build: plan.Plan, *, mode: str, image: Path, sources: Path, target: str) -> list[str]:
    """Return mmdebstrap's argument vector. `sources` is a deb822 file, `target` a tar file or "-"."""
    listed = f"/etc/apt/sources.list.d/{build.suite.distribution.sources}"
    install = ["sh", f"{INSIDE}/install", "--variant", build.variant, "--without", ",".join(build.without)]
    # Given by --dpkgopt, the paths to leave out would make mmdebstrap filter each package of the base system through a program
    # of its own, 8 s in all. Here what it unpacked goes again, before dpkg unpacks the same packages properly.
    slim = [
        # mmdebstrap would put a policy-rc.d of its own here and remove whatever has that name at the end, also the image's.
        f"upload {shlex.quote(str(image / f'rootfs{POLICY}'))} {POLICY}",
        f'chmod 0755 "$1{POLICY}"',
        f"upload {shlex.quote(str(image / SLIM))} {INSIDE_SLIM}",
        f'sed -n "s/^path-exclude=//p" "$1{INSIDE_SLIM}" | while read -r path; do rm -rf "$1"$path; done',
    ]
    hooks = [
        f'mkdir -p "$1{INSIDE}"',
        f"sync-in {shlex.quote(str(image))} {INSIDE}",
        # install empties /tmp, where mmdebstrap keeps the configuration that holds its apt to this root: without that, its
        # clean-up would be of the host's package lists.
        'cp -p "$MMDEBSTRAP_APT_CONFIG" "$1/run/mmdebstrap.apt.conf"',
        f'chroot "$1" {shlex.join(install)}',
        'mv "$1/run/mmdebstrap.apt.conf" "$MMDEBSTRAP_APT_CONFIG"',
        f'rm -rf "$1{INSIDE}"',
        # The sources stay under the name that Debian's own images have; mmdebstrap's options and the host's
        # resolver and name are not the image's.
        f'mv "$1"/etc/apt/sources.list.d/0000{sources.name} "$1"{listed} && chmod 0644 "$1"{listed}',
        'rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
        'rm -f "$1"/etc/resolv.conf "$1"/etc/hostname',
    ]
    return [
        "mmdebstrap",
        f"--mode={mode}",
        "--variant=minbase",
        "--format=tar",
        # install has cleaned up after apt already; mmdebstrap would leave lock files behind.
        "--skip=output/dev,cleanup/apt,chroot/policy-rc.d",
        f"--include={','.join(build.packages)}",
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


def sources_text(sources: Sequence[packages.Source]) -> str:
    """Return the deb822 text of sources.list(5), signed by the keyring that each source names."""
    stanzas = [
        f"Types: deb\nURIs: {source.uri}\nSuites: {' '.join(source.suites)}\n"
        f"Components: {' '.join(source.components)}\nSigned-By: {source.keyring}\n"
        for source in sources
    ]
    return "\n".join(stanzas)


def run(
    build: plan.Plan, *, mode: str, image: Path, work: Path, epoch: int, log: Path, on_stage: Callable[[str], None]
) -> Path:
    """Make the root and return its tar, `work`/root.tar.

    `work` is an empty directory of ours; `log` keeps every line that was said. Raises errors.NoSpace, MirrorUnreachable, or
    BuildFailed; what mmdebstrap began is gone by then.
    """
    scratch = work / "scratch"
    scratch.mkdir()
    # In unshare mode root is another user, who must be able to write here: mmdebstrap(1), TMPDIR.
    scratch.chmod(0o1777)
    sources = work / build.suite.distribution.sources
    sources.write_text(sources_text(build.sources), encoding="utf-8")
    target = work / "root.tar"
    watch = _Watch(on_stage)
    argv = arguments(build, mode=mode, image=image, sources=sources, target=str(target))
    environment = {
        "SOURCE_DATE_EPOCH": str(epoch),
        "TMPDIR": str(scratch),
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    try:
        process.stream([*_fenced(mode), *argv], doing="build the image", on_line=watch, env=environment, log=log)
    except errors.CommandFailed as error:
        raise _explain(error, watch, build, work, log) from None
    return target


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
        if found := _NO_PACKAGE.search(line):
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
        return errors.BuildFailed(
            f'cannot build the image: {build.suite.name} has no package "{watch.no_package}"',
            hint=f"check image/packages.toml; {whole}",
        )
    return errors.BuildFailed(f"{error.message}", hint=whole)


def _fenced(mode: str) -> list[str]:
    """Give mmdebstrap mounts and processes of its own, which cannot outlive it. Not everywhere may root do that."""
    if mode != "root":
        return []  # unshare mode is that already
    prefix = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--"]
    with contextlib.suppress(errors.CommandFailed):
        process.run([*prefix, "true"], doing="separate mounts and processes")
        return prefix
    return []


def _has_range(path: Path, user: str) -> bool:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.split(":")[0] in (user, str(os.geteuid())) for line in lines)
