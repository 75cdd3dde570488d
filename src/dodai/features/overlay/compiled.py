"""The bytecode of the guest for the Python of each suite, made by that Python.

Bytecode belongs to one version of Python, and a machine that builds has one. So mmdebstrap unpacks each suite's
python3-minimal, without installing anything, and that compiles what the image's own build would compile (image/install).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from dodai import errors, process
from dodai.features.build import bootstrap, keyring, packages
from dodai.features.overlay import tree

# As image/install does it; PEP 552 on unchecked hashes.
_COMPILE = """\
import os, py_compile, sys
for directory, names, files in os.walk("/usr/lib/dodai/guest"):
    for name in sorted(files):
        if name.endswith(".py"):
            path = os.path.join(directory, name)
            py_compile.compile(path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
sys.argv = ["bundle.py", "/usr/lib/dodai", "my_init", "/usr/lib/dodai/my_init." + sys.implementation.cache_tag]
exec(compile(open("/run/bundle.py").read(), "/run/bundle.py", "exec"), {"__name__": "__main__"})
"""
_IN_ROOT = "/run/compile.py"


def usable(catalogue: packages.Catalogue) -> tuple[list[packages.Suite], dict[str, str]]:
    """The suites whose packages can be verified here, and the titles of those whose cannot, with the reason."""
    found: list[packages.Suite] = []
    left_out: dict[str, str] = {}
    for suite in catalogue.suites.values():
        try:
            if not suite.distribution.keyring_package:
                keyring.provide(suite, mirror=suite.sources[0].uri)
            found.append(suite)
        except errors.BuildFailed as error:
            left_out[suite.title] = error.message
    return found, left_out


def arguments(suite: packages.Suite, *, mode: str, image: Path, script: Path, staged: Path, sources: Path) -> list[str]:
    """mmdebstrap's argument vector: nothing is installed and nothing is kept but what the hooks bring out."""
    guest = f"{staged}/{tree.GUEST}"
    hooks = [
        f'mkdir -p "$1/run" "$1/{tree.GUEST}"',
        f"sync-in {shlex.quote(guest)} /{tree.GUEST}",
        f"upload {shlex.quote(str(image / 'bundle.py'))} /run/bundle.py",
        f"upload {shlex.quote(str(script))} {_IN_ROOT}",
        f'chroot "$1" /usr/bin/python3 -IS {_IN_ROOT}',
        f"sync-out /{tree.GUEST} {shlex.quote(guest)}",
    ]
    return [
        "mmdebstrap",
        f"--mode={mode}",
        "--variant=extract",
        "--format=null",
        # base-files has the links of a merged /usr, through which programs find their interpreter.
        "--include=base-files,python3-minimal",
        '--aptopt=Acquire::Languages "none"',
        *(f"--extract-hook={hook}" for hook in hooks),
        suite.name,
        "/dev/null",
        str(sources),
    ]


def add(
    suite: packages.Suite, *, mode: str, image: Path, staged: Path, work: Path, epoch: int, on_line: Callable[[str], None]
) -> None:
    """Add the bytecode of the suite's Python to the tree `staged`; `work` is a directory of ours.

    Raises errors.MirrorUnreachable or errors.BuildFailed.
    """
    scratch = work / f"scratch-{suite.name}"
    scratch.mkdir()
    scratch.chmod(0o1777)  # in unshare mode root is another user: mmdebstrap(1), TMPDIR
    sources = work / f"{suite.name}.sources"
    sources.write_text(bootstrap.sources_text(suite.sources[:1]), encoding="utf-8")
    script = work / "compile.py"
    script.write_text(_COMPILE, encoding="utf-8")
    argv = arguments(suite, mode=mode, image=image, script=script, staged=staged, sources=sources)
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "TMPDIR": str(scratch), "LC_ALL": "C.UTF-8"}
    try:
        process.stream(argv, doing=f"compile for {suite.title}", on_line=on_line, env=environment)
    except errors.CommandFailed as error:
        told = [line for line in error.tail if line.startswith(("E: ", "Err:"))]
        raise errors.BuildFailed(f"cannot compile for {suite.title}: {(told or [error.message])[0]}") from None
