"""E7: setuser as derived images use it; tests/unit/guest has the details."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.container.harness import Container, Engine


@pytest.fixture(scope="module")
def box(engine: Engine, image: str) -> Iterator[Container]:
    with engine.start(image) as container:
        container.wait_for("Running @reboot jobs")
        container.sh("useradd -m -u 1500 -s /bin/bash ann && groupadd -g 1600 certs && usermod -aG certs,adm ann")
        yield container


def test_identity_with_supplementary_groups(box: Container) -> None:
    assert box.sh("setuser ann id -u; setuser ann id -g; setuser ann id -Gn") == "1500\n1500\nann adm certs"
    assert box.sh("setuser ann sh -c 'echo $HOME $USER $LOGNAME $SHELL'") == "/home/ann ann ann /bin/bash"


def test_by_path_by_number_and_with_a_group(box: Container) -> None:
    assert (
        box.sh("/sbin/setuser 1500:1600 id -u; setuser ann:certs id -gn; /usr/sbin/setuser nobody id -un")
        == "1500\ncerts\nnobody"
    )


def test_nested_and_with_a_here_document(box: Container) -> None:
    assert box.sh("setuser root setuser ann setuser ann id -un") == "ann"
    assert box.sh("setuser ann /bin/bash <<'END'\nid -un\necho \"$0\"\nEND") == "ann\n/bin/bash"


def test_no_way_back(box: Container) -> None:
    assert box.exec("setuser", "ann", "setuser", "root", "id", check=False).code == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["ann", "sh", "-c", "exit 7"], 7),
        (["ann", "/etc/passwd"], 126),
        (["ann", "no-such-program"], 127),
        (["no-such-user", "true"], 1),
        ([], 2),
    ],
)
def test_exit_codes(box: Container, words: list[str], code: int) -> None:
    done = box.exec("setuser", *words, check=False)
    assert done.code == code
    assert "Traceback" not in done.log
    assert code == 7 or done.err.startswith("setuser: ")


def test_the_process_itself_is_the_users(engine: Engine, image: str) -> None:
    """No process stays between my_init and the command."""
    words = ["/sbin/my_init", "--quiet", "--", "/sbin/setuser", "games", "sh", "-c", "id -un; ps -o ppid= -p $$"]
    assert engine.run(image, *words).out.split() == ["games", "1"]
