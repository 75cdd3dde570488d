"""A registry, through skopeo: what it has under a tag, and copying to it, with retries.

Credentials are those of `skopeo login`, `podman login` and `docker login`; or DODAI_REGISTRY_USER and DODAI_REGISTRY_PASSWORD,
which are given to skopeo in a file that only we can read, never on a command line.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dodai import errors, output, process
from dodai.features import provision

USER, PASSWORD = "DODAI_REGISTRY_USER", "DODAI_REGISTRY_PASSWORD"
_NAME = re.compile(r"(?P<host>[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)/(?P<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)")
_LOOPBACK = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?")
_ABSENT = ("manifest unknown", "name unknown", "not found", "repository name not known")
_REFUSED = ("unauthorized", "authentication required", "denied", "forbidden")


class Registry:
    """REGISTRY/NAME. Plain http is spoken to loopback addresses alone, as Docker does."""

    def __init__(self, name: str, *, retries: int) -> None:
        found = _NAME.fullmatch(name)
        if not found or not re.search(r"[.:\]]|^localhost$", found["host"]):
            raise errors.UsageError(
                f'cannot push to "{name}": it is not REGISTRY/NAME',
                hint="such as ghcr.io/team/dodai; the tags come from the image",
            )
        self.name = name
        self.host = found["host"]
        self._tls = "false" if _LOOPBACK.fullmatch(self.host) else "true"
        self._retries = retries
        self._environment: dict[str, str] = {}

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """Install skopeo when it is missing, and hold credentials from our environment for it."""
        provision.packages({"skopeo": "skopeo"}, purpose="push the image")
        user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
        with tempfile.TemporaryDirectory(prefix="dodai-push-") as directory:
            if user and password:
                token = base64.b64encode(f"{user}:{password}".encode()).decode()
                path = Path(directory, "auth.json")
                path.touch(0o600)
                path.write_text(json.dumps({"auths": {self.host: {"auth": token}}}), encoding="utf-8")
                self._environment = {"REGISTRY_AUTH_FILE": str(path)}
            yield

    def digest(self, tag: str) -> str | None:
        """The digest that a tag has in the registry, or None when there is no such tag."""
        try:
            return self._inspect(tag, "{{.Digest}}")
        except errors.CommandFailed as error:
            if any(words in line.lower() for line in error.tail for words in _ABSENT):
                return None
            raise self._explain(error) from None

    def created(self, tag: str) -> str:
        """When the image under a tag was made, as the image says: RFC 3339, or as Go prints it."""
        try:
            return self._inspect(tag, "{{.Created}}")
        except errors.CommandFailed as error:
            raise self._explain(error) from None

    def copy(self, layout: Path, tag: str, *, on_line: Callable[[str], None]) -> None:
        """Push what `layout` has under `tag`, all platforms and the very bytes. What is there already is not sent again."""
        argv = ["skopeo", "copy", "--all", "--preserve-digests", f"--dest-tls-verify={self._tls}"]
        argv += [f"oci:{layout}:{tag}", f"docker://{self.name}:{tag}"]
        doing = f'push "{self.name}:{tag}"'
        try:
            self._retrying(lambda: process.stream(argv, doing=doing, on_line=on_line, env=self._environment))
        except errors.CommandFailed as error:
            raise self._explain(error) from None

    def _inspect(self, tag: str, what: str) -> str:
        argv = ["skopeo", "inspect", f"--tls-verify={self._tls}", f"--format={what}", f"docker://{self.name}:{tag}"]
        doing = f'look for "{tag}" in {self.name}'
        return self._retrying(lambda: process.run(argv, doing=doing, env=self._environment)).stdout.strip()

    def _retrying(self, call: Callable[[], process.Done]) -> process.Done:
        """Call, and again after 1, 2, 4 … seconds when it was the network that failed.

        Not by skopeo's own --retry-times, which does not know a connection that was cut for one.
        """
        for attempt in range(self._retries):
            try:
                return call()
            except errors.CommandMissing:
                raise
            except errors.CommandFailed as error:
                said = " ".join(error.tail).lower()
                if any(words in said for words in (*_ABSENT, *_REFUSED, "x509")):
                    raise
                output.say(f"{_why(error)}; trying again in {2**attempt} s")
                time.sleep(2**attempt)
        return call()

    def _explain(self, error: errors.CommandFailed) -> errors.DodaiError:
        if isinstance(error, errors.CommandMissing):
            return errors.RegistryRefused(error.message, hint="install skopeo")
        why = _why(error)
        hint = "is it up, and its name right?"
        if any(words in why.lower() for words in _REFUSED):
            hint = f"skopeo login {self.host}, or set {USER} and {PASSWORD}"
        elif "x509" in why or "HTTP response to HTTPS" in why:
            hint = "a registry without a valid certificate is only spoken to on a loopback address"
        return errors.RegistryRefused(f"cannot {error.doing}: {why}", hint=hint)


def _why(error: errors.CommandFailed) -> str:
    """skopeo's last word, out of its line for logs: time="…" level=fatal msg="…"."""
    said = [line for line in error.tail if "level=fatal" in line or "FATA" in line] or error.tail or [error.message]
    why = said[-1].strip()
    if quoted := re.search(r'msg="((?:[^"\\]|\\.)*)"', why):
        why = quoted[1].replace('\\"', '"')
    return why


def say_progress(shown: output.Progress, title: str) -> Callable[[str], None]:
    """What skopeo prints, as one moving line: how many blobs of how many images are through."""
    count = 0

    def follow(line: str) -> None:
        nonlocal count
        if line.startswith("Copying "):
            count += line.startswith(("Copying blob", "Copying config"))
            shown.update(f"{title}: {count} blobs")

    return follow
