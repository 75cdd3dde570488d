"""Issue 5, hard: the scanners that people point at images and repositories have nothing to say. Each exception has its reason.

hadolint is one of the linters (scripts/test.py); trivy needs the network and is in the workflow only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests import pages
from tests.container import harness

pytestmark = [pytest.mark.container, pytest.mark.root]

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent

# (file, kind) → why it is no secret.
NO_SECRET = {
    ("image/rootfs/etc/insecure_key", "Private Key"): "the pair that everybody knows: docs/how-to/ssh.md",
    ("src/dodai/features/push/registry.py", "Secret Keyword"): "the names of variables",
    ("tests/container/test_push.py", "Secret Keyword"): "of a registry that lives for a test",
    ("tests/container/test_e_logging_cron_ssh.py", "Secret Keyword"): "the value of a test's variable",
    ("tests/container/test_sign.py", "Secret Keyword"): "of a key that lives for a test",
    ("tests/unit/host/test_lint.py", "Private Key"): "what lint looks for",
    ("tests/unit/host/test_lint.py", "Basic Auth Credentials"): "what lint looks for",
    ("tests/unit/host/test_shell.py", "Private Key"): "the first line of one, with nothing below it",
    ("image/setuid.toml", "Secret Keyword"): "the path of passwd",
    ("docs/coming-from-baseimage-docker.md", "Secret Keyword"): "a program's name",
    ("tests/container/test_c_environment.py", "Secret Keyword"): "a variable of a test, whose value must not be seen",
    ("tests/unit/guest/test_imports.py", "Secret Keyword"): "a module's name",
    ("tests/unit/guest/test_setuser.py", "Secret Keyword"): "a line of a test's passwd",
}

# suite → (what differs, the reason) from ssh-audit's policy for Debian 13.
POLICY = "Hardened Debian 13 (version 1)"
WIDER_KEX = {"curve25519-sha256", "curve25519-sha256@libssh.org"}  # clients that know no post-quantum exchange yet
OLDER_KEX = {"mlkem768x25519-sha256", "ext-info-s"}  # Debian 12's OpenSSH 9.2 has neither


def run(*words: str | Path, seconds: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
    """A scanner, to its end."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=pages.ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_dive_finds_no_waste(engine: harness.Engine, image: str, tmp_path: Path) -> None:
    saved = tmp_path / "image.tar"
    engine.call("save", "--output", str(saved), image, seconds=120)
    rules = ["--lowestEfficiency", "0.98", "--highestUserWastedPercent", "disabled"]
    done = run(BIN / "dive", "--source", "docker-archive", saved, "--ci", *rules, CI="true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
    assert "lowestEfficiency" in done.stdout


@pytest.mark.parametrize("name", ["image", "minimal", "bookworm", "bookworm_minimal"])
def test_the_structure_is_what_images_build_on(name: str, request: pytest.FixtureRequest) -> None:
    given = request.getfixturevalue(name)
    config = HERE / "structure.yaml"
    done = run(BIN / "container-structure-test", "test", "--image", given, "--config", config, "--output", "json")
    told = json.loads(done.stdout[done.stdout.index("{") :])
    failed = [result for result in told["Results"] or [] if not result["Pass"]]
    assert (done.returncode, failed) == (0, []), done.stderr
    assert told["Pass"] >= 12


def test_lynis_has_nothing_to_say(engine: harness.Engine, image: str) -> None:
    # From the image's own suite, so that it is the same lynis wherever this runs.
    audited = engine.derived(
        "RUN install_clean lynis\nCOPY lynis.prf /etc/lynis/custom.prf",
        base=image,
        files={"lynis.prf": (HERE / "lynis.prf").read_text()},
    )
    audit = "lynis audit system --quick --no-colors >/dev/null 2>&1; cat /var/log/lynis-report.dat"
    done = engine.run(audited, "/sbin/my_init", "--quiet", "--", "sh", "-c", audit, options=["--network=none"], seconds=180)
    report = done.out.splitlines()
    assert "finish=true" in report, done.log[-harness.LOG_BYTES :]
    found = [line for line in report if line.startswith(("warning[]", "suggestion[]", "exception_event[]"))]
    # Of itself: that Debian's lynis is not the newest.
    assert [line for line in found if "=LYNIS|" not in line] == []


@pytest.fixture(params=["image", "bookworm"])
def sshd(request: pytest.FixtureRequest, engine: harness.Engine) -> Iterator[tuple[str, str]]:
    """The name of the fixture, and the address of an sshd in that image."""
    name = request.getfixturevalue(request.param)
    command = ["sh", "-c", "rm -f /etc/service/sshd/down && exec /sbin/my_init"]
    # Without penalties: ssh-audit makes one connection for each thing that it asks.
    config = "PerSourcePenalties no\n" if request.param == "image" else "MaxStartups 100\n"
    with engine.start(
        name, *command, options=["--publish=127.0.0.1::22"], files={"/etc/ssh/sshd_config.d/test.conf": config}
    ) as container:
        address = engine.call("port", container.name, "22").out.split()[0]
        container.wait_for(lambda: container.exec("ssh-keyscan", "-t", "ed25519", "127.0.0.1", check=False).out)
        yield request.param, address


def test_sshd_keeps_the_hardened_policy(sshd: tuple[str, str]) -> None:
    name, address = sshd
    done = run(BIN / "ssh-audit", "--json", "--policy", POLICY, address)
    told = json.loads(done.stdout)
    found = {error["mismatched_field"]: error for error in told["errors"]}
    exchanges = found.pop("Key exchanges")
    actual, wanted = set(exchanges["actual"]), set(exchanges["expected_required"])
    assert actual - wanted == WIDER_KEX
    assert wanted - actual == (OLDER_KEX if name == "bookworm" else set())
    # An RSA host key of 3072 bits is 128 bits of security, as ed25519 is; one of 4096 takes seconds to make, at a boot.
    rsa = {field: error for field, error in found.items() if field.startswith("Host key (rsa-sha2-")}
    assert all(error["actual"] == ["3072"] for error in rsa.values()), rsa
    assert found.keys() == rsa.keys(), found


def test_nothing_wrong_with_the_configuration_files() -> None:
    checkov = os.environ.get("DODAI_TEST_CHECKOV")
    assert checkov, "DODAI_TEST_CHECKOV does not name checkov; remedy: make test, which installs it"
    done = run(checkov, "--directory", ".", "--config-file", ".checkov.yaml", "--output", "json")
    assert done.returncode == 0, done.stdout[-harness.LOG_BYTES :] + done.stderr[-harness.LOG_BYTES :]
    told = json.loads(done.stdout)
    reports = told if isinstance(told, list) else [told]
    assert sum(report["summary"]["passed"] for report in reports) > 20, "it looked at nothing"


def test_no_secret_in_the_repository() -> None:
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=pages.ROOT, text=True).split("\0")
    files = [path for path in tracked if path and (pages.ROOT / path).is_file()]
    found = secrets(files)
    assert found - set(NO_SECRET) == set(), "a secret; or say in NO_SECRET why it is none"
    assert set(NO_SECRET) - found == set(), "no longer found: drop the exception"


def secrets(files: Sequence[str]) -> set[tuple[str, str]]:
    """What detect-secrets takes for one: (file, kind). Checksums of pinned things look random and are none."""
    done = run(BIN / "detect-secrets", "scan", "--no-verify", "--disable-plugin", "HexHighEntropyString", *files)
    assert done.returncode == 0, done.stderr
    return {(path, one["type"]) for path, all_of in json.loads(done.stdout)["results"].items() for one in all_of}
