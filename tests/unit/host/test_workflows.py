"""Issue 5, fresh: the workflow files do what the tests run here, with pinned actions and no more rights than each job needs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from dodai import cli, paths
from dodai.features.build import packages
from dodai.features.size import budgets
from tests import pages

FILES = sorted((pages.ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent

# (job, scope) → why the job may write.
MAY_WRITE = {
    ("push", "packages"): "it pushes",
    ("push", "id-token"): "the attestation is signed by the run's own identity",
    ("push", "attestations"): "it attests",
}


def load(file: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        yield from load(file)["jobs"].items()


def runs() -> list[str]:
    return [step["run"] for _, job in jobs() for step in job["steps"] if "run" in step]


def test_there_is_one_for_changes_and_for_every_week_day_and_night() -> None:
    assert [file.stem for file in FILES] == ["fresh", "nightly", "rebuild", "test"]
    for name in ("fresh", "nightly", "rebuild"):
        # YAML 1.1 takes `on` for true.
        triggers = load(pages.ROOT / f".github/workflows/{name}.yml")[True]
        assert {"schedule", "workflow_dispatch"} <= set(triggers)


@pytest.mark.parametrize("line", runs())
def test_they_run_nothing_but_make_targets_and_dodai(line: str) -> None:
    words = [word for word in shlex.split(line) if word not in ("sudo", "-E")]
    makefile = (pages.ROOT / "Makefile").read_text(encoding="utf-8")
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)
    elif words[0] == "bin/dodai":
        help_text = subprocess.run(
            [sys.executable, "-m", "dodai", words[1], "--help"], capture_output=True, text=True, check=False
        )
        assert words[1] in cli.COMMANDS
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", help_text.stdout), option
    else:
        # The one thing that is neither: the time that all architectures share.
        assert line == 'date +epoch=%s >> "$GITHUB_OUTPUT"'


def test_every_action_is_pinned_and_says_its_version() -> None:
    for file in FILES:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line]
        assert lines
        for line in lines:
            assert re.search(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_no_job_may_do_more_than_it_needs() -> None:
    for file in FILES:
        assert load(file)["permissions"] == {}
    for name, job in jobs():
        writes = {(name, scope) for scope, level in job["permissions"].items() if level != "read"}
        assert writes <= set(MAY_WRITE)
        assert job["timeout-minutes"] <= (180 if name == "arm64" else 90)  # it emulates
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_every_suite_and_variant_with_a_budget_is_built_and_pushed() -> None:
    rebuild = load(pages.ROOT / ".github/workflows/rebuild.yml")["jobs"]
    wanted = set(budgets.load(paths.image_dir() / packages.FILE))
    for job in ("build", "push"):
        matrix = rebuild[job]["strategy"]["matrix"]
        assert {f"{suite}-{variant}" for suite in matrix["suite"] for variant in matrix["variant"]} == wanted
    assert set(rebuild["push"]["needs"]) == {"test", "build"}
    fresh = next(line for line in runs() if "dodai fresh" in line)
    assert fresh.count("--tag") == len(wanted)


def test_the_scanner_of_workflows_has_nothing_to_say() -> None:
    done = subprocess.run(
        [BIN / "zizmor", "--offline", "--no-progress", "--persona", "pedantic", *FILES],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_what_the_schema_says() -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
