"""E3, C7: jobs and logins see the container's environment; what a job says is in the log; what cron ignores is named at boot.

The jobs are @reboot ones: cron starts them as it starts every other, and nobody has to wait for a minute.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from guest.parts import crontab_text
from tests.container import harness
from tests.container.conftest import Derived
from tests.container.harness import Container, Engine, File, script

VISIBLE = {
    "BLANKS": "  two  words  ",
    "QUOTES": '"it\'s" "',
    "SHELL_TEXT": "$HOME ${PATH} `id` @{HOME} \\$ %",
    "BACKSLASH": "ends in \\",
    "ASCII": "".join(map(chr, range(1, 127))).replace("\n", "").replace("#", ""),
    "UTF8": "grüße, 土台 🏗",
    "EMPTY": "",
    "LONG": "x" * 8000,
    "export": "1",
    "TZ": "Asia/Tokyo",
}
HIDDEN = {"HASH": "a#b", "LINES": "one\ntwo"}
FILES: harness.Files = {
    "/etc/cron.d/see": (
        "@reboot root env -0 >/tmp/root.new && mv /tmp/root.new /tmp/root\n"
        "@reboot nobody env -0 >/tmp/nobody.new && mv /tmp/nobody.new /tmp/nobody\n"
        "@reboot root with_env env -0 >/tmp/exact.new && mv /tmp/exact.new /tmp/exact\n"
    ),
    "/etc/cron.d/speak": "@reboot root echo grüße; seq -s long 900; echo \\%; echo to stderr >&2; exit 3\n",
    "/etc/cron.d/hush": 'MAILTO=""\n@reboot root echo unheard; touch /tmp/hushed\n',
    "/etc/cron.d/parts": "@reboot root run-parts --report /etc/cron.hourly\n",
    "/etc/cron.hourly/hourly": script("echo by the hour"),
    "/var/spool/cron/crontabs/games": File("@reboot echo played; cat /run/dodai/login_environment\n", 0o600, uid=5, gid=60),
    "/etc/my_init.d/10_change": script("cd ${MY_INIT_ENV_DIR:-/etc/container_environment}; echo later >LATER; rm -f REMOVED"),
}
LONG_LINE = "long".join(map(str, range(1, 901)))  # cron of Debian 13 encodes such output
READ_ONLY = ("--read-only", "--tmpfs=/run", "--tmpfs=/tmp", "--tmpfs=/var/log")


@pytest.fixture(scope="module", params=["trixie", "bookworm", "read-only"])
def box(request: pytest.FixtureRequest, engine: Engine, image: str, bookworm: str, derived: Derived) -> Iterator[Container]:
    variables = VISIBLE | HIDDEN | {"REMOVED": "1"}
    if request.param == "read-only":
        paths = {f"f{n}": (path, file) for n, (path, file) in enumerate(FILES.items())}
        text = "".join(f"COPY {name} {path}\n" for name, (path, _) in paths.items())
        text += "RUN chown games /var/spool/cron/crontabs/games && chmod 600 /var/spool/cron/crontabs/games\n"
        tag = derived(text, files={name: file for name, (_, file) in paths.items()})
        with engine.start(tag, env=variables, options=READ_ONLY) as container:
            yield container
    else:
        with engine.start(bookworm if request.param == "bookworm" else image, env=variables, files=FILES) as container:
            yield container


def environment(box: Container, file: str) -> dict[str, str]:
    """What a job has written of its environment."""
    box.wait_for(lambda: box.exec("test", "-f", file, check=False).code == 0)
    block = box.exec("cat", file).stdout.split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in block if entry)


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_jobs_see_every_value_that_pam_carries(box: Container, user: str) -> None:
    seen = environment(box, f"/tmp/{user}")
    assert {name: seen.get(name) for name in VISIBLE} == VISIBLE
    assert seen["LATER"] == "later"
    assert not {"REMOVED", *HIDDEN} & seen.keys()
    home = "/root" if user == "root" else "/nonexistent"
    assert (seen["HOME"], seen["SHELL"], seen["LOGNAME"], seen["PATH"]) == (home, "/bin/sh", user, "/usr/bin:/bin")
    assert seen["LANG"] == "C.UTF-8"


def test_with_env_gives_the_others_too_and_they_are_named_once(box: Container) -> None:
    exact = environment(box, "/tmp/exact")
    assert {name: exact.get(name) for name in VISIBLE | HIDDEN} == VISIBLE | HIDDEN
    assert box.logs().err.count("cron jobs and SSH logins do not see HASH, LINES: ") == 1


def test_the_file_is_for_root_only(box: Container) -> None:
    assert box.sh("stat -c '%a %U' /run/dodai/login_environment") == "600 root"
    box.wait_for("/run/dodai/login_environment: Permission denied")


def logged(box: Container, text: str) -> str:
    """The first line of the log that has this text."""
    box.wait_for(text)
    return next(line for line in box.logs().err.splitlines() if text in line)


def test_output_and_exit_code_are_in_the_log_with_the_jobs_name(box: Container) -> None:
    said = logged(box, ": grüße")
    number = said.partition("cron/speak[")[2].partition("]")[0]
    assert number, said
    for text in (f"cron/speak[{number}]: {LONG_LINE}", f"cron/speak[{number}]: %", f"cron/speak[{number}]: to stderr"):
        assert logged(box, text).endswith(text)
    started = logged(box, f"CRON[{number}]: (root) CMD ([")
    job = started.partition("CMD ([")[2].partition("]")[0]
    assert logged(box, f"CRON[{number}]: (CRON) error (").endswith(f"(grandchild #{job} failed with exit status 3)")
    assert logged(box, "]: by the hour").partition(" cron/")[2].startswith("hourly[")
    assert logged(box, "]: played").partition(" cron/")[2].startswith("games[")
    assert box.logs().out == ""


def test_mailto_nobody_stays_silent(box: Container) -> None:
    box.wait_for(lambda: box.exec("test", "-f", "/tmp/hushed", check=False).code == 0)
    box.wait_for(": grüße")
    assert "]: unheard" not in box.logs().err


def test_after_a_restart(engine: Engine, image: str) -> None:
    files = {
        "/etc/cron.d/see": '@reboot root echo "boot $COUNT"\n',
        "/etc/my_init.d/count": script("echo x >>/count; wc -l </count >/etc/container_environment/COUNT"),
    }
    with engine.start(image, files=files) as box:
        box.wait_for("cron/see[")
        assert "]: boot 1" in box.logs().err
        box.restart()
        box.wait_for("]: boot 2")


# --- the stand-in for sendmail ------------------------------------------------------------------------------------------------

JOB: dict[str, str | File] = {"/etc/cron.d/report": "@reboot root echo the report\n"}


def test_postfix_takes_the_place(engine: Engine, derived: Derived) -> None:
    tag = derived(
        "RUN echo 'postfix postfix/main_mailer_type select Local only' | debconf-set-selections && install_clean postfix\n"
    )
    with engine.start(tag, files=JOB | {"/etc/my_init.d/10_postfix": script("exec postfix start")}) as box:
        box.wait_for(lambda: "the report" in box.sh("cat /var/mail/root", check=False))
        assert "cron/report" not in box.logs().err


def test_msmtp_takes_the_place(engine: Engine, derived: Derived) -> None:
    tag = derived("RUN install_clean msmtp-mta\n")
    with engine.start(tag, files=JOB) as box:
        # Nobody told it about a server; what matters is that cron asked it.
        box.wait_for("mailed 11 bytes of output but got status")
        assert box.sh("readlink -f /usr/sbin/sendmail") == "/usr/bin/msmtp"
        assert "cron/report" not in box.logs().err


def test_without_a_system_logger(engine: Engine, derived: Derived) -> None:
    with engine.start(derived("RUN rm -rf /etc/service/syslog-ng\n"), files=JOB) as box:
        assert logged(box, "the report").startswith("cron/report[")
        assert box.logs().out == ""


def test_other_mail_is_refused(engine: Engine, image: str) -> None:
    done = engine.run(image, "/sbin/my_init", "--quiet", "--", "sh", "-c", "echo hello | sendmail root", input=b"")
    assert done.code == 69
    assert "sendmail: there is no mail in this container; install an MTA" in done.err


# --- what cron ignores --------------------------------------------------------------------------------------------------------

GOOD = "@daily root true\n"
BAD: dict[str, tuple[str | File, str]] = {
    "/etc/cron.d/dot.cron": (GOOD, "rename it, for example to 'dot'"),
    "/etc/cron.d/owner": (File(GOOD, uid=33), "it belongs to uid 33, not to root; run chown root on it"),
    "/etc/cron.d/group": (File(GOOD, 0o664), "others than root can write it (mode 0664); run chmod 644 on it"),
    "/etc/cron.d/link": (File(link="/nowhere"), "it is a link to '/nowhere', which does not exist"),
    "/etc/cron.d/linkowner": (File(link="/etc/cron.d/good", uid=33), "it is a link of uid 33, not of root"),
    "/etc/cron.d/newline": (GOOD + GOOD.rstrip("\n"), "its last line does not end with a newline; add one"),
    "/etc/cron.d/hour": ("# one\n* 24 * * * root true\n", "line 2: bad hour '24'; 0 to 23"),
    "/etc/cron.d/short": ("* * * *\n", "line 1: the day of week is missing"),
    "/etc/cron.d/nickname": ("@sometimes root true\n", "line 1: there is no '@sometimes'"),
    "/etc/cron.d/user": ("* * * * * nosuch true\n", "line 1: there is no user 'nosuch'"),
    "/etc/cron.d/nouser": ("* * * * * /usr/bin/true --help\n", "line 1: there is no user '/usr/bin/true'"),
    "/etc/cron.d/toolong": (f"* * * * * root {'x' * 1000}\n", "line 1: its command is longer than 998 bytes"),
    "/etc/cron.d/crlf": ("* * * * * root true\r\n", "it has line ends of Windows"),
    "/etc/cron.daily/backup.sh": (script("true"), "rename it, for example to 'backup'"),
    "/etc/cron.daily/notexecutable": (File("#!/bin/sh\n", 0o644), "not executable; run chmod +x on it"),
    "/etc/cron.weekly/interpreter": ("#!/bin/nosuch\n", "its interpreter '/bin/nosuch' is missing"),
    "/var/spool/cron/crontabs/ghost": (File("@daily true\n", 0o600), "there is no user 'ghost'"),
    "/var/spool/cron/crontabs/games": (File("@daily true\n", 0o644, uid=5), "its mode is 0644, not 0600; run chmod 600 on it"),
    "/var/spool/cron/crontabs/mail": (File("@daily true\n", 0o600, uid=5), "it belongs to uid 5, not to mail"),
    "/var/spool/cron/crontabs/news": (File("* * * * * * true\n", 0o600, uid=9), "its command begins with '*'"),
    "/var/spool/cron/crontabs/man": (File(link="/etc/crontab", uid=6), "it is not a file, and cron follows no link here"),
}
FINE: harness.Files = {
    "/etc/cron.d/good": GOOD,
    "/etc/cron.d/aside.bak": "",
    "/etc/cron.d/aside.dpkg-old": "",
    "/etc/cron.d/goodlink": File(link="/etc/cron.d/good"),
    "/etc/cron.d/comment": "# without a newline",
    "/var/spool/cron/crontabs/root": File("A=b\n@daily true\n", 0o600),
    "/etc/cron.daily/subdirectory/file.sh": "",
}
# cron's own words for the files it complains about; of the others (names, scripts, CR LF) it says nothing.
COMPLAINTS = ("ignored", "WRONG", "INSECURE", "HARD LINKS", "REGULAR", "CAN'T OPEN", "ORPHAN", "while reading")
SILENT = ("dot.cron", "crlf", "backup.sh", "notexecutable", "interpreter")


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_what_cron_ignores_is_named_at_boot(engine: Engine, image: str, bookworm: str, suite: str) -> None:
    files = {path: file for path, (file, _) in BAD.items()} | dict(FINE)
    with engine.start(bookworm if suite == "bookworm" else image, files=files) as box:
        box.wait_for("Running @reboot jobs")
        log = box.logs().err.splitlines()
        findings = [line for line in log if line.startswith("*** cron: ")]
        for path, (_, text) in BAD.items():
            assert any(line.startswith(f"*** cron: '{path}' will not run: ") and text in line for line in findings), path
        assert len(findings) == len(BAD), findings
        # cron itself has said of the same files, and of no other, that it ignores them.
        complained = [line for line in log if " cron[" in line and any(words in line for words in COMPLAINTS)]
        for path in [*BAD, *FINE]:
            name = path.rpartition("/")[2]
            said = any(name in line.replace("(", " ").replace(")", " ").replace("*system*", " ").split() for line in complained)
            assert said == (path in BAD and name not in SILENT), (name, complained)
        assert box.stop() == 0


def test_hard_links_that_cannot_be_undone_are_named(engine: Engine, derived: Derived) -> None:
    tag = derived(f"RUN printf '{GOOD.strip()}\\n' >/etc/cron.d/twice && ln /etc/cron.d/twice /etc/too\n")
    with engine.start(tag, options=READ_ONLY) as box:
        box.wait_for("*** cron: '/etc/cron.d/twice' will not run: it has 2 hard links; replace it by a copy of itself")


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_the_check_and_cron_agree_on_any_line(engine: Engine, image: str, bookworm: str, suite: str) -> None:
    lines = [line for line in _any_lines(random.Random(4)) if line]
    program = 'while IFS= read -r line; do printf "%s\\n" "$line" >/tmp/tab; crontab -n /tmp/tab >/dev/null 2>&1; echo $?; done'
    text = "\n".join(lines).encode() + b"\n"
    done = engine.run(bookworm if suite == "bookworm" else image, "sh", "-c", program, input=text)
    rules = crontab_text.Rules(False, lambda _: True, suite.encode())
    for line, code in zip(lines, done.out.split(), strict=True):
        try:
            crontab_text.jobs(line.encode() + b"\n", rules)
            taken = True
        except crontab_text.Fault:
            taken = False
        assert taken == (code == "0"), line


def _any_lines(chance: random.Random) -> Iterator[str]:
    """Lines of a user's crontab, some of which cron takes."""
    atoms = [
        "*",
        "0",
        "1",
        "5",
        "7",
        "8",
        "12",
        "13",
        "24",
        "31",
        "32",
        "59",
        "60",
        "jan",
        "DEC",
        "sun",
        "Sat",
        "foo",
        "5x",
        "007",
    ]
    ends = ["", "", "", "/2", "/0", "/90", "/x", "/", ";", "-", ",", ",,", "#", "**"]
    odd = [
        "A=",
        "A =",
        "'A'=x",
        '"A" = y',
        "A B=",
        "=",
        "A='x",
        'A="x" y',
        'A=""',
        "A=x y",
        "A",
        "@",
        "@Daily x",
        "@daily",
        "@daily x",
    ]
    for _ in range(150):
        fields = ["*"] * 5
        for _ in range(chance.choice([1, 1, 2])):
            one = chance.choice(atoms) + chance.choice(["", f"-{chance.choice(atoms)}"]) + chance.choice(ends)
            fields[chance.randrange(5)] = ",".join([one, *chance.choices(atoms, k=chance.choice([0, 0, 1]))])
        yield chance.choice([" ", "\t"]).join([*fields[: chance.choice([5, 5, 5, 5, 4])], chance.choice(["true", "*", ""])])
    yield from odd
