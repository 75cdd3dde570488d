"""The keys of a distribution that Debian has no package of: fetched from its own mirror, and believed by checksum only.

Nothing of the package is installed: on Debian it would make apt trust that distribution's keys for every package of the host.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
from pathlib import Path

from dodai import errors, output, process
from dodai.features.build import packages

_TIMEOUT = 30.0  # seconds for each answer
_LARGEST = 1 << 20  # bytes


def provide(suite: packages.Suite, *, mirror: str) -> None:
    """Put the suite's keyring where its sources name it, if it is not there. Raises errors.BuildFailed with what to do."""
    distribution = suite.distribution
    target = Path(distribution.keyring)
    if target.exists():
        return
    if not distribution.keyring_deb or os.geteuid() != 0:
        raise errors.BuildFailed(
            f'cannot verify the packages of {suite.title}: there is no "{target}"',
            hint=f"build once as root, which fetches it, or copy it from a machine that runs {suite.title}",
        )
    address = f"{mirror.rstrip('/')}/{distribution.keyring_deb}"
    output.say(f"fetching the keys of {suite.title}: {address}")
    with tempfile.TemporaryDirectory(prefix="dodai-keyring-") as scratch:
        package = Path(scratch) / "keyring.deb"
        package.write_bytes(_fetched(address, distribution.keyring_sha256, suite))
        process.run(["dpkg-deb", "-x", package, f"{scratch}/tree"], doing=f"unpack the keys of {suite.title}")
        _put(Path(scratch) / "tree" / str(target).lstrip("/"), target)


def _fetched(address: str, sha256: str, suite: packages.Suite) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:  # noqa: S310 - the scheme was checked by the plan
            data: bytes = answer.read(_LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise errors.MirrorUnreachable(
            f"cannot fetch the keys of {suite.title} from {address}: {getattr(error, 'reason', error)}",
            hint=f'copy "{suite.distribution.keyring}" from a machine that runs {suite.title}',
        ) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise errors.BuildFailed(
            f"cannot trust {address}: its checksum is not the one that this version of Dodai knows",
            hint="name another mirror: --mirror URL",
        )
    return data


def _put(source: Path, target: Path) -> None:
    """Copy in one step: a half-written keyring would be taken for the whole at the next build."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.{os.getpid()}")
    new.write_bytes(source.read_bytes())
    new.chmod(0o644)
    new.rename(target)
