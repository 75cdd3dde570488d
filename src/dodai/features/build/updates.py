"""Which packages of an image have a security update by now: apt's own answer, from the image's list of packages.

apt works in a directory of its own here, with the host's keyring and nothing else of the host's.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from pathlib import Path

from dodai import errors, process

TIMEOUT = 120.0  # seconds in all
_LINE = re.compile(r"^(?P<name>[^/\s]+)/\S+ (?P<new>\S+) \S+ \[upgradable from: (?P<old>[^]]+)\]")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Update:
    """A package that has a newer version."""

    name: str
    installed: str
    available: str

    def __str__(self) -> str:
        return f"{self.name} {self.installed} -> {self.available}"


def pending(status: bytes, sources: str, architecture: str) -> tuple[Update, ...]:
    """Return the updates that the security archives in `sources` (deb822) have for dpkg's `status`.

    Raises errors.MirrorUnreachable when they do not answer, or not with a good signature.
    """
    stanzas = [stanza for stanza in sources.split("\n\n") if re.search(r"^Suites:.*-security\b", stanza, re.MULTILINE)]
    if not stanzas:
        return ()
    with tempfile.TemporaryDirectory(prefix="dodai-updates-") as made:
        root = Path(made)
        for name in ("etc/apt/preferences.d", "state/lists/partial", "cache/archives/partial"):
            (root / name).mkdir(parents=True)
        (root / "status").write_bytes(status)
        (root / "security.sources").write_text("\n\n".join(stanzas) + "\n", encoding="utf-8")
        (root / "apt.conf").write_text(
            f'APT::Architecture "{architecture}"; APT::Architectures "{architecture}";\n'
            f'Dir::Etc "{root}/etc/apt"; Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "{root}";\n'
            f'Dir::State "{root}/state"; Dir::State::Status "{root}/status"; Dir::Cache "{root}/cache";\n'
            'Acquire::Languages "none"; APT::Sandbox::User "";\n',
            encoding="utf-8",
        )
        environment = {"APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C.UTF-8"}
        try:
            doing = "ask for security updates"
            strict = ["-o", "APT::Update::Error-Mode=any"]
            process.run(["apt-get", "-q", *strict, "update"], doing=doing, env=environment, timeout=TIMEOUT)
            done = process.run(["apt", "-qq", "list", "--upgradable"], doing=doing, env=environment, timeout=TIMEOUT)
        except errors.CommandFailed as error:
            raise errors.MirrorUnreachable(error.message, hint="look at the network, and try again") from None
    found = (_LINE.match(line) for line in done.stdout.splitlines())
    return tuple(sorted(Update(match["name"], match["old"], match["new"]) for match in found if match))
