"""The architecture of an image, and how this machine comes to run the programs in it: its own way, or by emulation.

arch-test(1) tells whether a program of an architecture can be run. QEMU runs those of others, once the kernel was told to give
them to it (https://docs.kernel.org/admin-guide/binfmt-misc.html); Debian tells it by update-binfmts(8).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from dodai import errors, output, process
from dodai.features import provision

#: Debian's name of an architecture → QEMU's: those of Debian 12 and 13.
EMULATORS = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "armel": "arm",
    "armhf": "arm",
    "i386": "i386",
    "mips64el": "mips64el",
    "ppc64el": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}

_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def own() -> str:
    """Return this machine's architecture by Debian's name."""
    return process.run(["dpkg", "--print-architecture"], doing="learn the architecture").stdout.strip()


def ready(architecture: str) -> None:
    """Make sure that programs of `architecture` run here; as root install and switch on what emulates them.

    Raises errors.BuildFailed with what to do when they do not.
    """
    if architecture == own():
        return
    purpose = f"run programs of {architecture}"
    try:
        provision.packages({"arch-test": "arch-test"}, purpose=purpose)
        if _runs(architecture):
            return
        emulator = f"qemu-{EMULATORS[architecture]}"
        if os.geteuid() != 0:
            raise errors.BuildFailed(
                f"cannot build for {architecture}: this machine does not run its programs",
                hint=f"as root: apt-get install -y --no-install-recommends qemu-user-static binfmt-support && "
                f"update-binfmts --enable {emulator}",
            )
        provision.packages({f"{emulator}-static": "qemu-user-static", "update-binfmts": "binfmt-support"}, purpose=purpose)
    except errors.ProvisionFailed as error:
        raise errors.BuildFailed(error.message, hint=error.hint) from None
    output.say(f"programs of {architecture} are run by {emulator} from now on, on all of this machine")
    with contextlib.suppress(errors.CommandFailed):  # what did not help is told below
        if not (_BINFMT / "register").exists():
            process.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], doing=purpose)
        process.run(["update-binfmts", "--enable", emulator], doing=purpose)
    if not _runs(architecture):
        raise errors.BuildFailed(
            f"cannot build for {architecture}: its programs do not run, with {emulator} neither",
            hint=f"see what `arch-test {architecture}` and `update-binfmts --display {emulator}` say",
        )


def _runs(architecture: str) -> bool:
    return process.run(["arch-test", architecture], doing=f"run a program of {architecture}", check=False).ok
