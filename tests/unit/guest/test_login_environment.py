"""C7: the file that pam_env reads for cron jobs and SSH logins; tests/container/test_e_cron.py shows what PAM makes of it."""

from pathlib import Path

import pytest

from guest.floor import paths
from guest.parts import login_environment


def text(variables: dict[bytes, bytes], codename: bytes = b"trixie") -> tuple[bytes, list[bytes]]:
    return login_environment.as_text(variables, lambda: codename)


def test_values_stand_between_quotes_as_they_are() -> None:
    variables = {b"B": b'it\'s "x" \\', b"A": b" two  words ", b"C": "ü".encode(), b"D": b""}
    assert text(variables) == (b'A=" two  words "\nB="it\'s "x" \\"\nC="\xc3\xbc"\nD=""\n', [])


def test_what_pam_cannot_carry_is_left_out() -> None:
    variables = {b"HASH": b"a#b", b"LINES": b"a\nb", b"a.b": b"1", b"1A": b"2", b"OK": b"3"}
    assert text(variables) == (b'OK="3"\n', [b"1A", b"HASH", b"LINES", b"a.b"])


def test_what_belongs_to_the_login_is_left_to_it() -> None:
    own = dict.fromkeys((b"HOME", b"USER", b"LOGNAME", b"SHELL", b"MAIL", b"TERM", b"PWD"), b"x")
    assert text({**own, b"PATH": b"/bin", b"LANG": b"C"}) == (b'LANG="C"\nPATH="/bin"\n', [])


@pytest.mark.parametrize(("codename", "left_out"), [(b"trixie", []), (b"bookworm", [b"LONG"])])
def test_long_lines_come_last_and_are_left_out_where_pam_stops_at_them(codename: bytes, left_out: list[bytes]) -> None:
    fits = b"x" * (8191 - len(b'FITS=""\n'))
    written, missing = text({b"FITS": fits, b"LONG": b"x" * 8200, b"Z": b"1"}, codename)
    assert missing == left_out
    assert [line.partition(b"=")[0] for line in written.splitlines()] == [b"FITS", b"Z", b"LONG"]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory that stands for /run/dodai, in a container with cron."""
    monkeypatch.setattr(paths, "RUN_STATE", bytes(tmp_path))
    monkeypatch.setattr(paths, "PAM_SERVICES", (b"/etc/passwd",))
    monkeypatch.setattr(login_environment, "_said", set())
    return tmp_path


def test_the_file_is_private_and_is_written_anew(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    login_environment.save(bytes(state), {b"A": b"1", b"HASH": b"#"})
    login_environment.save(bytes(state), {b"A": b"2", b"HASH": b"#"})
    assert (state / "login_environment").read_bytes() == b'A="2"\n'
    assert (state / "login_environment").stat().st_mode & 0o777 == 0o600
    assert capfd.readouterr().err.count("cron jobs and SSH logins do not see HASH: ") == 1


def test_nothing_is_written_where_anybody_could_have_made_the_directory(
    state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("tmp-dodai-0")
    login_environment.save(bytes(elsewhere), {b"A": b"1"})
    assert list(elsewhere.iterdir()) == []


def test_nothing_is_written_or_said_where_nothing_reads_it(
    state: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "PAM_SERVICES", (b"/nowhere/cron",))
    login_environment.save(bytes(state), {b"HASH": b"#"})
    assert list(state.iterdir()) == []
    assert capfd.readouterr().err == ""
