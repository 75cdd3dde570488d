"""A1, A5: image/Dockerfile gives the image of `dodai build` on a base of one's own, with plain `docker build`.

The base is what mmdebstrap makes by itself, so it has documentation and translations; its sources are those of Debian's own
images. The packages come from the mirror, in the build, as a user's do.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dodai import paths
from tests.container import harness, left_out

SOURCES = """\
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

Tree = dict[str, tuple[object, ...]]


def _without_days(shadow: bytes) -> bytes:
    return re.sub(rb"^([^:]*:[^:]*):\d+:", rb"\1::", shadow, flags=re.MULTILINE)


def _without_header(compiled: bytes) -> bytes:
    return compiled[16:]


def _stanzas(text: bytes) -> bytes:
    return b"\n\n".join(sorted(text.strip().split(b"\n\n")))


# What may differ in a file, and why; everything else of it is compared.
DIFFERS: dict[str, Callable[[bytes], bytes]] = {
    # The day on which an account was made.
    r"etc/shadow": _without_days,
    # How Python sees that a source has changed: by its time, or, where SOURCE_DATE_EPOCH is set, by its hash (PEP 552).
    r"usr/(lib|share)/python3.*\.pyc": _without_header,
    # apt lists the packages that came as dependencies in the order of its hash table.
    r"var/lib/apt/extended_states": _stanzas,
}


@pytest.fixture(scope="module")
def base(engine: harness.Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Debian base image, as one would make it by hand."""
    work = tmp_path_factory.mktemp("base")
    (work / "debian.sources").write_text(SOURCES)
    listed = '"$1"/etc/apt/sources.list.d'
    rename = f"mv {listed}/0000debian.sources {listed}/debian.sources"
    words = ["mmdebstrap", "--variant=minbase", f"--customize-hook={rename}", "trixie", "base.tar", "debian.sources"]
    done = subprocess.run(words, cwd=work, capture_output=True, text=True, timeout=harness.BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    name = f"{harness.REPOSITORY}:base"
    engine.call("import", "--change", f"LABEL {harness.LABEL}", str(work / "base.tar"), name, seconds=60)
    return name


def built(engine: harness.Engine, base: str, name: str, **arguments: str) -> str:
    """The image that `docker build image/` makes on base."""
    tag = f"{harness.REPOSITORY}:{name}"
    given = [f"--build-arg={key}={value}" for key, value in {"BASE": base, **arguments}.items()]
    words = ["build", "--force-rm", *given, "--label", harness.LABEL, "--tag", tag, str(paths.image_dir())]
    engine.call(*words, seconds=harness.BUILD_SECONDS, DOCKER_BUILDKIT="0")
    return tag


def tree(engine: harness.Engine, image: str, scratch: Path) -> Tree:
    """Every path of an image, with its type, mode, owner, link target, attributes and content."""
    packed = scratch / "tree.tar"
    with engine.container(image) as container:
        engine.call("export", "--output", str(packed), container.name, seconds=60)
    found: Tree = {}
    with tarfile.open(packed) as members:
        for member in members:
            # The engine's own: it mounts /dev over what the image has there.
            if member.name.startswith("dev/"):
                continue
            file = members.extractfile(member) if member.isreg() else None
            content = file.read() if file else member.linkname.encode()
            for pattern, cut in DIFFERS.items():
                if re.fullmatch(pattern, member.name):
                    content = cut(content)
            attributes = sorted((key, value) for key, value in member.pax_headers.items() if "xattr" in key)
            found[member.name] = (member.type, oct(member.mode), member.uid, member.gid, attributes, content)
    return found


def test_both_ways_to_build_give_the_same_tree(engine: harness.Engine, image: str, base: str, tmp_path: Path) -> None:
    by_hand = built(engine, base, "by-hand")
    theirs, ours = tree(engine, by_hand, tmp_path), tree(engine, image, tmp_path)
    assert len(ours) > 3000
    different = [
        f"{path}: docker build {_told(theirs.get(path))}, dodai build {_told(ours.get(path))}"
        for path in sorted(theirs.keys() | ours.keys())
        if theirs.get(path) != ours.get(path)
    ]
    assert not different, "\n".join(different[:50])
    told = [engine.inspect("image", name)["Config"] for name in (by_hand, image)]
    for key in ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "ExposedPorts", "Volumes", "StopSignal", "Healthcheck"):
        assert told[0].get(key) == told[1].get(key), key


def test_a_service_can_be_left_out(engine: harness.Engine, base: str) -> None:
    left_out.check(engine, built(engine, base, "without-ssh", WITHOUT="ssh"), {"ssh"})


def _told(entry: tuple[object, ...] | None) -> str:
    """An entry in a line: what a person looks for when the trees differ."""
    if entry is None:
        return "has none"
    content = entry[-1]
    assert isinstance(content, bytes)
    return f"{entry[:-1]}, {len(content)} bytes {content[:60]!r}"
