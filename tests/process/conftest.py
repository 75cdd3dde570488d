"""The fixture of the process tier: a container in namespaces, no engine; and what is left out where programs are emulated."""

import re
from pathlib import Path

import pytest

from tests.process.world import FOREIGN, World

# With DODAI_TEST_ROOT the programs are run by qemu-user, which is not a kernel: test (from its beginning) → what differs there.
NOT_EMULATED = {
    r"test_faults.py": "strace sees QEMU's system calls",
    r"test_stop_while_starting.py": "strace sees QEMU's system calls",
    r"test_clean_start.py": "/proc/self/status is QEMU's, which catches every signal",
    r"test_children.py::test_children_start_as_after_a_fresh_login": "/proc/self/status is QEMU's",
    r"test_clock.py::test_a_clock_that_jumps": "faketime is a library of this machine",
    r"test_idle.py": "QEMU's own threads wake up",
    r"test_stress.py": "what takes a start 20 ms takes it seconds",
    r"test_children.py::test_no_signal_ends": "QEMU keeps two real-time signals for itself",
    r"test_every_path.py::.*killed by (11|64)\]": "QEMU keeps signal 64, and dies of 11 with a core of its own",
    r"test_every_path.py::.*(wrong format|empty|missing interpreter|CRLF)\]": "a failed exec is not told by QEMU's vfork",
    r"test_boot.py::test_a_startup_file_that_cannot_start": "a failed exec is not told by QEMU's vfork",
    r"test_one_shot.py::test_a_command_that_cannot_start": "a failed exec is not told by QEMU's vfork",
    r"test_backoff.py::test_what_a_failed_service_left": "in a command line QEMU stands before the program",
    r"test_children.py::test_it_adopts_orphans_when_it_is_not_pid_1": "QEMU refuses PR_SET_CHILD_SUBREAPER",
    r"test_signals.py::test_every_catchable_signal": "QEMU keeps two real-time signals for itself",
    r"test_signals.py::test_a_stop_while_services_come_up": "a time is measured",
    r"test_stop.py::test_a_stop_never_hangs_and_hooks_always_run": "a hook's share of the budget is shorter than its start",
    r"test_children.py::test_orphans_are_reaped_in_every_phase.*pre_shutdown": "a hook's share is over before it has made them",
    r"test_strangers.py::test_(many_hooks|no_budget)": "a hook's share of the budget is shorter than its start",
    r"test_strangers.py::test_who_cannot_even_be_killed": "in a command line QEMU stands before the program",
    r"test_services.py::test_a_killed_runsv": "the minimal image has no pkill",
    r"test_supervision.py::test_(a_runsv|what_a_killed_runsv)": "in a command line QEMU stands before the program",
    r"test_supervision.py::test_what_a_service_left_and_nobody_may_kill": "setpriv loses its capability before it needs it",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what emulation cannot show."""
    if not FOREIGN:
        return
    out = [item for item in items if any(re.match(rf"tests/process/{test}", item.nodeid) for test in NOT_EMULATED)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Files to put into a container, then its start."""
    return World(tmp_path)
