"""The container's environment: from docker's variables and the directory to startup files, services, dumps.

Names and values are bytes from end to end. In the directory one file is one variable; exactly one
trailing newline of a file is not part of the value, so a value that ends in a newline is written
with one more. A name is never joined to a path before `is_file_name` has said that it may be.
"""

from guest.floor import json_text, kernel, paths, say
from guest.mechanism import files

# Not dumped, as in the reference: they belong to a user, not to the container.
UNDUMPED = frozenset((b"HOME", b"USER", b"SHELL", b"UID", b"GID", b"GROUP"))

# bash(1), "Shell Variables": assigning these is an error there, so sourcing the dump would fail.
READONLY_IN_BASH = frozenset((b"BASHOPTS", b"BASH_VERSINFO", b"EUID", b"PPID", b"SHELLOPTS", b"UID"))

# execve(2): one string of the environment is at most 128 KiB with its name, "=" and NUL.
LONGEST_STRING = 128 * 1024 - 1

_FIRST = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_OTHERS = _FIRST | frozenset(b"0123456789")

DIRECTORY_MODE, DUMP_MODE = 0o750, 0o640
# The directory is the guard; one who opens it (chmod 755) wants the files in it readable.
VARIABLE_MODE = 0o644


def is_file_name(name: bytes) -> bool:
    """Whether name can be a file of the directory: not a path, not longer than NAME_MAX (255 bytes)."""
    return 0 < len(name) <= 255 and b"/" not in name and b"=" not in name and name not in (b".", b"..")


def is_shell_name(name: bytes) -> bool:
    """Whether a shell can assign it (POSIX.1-2017, base definitions 3.235)."""
    return bool(name) and name[0] in _FIRST and all(byte in _OTHERS for byte in name)


class Place:
    """Where the environment lives: a directory and its two dumps, in /etc or in the state directory."""

    __slots__ = ("directory", "json", "shell")

    def __init__(self, directory: bytes, shell: bytes, json: bytes) -> None:
        self.directory = directory
        self.shell = shell
        self.json = json


ETC = Place(paths.ENVIRONMENT_DIRECTORY, paths.ENVIRONMENT_SHELL, paths.ENVIRONMENT_JSON)


def in_state(state: bytes) -> Place:
    """The place used where /etc cannot be written."""
    return Place(state + b"/environment", state + b"/environment.sh", state + b"/environment.json")


def choose_place(state: bytes) -> Place:
    """/etc's place when its directory and the dumps beside it can be replaced, else the state's."""
    if not kernel.is_directory(ETC.directory):
        try:
            kernel.mkdir(ETC.directory, DIRECTORY_MODE)
            kernel.chown(ETC.directory, 0, paths.DOCKER_ENV_GID)
        except OSError:
            pass
    wanted = kernel.W_OK | kernel.X_OK
    parent = kernel.parent(ETC.directory)
    if all(kernel.access(path, wanted, effective_ids=True) for path in (ETC.directory, parent)):
        return ETC
    return in_state(state)


class Container:
    """The variables of the container and the place they are kept in.

    `variables` is what the next child gets. `private` are those my_init adds for its children and
    never dumps. Trouble with one variable or file is said in one line and the rest goes on.
    """

    __slots__ = ("_complained", "_unfiled", "place", "private", "variables")

    def __init__(self, variables: dict[bytes, bytes], place: Place) -> None:
        self.variables = variables
        self.place = place
        self.private: dict[bytes, bytes] = {}
        # Variables that no file holds: their name cannot be one, or it could not be written.
        self._unfiled: dict[bytes, bytes] = {}
        self._complained: set[str] = set()

    def for_child(self) -> dict[bytes, bytes]:
        """What a child gets: a new dictionary."""
        return {**self.variables, **self.private}

    def import_directory(self) -> None:
        """Take in what the image says: a variable of `docker run -e` wins over a file of the same name.

        The undumped six are the other way round: docker always sets HOME, so the file is the wish.
        """
        for name, value in self._read(ETC.directory).items():
            if name in UNDUMPED or name not in self.variables:
                self.variables[name] = value

    def dump(self) -> None:
        """Write every variable to the directory, then the two dumps."""
        directory = self.place.directory
        try:
            if not kernel.is_directory(directory):
                kernel.mkdir(directory, 0o700)
                _give_to_docker_env(directory)
                kernel.chmod(directory, DIRECTORY_MODE)
        except OSError as problem:
            self._complain(f"cannot make {say.shown(directory)}: {problem.strerror}")
        self._unfiled = {}
        refused: dict[str, list[str]] = {}
        for name, value in self.variables.items():
            if name in UNDUMPED:
                continue
            if not is_file_name(name):
                self._unfiled[name] = value
                continue
            why = self._write_variable(name, value)
            if why:
                self._unfiled[name] = value
                refused.setdefault(why, []).append(say.shown(name))
        for why, names in refused.items():  # a full disk is one fact, not one for each variable
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            self._complain(f"cannot write {', '.join(names[:3])}{more} to {say.shown(directory)}: {why}")
        self._write_dumps()

    def reset(self) -> None:
        """Make the environment what the directory says now, and write the two dumps anew.

        The undumped six and what no file can hold stay as they were.
        """
        kept = {name: value for name, value in self.variables.items() if name in UNDUMPED}
        self.variables = {**kept, **self._unfiled, **self._read(self.place.directory)}
        self._write_dumps()

    def _read(self, directory: bytes) -> dict[bytes, bytes]:
        try:
            names = kernel.listdir(directory)
        except FileNotFoundError:
            return {}
        except OSError as problem:
            self._complain(f"cannot read {say.shown(directory)}: {problem.strerror}; its variables are left out")
            return {}
        found = {}
        for name in sorted(names):
            value = self._read_variable(directory, name)
            if value is not None:
                found[name] = value
        return found

    def _read_variable(self, directory: bytes, name: bytes) -> bytes | None:
        if b"=" in name:
            if not name.startswith(b".="):  # a left-over of files.replace
                self._complain(f"{say.shown(directory)}/{say.shown(name)}: a variable's name has no '='; left out")
            return None
        path = directory + b"/" + name
        try:
            content = files.read(path)
        except IsADirectoryError:
            self._complain(f"{say.shown(path)} is a directory, not a variable; left out")
            return None
        except FileNotFoundError:
            return None  # removed since the listing, or a dangling link
        except OSError as problem:
            self._complain(f"cannot read {say.shown(path)}: {problem.strerror}; left out")
            return None
        value = content[:-1] if content.endswith(b"\n") else content
        if b"\0" in value:
            self._complain(f"{say.shown(path)} holds a NUL byte, which no variable can; left out")
            return None
        if len(name) + 1 + len(value) > LONGEST_STRING:
            self._complain(f"{say.shown(path)} is longer than the {LONGEST_STRING} bytes the kernel takes; left out")
            return None
        return value

    def _write_variable(self, name: bytes, value: bytes) -> str | None:
        """None when the file says so now; otherwise why not."""
        path = self.place.directory + b"/" + name
        data = value + b"\n" if value.endswith(b"\n") else value
        try:
            old = files.read(path)
            # What a person wrote stays as it is while it says the same.
            if old in (data, value + b"\n"):
                return None
        except OSError:
            pass
        try:
            files.replace(path, data, VARIABLE_MODE, paths.DOCKER_ENV_GID)
        except OSError as problem:
            return kernel.strerror(problem.errno or 0)
        return None

    def _write_dumps(self) -> None:
        dumped = {n: v for n, v in sorted(self.variables.items()) if n not in UNDUMPED}
        for path, data in ((self.place.shell, self._as_shell(dumped)), (self.place.json, as_json(dumped))):
            try:
                files.replace(path, data, DUMP_MODE, paths.DOCKER_ENV_GID)
            except OSError as problem:
                self._complain(f"cannot write {say.shown(path)}: {problem.strerror}")

    def _as_shell(self, variables: dict[bytes, bytes]) -> bytes:
        lines = []
        for name, value in variables.items():
            if not is_shell_name(name):
                self._complain(f"variable '{say.shown(name)}' is not a shell name: left out of {say.shown(self.place.shell)}")
            elif name not in READONLY_IN_BASH:
                lines.append(b"export %s='%s'\n" % (name, value.replace(b"'", b"'\\''")))
        return b"".join(lines)

    def _complain(self, text: str) -> None:
        """Say it once: the same file is read again after each startup file."""
        if text not in self._complained:
            self._complained.add(text)
            say.info(text)


def as_json(variables: dict[bytes, bytes]) -> bytes:
    """One JSON object on one line, ASCII only; see floor/json_text.py for bytes that are not UTF-8."""
    named = {name.decode("utf-8", "surrogateescape"): value for name, value in variables.items()}
    return json_text.of(named).encode("ascii") + b"\n"


def as_block(variables: dict[bytes, bytes]) -> bytes:
    """NAME=VALUE pairs, each ended by a NUL, as in /proc/PID/environ."""
    return b"".join(b"%s=%s\0" % item for item in variables.items())


def parse_block(block: bytes) -> dict[bytes, bytes]:
    """The reverse of as_block."""
    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def _give_to_docker_env(path: bytes) -> None:
    try:
        kernel.chown(path, -1, paths.DOCKER_ENV_GID)
    except OSError:
        pass  # not root: the caller's own group
