"""The one file of all that my_init loads: whole, in an order that needs nothing else, and the same as the modules."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[3] / "image" / "bundle.py"

# As the launcher does it, but with no guest to fall back on.
LOADED = """
import marshal, sys
with open(sys.argv[1], "rb") as file:
    loader, modules = marshal.loads(file.read())
exec(loader)
"""


def python(*words: str | Path) -> str:
    return subprocess.run([sys.executable, "-IS", *words], capture_output=True, text=True, check=True, timeout=30).stdout


def bundled(package: Path, tmp_path: Path) -> Path:
    """The bundle of a copy that is gone by then."""
    copy, target = tmp_path / "dodai", tmp_path / "bundle"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    python(BUNDLE, copy, "my_init", target)
    shutil.rmtree(copy)
    return target


def test_it_runs_alone(rootfs: Path, tmp_path: Path) -> None:
    target = bundled(rootfs / "usr/lib/dodai", tmp_path)
    shown = python("-c", LOADED + "from guest.programs import my_init\nmy_init.main(['my_init', '--help'])", target)
    assert shown.startswith("usage: my_init")


def test_it_holds_the_modules_that_my_init_imports_and_no_more(rootfs: Path, tmp_path: Path) -> None:
    package = rootfs / "usr/lib/dodai"
    names = "print(*sorted(name for name in sys.modules if name.partition('.')[0] == 'guest'))"
    ordinary = python("-c", f"import sys; sys.path.insert(0, {str(package)!r}); import guest.programs.my_init; {names}")
    assert python("-c", LOADED + names, bundled(package, tmp_path)) == ordinary
    assert "guest.policy.life" in ordinary.split()


def test_a_module_that_is_not_in_it_can_still_be_imported(rootfs: Path, tmp_path: Path) -> None:
    copy, target = tmp_path / "dodai", tmp_path / "bundle"
    shutil.copytree(rootfs / "usr/lib/dodai", copy)
    python(BUNDLE, copy, "my_init", target)
    assert (
        python("-c", LOADED + "from guest.programs import dodaictl\nprint(dodaictl.__name__)", target)
        == "guest.programs.dodaictl\n"
    )
