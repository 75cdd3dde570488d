"""Issue 5, on any base: `dodai overlay` gives images that have Python and runit the init and the tools, bytecode included."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container import harness

pytestmark = [pytest.mark.container, pytest.mark.root]

NAME = f"{harness.REPOSITORY}:overlay"

# Debian with python3-minimal and runit and nothing of ours: the minimal image without our files, which is quicker than a second
# bootstrap. /etc/service is the link that Debian's runit has.
BARE = """\
RUN rm -rf /usr/lib/dodai /etc/my_init.d /etc/my_init.*.d /etc/container_environment* /etc/apt/apt.conf.d/dodai \\
    && cd /usr/sbin && rm -f my_init setuser install_clean with_env dodaictl policy-rc.d ../bin/with_env \\
    && rmdir /etc/service && ln -s /etc/runit/runsvdir/current /etc/service && groupdel docker_env
"""
SERVICE = harness.script('echo "service $GREETING" >&2; exec sleep infinity')


@pytest.fixture(scope="module")
def overlay(engine: harness.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The overlay's tar; its image is in Docker as NAME."""
    target = tmp_path_factory.mktemp("overlay") / "overlay.tar"
    words = ["overlay", "--tag", NAME, "-o", str(target)]
    done = subprocess.run([sys.executable, "-m", "dodai", *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{NAME}, ")
    try:
        yield target
    finally:
        engine.call("image", "rm", NAME, check=False)


@pytest.mark.parametrize("base", ["minimal", "bookworm_minimal"])
def test_a_debian_with_python_and_runit_gets_the_init(
    base: str, overlay: Path, engine: harness.Engine, request: pytest.FixtureRequest
) -> None:
    bare = engine.derived(BARE, base=request.getfixturevalue(base))
    image = engine.derived(
        f'COPY --from={NAME} / /\nCOPY run /etc/service/web/run\nCMD ["/sbin/my_init"]',
        base=bare,
        files={"run": SERVICE},
    )
    with engine.start(image, env={"GREETING": "hello"}) as container:
        container.wait_for("service hello")
        assert container.sh("sv status web").startswith("run: web")
        assert container.sh("dodaictl status | grep -c web") == "1"
        assert container.exec("setuser", "nobody", "id", "-un").out == "nobody\n"
        # Nothing was compiled: the one file and the bytecode of this Python were there.
        assert "/usr/lib/dodai" not in engine.call("diff", container.name).out
        tag = container.sh("python3 -c 'import sys; print(sys.implementation.cache_tag)'")
        assert container.exec("test", "-s", f"/usr/lib/dodai/my_init.{tag}", check=False).code == 0
        assert container.stop() == 0
    done = engine.run(image, "/sbin/my_init", "--quiet", "--", "sh", "-c", "stat -c '%a %g' /etc/container_environment; exit 7")
    assert (done.code, done.out) == (7, "750 8377\n")


def test_it_is_small_and_has_the_bytecode_of_each_python(overlay: Path) -> None:
    with tarfile.open(overlay) as archive:
        names = set(archive.getnames())
        size = sum(member.size for member in archive)
    assert size < 4_000_000
    sources = {name for name in names if name.endswith(".py")}
    for tag in ("cpython-311", "cpython-312", "cpython-313"):
        compiled = {f"{Path(name).parent}/__pycache__/{Path(name).stem}.{tag}.pyc" for name in sources}
        assert compiled <= names
        assert f"usr/lib/dodai/my_init.{tag}" in names


def test_made_again_it_is_the_same_bytes(overlay: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar"
    words = ["overlay", "--no-load", "-o", str(again)]
    done = subprocess.run([sys.executable, "-m", "dodai", *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == overlay.read_bytes()


def test_nowhere_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "dodai", "overlay", "--no-load"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "-o FILE" in done.stderr
