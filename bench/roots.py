"""Unpacked images of all peers: Debian's packages on the base of Dodai minimal, Dodai from the checkout, images of the engine.

Kept in build/bench between runs, each under the digest of what it was made from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import container, peers
from dodai import engine, errors, output, paths, process
from dodai.features import provision

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / "build" / "bench"
HELPERS = ("service", "container", "log")
SUITE = "trixie"

PROGRAMS = {
    "gcc": "gcc",
    "/usr/include/stdlib.h": "libc6-dev",
    "unshare": "util-linux",
}
BOOTSTRAP = {"mmdebstrap": "mmdebstrap", "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring"}

_SLIM = "etc/dpkg/dpkg.cfg.d/dodai-slim"
_POLICY = "usr/sbin/policy-rc.d"
_APT = "apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0"

# In namespaces of its own, so that the mounts go with it.
_INSIDE = """\
set -eu
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
cp -L /etc/resolv.conf "$1/etc/resolv.conf"
exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -euc "$2"
"""


def prepare(chosen: Sequence[peers.Peer]) -> container.Kit:
    """Compile the helpers and make every root that is missing. Raises ProvisionFailed, BuildFailed, ImageMissing."""
    if os.geteuid() != 0:
        raise errors.UsageError("cannot measure: namespaces and mounts need root", hint="sudo make bench")
    provision.packages(PROGRAMS, purpose="measure")
    return container.Kit(_helpers(), {peer.name: root(peer) for peer in chosen})


def root(peer: peers.Peer) -> Path:
    """The unpacked image of a peer, made where it is missing."""
    if peer.root:
        if not Path(peer.root).is_dir():
            raise errors.UsageError(f'cannot measure {peer.name}: "{peer.root}" is not a directory', hint="correct peers.toml")
        return Path(peer.root)
    if peer.image:
        return _from_engine(peer)
    if peer.variant:
        return _dodai(peer.variant)
    return _packaged(peer)


def _packaged(peer: peers.Peer) -> Path:
    base = _base()
    packages = " ".join(peer.packages)
    script = f"{_APT} update && {_APT} install --no-install-recommends {packages}"

    def install(target: Path) -> None:
        _copy(base, target)
        _inside(target, script, f"install {packages} for {peer.name}")

    return _made(f"peer-{peer.name}", script, str(base), make=install)


def _helpers() -> Path:
    sources = [HERE / "native" / f"{name}.c" for name in HELPERS]

    def compile_all(target: Path) -> None:
        target.mkdir()
        for source in sources:
            process.run(
                ["gcc", "-O2", "-static", "-Wall", "-Werror", "-o", target / f"bench-{source.stem}", source],
                doing=f"compile {source.name}",
            )

    return _made("helpers", *(source.read_text(encoding="utf-8") for source in sources), make=compile_all)


def _dodai(variant: str) -> Path:
    image = paths.image_dir()
    packages = [image / "packages.toml", image / "install", *sorted((image / "sysuser-helper").rglob("*"))]
    everything = sorted(path for path in image.rglob("*") if "__pycache__" not in path.parts)

    def install(target: Path, base: Path, *options: str) -> None:
        _copy(base, target)
        inside = target / "tmp" / "dodai-image"
        shutil.copytree(image, inside, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        script = f"sh /tmp/dodai-image/install --variant {variant} {' '.join(options)}"
        _inside(target, script, f"install Dodai {variant}")
        shutil.rmtree(inside)

    base = _base()
    # Packages first and apart: they take long, and what is being worked on is the rest.
    below = _made(
        f"dodai-{variant}-packages",
        _contents(packages),
        str(base),
        make=lambda target: install(target, base, "--packages-only"),
    )
    return _made(f"dodai-{variant}", _contents(everything), str(below), make=lambda target: install(target, below))


def _base() -> Path:
    """Debian as Dodai minimal begins: minbase, without what dodai-slim leaves out."""
    rootfs = paths.image_dir() / "rootfs"
    slim = (rootfs / _SLIM).read_text(encoding="utf-8")

    def bootstrap(target: Path) -> None:
        provision.packages(BOOTSTRAP, purpose="make a Debian to measure in")
        hook = (
            f'mkdir -p "$1/{Path(_SLIM).parent}" && cp "{rootfs / _SLIM}" "$1/{_SLIM}"'
            f' && sed -n "s/^path-exclude=//p" "$1/{_SLIM}" | while read -r path; do rm -rf "$1"$path; done'
        )
        mirror = "http://deb.debian.org/debian"
        with output.progress(f"making a Debian {SUITE} to measure in") as shown:
            process.stream(
                [
                    *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--dpkgopt=force-unsafe-io"),
                    *(f"--extract-hook={hook}", SUITE, target, mirror),
                ],
                doing=f"make a Debian {SUITE}",
                on_line=shown.update,
            )
        shutil.copy(rootfs / _POLICY, target / _POLICY)
        (target / _POLICY).chmod(0o755)

    return _made(f"base-{SUITE}", slim, make=bootstrap)


def _from_engine(peer: peers.Peer) -> Path:
    found = engine.find()
    identity = found.image_id(peer.image)
    if identity is None:
        raise errors.ImageMissing(
            f'cannot measure {peer.name}: {found.kind} has no image "{peer.image}"', hint=f"{found.kind} pull {peer.image}"
        )

    def unpack(target: Path) -> None:
        created = found.call("create", peer.image, "true", doing=f"unpack {peer.image}").stdout.strip()
        archive = target.with_suffix(".tar")
        try:
            found.call("export", "-o", str(archive), created, doing=f"unpack {peer.image}")
            target.mkdir()
            process.run(["tar", "-xf", archive, "-C", target, "--numeric-owner"], doing=f"unpack {peer.image}")
        finally:
            found.call("rm", created, doing="remove the container", check=False)
            archive.unlink(missing_ok=True)

    slug = "".join(letter if letter.isalnum() else "-" for letter in peer.image)
    return _made(f"image-{slug}", identity, make=unpack)


def _made(name: str, *parts: str, make: Callable[[Path], None]) -> Path:
    """The directory of that name and contents in the cache; `make` gets a path beside it that does not exist."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    target = CACHE / f"{name}-{digest}"
    if target.is_dir():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with provision.lock("bench"):
        if target.is_dir():
            return target
        scratch = CACHE / f"new-{name}"
        _remove(scratch)
        for old in CACHE.glob(f"{name}-????????????"):
            _remove(old)
        try:
            make(scratch)
        except errors.CommandFailed as error:
            _remove(scratch)
            raise errors.BuildFailed(error.message, hint=error.hint or "the lines above say more") from None
        scratch.rename(target)
    return target


def _inside(root: Path, script: str, doing: str) -> None:
    with output.progress(doing) as shown:
        process.stream(
            ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _INSIDE, "sh", root, script],
            doing=doing,
            on_line=shown.update,
        )


def _copy(source: Path, target: Path) -> None:
    process.run(["cp", "-a", "--reflink=auto", source, target], doing=f'copy "{source}"')


def _remove(directory: Path) -> None:
    if directory.exists():
        process.run(["rm", "-rf", "--one-file-system", directory], doing=f'remove "{directory}"')


def _contents(files: Sequence[Path]) -> str:
    """Names, modes and contents of files, to see whether they changed."""
    lines = []
    for path in files:
        data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        lines.append(f"{path} {path.lstat().st_mode:o} {hashlib.sha256(data).hexdigest()}")
    return "\n".join(lines)
