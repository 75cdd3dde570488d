"""B10: every child starts as after a login: no signal ignored, blocked or caught, and no descriptor but 0 to 2."""

import pytest

from tests.process.world import World

# The C library keeps signals 32 and 33 for itself: its posix_spawn(3) leaves them ignored, and every program that
# uses them sets them anew.
OF_THE_LIBRARY = 0b11 << 31

# A caller that leaves descriptors open: a file, and a pipe that nobody else holds.
LEAKY = ["sh", "-c", 'exec 7</etc/passwd 9>/tmp/left; : | exec "$@" 11<&0', "sh"]

WHO = {
    "startup file": "/etc/my_init.d/10",
    "rc.local": "/etc/rc.local",
    "service": "/etc/service/s/run",
    "finish": "/etc/service/s/finish",
    "check": "/etc/service/s/check",
    "logger": "/etc/service/s/log/run",
    "command": "/command",
    "pre hook": "/etc/my_init.pre_shutdown.d/10",
    "post hook": "/etc/my_init.post_shutdown.d/10",
}
LOOK = """
[ -e /looked/{0} ] || {{
    mkdir -p /looked; ls /proc/self/fd >/looked/{0}.new; cat /proc/self/status >>/looked/{0}.new
    mv /looked/{0}.new /looked/{0}
}}
"""


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each kind of child saw: its descriptors, then the lines of /proc/self/status."""
    world = World(tmp_path_factory.mktemp("clean"))
    for number, path in enumerate(WHO.values()):
        world.script(path, LOOK.format(number))
    order = list(WHO)
    world.script("/etc/service/s/run", LOOK.format(order.index("service")) + "until [ -e /looked/4 ]; do sleep 0.02; done")
    world.script("/etc/service/s/log/run", LOOK.format(order.index("logger")) + "exec cat")
    waiting = " ".join(str(order.index(who)) for who in ("service", "finish", "check", "logger"))
    world.script(
        "/command",
        LOOK.format(order.index("command")) + f"for one in {waiting}; do until [ -e /looked/$one ]; do sleep 0.02; done; done",
    )
    last = LOOK.format(order.index("post hook"))
    world.script(
        "/etc/my_init.post_shutdown.d/10", f"{last}\nfor one in 0 1 2 3 4 5 6 7 8; do echo = $one; cat /looked/$one; done"
    )
    result = world.run("--quiet", "--", "/command", through=["setpriv", "--", *LEAKY])
    assert result.code == 0, result
    seen: dict[str, list[str]] = {}
    for part in result.stdout.decode().split("= ")[1:]:
        which, *words = part.splitlines()
        seen[order[int(which)]] = words
    return seen


@pytest.mark.parametrize("who", WHO)
def test_a_child_starts_clean(looked: dict[str, list[str]], who: str) -> None:
    descriptors = looked[who][: looked[who].index("Name:\tcat")]
    assert descriptors == ["0", "1", "2", "3"], "3 is what ls reads the directory with"
    lines = dict(line.split(":\t", 1) for line in looked[who][len(descriptors) :] if line.startswith("Sig"))
    masks = {name: int(lines[name], 16) for name in ("SigBlk", "SigIgn", "SigCgt")}
    assert masks["SigBlk"] == 0
    assert masks["SigIgn"] & ~OF_THE_LIBRARY == 0
    assert masks["SigCgt"] == 0
