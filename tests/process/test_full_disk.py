"""B12, B13: no room on the disk, before the boot and during it."""

import pytest

from tests.process.world import World

pytestmark = pytest.mark.root  # mounts

# Each fills its file system to the last byte; a file system of its own, so that nothing else gets hurt.
RUN_FULL = "mount -t tmpfs -o size=64k x /run; cat /dev/zero >/run/fill 2>/dev/null"
TMP_FULL = "mount -t tmpfs -o size=64k x /tmp; cat /dev/zero >/tmp/fill 2>/dev/null"
ETC_FULL = """
cp -a /etc /tmp/etc; mount -t tmpfs -o size=64m x /etc; cp -a /tmp/etc/. /etc; rm -r /tmp/etc
cat /dev/zero >/etc/fill 2>/dev/null"""


def full(*what: str) -> list[str]:
    return ["sh", "-c", "\n".join([*what, 'exec "$@"']), "sh"]


def a_life(world: World) -> None:
    world.service("s", "touch /up; exec sleep 1000")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    world.script("/command", "until [ -e /up ]; do sleep 0.01; done; echo command; sv status s | cut -d: -f1; exit 7")


def test_a_full_run_is_replaced_by_tmp(world: World) -> None:
    a_life(world)
    world.script("/etc/my_init.d/10", "with_env sh -c 'echo $A'")
    result = world.run("--", "/command", through=full(RUN_FULL), environment={"A": "a"})
    assert (result.code, result.stdout.split()) == (7, [b"a", b"command", b"run", b"post"])


def test_neither_run_nor_tmp_is_a_clear_refusal(world: World) -> None:
    a_life(world)
    result = world.run("--", "/command", through=full(RUN_FULL, TMP_FULL))
    assert (result.code, result.stdout) == (70, b"")
    assert result.stderr.count("\n") == 1
    assert "no space left on device" in result.stderr
    assert "--tmpfs /run" in result.stderr


def test_a_full_disk_before_the_boot_costs_the_dumps_and_nothing_else(world: World) -> None:
    a_life(world)
    world.script("/etc/my_init.d/10", 'echo "$A"')
    world.script("/etc/my_init.d/20", 'echo "$A"; rm /etc/fill')
    world.script("/etc/my_init.d/30", 'echo "$A"; grep -c A= /etc/container_environment.sh')
    variables = {"A": "a", **{f"V{number}": "v" for number in range(20)}}
    result = world.run("--", "/command", through=full(ETC_FULL), environment=variables)
    assert (result.code, result.stdout.split()) == (7, [b"a", b"a", b"a", b"1", b"command", b"run", b"post"])
    assert "No space left on device" in result.stderr
    assert len(result.stderr.splitlines()) < 12, "not a line for each variable"


def test_a_disk_that_fills_during_the_boot(world: World) -> None:
    a_life(world)
    world.script("/etc/my_init.d/10", f"{RUN_FULL.split(';')[1]}; {TMP_FULL.split(';')[1]}; {ETC_FULL.splitlines()[-1]}; true")
    small = [
        "mount -t tmpfs -o size=256k x /run",
        "mount -t tmpfs -o size=64k x /tmp",
        "cp -a /etc /run/../root/etc; mount -t tmpfs -o size=64m x /etc; cp -a /root/etc/. /etc",
    ]
    result = world.run("--", "/command", through=full(*small))
    assert result.code == 7
    assert result.stdout.split()[0] == b"command"
    assert result.stdout.split()[-1] == b"post"
    assert all(line.startswith(("*** ", "runsv ", "sv:", "warning:")) for line in result.stderr.splitlines()), result.stderr
