"""A build works in memory only where nobody will miss it, and where the user named no place."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dodai.features.build import fence

KIB = fence.PLENTY // 1024


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A /proc and a /sys with a little more than plenty."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "sys/fs/cgroup/memory").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {KIB + 1} kB\n")
    return tmp_path


def test_plenty_is_what_is_free(machine: Path) -> None:
    assert fence.plenty(machine)
    (machine / "proc/meminfo").write_text(f"MemAvailable: {KIB - 1} kB\n")
    assert not fence.plenty(machine)
    (machine / "proc/meminfo").write_text("nothing known\n")
    assert not fence.plenty(machine)


@pytest.mark.parametrize("name", fence._LIMITS)
def test_plenty_is_within_the_limit_of_the_container(machine: Path, name: str) -> None:
    limit = machine / name
    limit.write_text("max\n")
    assert fence.plenty(machine)
    limit.write_text(f"{fence.PLENTY - 1}\n")
    assert not fence.plenty(machine)


def test_a_plain_user_needs_no_fence(tmp_path: Path) -> None:
    assert fence.prefix("unshare", tmp_path, {}) == []


@pytest.mark.root
@pytest.mark.parametrize("named", [True, False])
def test_the_scratch_is_in_memory_unless_a_place_is_named(tmp_path: Path, named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "PLENTY", 0)
    words = fence.prefix("root", tmp_path, {"TMPDIR": str(tmp_path)} if named else {})
    told = subprocess.check_output([*words, "stat", "-f", "-c", "%T", tmp_path], text=True).strip()
    assert (told == "tmpfs") == (not named)
    # And nothing of it is left to those outside.
    assert f" {tmp_path} " not in Path("/proc/self/mountinfo").read_text()
