"""Real .debs, made in milliseconds, and a mirror on loopback that has them."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from dodai.features.build import inventory, lock


def package(directory: Path, name: str, version: str = "1.0-1") -> inventory.Package:
    """Build a package below `directory`/pool and tell what an archive would say of it."""
    tree = directory / "tree" / name
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        "Priority: required\nDescription: a package of the tests\n"
    )
    plain = version.partition(":")[2] or version
    file = f"pool/main/{name[0]}/{name}/{name}_{plain}_all.deb"
    (directory / file).parent.mkdir(parents=True, exist_ok=True)
    argv = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(directory / file)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    data = (directory / file).read_bytes()
    return inventory.Package(
        name, version, "all", file=file, size=len(data), sha256=hashlib.sha256(data).hexdigest(), priority="optional"
    )


def locked(*packages: inventory.Package) -> lock.Lock:
    """A lock of trixie with these packages."""
    return lock.Lock("trixie", "amd64", "default", (), 1_795_252_544, (("http://a.example", ("trixie",), ("main",)),), packages)


@dataclasses.dataclass
class Mirror:
    """A mirror that is up: its address, and what it was asked for."""

    address: str
    asked: list[str]


@contextlib.contextmanager
def mirror(directory: Path, *, dies_after: int = 1 << 30, breaks: str = "") -> Iterator[Mirror]:
    """Serve `directory`; after some answers close every connection, and cut the file short whose name holds `breaks`."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(directory))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            asked.append(self.path)
            if len(asked) > dies_after:
                self.close_connection = True
                return
            if breaks and breaks in self.path:
                data = (directory / self.path.lstrip("/")).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
                return
            super().do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Mirror(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()
