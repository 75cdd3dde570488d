"""peers.toml: what is read, and that every mistake is named with its place and a remedy."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bench import layouts, peers, rows, run
from dodai import errors

GOOD = """
[peer.other]
image = "other:1"
init = ["/init", "-x"]
layout = "run-files"
services = "/etc/services.d"
one-shot = ["/init"]
stop-signal = "HUP"
log = "s6-log"
note = "a note"
"""


def test_a_peer_is_read() -> None:
    (peer,) = peers.parse(GOOD, "peers.toml")
    assert peer.name == "other"
    assert peer.image == "other:1"
    assert peer.init == ("/init", "-x")
    assert peer.one_shot == ("/init",)
    assert peer.services == "/etc/services.d"
    assert peer.stop_signal == signal.SIGHUP
    assert peer.log == peers.S6_LOG


def test_the_file_of_the_checkout_is_good() -> None:
    peers.read(Path(peers.__file__).with_name("peers.toml"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[peer.other]\nimage = 'x'\ninit = ['/i']\ncolour = 'red'", 'peers.toml, peer.other: unknown key "colour"'),
        ("[pear.other]\nimage = 'x'", 'unknown table "pear"'),
        ("peer = 3", "not made of tables"),
        ("[peer.other]\ninit = ['/i']", "either image or root"),
        ("[peer.other]\nimage = 'x'\nroot = '/y'\ninit = ['/i']", "either image or root"),
        ("[peer.other]\nimage = 'x'", "init does not begin with a path"),
        ("[peer.other]\nimage = 'x'\ninit = ['init']", "init does not begin with a path"),
        ("[peer.other]\nimage = 'x'\ninit = '/init'", "init is not a list"),
        ("[peer.other]\nimage = 3\ninit = ['/i']", "image is not a string"),
        ("[peer.other]\nimage = 'x'\ninit = ['/i']\nlayout = 'upstart'", 'no layout "upstart"'),
        ("[peer.other]\nimage = 'x'\ninit = ['/i']\nstop-signal = 'NO'", 'no signal "NO"'),
        ("[peer.other]\nimage = 'x'\ninit = ['/i']\nlog = 'paper'", 'no log "paper" with layout "run-files"'),
        ("[peer.other]\nimage = 'x'\ninit = ['/i']\nlayout = 'pebble'\nlog = 'plain'", 'no log "plain" with layout "pebble"'),
        ("[peer.tini]\nimage = 'x'\ninit = ['/i']", "that name is taken"),
        ("[peer", "peers.toml"),
    ],
)
def test_a_mistake_is_named(text: str, reason: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        peers.parse(text, "peers.toml")
    assert reason in caught.value.message
    assert caught.value.hint


def test_only_names_rows_and_peers() -> None:
    chosen, wanted = run.choose(peers.BUILT_IN, ["tini", "stop"])
    assert [peer.name for peer in chosen] == ["tini"]
    assert wanted == ["stop"]
    chosen, wanted = run.choose(peers.BUILT_IN, [])
    assert len(chosen) == len(peers.BUILT_IN)
    assert wanted == list(rows.BY_KEY)
    with pytest.raises(errors.UsageError, match="neither a row nor a peer"):
        run.choose(peers.BUILT_IN, ["sysvinit"])


@pytest.mark.parametrize("layout", peers.LAYOUTS)
def test_every_layout_starts_the_same_program(layout: str, tmp_path: Path) -> None:
    peer = peers.Peer("x", ("/init",), layout=layout)
    arguments = layouts.write(peer, ["one", "two"], tmp_path, {})
    scripts = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mode & 0o111)
    assert [path.read_text() for path in scripts] == [f"#!/bin/sh\nexec {layouts.PROGRAM} {name}\n" for name in ("one", "two")]
    everything = " ".join(arguments) + "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    for script in scripts:
        place = f"/{script.relative_to(tmp_path)}"
        assert place in everything or place.startswith(peer.services)
