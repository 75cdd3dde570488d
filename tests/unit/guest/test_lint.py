"""D7: `dodaictl lint` finds each mistake of the corpus, in its place, and nothing in what is as it should be.

A directory of lint/ is one mistake: tree/ is laid out like /, findings has what must be found, and nothing else may be.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guest.floor import lint_rules
from guest.parts.lint import shell

CORPUS = Path(__file__).parent / "lint"
CASES = sorted(path.name for path in CORPUS.iterdir())

Dodaictl = Callable[..., Any]


@pytest.fixture
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy with the modes of an image whatever the checkout's umask."""
    copy = tmp_path / "tree"
    shutil.copytree(CORPUS / request.param / "tree", copy, symlinks=True)
    return copy


def found(done: Any, tree: Path) -> list[str]:
    lines = []
    for one in json.loads(done.stdout)["findings"]:
        place = one["path"].removeprefix(str(tree))
        lines.append(f"{one['level']} {one['id']} {place}" + (f":{one['line']}" if one["line"] else ""))
    return sorted(lines)


@pytest.mark.parametrize(("tree", "case"), [(case, case) for case in CASES], ids=CASES, indirect=["tree"])
def test_the_mistake_is_found_and_nothing_else(tree: Path, case: str, dodaictl: Dodaictl) -> None:
    wanted = (CORPUS / case / "findings").read_text().splitlines()
    done = dodaictl("lint", "--json", str(tree))
    assert found(done, tree) == wanted
    assert done.stderr == b""
    assert done.returncode == any(not line.startswith("note") for line in wanted)
    for one in json.loads(done.stdout)["findings"]:
        assert one["why"]
        assert one["remedy"]
        assert one["docs"] == f"docs/reference/lint.md#{one['id']}"
    text = dodaictl("lint", str(tree)).stdout.decode()
    assert text.count("\n    remedy: ") == len(wanted)
    assert all(line.split()[1] in text for line in wanted)


def test_every_rule_has_its_mistake() -> None:
    assert set(lint_rules.RULES) | {"good"} == set(CASES)


@pytest.mark.parametrize(
    ("case", "directory", "wanted"),
    [
        ("crlf", "etc/service/web", ["error crlf /run:1"]),
        ("crlf", "etc/service", ["error crlf /web/run:1"]),
        ("unknown-dependency", "etc/service/web", []),
        ("unknown-dependency", "etc/service", ["error unknown-dependency /web/depends"]),
    ],
)
def test_a_service_or_a_directory_of_services(case: str, directory: str, wanted: list[str], dodaictl: Dodaictl) -> None:
    place = CORPUS / case / "tree" / directory
    done = dodaictl("lint", "--json", ".", cwd=place)
    assert [line.replace(" .", " ") for line in found(done, Path("/nowhere"))] == wanted


def test_links_are_followed_inside_the_tree(tmp_path: Path, dodaictl: Dodaictl) -> None:
    """An absolute link of an image means a place in the image; this machine's /bin/sh does not count."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").write_bytes(b"\x7fELF")
    service = tmp_path / "etc/service/web"
    service.mkdir(parents=True)
    (service / "run").symlink_to("/bin/bash")
    assert found(dodaictl("lint", "--json", str(tmp_path)), tmp_path) == ["error dangling-link /etc/service/web/run"]


@pytest.mark.parametrize("directory", ["/nonexistent", "/proc/self/fdinfo"])
def test_a_directory_with_nothing_to_look_at(directory: str, dodaictl: Dodaictl, the_line: Callable[[Any, int], str]) -> None:
    assert "cannot look at" in the_line(dodaictl("lint", directory), 2)


def test_the_image_itself_has_no_findings(rootfs: Path, dodaictl: Dodaictl) -> None:
    done = dodaictl("lint", str(rootfs))
    assert (done.returncode, done.stdout) == (0, b"")


class TestShell:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("a b\nc", [["a", "b"], ["c"]]),
            ("a 'b c' \"d # e\" f\\ g # h", [["a", "b c", "d # e", "f g"]]),
            ("a \\\n b; c && d || e", [["a", "b"], ["c"], ["d"], ["e"]]),
            ("a $(b; c) ${d# } `e f`", [["a", "$(b; c)", "${d# }", "`e f`"]]),
            ("a <<X >f\nb &\nX\nc", [["a"], ["c"]]),
            ("(a; b) | c", [["a"], ["b"], ["c"]]),
            ("a 2>&1 >>f", [["a"]]),
            ("a 'unclosed", [["a", "unclosed"]]),
            ("a $(unclosed", [["a", "$(unclosed"]]),
            ("a \\", [["a", ""]]),
            ("", []),
        ],
    )
    def test_words(self, text: str, wanted: list[list[str]]) -> None:
        assert [one.words for one in shell.commands(text.encode())] == wanted

    def test_where_output_goes(self) -> None:
        commands = shell.commands(b"a >one\nb 2>two\nc 1>>three\nd >&2\ne >'f g'")
        assert [one.output for one in commands] == ["one", "", "three", "", "f g"]

    def test_lines_and_ends(self) -> None:
        commands = shell.commands(b"#!/bin/sh\na 'x\ny' &\n\\\nb | c\n<<E d\nz\nE\ne")
        assert [(one.line, one.end) for one in commands] == [(2, "&"), (4, "|"), (5, "\n"), (6, "\n"), (9, "\n")]


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        ({"web/depends": "databse\n", "database/run": ""}, "did you mean 'database'?"),
        ({"web/depends": "elsewhere\n"}, "add /elsewhere, or remove the line"),
        ({"web/dependz": "x\n"}, "did you mean 'depends'?"),
        ({"web/notes.of.mine": "x\n"}, "remove it, unless the service itself reads it"),
    ],
)
def test_what_was_meant_is_guessed_only_where_something_is_near(
    files: dict[str, str], remedy: str, tmp_path: Path, dodaictl: Dodaictl
) -> None:
    for name, text in {"web/run": "", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text or "#!/bin/sh\nexec sleep 1\n")
        path.chmod(0o644 if text else 0o755)
    (finding,) = json.loads(dodaictl("lint", "--json", str(tmp_path)).stdout)["findings"]
    assert finding["remedy"] == remedy


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("#!/usr/bin/env node", "node"),
        ("#!/usr/bin/env -S A=b sh -eu", None),
        ("#!/usr/bin/env -S A=b node", "node"),
        ("#!/usr/bin/env /opt/node", "/opt/node"),
        ("#!/usr/bin/env /bin/sh", None),
    ],
)
def test_env_names_the_interpreter(line: str, missing: str | None, tmp_path: Path, dodaictl: Dodaictl) -> None:
    for name in ("bin/sh", "usr/bin/env"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"\x7fELF")
        (tmp_path / name).chmod(0o755)
    run = tmp_path / "etc/service/web/run"
    run.parent.mkdir(parents=True)
    run.write_text(f"{line}\nexec sleep 1\n")
    run.chmod(0o755)
    told = [one["why"] for one in json.loads(dodaictl("lint", "--json", str(tmp_path)).stdout)["findings"]]
    assert told == ([f"its interpreter '{missing}' is not in the image"] if missing else [])
