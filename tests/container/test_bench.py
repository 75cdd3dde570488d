"""A small run of the bench over two inits that this image has: my_init and runit's own runsvdir."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PEERS = """
[peer.mine]
image = "{image}"
init = ["/sbin/my_init"]
one-shot = ["/sbin/my_init", "--"]
log = "json"

[peer.runit]
image = "{image}"
init = ["/usr/bin/runsvdir", "-P", "/srv/service"]
services = "/srv/service"
stop-signal = "none"
log = "svlogd"

[peer.broken]
image = "{image}"
init = ["/bin/false"]
"""


def test_a_small_run(tmp_path: Path) -> None:
    (tmp_path / "peers.toml").write_text(PEERS.format(image=os.environ["DODAI_TEST_MINIMAL"]), encoding="utf-8")
    wanted = ("mine", "runit", "broken", "first", "stop", "one-shot-up", "log-rate", "reap-logging")
    only = [word for name in wanted for word in ("--only", name)]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench",
            "--runs",
            "1",
            "--peers",
            tmp_path / "peers.toml",
            "--results",
            tmp_path / "out",
            *only,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))
    values = {key: {name: found["median"] for name, found in row["peers"].items()} for key, row in document["rows"].items()}
    assert set(values["first"]) == {"mine", "runit"}
    assert set(values["stop"]) == set(values["one-shot-up"]) == {"mine"}, "runsvdir leaves its services to the kernel"
    assert set(values["log-rate"]) == {"mine", "runit"}, document["failures"]
    assert set(values["reap-logging"]) == {"mine"}, document["failures"]
    # A process cannot be that quick, and not even a busy machine is that slow.
    assert all(0.02 < value < 20_000 for row in values.values() for value in row.values())
    assert any(failure.startswith("broken ended") for failure in document["failures"]), document["failures"]
    assert "| runit |" in (tmp_path / "out/table.md").read_text(encoding="utf-8")
    xml.etree.ElementTree.parse(tmp_path / "out/plot.svg")
    assert leftovers() == [], "a container of the bench outlived it"


def leftovers() -> list[str]:
    """The starters of containers that still run for this checkout; with one ends all that is below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"bench-container") and words[0].startswith(bytes(ROOT)):
            found.append(process.name)
    return found
