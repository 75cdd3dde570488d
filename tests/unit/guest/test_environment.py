"""C1-C6: the environment through the directory and the dumps, byte for byte."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guest.parts import environment
from guest.parts.environment import Container, Place, as_block, as_json, parse_block

NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and b"=" not in name)
VALUES = st.binary(max_size=200).filter(lambda value: b"\0" not in value)


def place(root: Path) -> Place:
    base = os.fsencode(root)
    return Place(base + b"/d", base + b"/d.sh", base + b"/d.json")


def container(root: Path, variables: dict[bytes, bytes]) -> Container:
    return Container(dict(variables), place(root))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(variables=st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_bytes_survive_a_reset(variables: dict[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    one = container(tmp_path_factory.mktemp("env"), variables)
    one.dump()
    one.reset()
    one.reset()
    assert one.variables == variables


@settings(max_examples=60)
@given(variables=st.dictionaries(NAMES, VALUES, max_size=8))
def test_json_can_be_read_back(variables: dict[bytes, bytes]) -> None:
    text = as_json(variables)
    read = json.loads(text)
    assert {os.fsencode(k): os.fsencode(v) for k, v in read.items()} == variables
    assert text.isascii()


@given(variables=st.dictionaries(NAMES, VALUES, max_size=8))
def test_block_is_the_form_of_the_kernel(variables: dict[bytes, bytes]) -> None:
    assert parse_block(as_block(variables)) == variables


def test_bash_reads_the_dump_back(tmp_path: Path) -> None:
    variables = {b"A": b'it\'s "x" $HOME `id`\n\n', b"_B2": b"\xff\xfe", b"EMPTY": b"", b"BACK": b"a\\b"}
    one = container(tmp_path, variables)
    one.dump()
    done = subprocess.run(
        ["bash", "-ec", '. "$1"; exec env -0', "bash", tmp_path / "d.sh"], stdout=subprocess.PIPE, check=True, env={}
    )
    assert variables.items() <= parse_block(done.stdout).items()


def test_odd_names_stay_in_json_and_out_of_sh_with_one_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = container(tmp_path, {b"a.b": b"1", b"../x": b"2", b"1A": b"3", b"OK": b"4"})
    one.dump()
    one.reset()
    err = capfd.readouterr().err
    assert err.count("'a.b' is not a shell name") == 1
    assert err.count("'../x' is not a shell name") == 1
    assert (tmp_path / "d.sh").read_bytes() == b"export OK='4'\n"
    assert json.loads((tmp_path / "d.json").read_bytes()) == {"a.b": "1", "../x": "2", "1A": "3", "OK": "4"}
    assert not (tmp_path / "x").exists()
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == ["1A", "OK", "a.b"]


def test_what_bash_cannot_assign_is_not_in_sh(tmp_path: Path) -> None:
    one = container(tmp_path, {b"PPID": b"1", b"EUID": b"0", b"X": b"y"})
    one.dump()
    assert (tmp_path / "d.sh").read_bytes() == b"export X='y'\n"


def test_one_trailing_newline_of_a_person_is_stripped(tmp_path: Path) -> None:
    one = container(tmp_path, {})
    one.dump()
    (tmp_path / "d/ONE").write_bytes(b"v\n")
    (tmp_path / "d/TWO").write_bytes(b"v\n\n")
    (tmp_path / "d/NONE").write_bytes(b"v")
    one.reset()
    assert one.variables == {b"ONE": b"v", b"TWO": b"v\n", b"NONE": b"v"}


def test_a_variable_that_ends_in_a_newline_is_written_with_one_more(tmp_path: Path) -> None:
    container(tmp_path, {b"X": b"a\n"}).dump()
    assert (tmp_path / "d/X").read_bytes() == b"a\n\n"


def test_a_deleted_file_removes_the_variable_and_edits_of_the_dumps_change_nothing(tmp_path: Path) -> None:
    one = container(tmp_path, {b"GONE": b"1", b"STAYS": b"2"})
    one.dump()
    (tmp_path / "d/GONE").unlink()
    (tmp_path / "d.sh").write_text("export STAYS=evil")
    (tmp_path / "d.json").write_text("{}")
    one.reset()
    assert one.variables == {b"STAYS": b"2"}
    assert (tmp_path / "d.sh").read_text() == "export STAYS='2'\n"
    assert json.loads((tmp_path / "d.json").read_text()) == {"STAYS": "2"}


def test_the_users_own_are_not_dumped_but_survive(tmp_path: Path) -> None:
    users = dict.fromkeys(environment.UNDUMPED, b"x")
    one = container(tmp_path, {**users, b"A": b"b"})
    one.dump()
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["A"]
    one.reset()
    assert one.variables == {**users, b"A": b"b"}
    (tmp_path / "d/HOME").write_text("/app")
    one.reset()
    assert one.variables[b"HOME"] == b"/app"


def test_private_variables_reach_children_only(tmp_path: Path) -> None:
    one = container(tmp_path, {b"A": b"b"})
    one.private[b"SVDIR"] = b"/x"
    one.dump()
    assert one.for_child() == {b"A": b"b", b"SVDIR": b"/x"}
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["A"]


def test_modes_are_private_and_a_chmod_is_respected(tmp_path: Path) -> None:
    one = container(tmp_path, {b"A": b"b"})
    one.dump()
    modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.iterdir()}
    assert modes == {"d": 0o750, "d.sh": 0o640, "d.json": 0o640}
    (tmp_path / "d.sh").chmod(0o644)
    (tmp_path / "d").chmod(0o700)
    one.variables[b"C"] = b"d"
    one.dump()
    assert (tmp_path / "d.sh").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700


def test_odd_entries_are_named_and_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = container(tmp_path, {})
    one.dump()
    (tmp_path / "d/SUB").mkdir()
    (tmp_path / "d/NUL").write_bytes(b"a\0b")
    (tmp_path / "d/A=B").write_bytes(b"x")
    (tmp_path / "d/LONG").write_bytes(b"x" * (128 * 1024))
    (tmp_path / "d/DANGLING").symlink_to("nowhere")
    (tmp_path / "d/GOOD").write_bytes(b"1")
    one.reset()
    assert one.variables == {b"GOOD": b"1"}
    err = capfd.readouterr().err
    for name in ("SUB is a directory", "NUL holds a NUL byte", "A=B", "LONG is longer"):
        assert name in err


def test_a_full_disk_costs_no_variable(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = Container({b"A": b"b"}, Place(b"/proc/nowhere/d", b"/proc/nowhere/d.sh", b"/proc/nowhere/d.json"))
    one.dump()
    one.reset()
    assert one.variables == {b"A": b"b"}
    assert "cannot write A to /proc/nowhere/d: " in capfd.readouterr().err
