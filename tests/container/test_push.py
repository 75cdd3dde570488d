"""Issue 5, pushed: `dodai push` to a real registry on loopback, pulled back and run; and what a registry refuses."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dodai import engine as engines
from dodai.features.push import layouts, make
from tests.container import harness

pytestmark = [pytest.mark.container, pytest.mark.root]

USER, PASSWORD = "pusher", "open sesame"
# bcrypt of PASSWORD, as crypt(3) makes it.
HTPASSWD = "pusher:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclasses.dataclass
class Registry:
    """A registry of the test's own, at `address`; `log` is what it wrote."""

    address: str
    log: Path

    def get(self, path: str, accept: str = INDEX, **headers: str) -> Any:
        request = urllib.request.Request(f"http://{self.address}/v2/{path}", headers={"Accept": accept} | headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def tags(self, name: str) -> set[str]:
        return set(self.get(f"{name}/tags/list", "application/json")["tags"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(directory: Path, more: str = "") -> Iterator[Registry]:
    """Debian's docker-registry."""
    port = free_port()
    configuration = directory / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {directory}/storage\n  delete:\n    enabled: true\n"
        f"http:\n  addr: 127.0.0.1:{port}\n{more}"
    )
    log = directory / "registry.log"
    with log.open("wb") as sink:
        child = subprocess.Popen(["docker-registry", "serve", str(configuration)], stdout=sink, stderr=sink)
    try:

        def answers() -> bool:
            assert child.poll() is None, log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        harness.until(answers, "answer of the registry", more=log.read_text)
        yield Registry(f"127.0.0.1:{port}", log)
    finally:
        child.terminate()
        child.wait(20)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serve(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="module")
def amd64(minimal: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The minimal image as a layout, with a document that refers to it."""
    source = next(found for found in engines.available() if found.kind == engines.DOCKER)
    place = make.from_engine(source, minimal, tmp_path_factory.mktemp("layout") / "amd64")
    index = json.loads((place / "index.json").read_text())
    (entry,) = index["manifests"]
    empty = blob(place, b"{}", "application/vnd.oci.empty.v1+json")
    said = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/spdx+json",
        "config": empty,
        "layers": [blob(place, b'{"spdxVersion":"SPDX-2.3"}', "application/spdx+json")],
        "subject": {word: entry[word] for word in ("mediaType", "digest", "size")},
    }
    index["manifests"].append(blob(place, json.dumps(said).encode(), MANIFEST) | {"artifactType": "application/spdx+json"})
    (place / "index.json").write_text(json.dumps(index))
    return place


@pytest.fixture(scope="module")
def arm64(amd64: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files under the name of another architecture: what an index is made of, not what it runs."""
    place = tmp_path_factory.mktemp("layout") / "arm64"
    shutil.copytree(amd64, place)
    image = layouts.read(amd64)
    config = blob(
        place, json.dumps(dict(image.config) | {"architecture": "arm64"}).encode(), image.manifest["config"]["mediaType"]
    )
    manifest = blob(place, json.dumps(dict(image.manifest) | {"config": config}).encode(), image.descriptor["mediaType"])
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    return place


def blob(place: Path, data: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    (place / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def dodai(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dodai", *words],
        env=os.environ | {"DODAI_ENGINE": "docker"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_an_index_under_every_tag_is_pulled_and_runs(
    registry: Registry, amd64: Path, arm64: Path, engine: harness.Engine, tmp_path: Path
) -> None:
    name = f"{registry.address}/index"
    kept = tmp_path / "output"
    words = ["push", name, "--from", str(amd64), "--from", str(arm64), "--digest-to", str(kept)]
    done = dodai(*words, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"{name}@{kept.read_text().strip().removeprefix('digest=')} " in done.stdout
    kept.unlink()
    assert "linux/amd64, linux/arm64" in done.stdout
    assert list(tmp_path.iterdir()) == []
    tags = done.stdout.rstrip().rpartition(": ")[2].split()
    assert {"trixie-minimal", "minimal"} < set(tags)
    image = layouts.read(amd64)
    pushed = {json.dumps(registry.get(f"index/manifests/{tag}"), sort_keys=True) for tag in tags}
    assert len(pushed) == 1
    assert image.digest in pushed.pop()
    assert registry.tags("index") == set(tags)
    run_pulled(engine, f"{name}:minimal", "/sbin/my_init", "--quiet", "--", "echo", "out")
    # Again: the dated tag is there, as it should be.
    again = dodai("push", name, "--from", str(arm64), "--from", str(amd64))
    assert again.returncode == 0, again.stderr
    assert "is there already" in again.stderr
    assert again.stdout == done.stdout


def run_pulled(engine: harness.Engine, name: str, *command: str) -> None:
    """Pull, run, remove."""
    insecure = ["--tls-verify=false"] if engine.kind == harness.PODMAN else []
    engine.call("pull", "--quiet", *insecure, name, seconds=180)
    try:
        done = engine.call("run", "--rm", "--pull=never", "--label", harness.LABEL, name, *command, seconds=60)
        assert done.out == "out\n"
    finally:
        engine.call("image", "rm", "--force", name, check=False)


def test_zstd_goes_there_and_podman_runs_it(
    registry: Registry, engine: harness.Engine, podman: harness.Engine, minimal: str
) -> None:
    # As small as an image that runs can be: zstd -19 takes half a minute for one of ours.
    about = engine.inspect("image", minimal)["Config"]["Labels"]
    labels = " ".join(f'{name}="{value}"' for name, value in about.items())
    shell = "mkdir /new && cp -L --parents /bin/sh /lib*/ld-linux* /lib/*-linux-gnu/libc.so.6 /new"
    tiny = engine.derived(
        f'ARG BASE\nFROM $BASE AS whole\nRUN {shell}\nFROM scratch\nCOPY --from=whole /new /\nLABEL {labels}\nCMD ["/bin/sh"]',
        base=minimal,
    )
    name = f"{registry.address}/zstd"
    done = dodai("push", name, "--image", tiny, "--compression", "zstd")
    assert done.returncode == 0, done.stderr
    (entry,) = registry.get("zstd/manifests/minimal")["manifests"]
    manifest = registry.get(f"zstd/manifests/{entry['digest']}", entry["mediaType"])
    assert [one["mediaType"].rpartition("+")[2] for one in manifest["layers"]] == ["zstd"]
    run_pulled(podman, f"{name}:minimal", "/bin/sh", "-c", "echo out")


def test_a_dated_tag_is_never_overwritten(registry: Registry, amd64: Path, arm64: Path) -> None:
    name = f"{registry.address}/dated"
    assert dodai("push", name, "--from", str(amd64)).returncode == 0
    before = {tag: registry.get(f"dated/manifests/{tag}") for tag in registry.tags("dated")}
    done = dodai("push", name, "--from", str(amd64), "--from", str(arm64))
    assert done.returncode == 125
    assert "a dated tag stays what it is" in done.stderr
    assert {tag: registry.get(f"dated/manifests/{tag}") for tag in registry.tags("dated")} == before


def test_a_registry_that_wants_a_password(amd64: Path, tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    with serve(tmp_path, f"auth:\n  htpasswd:\n    realm: test\n    path: {tmp_path}/htpasswd\n") as closed:
        name = f"{closed.address}/closed"
        refused = dodai("push", name, "--from", str(amd64), "--retries", "0")
        assert refused.returncode == 125
        assert "skopeo login" in refused.stderr
        assert "Traceback" not in refused.stderr
        done = dodai("-v", "push", name, "--from", str(amd64), DODAI_REGISTRY_USER=USER, DODAI_REGISTRY_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stderr + done.stdout
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        assert "minimal" in closed.get("closed/tags/list", "application/json", Authorization=f"Basic {token}")["tags"]
        with pytest.raises(urllib.error.HTTPError):
            closed.tags("closed")


def test_a_connection_that_breaks_is_tried_again(registry: Registry, amd64: Path) -> None:
    host, port = registry.address.split(":")
    broken = threading.Event()

    class Breaks(socketserver.BaseRequestHandler):
        """Hands on to the registry, but for the first connection that uploads, which it cuts."""

        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as upstream:
                back = threading.Thread(target=pump, args=(upstream, self.request))
                back.start()
                while data := self.request.recv(65536):
                    if b"PATCH " in data[:6] and not broken.is_set():
                        broken.set()
                        break
                    upstream.sendall(data)
                upstream.shutdown(socket.SHUT_RDWR)
                back.join()

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A connection that the client closed first is no news."""

    with Server(("127.0.0.1", 0), Breaks) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        name = f"127.0.0.1:{proxy.server_address[1]}/again"
        try:
            done = dodai("push", name, "--from", str(amd64), "--retries", "2")
        finally:
            proxy.shutdown()
    assert broken.is_set()
    assert done.returncode == 0, done.stderr
    assert "minimal" in registry.tags("again")


def test_a_registry_that_is_not_there(amd64: Path) -> None:
    done = dodai("push", f"127.0.0.1:{free_port()}/x", "--from", str(amd64), "--retries", "0")
    assert done.returncode == 125
    assert "connection refused" in done.stderr
    assert len([line for line in done.stderr.splitlines() if not line.startswith("dodai: pushing")]) == 2


def test_dry_run_prints_the_tags_and_pushes_nothing(registry: Registry, amd64: Path) -> None:
    done = dodai("push", f"{registry.address}/dry", "--from", str(amd64), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"{registry.address}/dry:minimal" in done.stdout.splitlines()
    with pytest.raises(urllib.error.HTTPError):
        registry.tags("dry")


def test_freshness_is_the_images_own_age(registry: Registry, amd64: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(amd64, old)
    image = layouts.read(amd64)
    config = blob(
        old,
        json.dumps(dict(image.config) | {"created": "2020-01-01T00:00:00Z"}).encode(),
        image.manifest["config"]["mediaType"],
    )
    manifest = blob(old, json.dumps(dict(image.manifest) | {"config": config}).encode(), image.descriptor["mediaType"])
    (old / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    assert dodai("push", f"{registry.address}/old", "--from", str(old)).returncode == 0
    done = dodai("fresh", f"{registry.address}/old", "--tag", "minimal")
    assert done.returncode == 1
    assert "weekly rebuild" in done.stderr
    assert dodai("fresh", f"{registry.address}/old", "--tag", "minimal", "--days", "100000").returncode == 0
    missing = dodai("fresh", f"{registry.address}/old", "--tag", "none")
    assert missing.returncode == 125
    assert "Traceback" not in missing.stderr
