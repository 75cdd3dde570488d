"""The text of a crontab as Debian's cron reads it: its jobs, and the first fault, for which cron ignores the whole file.

Written from crontab(5) and from what cron 3.0pl1-162 (Debian 12) and 3.0pl1-197 (Debian 13) accept,
which is more than the page says: what follows a number in a field is passed over, `5;` is 5.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_DAYS = (b"sun", b"mon", b"tue", b"wed", b"thu", b"fri", b"sat")
# What a field is, its least and greatest number, and the names that stand for numbers from the least on.
FIELDS: tuple[tuple[str, int, int, tuple[bytes, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
NICKNAMES = frozenset((b"reboot", b"yearly", b"annually", b"monthly", b"weekly", b"daily", b"midnight", b"hourly"))

LONGEST_COMMAND = 998  # bytes
MOST_LINES = 10003

_BLANKS = b" \t"


class Rules:
    """What differs: the user's name in each line (system), and what the release's cron takes."""

    __slots__ = ("empty_values", "known", "system")

    def __init__(self, system: bool, known: "Callable[[bytes], bool]", codename: bytes) -> None:
        self.system = system
        self.known = known  # whether there is such a user
        self.empty_values = codename not in (b"bookworm", b"noble")  # since 3.0pl1-187


class Fault(Exception):
    """Why cron ignores the crontab, and the remedy."""

    __slots__ = ("remedy", "why")

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


class Job:
    """One line: who runs what. user is empty in a user's own crontab."""

    __slots__ = ("command", "user")

    def __init__(self, user: bytes, command: bytes) -> None:
        self.user = user
        self.command = command


def jobs(text: bytes, rules: Rules) -> list[Job]:
    """All jobs of a crontab. Raises Fault where cron would ignore it."""
    found = []
    lines = text.split(b"\n")
    last = lines.pop().strip(_BLANKS)
    if b"\r\n" in text:
        raise Fault("it has line ends of Windows (CR LF)", "remove the carriage returns: sed -i 's/\\r$//'")
    for number, line in enumerate(lines, 1):
        line = line.lstrip(_BLANKS)
        if not line or line.startswith(b"#") or is_assignment(line, rules.empty_values):
            continue
        try:
            found.append(_job(line, rules))
        except Fault as fault:
            raise Fault(f"line {number}: {fault.why}", fault.remedy) from None
    if last and not last.startswith(b"#"):
        raise Fault("its last line does not end with a newline", "add one")
    if len(lines) > MOST_LINES:
        raise Fault("it has more than 10000 lines", "split it")
    return found


def is_assignment(line: bytes, empty_value: bool) -> bool:
    """Whether cron takes a line for NAME=VALUE, in any of the ways to quote; empty_value: also NAME= alone."""
    quote = line[:1]
    if quote in (b'"', b"'"):
        name, closed, rest = line[1:].partition(quote)
        if not closed or b"=" in name:
            return False
    else:
        end = 0
        while end < len(line) and line[end : end + 1] != b"=" and not line[end : end + 1].isspace():
            end += 1
        rest = line[end:]
    rest = rest.lstrip()
    if not rest.startswith(b"="):
        return False
    value = rest[1:].lstrip()
    quote = value[:1]
    if quote in (b'"', b"'"):
        _, closed, after = value[1:].partition(quote)
        return bool(closed) and not after.strip()
    return bool(value) or empty_value


def unescaped(command: bytes) -> bytes:
    """The part of a command that the shell gets: up to the first '%', the rest being its input; `\\%` is '%'."""
    out = bytearray()
    position = 0
    while position < len(command):
        two = command[position : position + 2]
        if two[:1] == b"%":
            break
        if two in (b"\\%", b"\\\\"):
            out += two[1:]
            position += 2
        else:
            out += two[:1]
            position += 1
    return bytes(out)


def _job(line: bytes, rules: Rules) -> Job:
    if line.startswith(b"@"):
        nickname, rest = _word(line[1:])
        if nickname not in NICKNAMES:
            raise Fault(f"there is no '@{_shown(nickname)}'", "take one of crontab(5), such as @daily or @reboot")
    else:
        rest = line
        for field in FIELDS:
            word, rest = _word(rest)
            _check_field(word, field)
    user = b""
    if rules.system:
        user, rest = _word(rest)
        if not user or not rest:
            raise Fault("it has no command", "write the user and the command behind the five fields of the time")
        if not rules.known(user):
            raise Fault(f"there is no user '{_shown(user)}'", "the sixth word of such a line is the user who runs the command")
    elif rest.startswith(b"*"):
        raise Fault("its command begins with '*'", "a user's own crontab has five fields of time, then the command")
    if len(rest) > LONGEST_COMMAND:
        raise Fault(f"its command is longer than {LONGEST_COMMAND} bytes", "put it into a script")
    return Job(user, rest.lstrip(_BLANKS))


def _word(text: bytes) -> tuple[bytes, bytes]:
    """The first word, and what is left after the blanks behind it."""
    end = 0
    while end < len(text) and text[end] not in _BLANKS:
        end += 1
    return text[:end], text[end:].lstrip(_BLANKS)


def _check_field(word: bytes, field: tuple[str, int, int, tuple[bytes, ...]]) -> None:
    """Raises Fault for a word that cron refuses as this field: ranges with commas between."""
    what, low, high, _ = field
    if not word:
        raise Fault(f"the {what} is missing", "five fields say the time, see crontab(5)")
    rest: bytes | None = word
    while rest is not None:
        behind = _range(rest, field)
        if behind is None:
            raise Fault(f"bad {what} '{_shown(word)}'", f"{low} to {high}, ranges such as {low}-{high}/2, or *")
        rest = behind[1:] if behind.startswith(b",") else None


def _range(text: bytes, field: tuple[str, int, int, tuple[bytes, ...]]) -> bytes | None:
    """What follows a range at the beginning of text; None when there is none that cron accepts."""
    _, low, high, names = field
    if text.startswith(b"*"):
        text = text[1:]
    else:
        begin, text = _number(text, low, names)
        if begin is None or not low <= begin <= high or text.startswith(b"/"):
            return None
        if not text.startswith(b"-"):
            return text
        end, text = _number(text[1:], low, names)
        if end is None or not low <= end <= high:
            return None
    if text.startswith(b"/"):
        step, text = _number(text[1:], 0, ())
        if not step:
            return None
    return text


def _number(text: bytes, low: int, names: tuple[bytes, ...]) -> tuple[int | None, bytes]:
    """The number or name at the beginning of text, and the rest."""
    end = 0
    while text[end : end + 1].isalnum():
        end += 1
    word, rest = text[:end], text[end:]
    if word.lower() in names:
        return names.index(word.lower()) + low, rest
    return (int(word) if word.isdigit() else None), rest


def _shown(word: bytes) -> str:
    return word.decode("utf-8", "backslashreplace")
