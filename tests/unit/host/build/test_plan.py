"""A5, A7: what is built is decided, and refused, before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from dodai import errors, paths
from dodai.features.build import bootstrap, machine, packages, plan


@pytest.fixture
def catalogue() -> packages.Catalogue:
    return packages.load(paths.image_dir() / packages.FILE)


def actions(made: plan.Plan) -> list[str]:
    return [step.action for step in made.steps]


def test_the_engine_alone_gets_no_layout(catalogue: packages.Catalogue) -> None:
    made = plan.make(plan.Request(), catalogue)
    assert actions(made) == ["check", "date", "packages", "image", "report", "measure", "archive", "load"]
    assert made.names[-1] == "dodai:latest"


def test_a_layout_alone_needs_no_engine(catalogue: packages.Catalogue, tmp_path: Path) -> None:
    made = plan.make(plan.Request(load=False, output=tmp_path / "new"), catalogue)
    assert actions(made) == ["check", "date", "packages", "image", "report", "measure", "layout", "publish"]


def test_a_locked_build_asks_no_mirror_for_its_date(catalogue: packages.Catalogue, tmp_path: Path) -> None:
    made = plan.make(plan.Request(load=False, output=tmp_path / "new", locked=True), catalogue)
    assert actions(made)[:4] == ["check", "read lock", "pool", "packages"]
    # What install brings itself must be in the lock too.
    assert {"runit", *made.packages} == set(made.needed)


def test_a_lock_is_written_when_the_image_is_made(catalogue: packages.Catalogue) -> None:
    assert actions(plan.make(plan.Request(lock=True), catalogue))[-2:] == ["load", "lock"]


def test_results_are_put_in_place_last(catalogue: packages.Catalogue, tmp_path: Path) -> None:
    made = plan.make(plan.Request(output=tmp_path / "new", archive=tmp_path / "a.tar"), catalogue)
    assert actions(made)[-2:] == ["load", "publish"]


def test_every_step_has_a_reason(catalogue: packages.Catalogue, tmp_path: Path) -> None:
    for step in plan.make(plan.Request(output=tmp_path / "new"), catalogue).steps:
        assert step.what
        assert step.why


def test_without_is_in_one_order_and_once(catalogue: packages.Catalogue) -> None:
    made = plan.make(plan.Request(without=("cron", "ssh", "cron")), catalogue)
    assert made.without == ("ssh", "cron")
    assert not {"cron", "openssh-server"} & set(made.packages)


def test_minimal_has_nothing_to_leave_out(catalogue: packages.Catalogue) -> None:
    asked = plan.make(plan.Request(variant="minimal", without=("ssh",)), catalogue)
    assert asked == plan.make(plan.Request(variant="minimal"), catalogue)


def test_a_mirror_replaces_the_main_archive_only(catalogue: packages.Catalogue) -> None:
    made = plan.make(plan.Request(mirror="http://mirror.example/debian/"), catalogue)
    assert [source.uri for source in made.sources] == ["http://mirror.example/debian", "http://deb.debian.org/debian-security"]
    made = plan.make(plan.Request(security_mirror="http://mirror.example/security"), catalogue)
    assert [source.uri for source in made.sources] == ["http://deb.debian.org/debian", "http://mirror.example/security"]


@pytest.mark.parametrize(
    ("request_", "message", "hint"),
    [
        (plan.Request(suite="trixi"), '"trixi"', 'did you mean "trixie"?'),
        (plan.Request(variant="minmal"), '"minmal"', 'did you mean "minimal"?'),
        (plan.Request(without=("sshd",)), '"sshd"', 'did you mean "ssh"?'),
        (plan.Request(suite="plan9"), '"plan9"', "choose from: trixie, bookworm"),
        (plan.Request(compression="xz"), '"xz"', "choose from: gzip, zstd, none"),
        (plan.Request(mirror="ftp://x/debian"), '"ftp://x/debian"', "--mirror http"),
        (plan.Request(mirror="http://a b/"), '"http://a b/"', "--mirror http"),
        (plan.Request(load=False), "to nowhere", "-o DIR"),
        (plan.Request(tags=("No",)), '"No"', "a name looks like"),
        (plan.Request(lock=True, locked=True), "both make a lock and build from one", "--lock or --locked"),
        (plan.Request(pool=Path("/pool")), '"/pool" without a lock', "--locked"),
        (plan.Request(locked=True, pool=Path("/etc/passwd")), '"/etc/passwd"', "name a directory"),
        (plan.Request(locked=True, lock_file=Path("/etc")), '"/etc"', "name a file"),
        (plan.Request(output=Path("/nowhere/at/all")), '"/nowhere/at"', "create it first"),
    ],
)
def test_what_cannot_be_built_is_a_usage_error(
    catalogue: packages.Catalogue, request_: plan.Request, message: str, hint: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        plan.make(request_, catalogue)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_directory_with_other_files_is_never_replaced(catalogue: packages.Catalogue, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(errors.UsageError, match="it has other files in it"):
        plan.make(plan.Request(output=tmp_path), catalogue)


def test_an_older_layout_may_be_replaced(catalogue: packages.Catalogue, tmp_path: Path) -> None:
    (tmp_path / "oci-layout").touch()
    plan.make(plan.Request(output=tmp_path), catalogue)


def test_sources_are_deb822_and_signed(catalogue: packages.Catalogue) -> None:
    text = bootstrap.sources_text(catalogue.suites["trixie"].sources)
    stanzas = [dict(line.split(": ", 1) for line in stanza.splitlines()) for stanza in text.split("\n\n")]
    assert [stanza["Suites"] for stanza in stanzas] == ["trixie trixie-updates", "trixie-security"]
    for stanza in stanzas:
        assert stanza["Types"] == "deb"
        assert stanza["Signed-By"] == "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_mmdebstrap_is_told_all_of_it(catalogue: packages.Catalogue) -> None:
    made = plan.make(plan.Request(without=("ssh",)), catalogue)
    inputs, sources, report = Path("/with space/inputs"), Path("/w/debian.sources"), Path("/w/report")
    argv = bootstrap.packages_arguments(
        made, mode="root", inputs=inputs, sources=sources, report=report, target="/w/packages.tar"
    )
    assert argv[-3:] == ["trixie", "/w/packages.tar", "/w/debian.sources"]
    assert f"--include=apt,{','.join(made.packages)}" in argv
    slim = "'/with space/inputs/rootfs/etc/dpkg/dpkg.cfg.d/dodai-slim' /etc/dpkg/dpkg.cfg.d/dodai-slim"
    assert f"--extract-hook=upload {slim}" in argv
    hooks = [word.partition("=")[2] for word in argv if word.startswith("--customize-hook=")]
    assert "sync-in '/with space/inputs' /tmp/dodai-image" in hooks
    install = hooks.index('chroot "$1" sh /tmp/dodai-image/install --variant default --without ssh --packages-only')
    # Without its configuration mmdebstrap's apt would work on the host.
    assert "$MMDEBSTRAP_APT_CONFIG" in hooks[install - 1]
    assert "$MMDEBSTRAP_APT_CONFIG" in hooks[install + 1]


def test_another_architecture_is_named_everywhere(catalogue: packages.Catalogue) -> None:
    foreign = "arm64" if machine.own() != "arm64" else "riscv64"
    made = plan.make(plan.Request(architecture=foreign), catalogue)
    assert made.names[-1] == f"dodai:{foreign}"
    assert f"an emulator of {foreign}" in made.steps[0].what
    place = Path("/w/x")
    argv = bootstrap.packages_arguments(made, mode="root", inputs=place, sources=place, report=place, target="t")
    assert f"--architectures={foreign}" in argv
    argv = bootstrap.image_arguments(made, mode="root", image=place, sources=place, base=place, target="t")
    assert f"--architectures={foreign}" in argv
    assert plan.make(plan.Request(architecture=machine.own()), catalogue) == plan.make(plan.Request(), catalogue)
    with pytest.raises(errors.UsageError, match='cannot build the architecture "arm46"'):
        plan.make(plan.Request(architecture="arm46"), catalogue)


def test_the_image_is_made_on_the_packages(catalogue: packages.Catalogue) -> None:
    made = plan.make(plan.Request(without=("ssh",)), catalogue)
    image = Path("/with space/image")
    argv = bootstrap.image_arguments(
        made, mode="root", image=image, sources=Path("/w/debian.sources"), base=Path("/w/a b.tar"), target="/w/root.tar"
    )
    assert argv[-3:] == ["trixie", "/w/root.tar", "/w/debian.sources"]
    assert any(word.startswith("--setup-hook=tar ") and "'/w/a b.tar'" in word for word in argv)
    hooks = [word.partition("=")[2] for word in argv if word.startswith("--customize-hook=")]
    assert "sync-in '/with space/image' /tmp/dodai-image" in hooks
    assert 'chroot "$1" sh /tmp/dodai-image/install --variant default --without ssh' in hooks


def test_the_first_run_sees_only_what_its_result_is_kept_by(tmp_path: Path) -> None:
    copied = bootstrap.inputs(paths.image_dir(), tmp_path)
    files = {str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file()}
    assert {"install", "packages.toml", "rootfs/usr/sbin/policy-rc.d", "sysuser-helper/control"} <= files
    assert len([name for name in files if name.startswith("rootfs/")]) == 3
    assert {path.stat().st_mode & 0o777 for path in copied.rglob("*")} == {0o644, 0o755}
