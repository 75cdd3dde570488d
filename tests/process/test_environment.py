"""C1, C4, C6, C7: any names and values reach startup file, service, command and `with_env` byte for byte."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.process.world import World, until

EXAMPLES = int(os.environ.get("DODAI_TEST_ENVIRONMENTS", "12"))
# What a shell, the world around my_init or my_init itself sets or reads.
TAKEN = {b"PATH", b"HOME", b"PWD", b"OLDPWD", b"_", b"SHLVL", b"IFS", b"PS1", b"PS2", b"PS4", b"PPID", b"OPTIND", b"SVDIR"}
NAMES = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.sampled_from([b"../x", b"a/b", b".", b"..", b"/etc/x", b"x" * 300, b"a.b", b"-n", b"A", b"\xff\xfe", b"a b"]),
).filter(lambda name: b"\0" not in name and b"=" not in name and name not in TAKEN)
VALUES = st.binary(max_size=300).filter(lambda value: b"\0" not in value)

KEEP = "cat /proc/$$/environ >/seen/{0}.new; mv /seen/{0}.new /seen/{0}"


def block(path: Path) -> dict[bytes, bytes]:
    pairs = (entry.partition(b"=") for entry in path.read_bytes().split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


@pytest.mark.root  # nsenter
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(variables=st.dictionaries(NAMES, VALUES, max_size=6))
@example(variables={b"../x": b"up", b"a/b": b"slash", b".": b"dot", b"n" * 300: b"long", b"NL": b"one\n\n", b"\xff": b"\xfe"})
def test_any_bytes_reach_everybody(variables: dict[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    world = World(tmp_path_factory.mktemp("environment"))
    world.file("/seen/note", "")
    world.script("/etc/my_init.d/10", KEEP.format("first"))
    world.script("/etc/my_init.d/20", KEEP.format("second"))
    world.service("s", KEEP.format("service") + "; exec sleep 1000")
    world.script("/command", KEEP.format("command") + "; exec sleep 1000")
    given_here = {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()}
    with world.start("--", "/command", environment=given_here) as container:
        for who in ("first", "second", "service", "command"):
            seen = container.root / "seen" / who
            until(seen.exists, who, lambda: container.err)
            assert variables.items() <= block(seen).items(), who
        done = container.enter("with_env", "cat", "/proc/self/environ")
        assert done.returncode == 0, done
        (world.scratch / "with_env").write_bytes(done.stdout)
        assert variables.items() <= block(world.scratch / "with_env").items()
        # No name became a path: whatever is not in the directory itself was not written.
        assert not {entry.name for entry in (container.root / "etc").iterdir()} & {"x", "b"}
