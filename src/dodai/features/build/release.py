"""When the archive was last changed: the Date of its Release files.

It becomes SOURCE_DATE_EPOCH, so that an image made of the same packages has the same times. Asking for it first also tells
within seconds, and not after minutes, that a mirror is out of reach.
"""

from __future__ import annotations

import email.utils
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping

from dodai import errors

TIMEOUT = 20.0  # seconds for each answer
_HEAD = 1 << 16  # bytes: the Date stands among the first lines; the checksums after it are not ours to read

_LAST = 253_402_300_799  # the end of the year 9999, the last that RFC 3339 can write

_REMEDY = "check the network and the proxy, or name another mirror: --mirror URL"


def epoch(environment: Mapping[str, str], newest: int) -> int:
    """Return the time of the image: SOURCE_DATE_EPOCH where it is set and not empty, else `newest`.

    Raises errors.UsageError when it is no number of seconds: an image of another time than was asked for would be a surprise.
    https://reproducible-builds.org/specs/source-date-epoch/
    """
    wanted = environment.get("SOURCE_DATE_EPOCH", "")
    if not wanted:
        return newest
    if not (wanted.isascii() and wanted.isdigit()) or int(wanted) > _LAST:
        raise errors.UsageError(
            f'cannot use SOURCE_DATE_EPOCH="{wanted}": it is not a number of seconds since 1970',
            hint="SOURCE_DATE_EPOCH=$(date -d 2026-01-31 +%s), or leave it unset",
        )
    return int(wanted)


def date(uri: str, suite: str) -> int:
    """Return the Date of a suite's InRelease file in seconds since 1970.

    The signature is not checked here: mmdebstrap's apt does that before it believes a word.
    Raises errors.MirrorUnreachable when there is no answer, errors.BuildFailed when the answer is of no use.
    """
    address = f"{uri.rstrip('/')}/dists/{suite}/InRelease"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - the scheme was checked by the plan
            head = answer.read(_HEAD).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        error.close()
        why = f'it has no suite "{suite}"' if error.code == http.client.NOT_FOUND else f"it answers {error.code} {error.reason}"
        raise errors.MirrorUnreachable(
            f'cannot use the mirror "{uri}": {why}', hint="name another mirror: --mirror URL"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        why = str(getattr(cause, "strerror", "") or cause or type(error).__name__)
        raise errors.MirrorUnreachable(f'cannot reach the mirror "{uri}": {why}', hint=_REMEDY) from None
    for line in head.splitlines():
        if line.startswith("Date:"):
            try:
                return int(email.utils.parsedate_to_datetime(line.removeprefix("Date:").strip()).timestamp())
            except ValueError:
                break
    raise errors.MirrorUnreachable(f'cannot use the mirror "{uri}": "{address}" is not a Release file', hint=_REMEDY)
