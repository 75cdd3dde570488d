"""A5: what an image built --without some of its services must be: nothing of them is left, and the rest works."""

from __future__ import annotations

from tests.container.harness import Engine, script

# Paths of each service that can be left out, as patterns of sh.
PARTS = {
    "syslog": "/usr/sbin/syslog-ng /etc/syslog-ng /etc/service/syslog-ng /etc/logrotate.d/syslog-ng* /var/lib/syslog-ng",
    "cron": "/usr/sbin/cron /usr/bin/crontab /usr/sbin/logrotate /etc/crontab /etc/cron.hourly /etc/service/cron",
    "ssh": "/usr/sbin/sshd /usr/bin/ssh /usr/bin/ssh-keygen /etc/ssh /etc/service/sshd /etc/pam.d/sshd /root/.ssh "
    "/etc/insecure_key* /usr/sbin/enable_insecure_key /etc/my_init.d/00_regen_ssh_host_keys.sh",
}
DAEMONS = {"syslog": "syslog-ng", "cron": "cron", "ssh": "sshd"}


def check(engine: Engine, image: str, without: set[str]) -> None:
    """Assert that image lacks these parts and has the others, boots, runs a service and stops in order."""
    files = {
        "/etc/service/s/run": script('trap "echo asked; exit 0" TERM; echo up; while :; do sleep 0.05; done'),
        "/etc/my_init.d/10": script("echo startup"),
    }
    with engine.start(image, files=files, options=["--network=none"]) as container:
        container.wait_for("up\n")
        for part, patterns in PARTS.items():
            found = container.exec("sh", "-c", f"ls -d {patterns}", check=False)
            if part in without:
                assert found.out == "", f"{part} was left out"
            else:
                assert found.code == 0, f"{part} is missing something: {found.err}"
        users = container.sh("getent passwd | cut -d: -f1").split()
        assert ("sshd" in users) is ("ssh" not in without)
        services = container.sh("ls /etc/service").split()
        assert sorted(services) == sorted(["s", *(DAEMONS[part] for part in PARTS if part not in without)])
        container.sh("apt-get check -qq && dpkg --audit")
        if "syslog" not in without:
            container.exec("logger", "a-line")
            container.wait_for(lambda: b"a-line" in container.read("/var/log/syslog"))
        assert container.exec("sv", "status", "s").out.startswith("run: s")
        assert container.stop() == 0
        log = container.logs()
        assert log.out.split() == ["startup", "up", "asked"]
        assert all(line.startswith("*** ") or " a-line" in line or " cron[" in line for line in log.err.splitlines()), log.err
    assert engine.run(image, "/sbin/my_init", "--", "sh", "-c", "exit 7", options=["--network=none"]).code == 7
