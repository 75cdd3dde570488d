"""A pool: the .debs that a lock names, in one directory, and a small archive on loopback that hands them to apt.

Each file is compared with the lock before apt sees it; apt compares it once more with the index, which is made of the lock.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import email.utils
import hashlib
import http.client
import http.server
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dodai import errors, process
from dodai.features.build import inventory, lock, packages

TIMEOUT = 30.0  # seconds without a byte
AT_ONCE = 4  # downloads; a mirror does not like many more from one address
_CHUNK = 1 << 18

# snapshot.debian.org answers with the state of that moment, for good.
_SNAPSHOT = "http://snapshot.debian.org/archive/{archive}/{moment}"


def fill(pool: Path, locked: lock.Lock, addresses: Sequence[str], on_file: Callable[[int, int], None]) -> None:
    """Bring into the directory `pool` what the lock names and is missing; compare all of it.

    `on_file` is told how many are there, and of how many. Raises errors.MirrorUnreachable when a file cannot be had, and
    errors.BuildFailed naming the package whose file is not the lock's.
    """
    try:
        pool.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.BuildFailed(f'cannot make the pool "{pool}": {error.strerror}', hint="name another: --pool DIR") from None
    done = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=AT_ONCE) as workers:
        waiting = [workers.submit(_have, pool, one, locked, addresses) for one in locked.packages]
        try:
            for task in concurrent.futures.as_completed(waiting):
                task.result()
                done += 1
                on_file(done, len(waiting))
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            raise


@contextlib.contextmanager
def serve(pool: Path, locked: lock.Lock, suite: packages.Suite) -> Iterator[str]:
    """Serve the pool as an archive of the lock's suite; give its address on loopback."""
    files = {f"/{one.file}": pool / name_of(one) for one in locked.packages}
    index = "\n".join(_stanzas(pool, locked)).encode()
    where = f"main/binary-{locked.architecture}/Packages"
    release = (
        f"Origin: Dodai\nSuite: {suite.name}\nCodename: {suite.name}\nArchitectures: {locked.architecture}\nComponents: main\n"
        f"Date: {email.utils.formatdate(locked.epoch, usegmt=True)}\n"
        f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} {where}\n"
    )
    texts = {f"/dists/{suite.name}/Release": release.encode(), f"/dists/{suite.name}/{where}": index}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urllib.parse.unquote(self.path)
            body = texts.get(path)
            if body is None and path in files:
                body = files[path].read_bytes()
            if body is None:
                self.send_error(http.client.NOT_FOUND)
                return
            self.send_response(http.client.OK)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def name_of(package: inventory.Package) -> str:
    """Return the name of a package's file in a pool."""
    return package.file.rpartition("/")[2]


def _have(pool: Path, package: inventory.Package, locked: lock.Lock, addresses: Sequence[str]) -> None:
    target = pool / name_of(package)
    try:
        with target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        _download(target, package, locked, addresses)
        return
    if found != package.sha256:
        raise errors.BuildFailed(
            f'cannot use the package "{package.name}": "{target}" has sha256 {found}, and the lock says {package.sha256}',
            hint=f'find out why; when "{target}" is removed, it is fetched anew',
        )


def _download(target: Path, package: inventory.Package, locked: lock.Lock, addresses: Sequence[str]) -> None:
    """Fetch one file from the first address that has it."""
    for address in addresses:
        url = f"{address}/{urllib.parse.quote(package.file)}"
        try:
            _fetch(url, target, package)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.NOT_FOUND:
                continue
            raise errors.MirrorUnreachable(f'cannot fetch "{url}": it answers {error.code} {error.reason}') from None
        except (http.client.HTTPException, urllib.error.URLError, ConnectionError, TimeoutError) as error:
            why = getattr(error, "reason", error)
            raise errors.MirrorUnreachable(
                f'cannot fetch "{url}": {getattr(why, "strerror", "") or why}',
                hint="try again: what was fetched is kept in --pool DIR",
            ) from None
        else:
            return
    moment = locked.day.replace("-", "") + "T235959Z"
    raise errors.MirrorUnreachable(
        f'cannot fetch the package "{package.name}" {package.version}: no mirror has "{package.file}" any more',
        hint=(
            f"--mirror {_SNAPSHOT.format(archive='debian', moment=moment)} "
            f"--security-mirror {_SNAPSHOT.format(archive='debian-security', moment=moment)}, or --pool with the file in it"
        ),
    )


def _fetch(url: str, target: Path, package: inventory.Package) -> None:
    """Fetch into a file beside `target`, compare, rename: what is in the pool is whole."""
    with (
        urllib.request.urlopen(url, timeout=TIMEOUT) as answer,  # noqa: S310 - the plan and the lock have checked addresses
        tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-") as file,
    ):
        digest, size = hashlib.sha256(), 0
        while chunk := answer.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        if size < package.size:
            raise http.client.IncompleteRead(b"", package.size - size)
        if digest.hexdigest() != package.sha256:
            raise errors.BuildFailed(
                f'cannot use the package "{package.name}": "{url}" has sha256 {digest.hexdigest()}, '
                f"and the lock says {package.sha256}",
                hint="name another mirror: --mirror URL",
            )
        file.flush()
        kept = Path(file.name)
        kept.chmod(0o644)
        # A second name keeps it when the first is removed; another build may have been quicker.
        with contextlib.suppress(FileExistsError):
            target.hardlink_to(kept)


def _stanzas(pool: Path, locked: lock.Lock) -> Iterator[str]:
    """Yield what an archive's index says of each package: its own control file, and where and what the file is."""

    def stanza(one: inventory.Package) -> str:
        path = pool / name_of(one)
        control = process.run(["dpkg-deb", "--field", path], doing=f'read the package "{one.name}"').stdout
        own = {"Filename": one.file, "Size": str(one.size), "SHA256": one.sha256, "Priority": one.priority}
        # The archive decides on the priority, whatever the package's author thought.
        kept = [line for line in control.splitlines() if not line.startswith("Priority:")]
        return "\n".join([*kept, *(f"{name}: {value}" for name, value in own.items() if value)]) + "\n"

    with concurrent.futures.ThreadPoolExecutor() as workers:
        yield from workers.map(stanza, locked.packages)
