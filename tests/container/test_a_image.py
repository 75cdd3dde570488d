"""A1 to A4, A7: what the built image is and holds, and that apt works in it and in what is derived from it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container import conftest, harness

MY_INIT = "/sbin/my_init"
ALONE = ("--network=none",)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = ("my_init", "setuser", "install_clean", "with_env", "dodaictl")
ALL = ("image", "minimal", "bookworm", "bookworm_minimal")
DEFAULT = ("image", "bookworm")


@pytest.fixture(scope="module", params=ALL)
def each(request: pytest.FixtureRequest) -> str:
    """Each of the four images."""
    name: str = request.getfixturevalue(request.param)
    return name


@pytest.fixture(scope="module")
def inside(engine: harness.Engine, each: str) -> Iterator[harness.Container]:
    """A running container of each image, to look at."""
    with engine.start(each, options=ALONE) as container:
        container.wait_for(lambda: container.exec("test", "-e", "/run/dodai/pid", check=False).code == 0)
        yield container


# --- A1, A3, A7: what it is ------------------------------------------------------------------------------


def test_its_configuration_leaks_nothing_into_derived_builds(engine: harness.Engine, each: str) -> None:
    config = engine.inspect("image", each)["Config"]
    assert sorted(config["Env"]) == ["LANG=C.UTF-8", f"PATH={PATH}"]
    assert config["Cmd"] == [MY_INIT]
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/sbin/dodaictl", "health"]
    assert not config.get("Entrypoint")
    assert not config.get("User")


def test_the_text_is_utf_8(inside: harness.Container) -> None:
    assert inside.sh("locale charmap") == "UTF-8"
    assert inside.sh("printf 'ü東' | wc -m") == "2"


def test_apt_is_healthy_and_left_nothing(inside: harness.Container) -> None:
    inside.sh("apt-get check -qq && dpkg --audit")
    left = "find /var/lib/apt/lists /var/cache/apt /tmp /var/tmp -type f; ls -d /tmp/dodai-image; ls /etc/ssh/ssh_host_*"
    assert inside.exec("sh", "-c", left, check=False).out == ""


def test_daemons_are_never_started_by_their_packages(inside: harness.Container) -> None:
    assert inside.exec("/usr/sbin/policy-rc.d", "x", "start", check=False).code == 101
    assert inside.exec("ischroot", check=False).code == 0
    assert "diversion of /usr/bin/ischroot" in inside.sh("dpkg-divert --list '*ischroot'")
    assert inside.exec("sh", "-c", "[ ! -e /sbin/initctl ] || initctl", check=False).code == 0


def test_initrd_is_no(engine: harness.Engine, each: str) -> None:
    assert engine.run(each, MY_INIT, "--quiet", "--", "sh", "-c", 'echo "$INITRD"', options=ALONE).out == "no\n"


def test_the_tools_are_there(inside: harness.Container) -> None:
    inside.sh(f"for tool in {' '.join(TOOLS)} runsv sv chpst svlogd; do command -v $tool >/dev/null || exit 1; done")
    for tool in TOOLS:
        assert inside.sh(f"readlink -f /sbin/{tool}") == f"/usr/sbin/{tool}"


def test_accounts_that_derived_images_count_on(inside: harness.Container) -> None:
    """Compat 18: group users is 100, uid 99 is free; docker_env and syslog exist."""
    assert inside.sh("getent group users docker_env | cut -d: -f1,3").splitlines() == ["users:100", "docker_env:8377"]
    assert inside.exec("getent", "passwd", "99", check=False).code == 2
    assert inside.exec("getent", "group", "syslog").code == 0


def test_a_full_perl_is_not_in_it(inside: harness.Container) -> None:
    assert inside.exec("sh", "-c", "find / -xdev -name 'libperl.so*' 2>/dev/null", check=False).out == ""


@pytest.mark.parametrize("name", DEFAULT)
def test_default_has_the_services_and_small_tools(engine: harness.Engine, request: pytest.FixtureRequest, name: str) -> None:
    programs = "curl less ps top pgrep killall fuser pstree vi logger syslog-ng cron crontab logrotate sshd ssh ssh-keygen"
    look = f"for p in {programs}; do command -v $p >/dev/null || echo $p; done; ls /etc/service"
    look += "; test -s /etc/ssl/certs/ca-certificates.crt && TZ=Europe/Berlin date +%Z; echo X/Y >/etc/timezone"
    result = engine.run(request.getfixturevalue(name), "sh", "-c", look, options=ALONE)
    assert result.out.splitlines()[:3] == ["cron", "sshd", "syslog-ng"], result.log
    assert result.out.splitlines()[3] in ("CET", "CEST")


@pytest.mark.parametrize("name", ["minimal", "bookworm_minimal"])
def test_minimal_has_none_of_them(engine: harness.Engine, request: pytest.FixtureRequest, name: str) -> None:
    look = "for p in syslog-ng cron sshd ssh curl; do command -v $p; done; ls -A /etc/service /etc/my_init.d; ls /etc/insecure*"
    result = engine.run(request.getfixturevalue(name), "sh", "-c", look, options=ALONE)
    assert result.out.split() == ["/etc/my_init.d:", "/etc/service:"], result.log
    done = engine.run(request.getfixturevalue(name), MY_INIT, "--", "sh", "-c", "exit 4", options=ALONE)
    assert done.code == 4


# MB of 1,000,000 bytes: unpacked, and as zstd -19.
SIZES = {"image": (160, 42), "minimal": (105, 30)}


@pytest.mark.parametrize("name", SIZES)
def test_its_size(engine: harness.Engine, request: pytest.FixtureRequest, name: str, tmp_path: Path) -> None:
    unpacked, packed = SIZES[name]
    image = request.getfixturevalue(name)
    assert engine.inspect("image", image)["Size"] <= unpacked * 1_000_000
    with engine.container(image, options=ALONE) as container:
        tree = tmp_path / "tree.tar"
        engine.call("export", "--output", str(tree), container.name, seconds=60)
        subprocess.run(["zstd", "-q", "-19", "-T0", "--rm", str(tree)], check=True, timeout=200)
    assert (tmp_path / "tree.tar.zst").stat().st_size <= packed * 1_000_000


# --- A2, A4: apt in a derived image -------------------------------------------------------------------------

APT = """
RUN apt-get update && apt-get -y dist-upgrade
RUN apt-get -y install --no-install-recommends memcached && apt-get check && ! pgrep memcached
RUN install_clean locales 'ack=*' && echo 'de_DE.UTF-8 UTF-8' >>/etc/locale.gen && locale-gen de_DE.UTF-8
RUN install_clean --reinstall openssh-server && apt-get check
"""


@pytest.fixture(scope="module", params=DEFAULT)
def with_packages(
    request: pytest.FixtureRequest, engine: harness.Engine, derived: conftest.Derived
) -> Iterator[harness.Container]:
    """An image whose Dockerfile upgrades everything and installs a daemon, a locale, a perl program and sshd again."""
    with engine.start(derived(APT, base=request.getfixturevalue(request.param)), options=ALONE) as container:
        container.wait_for(lambda: container.exec("test", "-S", "/dev/log", check=False).code == 0)
        yield container


def test_a_daemon_is_installed_and_not_started(with_packages: harness.Container) -> None:
    assert with_packages.exec("memcached", "--version").out.startswith("memcached ")
    assert with_packages.exec("pgrep", "memcached", check=False).code == 1


def test_a_locale_can_be_made(with_packages: harness.Container) -> None:
    assert "de_DE.utf8" in with_packages.sh("locale -a").split()
    assert with_packages.sh("LC_ALL=de_DE.UTF-8 locale decimal_point") == ","


def test_a_real_perl_program_works(with_packages: harness.Container) -> None:
    assert with_packages.sh("ack -h '^root:x:0' /etc/passwd").startswith("root:")
    assert with_packages.sh("perl -MPOSIX -MStorable -MEncode -e 'print POSIX::floor(2.5)'") == "2"


def test_no_service_comes_back_by_a_package(with_packages: harness.Container) -> None:
    """Compat 17: runit's trigger makes default-syslog, openssh-server's own ssh would compete for port 22."""
    assert with_packages.sh("ls /etc/service").split() == ["cron", "sshd", "syslog-ng"]
    assert with_packages.sh("ls /etc/service/sshd/down")


def test_install_clean_leaves_no_lists_and_packages(with_packages: harness.Container) -> None:
    assert with_packages.sh("find /var/lib/apt/lists /var/cache/apt -type f ! -name lock") == ""


@pytest.mark.parametrize("package", ["no-such-package-at-all", "less=0.0.0-none"])
def test_install_clean_fails_loudly_with_apts_code(engine: harness.Engine, image: str, package: str) -> None:
    result = engine.run(image, "install_clean", package, seconds=120)
    assert result.code == 100
    assert f"install_clean: 'apt-get install {package}' failed with exit code 100" in result.err


def test_install_clean_works_in_minimal(engine: harness.Engine, minimal: str) -> None:
    result = engine.run(minimal, "sh", "-c", "install_clean less >/dev/null && less --version | head -1", seconds=120)
    assert result.out.startswith("less "), result.log
