"""dodaictl lint: the faults of this image, or of directories that will be copied into one, each with its remedy."""

import os

from guest.floor import codes, json_text, say
from guest.mechanism import output
from guest.parts.lint import checks, finding
from guest.programs.verbs import options


def run(arguments: list[str]) -> int:
    """Print the findings; exit code 1 when there is an error or a warning among them."""
    try:
        given, directories = options.split(arguments, ("--json",))
        found = [(place, one) for place in directories or ["/"] for one in _findings(place)]
    except options.Stop as stop:
        return stop.code
    if "--json" in given:
        members = [_members(place, one) for place, one in found]
        code = output.write(json_text.of({"findings": members}) + "\n")
    else:
        code = output.write("".join(_text(place, one) for place, one in found))
    serious = any(one.level != "note" for _, one in found)
    return code or (codes.FAILED if serious else codes.OK)


def _findings(place: str) -> list[finding.Finding]:
    directory = os.path.abspath(os.fsencode(place))
    if not os.path.isdir(directory):
        raise options.refuse(f"cannot look at '{options.shown(place)}': not a directory")
    try:
        return checks.run(directory)
    except checks.Nothing:
        text = "it holds neither etc/ nor a service directory, which has a file run"
        raise options.refuse(f"cannot look at '{options.shown(place)}': {text}") from None


def _text(place: str, one: finding.Finding) -> str:
    line = f":{one.line}" if one.line else ""
    return f"{say.shown(_where(place, one))}{line}: {one.level}: {one.why} [{one.rule}]\n    remedy: {one.remedy}\n"


def _where(place: str, one: finding.Finding) -> bytes:
    """The path to open: inside the image as it is there, in a directory below that."""
    root = os.fsencode(place).rstrip(b"/")
    return one.path if not root else root + one.path


def _members(place: str, one: finding.Finding) -> "dict[str, json_text.Value]":
    return {
        "id": one.rule,
        "level": one.level,
        "path": _where(place, one),
        "line": one.line or None,
        "why": one.why,
        "remedy": one.remedy,
        "docs": one.docs,
    }
