"""Puts a program of the guest and every module it loads at its start into one file; image/install runs this in the image.

    python3 -IS bundle.py PACKAGE-DIRECTORY PROGRAM TARGET

To find and open some forty modules one by one takes my_init five milliseconds of its start: each is a dozen system calls, on an
overlay that has not seen the path before. The launcher runs this one file instead. Its name must end in the tag of the
interpreter, so that another Python never loads it; without it the modules are imported as ever.

The file holds, as marshal writes it: the code that makes the modules; and (name, directory of a package or "", code) of each
module, those that others import before the others.
"""

import builtins
import importlib
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOADER = """\
import sys
for name, directory, code in modules:
    module = sys.modules[name] = type(sys)(name)
    module.__file__ = code.co_filename
    parent, _, last = name.rpartition(".")
    module.__package__ = name if directory else parent
    if directory:
        module.__path__ = [directory]
    if parent:
        setattr(sys.modules[parent], last, module)
    exec(code, module.__dict__)
"""


def main(package: str, program: str, target: str) -> None:
    """Write `target` for guest.programs.`program`."""
    sys.path.insert(0, package)
    modules = []
    for name in load(f"guest.programs.{program}"):
        path = str(sys.modules[name].__file__)
        with open(path, encoding="utf-8") as file:
            source = file.read()
        directory = os.path.dirname(path) if hasattr(sys.modules[name], "__path__") else ""
        modules.append((name, directory, compile(source, path, "exec", dont_inherit=True, optimize=2)))
    loader = compile(LOADER, "<bundle>", "exec", dont_inherit=True)
    with open(target, "wb") as file_of_all:
        file_of_all.write(marshal.dumps((loader, modules)))


def load(program: str) -> list[str]:
    """Import a module; the names of the guest's modules that came with it, in the order in which they were ready."""
    ready: dict[str, None] = {}
    ordinary = builtins.__import__

    def watched(*arguments: "Any", **more: "Any") -> "Any":
        result = ordinary(*arguments, **more)
        note()
        return result

    def note() -> None:
        for name, module in list(sys.modules.items()):
            # A module whose body still runs will be ready after those that it imports.
            if name.partition(".")[0] == "guest" and not getattr(module.__spec__, "_initializing", False):
                ready.setdefault(name)

    builtins.__import__ = watched
    try:
        importlib.import_module(program)
    finally:
        builtins.__import__ = ordinary
    note()
    return list(ready)


if __name__ == "__main__":
    main(*sys.argv[1:])
