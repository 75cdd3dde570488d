"""Startup files and hooks: those that would be skipped, and those that would end the boot."""

from guest.floor import paths, say
from guest.parts.lint import finding, programs, tree


def check(where: tree.Tree) -> list[finding.Finding]:
    """/etc/my_init.d, /etc/rc.local and the two directories of hooks."""
    files = [paths.RC_LOCAL] if where.there(paths.RC_LOCAL) else []
    for directory in (paths.STARTUP_DIRECTORY, paths.PRE_SHUTDOWN_DIRECTORY, paths.POST_SHUTDOWN_DIRECTORY):
        for name in where.names(directory):
            path = directory + b"/" + name
            if not name.startswith(b".") and not where.is_directory(path):
                files.append(path)
    found = []
    for path in files:
        one = programs.check(where, path, "skipped-startup-file")
        if one is not None and one.rule == "skipped-startup-file":
            one.remedy = f"RUN chmod +x {say.shown(path)}, or remove it if it is not to run"
        found += [one] if one is not None else []
    return found
