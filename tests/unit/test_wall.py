"""Style rule 1: guest and host never import each other, so what both name is compared here."""

from __future__ import annotations

from pathlib import Path

from dodai import errors
from dodai import paths as host_paths
from guest.floor import codes
from guest.floor import paths as guest_paths

ROOTFS = Path(__file__).resolve().parents[2] / "image" / "rootfs"


def test_exit_codes() -> None:
    for host, guest in (
        (errors.OK, codes.OK),
        (errors.FAILED, codes.FAILED),
        (errors.USAGE, codes.USAGE),
        (errors.INTERNAL, codes.INTERNAL),
        (errors.NOT_EXECUTABLE, codes.CANNOT_EXECUTE),
        (errors.NOT_FOUND, codes.NOT_FOUND),
        (errors.SIGNAL_BASE, codes.SIGNAL_BASE),
    ):
        assert host == guest


def test_places() -> None:
    assert host_paths.STATE_DIR.encode() == guest_paths.RUN_STATE
    assert host_paths.ENVIRONMENT_DIR.encode() == guest_paths.ENVIRONMENT_DIRECTORY
    # /sbin is a link to usr/sbin in every suite we build.
    assert host_paths.INIT.encode().replace(b"/sbin", b"/usr/sbin") == guest_paths.MY_INIT


def test_programs_that_the_host_calls_are_in_the_image() -> None:
    for program in (host_paths.INIT.replace("/sbin", "/usr/sbin"), host_paths.WITH_ENV, "/usr/sbin/setuser"):
        assert (ROOTFS / program.lstrip("/")).is_file()


def test_the_well_known_key_is_the_images() -> None:
    assert host_paths.insecure_key() == ROOTFS / "etc" / "insecure_key"
    assert host_paths.insecure_key().with_suffix(".pub").is_file()
