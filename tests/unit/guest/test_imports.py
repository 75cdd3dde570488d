"""A7, B12: the guest needs nothing but what python3-minimal has in Debian 12 (3.11) and 13 (3.13), and starts fast.

Every import of the package is on the list, also those inside functions; and what a program really
loads, with everything its imports bring along, is on it too.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Name: why the guest may import it. All are in the python3-minimal of both suites (built in, frozen, or a file
# of libpython3.*-minimal), and none takes a millisecond.
ALLOWED = {
    "sys": "built in",
    "posix": "built in; what os wraps, for kernel.py only",
    "os": "two milliseconds and half a MiB: not for what must start fast",
    "stat": "frozen; loaded by os in any case",
    "errno": "built in; numbers only",
    "time": "built in",
    "_signal": "built in; signal.py around it costs four milliseconds for its enums",
    "fcntl": "built in on Debian; directory notification, file locks",
    "select": "built in on Debian; poll for the one process that copies logs",
    "binascii": "built in on Debian; base64 for bytes that JSON cannot hold",
    "_socket": "built in on Debian, datagrams; loaded for a service with `notify` and by sendmail only",
    "pwd": "built in on Debian; accounts through NSS",
    "grp": "the same for groups",
}
SLOW = {"os"}  # for programs that no start of a container and no health check waits for
# What `import os` brings along.
OF_OS = {"abc", "_abc", "_collections_abc", "_stat", "genericpath", "os.path", "posixpath"}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module a file imports, without those that only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in node.orelse:
                yield from imports(ast.Module([other], []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which layer is meant"
            yield node.module or ""
        else:
            yield from imports(node)


def test_every_import_is_on_the_list(rootfs: Path) -> None:
    package = rootfs / "usr/lib/dodai"
    files = list(package.glob("guest/**/*.py"))
    assert len(files) > 20
    strangers = {
        f"{file.relative_to(package)}: {name}"
        for file in files
        for name in imports(ast.parse(file.read_text()))
        if name not in ALLOWED and name.partition(".")[0] != "guest"
    }
    assert strangers == set()


def test_the_list_names_nothing_that_is_not_used(rootfs: Path) -> None:
    used = {name for file in rootfs.glob("usr/lib/dodai/guest/**/*.py") for name in imports(ast.parse(file.read_text()))}
    assert ALLOWED.keys() - used == set()


FAST = ("my_init", "setuser", "with_env", "dodaictl", "logger")


@pytest.mark.parametrize("program", [*FAST, "sendmail", "check_crontabs"])
def test_what_a_program_loads_is_on_the_list(tools: Any, program: str) -> None:
    """Run as far as to the end of --help; what its imports import counts as well."""
    command = tools.command(program, "--help")
    script = "import sys\nbefore = set(sys.modules)\n" + command[3].replace(
        "sys.exit(module.main(sys.argv))", "module.main(sys.argv)\nprint(*(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([*command[:3], script, *command[4:]], capture_output=True, timeout=30, check=True, text=True)
    loaded = {name for name in done.stderr.splitlines()[-1].split() if name.partition(".")[0] != "guest"}
    assert loaded - ALLOWED.keys() - OF_OS == set()
    assert (loaded & SLOW == set()) == (program in FAST)
