"""Runs the linters and every tier of tests: `make test` and `make lint` are this.

    scripts/test.py lint        the linters
    scripts/test.py all [ARG…]  the linters, then all tests against real engines; ARGs go to pytest

Installs what the tests need, builds the images once under names of this run, and starts dockerd when none runs. Two runs at
once share that dockerd: each holds a lock, and the last to leave stops it. What a run made is removed at its end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path

from dodai import engine, entry, errors, output, process
from dodai.features import provision

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
TIERS = ("unit", "process", "container")
GUEST = ROOT / "image" / "rootfs" / "usr" / "lib" / "dodai"

# What the tests start on this machine, and the package that has it.
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "dockerd": "docker.io",
    "docker": "docker.io",
    "iptables": "iptables",
    "podman": "podman",
    "runc": "runc",
    "newuidmap": "uidmap",
    "ssh": "openssh-client",
    "puttygen": "putty-tools",
    "curl": "curl",
    "pgrep": "procps",
    "unshare": "util-linux",
    "runsv": "runit",
    "strace": "strace",
    "faketime": "faketime",
    "zstd": "zstd",
    "skopeo": "skopeo",
    "docker-registry": "docker-registry",
}

# The images that tests/container asks for: variable → (suite, variant).
IMAGES = {
    "DODAI_TEST_IMAGE": ("trixie", "default"),
    "DODAI_TEST_MINIMAL": ("trixie", "minimal"),
    "DODAI_TEST_BOOKWORM": ("bookworm", "default"),
    "DODAI_TEST_BOOKWORM_MINIMAL": ("bookworm", "minimal"),
}

# runc, since crun refuses hybrid cgroups; limits that an unprivileged outer container can grant.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
"""

# Faulty on purpose: what `dodaictl lint` has to find.
MISTAKES = Path("tests/unit/guest/lint")

IN_USE = Path("/run/lock/dodai-test-in-use.lock")
OUR_DAEMON = Path("/run/dodai-test-dockerd.pid")
DAEMON_STOP_TIMEOUT = 60.0  # seconds


def main(arguments: list[str]) -> int:
    """Do what the first argument says; return the exit code."""
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, _stop)
    # Whoever starts this in the background may ignore these; programs under test would inherit that and never see a ^C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    started = time.monotonic()
    if arguments == ["lint"]:
        return 0 if lint() else 1
    if arguments[:1] != ["all"]:
        raise errors.UsageError("cannot tell what to test", hint="scripts/test.py lint | all [PYTEST ARGUMENT]…")
    clean = lint()
    if os.geteuid() != 0:
        raise errors.UsageError(
            "cannot run every test: this needs root, for namespaces and an engine", hint="sudo make test, or make test-fast"
        )
    with contextlib.ExitStack() as stack:
        variables = prepare(stack)
        output.say(f"ready after {time.monotonic() - started:.0f} s: running the tests")
        passed = tests(variables, arguments[1:])
    return 0 if passed and clean else 1


def lint() -> bool:
    """Run every linter, also after one has complaints; return whether none has."""
    sources = tracked()
    scripts = [path for path in sources if is_shell(path) and not path.is_relative_to(MISTAKES)]
    dockerfiles = [path for path in sources if path.name.startswith("Dockerfile") or path.suffix == ".Dockerfile"]
    linters: dict[str, list[str | Path]] = {
        "ruff check": [BIN / "ruff", "check", "--quiet", "."],
        "ruff format": [BIN / "ruff", "format", "--quiet", "--check", "."],
        "mypy --strict": [BIN / "mypy", "--no-error-summary"],
        "import-linter": [BIN / "lint-imports", "--no-cache"],
        "shellcheck": [BIN / "shellcheck", *scripts],
        "hadolint": [BIN / "hadolint", *dockerfiles],
    }
    clean = True
    for name, argv in linters.items():
        done = process.run(
            argv, doing=f"run {name}", check=False, env={"PYTHONPATH": f"{ROOT / 'src'}:{GUEST}", "NO_COLOR": "1"}
        )
        output.say(f"{name}: {'clean' if done.ok else 'FAILED'} ({done.seconds:.1f} s)")
        if not done.ok:
            sys.stdout.write(done.stdout + done.stderr)
            sys.stdout.flush()
            clean = False
    return clean


def tracked() -> list[Path]:
    """The files of the checkout, without what is built; new ones too."""
    listed = process.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], doing="list the files", check=False
    )
    if listed.ok:
        return [path for path in map(Path, listed.stdout.split("\0")) if path.is_file() and not path.is_symlink()]
    return [path for path in Path().rglob("*") if path.is_file() and not path.parts[0].startswith((".venv", "build", "dist"))]


def is_shell(path: Path) -> bool:
    """Whether a file is a script of sh or bash, by its first line."""
    with path.open("rb") as file:
        first = file.readline(80).rstrip()
    return first.startswith(b"#!") and first.split()[0].rsplit(b"/", 1)[-1].split(b" ")[0] in (b"#!sh", b"sh", b"bash", b"dash")


def prepare(stack: contextlib.ExitStack) -> dict[str, str]:
    """Install, start and build what the tests need; return the variables that tell them of it. `stack` undoes it."""
    provision.packages(PROGRAMS, purpose="run the tests")
    if process.which("docker") is None:
        provision.packages({"docker": "docker-cli"}, purpose="run the tests")
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dodai-test-")))
    configuration = scratch / "containers.conf"
    configuration.write_text(CONTAINERS_CONF, encoding="ascii")
    stack.enter_context(docker())
    repository = f"dodai-test-{secrets.token_hex(4)}"
    stack.callback(remove_images, repository)
    # Podman 5 warns on stderr of each call where cgroups are the first version's.
    variables = {"CONTAINERS_CONF": str(configuration), "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
    # Nor is there a systemd to run the images' health check.
    variables["DISABLE_HC_SYSTEMD"] = "true"
    variables["DODAI_TEST_CHECKOV"] = checkov()
    for variable, (suite, variant) in IMAGES.items():
        name = f"{repository}:{suite}-{variant}"
        process.run(
            [sys.executable, "-m", "dodai", "build", "--suite", suite, "--variant", variant, "--tag", name],
            doing=f"build {name}",
            capture=False,
            env={"DODAI_ENGINE": engine.DOCKER},
        )
        variables[variable] = name
    return variables


def checkov() -> str:
    """Install checkov into a directory of its own when it is not there, and return its path."""
    wanted = ROOT / "requirements" / "checkov.txt"
    made, stamp = ROOT / "build" / "checkov", ROOT / "build" / "checkov" / ".made"
    text = wanted.read_text(encoding="utf-8")
    with provision.lock("checkov"):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != text:
            with output.progress("installing checkov (about 30 s)"):
                process.run([sys.executable, "-m", "venv", "--clear", made], doing="make a place for checkov")
                pip = [str(made / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
                process.run([*pip, "--no-deps", "--no-compile", "-r", wanted], doing="install checkov")
            stamp.write_text(text, encoding="utf-8")
    return str(made / "bin" / "checkov")


def tests(variables: dict[str, str], arguments: list[str]) -> bool:
    """Run pytest over all tiers, so that its own summary is the last word; return whether all passed and each tier ran."""
    with tempfile.TemporaryDirectory(prefix="dodai-report-") as directory:
        report = Path(directory, "report.xml")
        tiers = [f"tests/{tier}" for tier in TIERS if Path("tests", tier).is_dir()]
        argv = [sys.executable, "-m", "pytest", "-m", "", "--durations=10", f"--junitxml={report}", *(arguments or tiers)]
        ended = process.attached(argv, doing="run the tests", env=variables)
        if ended.code != 0:
            return False
        if arguments:
            return True
        counts = ran(report)
    idle = [tier for tier in TIERS if not counts.get(tier)]
    if idle:
        output.error(f"cannot call this a pass: no test ran in {', '.join(f'tests/{tier}' for tier in idle)}")
    return not idle


def ran(report: Path) -> dict[str, int]:
    """How many tests of each tier were run and not skipped, from pytest's JUnit report."""
    counts: dict[str, int] = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is None:
            tier = f"{case.get('classname', '')}..".split(".")[1]
            counts[tier] = counts.get(tier, 0) + 1
    return counts


@contextlib.contextmanager
def docker() -> Iterator[None]:
    """Docker answers inside. A daemon that a run started ends with the last run that uses it."""
    IN_USE.parent.mkdir(parents=True, exist_ok=True)
    with IN_USE.open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        pid = provision.start_docker()
        if pid is not None:
            OUR_DAEMON.write_text(str(pid), encoding="ascii")
        try:
            yield
        finally:
            # The kernel gives the whole lock only when no other run shares it, also after one that was killed.
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop_our_daemon()


def stop_our_daemon() -> None:
    """End the dockerd that a run started, if one did, and wait until it is gone."""
    try:
        pid = int(OUR_DAEMON.read_text(encoding="ascii"))
        name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        name = ""
        pid = 0
    OUR_DAEMON.unlink(missing_ok=True)
    if name != "dockerd":
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DAEMON_STOP_TIMEOUT
    while process.alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    if process.alive(pid):
        output.warn(f"dockerd (PID {pid}) does not end; its log is {provision.DAEMON_LOG}")
        return
    provision.DAEMON_LOG.unlink(missing_ok=True)


def remove_images(repository: str) -> None:
    """Remove every image of this run, and the containers made from them, from both engines."""
    for found in engine.available():
        listed = found.call("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", doing="list the images", check=False)
        names = [name for name in listed.stdout.splitlines() if name.removeprefix("localhost/").startswith(repository)]
        for name in names:
            found.call("image", "rm", "--force", name, doing=f"remove {name}", check=False)


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(errors.SIGNAL_BASE + number)


if __name__ == "__main__":
    sys.exit(entry.script(main))
