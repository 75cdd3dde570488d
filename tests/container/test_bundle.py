"""my_init starts from its one file, and without it from its modules, as after a change of Python in a derived image."""

from __future__ import annotations

import pytest

from tests.container.harness import Engine

BUNDLE = "/usr/lib/dodai/my_init.cpython-3*"


@pytest.mark.parametrize("fixture", ["minimal", "bookworm_minimal"])
@pytest.mark.parametrize("gone", ["/usr/lib/dodai/guest", BUNDLE])
def test_either_is_enough(engine: Engine, request: pytest.FixtureRequest, fixture: str, gone: str) -> None:
    image = request.getfixturevalue(fixture)
    done = engine.run(image, "sh", "-c", f"test -s {BUNDLE} && rm -r {gone} && exec /sbin/my_init --help")
    assert done.code == 0, done
    assert done.out.startswith("usage: my_init"), done
    assert done.stderr == b""
