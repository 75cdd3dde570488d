"""E1 to E6: the system log from the first to the last moment, logrotate, cron's every source of jobs, sshd with keys only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container import harness
from tests.container.conftest import Derived
from tests.container.harness import Container, Engine, File, script

MINUTE = 65.0  # a job of every minute has run by then

CRON_FILES: harness.Files = {
    "/etc/cron.d/every-minute": (
        "* * * * * root logger -t job from cron.d\n* * * * * root with_env sh -c 'echo \"env $VALUE\"' | logger -t job\n"
    ),
    "/etc/cron.d/hard": "* * * * * root logger -t job hard\n",
    "/etc/cron.d/boot": "@reboot root logger -t job reboot\n",
    "/var/spool/cron/crontabs/games": File("* * * * * id -un | logger -t job\n", 0o600, uid=5, gid=60),
    "/etc/cron.hourly/hourly": script("logger -t job hourly"),
    "/etc/my_init.d/10_links": script(
        "ln /etc/cron.d/hard /etc/hard-too; ln /etc/crontab /etc/crontab-too\n"
        "echo '* * * * * root cd / && run-parts --report /etc/cron.hourly' >>/etc/crontab"
    ),
}


@pytest.fixture(scope="module", autouse=True)
def cron(engine: Engine, image: str) -> Iterator[Container]:
    """Started before all tests here, so that its minute passes meanwhile."""
    with engine.start(image, files=CRON_FILES, env={"VALUE": "a  b"}) as box:
        yield box


@pytest.fixture(scope="module")
def box(engine: Engine, image: str) -> Iterator[Container]:
    files: harness.Files = {
        "/etc/my_init.d/05_early": script("logger -t early from the first startup file"),
        "/etc/syslog-ng/conf.d/own.conf": (
            'destination d_own { file("/var/log/own.log"); };\n'
            'log { source(s_src); filter { program("own") }; destination(d_own); };\n'
        ),
        # Slower to end than syslog-ng, which takes a tenth of a second.
        "/etc/service/late/run": script(
            "trap 'sleep 0.5; logger -t late on TERM; exit' TERM; logger -t late up; sleep infinity & wait"
        ),
        "/etc/my_init.pre_shutdown.d/hook": script("logger -t hook before the stop"),
    }
    with engine.start(image, files=files) as container:
        container.wait_for("late: up")
        yield container


def syslog(box: Container) -> str:
    return box.sh("cat /var/log/syslog", check=False)


def appears(box: Container, text: str, times: int = 1) -> None:
    """Wait until a text stands so many times in the container's log, and in the file."""
    harness.until(lambda: box.logs().err.count(text) >= times and text in syslog(box), text, more=box.report)


def test_messages_reach_the_log_and_the_file_from_the_first_startup_file_on(box: Container) -> None:
    box.exec("logger", "-t", "hand", "grüße")
    for text in ("early: from the first startup file", "late: up", "hand: grüße"):
        box.wait_for(text)
        assert syslog(box).count(text) == 1
    box.exec("logger", "-p", "mail.info", "-t", "post", "a letter")
    harness.until(lambda: "a letter" in box.sh("cat /var/log/mail.log", check=False), "mail.log", more=box.report)


def test_syslog_listens_on_dev_log_only(box: Container) -> None:
    assert box.sh("stat -c %F /dev/log") == "socket"
    # No inet socket in any process but those of Docker's resolver, which only user-defined networks have.
    assert box.sh("cat /proc/net/udp /proc/net/udp6 /proc/net/tcp /proc/net/tcp6 | grep -vc local_address", check=False) == "0"


def test_a_configuration_of_ones_own(box: Container) -> None:
    box.exec("logger", "-t", "own", "mine")
    harness.until(lambda: "own: mine" in box.sh("cat /var/log/own.log", check=False), "own.log", more=box.report)


def test_rotation_compresses_and_logging_goes_on(box: Container) -> None:
    box.put({"/etc/logrotate.d/drop-in": "/var/log/drop/*.log {\n  su root syslog\n  compress\n  create 0640 root syslog\n}\n"})
    box.sh("install -d -g syslog -m 0775 /var/log/drop; echo x >/var/log/drop/a.log")
    dry = box.exec("logrotate", "-d", "/etc/logrotate.conf")
    assert "error: " not in dry.log
    for turn in ("one", "two", "three"):
        box.exec("logger", "-t", "turn", turn)
        appears(box, f"turn: {turn}")
        quiet = box.exec("logrotate", "-f", "/etc/logrotate.conf")
        assert quiet.log == ""
    assert "turn: two" in box.sh("zcat /var/log/syslog.2.gz")
    assert "turn: one" in box.sh("zcat /var/log/syslog.3.gz")
    assert "a.log.1.gz" in box.sh("ls /var/log/drop")
    box.exec("logger", "-t", "turn", "after")
    harness.until(lambda: "turn: after" in syslog(box), "a line after the rotation", more=box.report)
    assert box.sh("stat -c '%a %U %G' /var/log/syslog") == "640 root adm"
    assert "turn: after" in box.logs().err


def until_in_syslog(box: Container, text: str) -> None:
    harness.until(lambda: text in syslog(box), f"{text} in the file", more=box.report)


def until_logged(box: Container, text: str, times: int) -> None:
    box.wait_for(lambda: box.logs().err.count(text) == times)


def test_logging_until_the_last_service_stopped_and_after_a_restart(box: Container) -> None:
    for life in (1, 2):
        box.restart()
        appears(box, "late: up", life + 1)
        log = box.logs().err
        assert log.count("hook: before the stop") == life
        assert log.count("late: on TERM") == life
        assert log.count("early: from the first") == life + 1
    assert box.stop() == 0
    assert box.logs().err.count("late: on TERM") == 3
    assert box.read("/var/log/syslog").count(b"late: on TERM") >= 3
    assert box.logs().out == ""


def test_logging_with_a_terminal(engine: Engine, image: str) -> None:
    with engine.start(image, options=["-t"]) as box:
        box.wait_for("Running @reboot jobs")
        box.exec("logger", "-t", "hand", "on a terminal")
        box.wait_for("hand: on a terminal")
        assert box.stop() == 0


def test_the_image_without_syslog_takes_a_removed_service(engine: Engine, derived: Derived) -> None:
    tag = derived("RUN rm -rf /etc/service/syslog-ng /etc/service/cron")
    done = engine.run(tag, "/sbin/my_init", "--", "echo", "ok")
    assert (done.code, done.out) == (0, "ok\n")


# --- cron: these come late, when its minute is over -------------------------------------------------------------------------


def ssh_key(directory: Path) -> Path:
    key = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def ssh(box: Container, key: Path | None, *words: str, user: str = "root", options: tuple[str, ...] = ()) -> harness.Result:
    address = box.engine.inspect("container", box.name)["NetworkSettings"]["IPAddress"]
    argv = ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
    argv += ["-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=10", "-i", str(key) if key else "/nonexistent", *options]
    done = subprocess.run(
        [*argv, f"{user}@{address}", *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
    )
    return harness.Result(done.returncode, done.stdout, done.stderr)


def sshd_up(box: Container) -> None:
    harness.until(lambda: box.sh("pgrep -x sshd", check=False), "sshd", more=box.report)
    harness.until(lambda: ":0016 " in box.sh("cat /proc/net/tcp"), "port 22", more=box.report)


ENABLED = "RUN rm /etc/service/sshd/down\nCOPY key.pub /root/.ssh/authorized_keys\nRUN chmod 600 /root/.ssh/authorized_keys\n"


def test_the_image_has_neither_host_nor_authorised_keys(engine: Engine, image: str) -> None:
    look = (
        "ls /etc/ssh/ssh_host_* /root/.ssh/authorized_keys; until sv status sshd >/tmp/said; do sleep 0.1; done; cat /tmp/said"
    )
    done = engine.run(image, "/sbin/my_init", "--quiet", "--", "sh", "-c", look)
    assert done.out.startswith("down: sshd")
    assert "ssh_host" not in done.out
    assert "authorized_keys" not in done.out


def test_keys_only(engine: Engine, derived: Derived, tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    tag = derived(ENABLED, files={"key.pub": key.with_suffix(".pub").read_bytes()})
    path = "/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    with engine.start(tag, env={"GREETING": "one  'line'", "SECRET": "a#b", "PATH": path}) as box:
        sshd_up(box)
        assert "made the ed25519 host key SHA256:" in box.logs().err
        entered = ssh(box, key, "with_env sh -c 'echo \"$GREETING\"'; exit 9")
        assert (entered.code, entered.out) == (9, "one  'line'\n"), entered.err
        # What PAM carries needs no with_env, in a login shell too, whose /etc/profile has a PATH of its own.
        for shell in ("sh -c", "bash -lc", "sh -lc"):
            plain = ssh(box, key, f"{shell} 'echo \"$GREETING|${{SECRET-none}}|$PATH|$HOME|$SHELL\"'")
            assert plain.out == f"one  'line'|none|{path}|/root|/bin/bash\n", plain.err
        refused = ssh(box, None, "true", options=("-o", "PreferredAuthentications=password,keyboard-interactive"))
        assert refused.code == 255
        assert "Permission denied (publickey)" in refused.err
        settings = box.sh("sshd -T")
        for setting in ("passwordauthentication no", "kbdinteractiveauthentication no", "pubkeyauthentication yes"):
            assert setting in settings
        box.wait_for("Accepted publickey for root")
        prints = box.sh("cat /etc/ssh/ssh_host_*_key.pub")
        box.restart()
        sshd_up(box)
        assert box.sh("cat /etc/ssh/ssh_host_*_key.pub") == prints
        assert ssh(box, key, "true").code == 0
        assert box.stop() == 0
        assert box.logs().out == ""


def test_two_containers_have_different_host_keys(engine: Engine, derived: Derived) -> None:
    tag = derived("RUN rm -f /etc/service/sshd/down")
    words = ("/sbin/my_init", "--quiet", "--", "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    first, second = engine.run(tag, *words), engine.run(tag, *words)
    assert first.code == second.code == 0
    assert first.out.startswith("ssh-ed25519 ")
    assert first.out != second.out


def test_keys_at_build_time_and_an_edited_configuration(engine: Engine, derived: Derived, tmp_path: Path) -> None:
    key = ssh_key(tmp_path)
    tag = derived(
        "RUN /etc/my_init.d/00_regen_ssh_host_keys.sh && cp /etc/ssh/ssh_host_ed25519_key.pub /built.pub\n"
        + ENABLED
        + "RUN sed -i 's/^#Port 22/Port 2222/; s/^#MaxAuthTries .*/MaxAuthTries 3/' /etc/ssh/sshd_config\n"
        "RUN useradd -m guest && printf 'Match User guest\\n  ForceCommand echo forced\\n' >>/etc/ssh/sshd_config\n"
        "RUN install -D -o guest -m 600 /root/.ssh/authorized_keys /home/guest/.ssh/authorized_keys\n",
        files={"key.pub": key.with_suffix(".pub").read_bytes()},
    )
    with engine.start(tag) as box:
        harness.until(lambda: ":08AE " in box.sh("cat /proc/net/tcp"), "port 2222", more=box.report)
        assert box.sh("cat /built.pub") == box.sh("cat /etc/ssh/ssh_host_ed25519_key.pub")
        assert "maxauthtries 3" in box.sh("sshd -T")
        assert ssh(box, key, "id", user="guest", options=("-p", "2222")).out == "forced\n"
        before = box.sh("cat /etc/ssh/ssh_host_ed25519_key.pub")
        box.sh("/etc/my_init.d/00_regen_ssh_host_keys.sh -f")
        assert box.sh("cat /etc/ssh/ssh_host_ed25519_key.pub") != before


def insecure_key(engine: Engine, image: str, tmp_path: Path) -> Path:
    key = tmp_path / "insecure"
    key.write_text(engine.run(image, "cat", "/etc/insecure_key").out)
    key.chmod(0o600)
    return key


def test_insecure_key_for_one_container(engine: Engine, image: str, derived: Derived, tmp_path: Path) -> None:
    key = insecure_key(engine, image, tmp_path)
    tag = derived("RUN rm -f /etc/service/sshd/down")
    with engine.start(tag, "/sbin/my_init", "--enable-insecure-key") as box, engine.start(tag) as other:
        sshd_up(box)
        assert ssh(box, key, "true").code == 0
        assert "WARNING: the insecure key is enabled" in box.logs().err
        assert box.logs().out == ""
        sshd_up(other)
        assert ssh(other, key, "true").code == 255
        assert (
            box.sh("stat -c '%a %U' /etc/insecure_key /etc/insecure_key.ppk /etc/insecure_key.pub")
            == "600 root\n600 root\n644 root"
        )


def test_insecure_key_for_good(engine: Engine, image: str, derived: Derived, tmp_path: Path) -> None:
    key = insecure_key(engine, image, tmp_path)
    with engine.start(derived("RUN rm -f /etc/service/sshd/down && /usr/sbin/enable_insecure_key")) as box:
        sshd_up(box)
        assert ssh(box, key, "true").code == 0


def test_no_insecure_key_in_minimal(engine: Engine, minimal: str) -> None:
    assert engine.run(minimal, "sh", "-c", "ls /etc/insecure_key* /etc/service/sshd").out == ""


def test_ssh_removed_for_good(engine: Engine, derived: Derived) -> None:
    tag = derived("RUN rm -rf /etc/service/sshd /etc/my_init.d/00_regen_ssh_host_keys.sh && install_clean openssh-server")
    with engine.start(tag) as box:
        box.wait_for("Running @reboot jobs")
        assert box.sh("ls /etc/service") == "cron\nsyslog-ng"
        assert not box.sh("pgrep -x sshd", check=False)
        assert box.stop() == 0
        assert "***" not in box.logs().err.replace("*** TERM", "").replace("*** SIGTERM", "")


def test_sshd_enabled_in_a_running_container(engine: Engine, image: str) -> None:
    with engine.start(image) as box:
        box.wait_for("Running @reboot jobs")
        box.sh("rm -f /etc/service/sshd/down; sv start sshd")
        sshd_up(box)


@pytest.mark.parametrize(
    "text",
    [
        "job: from cron.d",
        "job: env a  b",  # with_env
        "job: hard",  # a crontab with several hard links
        "job: games",  # a user's own
        "job: hourly",  # /etc/crontab, with hard links too, and run-parts
        "job: reboot",
    ],
)
def test_cron_runs(cron: Container, text: str) -> None:
    cron.wait_for(text, MINUTE)
    assert text in syslog(cron)
    assert cron.logs().out == ""


def test_the_start_of_a_container_is_a_boot_for_cron(engine: Engine, image: str) -> None:
    with engine.start(image, files={"/etc/cron.d/boot": CRON_FILES["/etc/cron.d/boot"]}) as box:
        box.wait_for("job: reboot")
        box.restart()
        box.wait_for(lambda: box.logs().err.count("job: reboot") == 2)
        # A restart of the service is none.
        box.sh("sv -w 10 restart cron")
        box.wait_for("Skipping @reboot jobs")
