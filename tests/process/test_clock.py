"""B2, B13, D1: the clock of the machine jumps by a year, forwards and back; nothing of my_init depends on it."""

import time

from tests.process.world import LOOP, World, until

# libfaketime in every process; the file is read at each look at the clock. The monotonic clock stays the kernel's.
PRELOAD = "LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1)"
SETTINGS = "FAKETIME_TIMESTAMP_FILE=/jump FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"
FAKE = ["sh", "-c", f'exec env {PRELOAD} {SETTINGS} "$@"', "sh"]


def test_a_clock_that_jumps(world: World) -> None:
    world.file("/jump", "+0d\n")
    world.service("s", f"trap 'echo asked; exit 0' TERM; echo up $(date +%Y); {LOOP}")
    with world.start(through=FAKE, environment={"MY_INIT_STOP_BUDGET": "4"}) as container:
        jump = container.root / "jump"
        years = []
        for times, moved in enumerate(("+0d", "+400d", "-400d"), 1):
            jump.write_text(f"{moved}\n")
            if times > 1:
                container.enter("sv", "restart", "/etc/service/s").check_returncode()
            until(lambda times=times: container.out.count(b"up") == times, f"start after a jump by {moved}")  # type: ignore[misc]
            years.append(int(container.out.split()[-1]))
        assert years[0] < years[1] > years[2] < years[0], "the jump is seen by what runs inside"
        jump.write_text("+800d\n")
        before = time.monotonic()
        assert container.stop().code == 0
        assert time.monotonic() - before < 2
        assert container.out.count(b"asked") == 3
