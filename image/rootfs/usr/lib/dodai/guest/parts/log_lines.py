"""The lines of a service as they go to the container's log: `[NAME] line`, or a JSON object a line (promise D5).

Both take a batch of whole lines at once: bytes.replace is as fast as copying, and a loop over lines
would not be.
"""

import binascii
import time

from guest.floor import json_text, say

PREFIX, JSON = "prefix", "json"
FORMATS = (PREFIX, JSON)
STDOUT, STDERR = "stdout", "stderr"

# RFC 8259, section 7: what must be escaped in a string; DEL and all of UTF-8 may stand as they are.
_CONTROLS = bytes(byte for byte in range(32) if byte != 10)
_SHORT = {8: b"\\b", 9: b"\\t", 12: b"\\f", 13: b"\\r"}
_ESCAPES = [(bytes([byte]), _SHORT.get(byte, b"\\u%04x" % byte)) for byte in _CONTROLS]
_NOT_CONTROLS = bytes(byte for byte in range(256) if byte not in _CONTROLS)


class Prefixed:
    """`[NAME] line`."""

    __slots__ = ("_prefix",)

    def __init__(self, name: bytes) -> None:
        self._prefix = f"[{say.shown(name)}] ".encode()

    def format(self, lines: bytes, pid: int) -> bytes:  # noqa: ARG002 - as Json's
        """Each line of `lines`, which ends with a newline, with the name before it."""
        prefix = self._prefix
        return prefix + lines[:-1].replace(b"\n", b"\n" + prefix) + b"\n"


class Json:
    """One object a line: ts (RFC 3339, UTC, ms), service, stream, pid, message; message_b64 where that is not UTF-8."""

    __slots__ = ("_about",)

    def __init__(self, name: bytes, stream: str) -> None:
        self._about = f'"service":{json_text.of(name)},"stream":"{stream}","pid":'.encode()

    def format(self, lines: bytes, pid: int) -> bytes:
        """An object for each line of `lines`, which ends with a newline. pid 0 becomes null."""
        begin = b'{"ts":"%s",%s%s,"message":"' % (_now(), self._about, b"%d" % pid if pid else b"null")
        try:
            lines.decode()
        except UnicodeDecodeError:
            return b"".join([self._one(line, begin) for line in lines[:-1].split(b"\n")])
        return begin + _escaped(lines[:-1]).replace(b"\n", b'"}\n' + begin) + b'"}\n'

    def _one(self, line: bytes, begin: bytes) -> bytes:
        try:
            line.decode()
        except UnicodeDecodeError:
            shown = _escaped(line.decode("utf-8", "replace").encode())
            return b'%s%s","message_b64":"%s"}\n' % (begin, shown, binascii.b2a_base64(line, newline=False))
        return b'%s%s"}\n' % (begin, _escaped(line))


def formatter(kind: str, name: bytes, stream: str) -> "Prefixed | Json":
    """The formatter of one stream of a service; kind is PREFIX or JSON."""
    return Json(name, stream) if kind == JSON else Prefixed(name)


def _escaped(text: bytes) -> bytes:
    """UTF-8 as the inside of a JSON string, but for newlines, which the caller deals with."""
    text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    if text.translate(None, _NOT_CONTROLS):
        for byte, escape in _ESCAPES:
            text = text.replace(byte, escape)
    return text


def _now() -> bytes:
    """The time as 2026-01-31T23:59:59.999Z."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return b"%s.%03dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode(), nanoseconds // 1_000_000)
