"""How a run file of shell ends: whether runit holds on to the program that matters."""

from guest.floor import say
from guest.parts.lint import finding, shell, tree

# Daemons that go to the background unless one of these is among their arguments.
_UNLESS = {
    "nginx": ("daemon off",),
    "sshd": ("-D", "-d"),
    "cron": ("-f",),
    "apachectl": ("FOREGROUND",),
    "apache2ctl": ("FOREGROUND",),
    "httpd": ("FOREGROUND",),
    "php-fpm": ("-F", "--nodaemonize"),
    "supervisord": ("-n", "--nodaemon"),
    "rsyslogd": ("-n",),
    "syslog-ng": ("-F", "--foreground"),
    "dnsmasq": ("-k", "-d", "--keep-in-foreground", "--no-daemon"),
    "postfix": ("start-fg",),
    "vsftpd": ("background=NO", "vsftpd.conf"),
}
# Programs that do when one of these is.
_IF = {
    "memcached": ("-d", "--daemon"),
    "redis-server": ("--daemonize yes",),
    "haproxy": ("-D",),
    "gunicorn": ("-D", "--daemon"),
    "uwsgi": ("--daemonize", "-d"),
    "mysqld": ("--daemonize", "-D"),
    "start-stop-daemon": ("-b", "--background"),
    "service": ("start",),
    "systemctl": ("start",),
    "invoke-rc.d": ("start",),
}
# Programs that become another one: how many of their arguments that are no options come before it.
_WRAPPERS = {"exec": 0, "setuser": 1, "with_env": 0, "env": 0, "nice": 0, "chpst": 0, "command": 0, "gosu": 1, "nohup": 0}
_VALUED = {"chpst": "ueUnlmdopfcrtb/", "nice": "n", "env": "uCS", "exec": "a"}

# A shell that ends with one of these waits for nobody.
_HARMLESS = frozenset(
    (
        ":",
        ".",
        "[",
        "cd",
        "chmod",
        "chown",
        "echo",
        "exit",
        "false",
        "kill",
        "ln",
        "mkdir",
        "printf",
        "read",
        "rm",
        "sv",
        "test",
    )
    + ("touch", "trap", "true", "umask", "unset", "wait", "}", "done", "esac", "fi")
)


def check(where: tree.Tree, path: bytes) -> list[finding.Finding]:
    """The faults of a run file; none for anything but shell."""
    text = where.read(path)
    if not shell.is_shell(text):
        return []
    commands = shell.commands(text)
    effective = [one for one in commands if one.plain and one.plain[0] not in ("exit", "true", ":")]
    if not effective:
        return []
    last = effective[-1]
    words = _program(last.plain)
    if last.end == "&":
        why, remedy = "its last command is put into the background", "start the program with exec, and without &"
        return [finding.Finding("background", path, why, remedy, last.line)]
    if _daemon(where, words):
        why = f"{say.shown(words[0].encode())} goes to the background here"
        return [finding.Finding("background", path, why, "give it the option that keeps it in the foreground", last.line)]
    if _waits(commands, last, words):
        why = f"{say.shown(words[0].encode())} is started without exec"
        return [finding.Finding("missing-exec", path, why, "write exec before it", last.line)]
    return []


def _waits(commands: list[shell.Command], last: shell.Command, words: list[str]) -> bool:
    """Whether the shell waits for a program to which it hands on no signal."""
    if not words or last.plain[0] in _HARMLESS or last.plain[0] == "exec" or last.plain[0].startswith("$"):
        return False
    # Somebody has thought about signals, or there is more than one program to wait for.
    thought = any(
        one.end in ("&", "|", ")") or (one.plain and one.plain[0] in ("trap", "wait", "while", "until", "for"))
        for one in commands
    )
    return not thought


def _program(words: list[str]) -> list[str]:
    """The command line of the program in the end: `exec setuser www nginx -g x` is nginx's."""
    words = list(words)
    while words and (name := words[0].rpartition("/")[2]) in _WRAPPERS and len(words) > 1:
        left = words[1:]
        skip = _WRAPPERS[name]
        while left and (left[0].startswith("-") or "=" in left[0]):
            valued = len(left[0]) == 2 and left[0][1] in _VALUED.get(name, "")
            left = left[2:] if valued else left[1:]
        words = left[skip:]
    return words


def _daemon(where: tree.Tree, words: list[str]) -> bool:
    if not words:
        return False
    name, arguments = words[0].rpartition("/")[2], words[1:]
    line = " ".join(arguments)
    if words[0].startswith("/etc/init.d/"):
        return "start" in arguments
    if name.startswith("php-fpm"):
        name = "php-fpm"
    if name in _IF:
        return any(mark in (line if " " in mark else arguments) for mark in _IF[name])
    if name not in _UNLESS or any(argument in ("-t", "-V", "-v", "--version") for argument in arguments):
        return False
    if name == "nginx" and b"daemon off" in where.read(b"/etc/nginx/nginx.conf"):
        return False
    return not any(mark in line for mark in _UNLESS[name])
