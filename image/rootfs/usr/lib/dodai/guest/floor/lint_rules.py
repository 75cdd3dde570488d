"""The rules of `dodaictl lint`: docs/reference/lint.md has a heading for each."""

ERROR, WARNING, NOTE = "error", "warning", "note"


class Rule:
    """What is looked for: its level, and in one sentence what comes of it."""

    __slots__ = ("level", "what")

    def __init__(self, level: str, what: str) -> None:
        self.level = level
        self.what = what


RULES = {
    "no-run": Rule(ERROR, "A directory of /etc/service without a run file is no service."),
    "not-executable": Rule(ERROR, "A program of a service, or a hook, that is not executable is never run."),
    "crlf": Rule(ERROR, "The kernel takes the carriage return of a Windows line end for a part of the interpreter's name."),
    "no-shebang": Rule(ERROR, "Without a first line such as #!/bin/sh the kernel does not know what the script is for."),
    "missing-interpreter": Rule(ERROR, "The program that the first line of a script names is not in the image."),
    "dangling-link": Rule(ERROR, "A link to something that is not in the image."),
    "background": Rule(ERROR, "A run that ends while its program goes on is started again and again, beside the first."),
    "missing-exec": Rule(WARNING, "A signal ends the shell, and the program that it waits for does not hear of it."),
    "unknown-dependency": Rule(ERROR, "A service that depends on one which does not exist stays down."),
    "dependency-cycle": Rule(ERROR, "Services that depend on each other in a circle stay down."),
    "bad-setting": Rule(WARNING, "A setting that cannot be understood has no effect."),
    "unknown-file": Rule(NOTE, "A small file of a service directory that means nothing to runit or my_init."),
    "skipped-startup-file": Rule(ERROR, "A startup file or hook that is not executable is skipped."),
    "ignored-crontab": Rule(ERROR, "cron passes over a crontab with one fault, and over a script with a dot in its name."),
    "unrotated-log": Rule(
        WARNING, "What a service writes into a file that nobody rotates fills the disk, and docker logs lacks it."
    ),
    "apt-lists": Rule(WARNING, "Package lists that are left behind make the image larger by tens of megabytes."),
}
