"""F2, D7: `dodai lint` on directories, and what it makes of variables and Dockerfiles. Images: tests/container/test_lint.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dodai.features.lint import dockerfile, secrets
from tests.unit.host.conftest import Done, Machine

OneLine = Callable[[Done], str]

BROKEN = "#!/bin/sh\r\nexec sleep 1\r\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A build context with a service that has the wrong line ends, and a Dockerfile with three faults."""
    top = tmp_path / "project"
    run = top / "etc/service/web/run"
    run.parent.mkdir(parents=True)
    run.write_bytes(BROKEN.encode())
    run.chmod(0o755)
    (top / "Dockerfile").write_text("FROM dodai\nENV DB_PASSWORD=hunter2\nRUN apt-get update && apt-get install -y nginx\n")
    return top


def test_text(machine: Machine, project: Path) -> None:
    done = machine.dodai("lint", str(project))
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert [line.rpartition("[")[2] for line in lines[::2]] == ["secret-in-env]", "crlf]", "apt-lists-kept]", "latest-base]"]
    assert lines[0] == (f"{project}/Dockerfile:2: error: DB_PASSWORD is named like a secret and has a value [secret-in-env]")
    assert lines[2] == f"{project}/etc/service/web/run:1: error: its lines end in CRLF [crlf]"
    assert all(line.startswith("    remedy: ") for line in lines[1::2])
    assert "hunter2" not in done.stdout


def test_json_has_the_same_form_as_dodaictls(machine: Machine, project: Path) -> None:
    done = machine.dodai("lint", "--json", str(project))
    assert done.returncode == 1
    found = json.loads(done.stdout)["findings"]
    assert {tuple(one) for one in found} == {("id", "level", "path", "line", "why", "remedy", "docs")}
    assert found[0]["docs"] == "docs/reference/lint.md#secret-in-env"


def test_sarif(machine: Machine, project: Path) -> None:
    done = machine.dodai("lint", "--sarif", str(project))
    assert done.returncode == 1
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == 4
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].startswith(str(project))
        assert place["region"]["startLine"] >= 1


def test_notes_alone_are_no_failure(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM dodai:latest\n")
    done = machine.dodai("lint", str(tmp_path))
    assert (done.returncode, "latest-base" in done.stdout) == (0, True)


def test_a_service_directory(machine: Machine, project: Path) -> None:
    done = machine.dodai("lint", "web", cwd=str(project / "etc/service"))
    assert done.stdout.startswith("web/run:1: error: its lines end in CRLF")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["lint"], "IMAGE|DIR"),
        (["lint", "/nonexistent"], "no such directory"),
        (["lint", "."], "no Dockerfile"),
        (["lint", "--json", "--sarif", "."], "--sarif"),
    ],
)
def test_wrong_usage_is_one_line(machine: Machine, one_line: OneLine, tmp_path: Path, words: list[str], named: str) -> None:
    (tmp_path / "empty").mkdir()
    done = machine.dodai(*words, cwd=str(tmp_path / "empty"))
    assert done.returncode == 2
    assert named.lower() in one_line(done).lower()


def test_an_image_that_is_not_there(machine: Machine, one_line: OneLine) -> None:
    machine.install("docker")
    done = machine.dodai("lint", "nowhere")
    assert done.returncode == 125
    assert "docker has no such image" in one_line(done)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("db_password", "hunter2", True),
        ("SECRET_KEY", "x", True),
        ("GITHUB_TOKEN", "x", True),
        ("PGPASS", "x", False),
        ("ANYTHING", "AKIA" + "ABCDEFGHIJKLMNOP", True),
        ("DATABASE_URL", "postgres://shop:hunter2@db/shop", True),
        ("DATABASE_URL", "postgres://db/shop", False),
        ("KEY", "-----BEGIN OPENSSH PRIVATE KEY-----", True),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD", "${DB_PASSWORD}", False),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("PASSWORD_AUTH_ENABLED", "maybe", False),
        ("REQUIRE_TOKEN", "true", False),
        ("PWD", "/srv", False),
        ("TOKENIZERS_PARALLELISM", "4", False),
        ("KEYBOARD", "us", False),
        ("PATH", "/usr/bin", False),
    ],
)
def test_secrets(name: str, value: str, found: bool) -> None:
    assert bool(secrets.check([(name, value)], "image")) == found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FROM dodai:1.2\n", []),
        ("FROM dodai@sha256:0123\n", []),
        ("FROM registry:5000/dodai\n", ["latest-base:1"]),
        ("# syntax\nFROM dodai:latest AS build\nFROM build\n", ["latest-base:2"]),
        ("FROM scratch\n", []),
        ("ARG BASE=dodai:latest\nFROM --platform=linux/amd64 ${BASE}\n", ["latest-base:2"]),
        ("ARG BASE\nFROM $BASE\n", []),
        ("from a:1\nenv A=b TOKEN='a b' \\\n  C=d\n", ["secret-in-env:2"]),
        ("FROM a:1\nENV API_KEY some text\n", ["secret-in-env:2"]),
        ("FROM a:1\nRUN apt-get -q update \\\n # comment\n && apt-get install x\n", ["apt-lists-kept:2"]),
        ("FROM a:1\nRUN apt update; apt install x; rm -rf /var/lib/apt/lists/*\n", []),
        ("FROM a:1\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n", []),
        ("FROM a:1\nRUN install_clean x\n", []),
        ("FROM a:1\nENV 'unclosed\n", []),
    ],
)
def test_dockerfiles(tmp_path: Path, text: str, wanted: list[str]) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    assert [f"{one.rule}:{one.line}" for one in dockerfile.check(file)] == wanted
