"""Whether the kernel will be able to run a file of the tree."""

from guest.floor import say
from guest.mechanism import program
from guest.parts.lint import finding, tree


def check(where: tree.Tree, path: bytes, not_executable: str = "not-executable") -> finding.Finding | None:
    """The fault of a program, if any. not_executable: the rule for one without an execute bit."""
    if not where.exists(path):
        target = where.link(path)
        if target is None:
            return None
        why = f"it is a link to '{say.shown(target)}', which does not exist"
        return finding.Finding("dangling-link", path, why, "correct or remove the link")
    if not where.is_file(path):
        return finding.Finding(not_executable, path, "it is not a file", "put a program in its place")
    if not where.is_executable(path):
        return finding.Finding(not_executable, path, "it is not executable", f"RUN chmod +x {say.shown(path)}")
    return _script(where, path)


def _script(where: tree.Tree, path: bytes) -> finding.Finding | None:
    head = where.read(path)[:4096]
    if head.startswith(b"\x7fELF"):
        return None
    first = head.split(b"\n", 1)[0]
    if first.endswith(b"\r"):
        remedy = f"RUN sed -i 's/\\r$//' {say.shown(path)}; in git: * text=auto eol=lf in .gitattributes"
        return finding.Finding("crlf", path, "its lines end in CRLF", remedy, 1)
    words = first[2:].split()
    if not first.startswith(b"#!") or not words:
        what = "names no interpreter" if first.startswith(b"#!") else "is not a #! line"
        return finding.Finding(
            "no-shebang", path, f"its first line {what}", "let it begin with #!/bin/sh, or what it is for", 1
        )
    if not where.whole:
        return None
    missing = _missing(where, words)
    if missing is None:
        return None
    why = f"its interpreter '{say.shown(missing)}' is not in the image"
    return finding.Finding("missing-interpreter", path, why, "install it, or correct the first line", 1)


def _missing(where: tree.Tree, words: list[bytes]) -> bytes | None:
    if not where.exists(words[0]):
        return words[0]
    if words[0].rpartition(b"/")[2] != b"env":
        return None
    wanted = [word for word in words[1:] if not word.startswith(b"-") and b"=" not in word][:1]
    if not wanted or b"/" in wanted[0]:
        return next((word for word in wanted if not where.exists(word)), None)
    directories = program.DEFAULT_PATH.split(b":")
    return None if any(where.exists(directory + b"/" + wanted[0]) for directory in directories) else wanted[0]
