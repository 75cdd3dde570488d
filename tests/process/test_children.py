"""B1, B9, B10: orphans are reaped in every phase, signals go where they belong, children start clean."""

import signal

import pytest

from tests.process.world import World, until

ORPHANS = "i=0; while [ $i -lt 300 ]; do (true &) ; i=$((i+1)); done"


@pytest.mark.parametrize("path", ["/etc/my_init.d/10", "/etc/service/s/run", "/command", "/etc/my_init.pre_shutdown.d/10"])
def test_orphans_are_reaped_in_every_phase(world: World, path: str) -> None:
    world.script("/command", "exec sleep 1000")
    world.script(path, f"{ORPHANS}; echo made; exec sleep 1000")
    with world.start("--", "/command", environment={"MY_INIT_STOP_BUDGET": "20"}) as container:
        if "pre_shutdown" in path:
            until(lambda: "S" in container.states(), "command")
            container.kill(signal.SIGTERM)
        container.wait_for(b"made")
        until(lambda: "Z" not in container.states(), "end of all zombies")


def test_signals_go_to_the_commands_group(world: World) -> None:
    traps = "; ".join(f'trap "echo {name}" {name}' for name in ("HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM"))
    world.script("/command", f"{traps}; echo up; while :; do sleep 0.02; done")
    with world.start("--", "/command") as container:
        container.wait_for(b"up")
        for name in ("HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM"):
            container.kill(getattr(signal, f"SIG{name}"))
            container.wait_for(name.encode())
        assert container.stop().code == 143


def test_no_signal_ends_a_container_of_services(world: World) -> None:
    world.service("s", "echo up; exec sleep 1000")
    with world.start() as container:
        container.wait_for(b"up")
        for number in sorted(signal.valid_signals()):
            if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT):
                container.kill(number)
        until(lambda: container.states().count("S") == 2, "runsv and its service")
        assert container.stop().code == 0


def test_hangup_without_a_command_looks_for_services(world: World) -> None:
    world.service("s", "mkdir -p /etc/service/t; printf '#!/bin/sh\\necho two; exec sleep 1000' >/etc/service/t/run\n"
                  "chmod +x /etc/service/t/run; kill -HUP 1; echo one; exec sleep 1000")  # fmt: skip
    with world.start() as container:
        container.wait_for(b"two")


# The C library keeps signals 32 and 33 for itself: its posix_spawn(3) leaves them ignored, and every program that
# uses them sets them anew.
SHOW = "echo $(sed -n 's/^Sig\\(Ign\\|Blk\\):[[:space:]]*0*\\(.*\\)/\\1=\\2/p' /proc/self/status) $(ls /proc/self/fd)"


@pytest.mark.parametrize("path", ["/etc/my_init.d/10", "/etc/service/s/run", "/command", "/etc/my_init.pre_shutdown.d/10"])
def test_children_start_as_after_a_fresh_login(world: World, path: str) -> None:
    world.script("/command", "until [ -e /shown ] || [ -e /etc/my_init.pre_shutdown.d ]; do sleep 0.01; done")
    world.script(path, f"[ -e /shown ] || {{ {SHOW}; }} >/shown.new; mv /shown.new /shown")
    world.script("/etc/my_init.post_shutdown.d/10", "cat /shown")
    blocked, ignored, *descriptors = world.run("--", "/command").stdout.decode().split()
    assert blocked == "Blk="
    assert int(ignored.removeprefix("Ign=") or "0", 16) & ~(0b11 << 31) == 0
    assert descriptors == ["0", "1", "2", "3"], "3 is what ls reads the directory with"


def test_it_adopts_orphans_when_it_is_not_pid_1(world: World) -> None:
    world.script(
        "/command",
        """
sh -c '(until [ -e /go ]; do sleep 0.01; done; read -r _ _ _ parent _ </proc/self/stat; echo $parent >/parent.new
mv /parent.new /parent) &'
touch /go
until [ -e /parent ]; do sleep 0.01; done
echo $PPID $(cat /parent)""",
    )
    init, parent = world.run("--quiet", "--", "/command", pid1=False).stdout.split()
    assert init != b"1"
    assert parent == init


def test_a_bystander_is_not_touched_when_it_is_not_pid_1(world: World) -> None:
    world.script("/both", "sleep 1000 & my_init --quiet -- true; kill -0 $! && echo alive")
    result = world.run("--skip-runit", "--skip-startup-files", "--", "/both")
    assert result.stdout == b"alive\n"
