"""Services whose output goes into a file, and whether somebody rotates that."""

from guest.floor import say
from guest.parts.lint import finding, shell, tree

_NO_FILES = ("/dev/", "/proc/", "/run/", "/tmp/")


def check(where: tree.Tree, directory: bytes, names: list[bytes]) -> list[finding.Finding]:
    """Each run file of shell that sends its output into a file for good."""
    rotated = _rotated(where)
    found = []
    for name in names:
        path = directory + b"/" + name + b"/run"
        text = where.read(path)
        if not shell.is_shell(text):
            continue
        commands = shell.commands(text)
        # Of the whole script by `exec >FILE`, or of the program that it ends with.
        lasting = [one for one in commands if one.plain == ["exec"]] + commands[-1:]
        for one in lasting:
            target = one.output
            if (
                not target.startswith("/")
                or target.startswith(_NO_FILES)
                or any(matches(pattern, target) for pattern in rotated)
            ):
                continue
            why = f"its output goes into {say.shown(target.encode())}, which nothing rotates"
            remedy = "leave the output alone, so that docker logs has it, or add a file to /etc/logrotate.d"
            found.append(finding.Finding("unrotated-log", path, why, remedy, one.line))
    return found


def _rotated(where: tree.Tree) -> list[str]:
    """The patterns of logrotate's configuration (logrotate.conf(5)): the lines that begin with a slash."""
    files = [b"/etc/logrotate.conf", *(b"/etc/logrotate.d/" + name for name in where.names(b"/etc/logrotate.d"))]
    words = []
    for file in files:
        for line in where.read(file).decode("utf-8", "replace").splitlines():
            if line.lstrip().startswith(("/", '"/')):
                words += [word.strip("\"'") for word in line.replace("{", " ").split()]
    return [word for word in words if word.startswith("/")]


def matches(pattern: str, path: str) -> bool:
    """glob(7) with * and ?, neither of which matches a slash."""
    if not pattern:
        return not path
    if pattern[0] == "*":
        return matches(pattern[1:], path) or (path[:1] not in ("", "/") and matches(pattern, path[1:]))
    if not path or (pattern[0] == "?" and path[0] == "/") or pattern[0] not in ("?", path[0]):
        return False
    return matches(pattern[1:], path[1:])
