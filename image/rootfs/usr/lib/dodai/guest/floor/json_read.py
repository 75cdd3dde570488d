"""Reads JSON (RFC 8259) as far as the boot log needs it: bookworm's python3-minimal has no json module."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_SPACE = " \t\r\n"
_WORDS: "dict[str, None | bool]" = {"null": None, "true": True, "false": False}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def text(source: str) -> "Value":
    """The value that source is. Raises ValueError."""
    value, end = _value(source, 0)
    if source[end:].strip(_SPACE):
        raise ValueError("something follows the value")
    return value


def _value(source: str, at: int) -> "tuple[Value, int]":
    at = _skip(source, at)
    first = source[at : at + 1]
    if first == '"':
        return _string(source, at + 1)
    if first == "{":
        return _object(source, at + 1)
    if first == "[":
        return _array(source, at + 1)
    for word, value in _WORDS.items():
        if source.startswith(word, at):
            return value, at + len(word)
    end = at
    while source[end : end + 1] in "+-.0123456789eE" and end < len(source):
        end += 1
    number = source[at:end]
    try:
        return int(number), end
    except ValueError:
        return float(number), end


def _object(source: str, at: int) -> "tuple[Value, int]":
    found: dict[str, Value] = {}
    at = _skip(source, at)
    while source[at : at + 1] != "}":
        if found:
            at = _skip(source, _expect(source, at, ","))
        name, at = _string(source, _expect(source, at, '"'))
        value, at = _value(source, _expect(source, _skip(source, at), ":"))
        found[name] = value
        at = _skip(source, at)
    return found, at + 1


def _array(source: str, at: int) -> "tuple[Value, int]":
    found: list[Value] = []
    at = _skip(source, at)
    while source[at : at + 1] != "]":
        if found:
            at = _expect(source, at, ",")
        value, at = _value(source, at)
        found.append(value)
        at = _skip(source, at)
    return found, at + 1


def _string(source: str, at: int) -> tuple[str, int]:
    """From behind the opening quote. A surrogate pair becomes its character; a lone surrogate stays (PEP 383)."""
    end = source.index('"', at)
    if "\\" not in source[at:end]:
        return source[at:end], end + 1
    parts = []
    while (character := source[at : at + 1]) != '"':
        if not character:
            raise ValueError("a string has no end")
        if character != "\\":
            parts.append(character)
            at += 1
        elif source[at + 1 : at + 2] == "u":
            parts.append(chr(int(source[at + 2 : at + 6], 16)))
            at += 6
        elif source[at + 1 : at + 2] in _ESCAPES:
            parts.append(_ESCAPES[source[at + 1]])
            at += 2
        else:
            raise ValueError("an unknown escape")
    joined = "".join(parts)
    return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"), at + 1


def _skip(source: str, at: int) -> int:
    while source[at : at + 1] and source[at] in _SPACE:
        at += 1
    return at


def _expect(source: str, at: int, mark: str) -> int:
    if source[at : at + 1] != mark:
        raise ValueError(f"no {mark} at {at}")
    return at + 1
