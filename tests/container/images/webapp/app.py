"""app.py web | worker | migrate | version: a web server, a worker, and the database in a file that they share."""

import http.server
import os
import signal
import sqlite3
import sys
import threading

MIGRATIONS = (
    "CREATE TABLE job (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    "ALTER TABLE job ADD COLUMN result TEXT",
)


def connect() -> sqlite3.Connection:
    """A connection whose statements are committed one by one."""
    path = os.environ.get("APP_DATABASE", "/var/lib/app/jobs.sqlite")
    return sqlite3.connect(path, isolation_level=None, timeout=10)


def done(connection: sqlite3.Connection) -> int:
    """How many of the migrations have been done."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate() -> int:
    """Do the migrations that are missing."""
    connection = connect()
    for number in range(done(connection), len(MIGRATIONS)):
        connection.execute(MIGRATIONS[number])
        connection.execute(f"PRAGMA user_version = {number + 1}")
        print(f"migration {number + 1} done")
    return 0


def version() -> int:
    """Print the database's version; 1 when migrations are missing."""
    found = done(connect())
    print(found)
    return 0 if found == len(MIGRATIONS) else 1


class Handler(http.server.BaseHTTPRequestHandler):
    """POST / takes a job and answers with its number; GET /NUMBER answers with its result."""

    def do_POST(self) -> None:
        """Take a job."""
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        number = connect().execute("INSERT INTO job (text) VALUES (?)", (text,)).lastrowid
        self.answer(202, str(number))

    def do_GET(self) -> None:
        """Tell a job's result."""
        row = connect().execute("SELECT result FROM job WHERE id = ?", (self.path[1:],)).fetchone()
        if row is None:
            self.answer(404, "no such job")
        else:
            self.answer(202 if row[0] is None else 200, row[0] or "")

    def answer(self, code: int, text: str) -> None:
        """Send a line of text."""
        body = f"{text}\n".encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def web() -> int:
    """Serve until the end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with http.server.ThreadingHTTPServer(("", 8000), Handler) as server:
        print("web: listening on port 8000", file=sys.stderr, flush=True)
        server.serve_forever(poll_interval=0.1)
    return 0


def worker() -> int:
    """Do the jobs, oldest first; a stop lets it finish the one in hand."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    connection = connect()
    if done(connection) < len(MIGRATIONS):
        # Comes back every second, until somebody has done it.
        print("worker: the database is not ready; remedy: my_init -- manage migrate", file=sys.stderr)
        return 1
    while not stopping.wait(0.1):
        row = connection.execute("SELECT id, text FROM job WHERE result IS NULL ORDER BY id LIMIT 1").fetchone()
        if row:
            connection.execute("UPDATE job SET result = ? WHERE id = ?", (row[1].upper(), row[0]))
            print(f"worker: job {row[0]} done", file=sys.stderr, flush=True)
    print("worker: stopped", file=sys.stderr, flush=True)
    return 0


VERBS = {"web": web, "worker": worker, "migrate": migrate, "version": version}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in VERBS:
        sys.exit(f"usage: {__doc__}")
    sys.exit(VERBS[sys.argv[1]]())
