"""B6, B7: the command line of my_init; everything from the first word that is no option is the command."""

import pytest

from guest.programs import my_init


def test_defaults() -> None:
    options = my_init.read_options([])
    assert options is not None
    assert (options.startup_files, options.services, options.kill_all) == (True, True, True)
    assert (options.insecure_key, options.quiet, options.command) == (False, False, [])


def test_every_option() -> None:
    words = [b"--skip-startup-files", b"--skip-runit", b"--enable-insecure-key", b"--no-kill-all-on-exit", b"--quiet", b"true"]
    options = my_init.read_options(words)
    assert options is not None
    assert (options.startup_files, options.services, options.kill_all) == (False, False, False)
    assert (options.insecure_key, options.quiet, options.command) == (True, True, [b"true"])


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([b"--", b"sh", b"-c", b"x"], [b"sh", b"-c", b"x"]),
        ([b"sh", b"-c", b"x", b"--quiet"], [b"sh", b"-c", b"x", b"--quiet"]),
        ([b"--quiet", b"--", b"--odd"], [b"--odd"]),
        ([b"--", b"x", b""], [b"x", b""]),
        ([b""], [b""]),
        ([b"x", b"--", b"y"], [b"x", b"--", b"y"]),
    ],
)
def test_the_command_is_untouched(words: list[bytes], command: list[bytes]) -> None:
    options = my_init.read_options(words)
    assert options is not None
    assert options.command == command


@pytest.mark.parametrize("words", [[b"--bogus"], [b"-x", b"true"], [b"--skip-runit"], [b"--skip-runit", b"--"]])
def test_wrong_usage(words: list[bytes]) -> None:
    with pytest.raises(my_init.Usage):
        my_init.read_options(words)


def test_help_is_no_command() -> None:
    assert my_init.read_options([b"--help"]) is None
