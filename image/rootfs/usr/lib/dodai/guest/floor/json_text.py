"""JSON as text (RFC 8259), ASCII only. Written by hand: bookworm's python3-minimal has no json module."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Value = None | bool | int | float | str | bytes | Sequence["Value"] | Mapping[str, "Value"]


def of(value: "Value") -> str:
    """The text of value. A byte that is not UTF-8 becomes \\udc80 to \\udcff (PEP 383)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bytes):
        return _string(value.decode("utf-8", "surrogateescape"))
    # Sequence and Mapping cannot be asked for here without an import that costs a millisecond.
    if hasattr(value, "items"):
        return "{" + ", ".join(f"{_string(name)}: {of(member)}" for name, member in value.items()) + "}"
    return "[" + ", ".join(of(member) for member in value) + "]"


def _string(text: str) -> str:
    """RFC 8259, section 7; a character beyond the first 65,536 becomes a surrogate pair."""
    out = []
    for character in text:
        point = ord(character)
        if character in '"\\':
            out.append("\\" + character)
        elif 0x20 <= point < 0x7F:
            out.append(character)
        elif point < 0x10000:
            out.append(f"\\u{point:04x}")
        else:
            point -= 0x10000
            out.append(f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}")
    return '"' + "".join(out) + '"'
