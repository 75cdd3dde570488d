"""my_init, PID 1: reads the command line, makes the state directory, and lives."""

import time

from guest.floor import codes, kernel, say
from guest.mechanism import events, inherited, nursery, state, subreaper, terminal
from guest.parts import environment, settings
from guest.policy import init, life

_HELP = """\
usage: my_init [OPTIONS] [--] [COMMAND ARG...]

Boots the container: system logger, the files of /etc/my_init.d, /etc/rc.local, the services of
/etc/service; then runs COMMAND, if one is given, and ends with its exit code. Everything from the
first word that is not an option is the command.

  --skip-startup-files    run neither /etc/my_init.d nor /etc/rc.local
  --skip-runit            start no service; needs a COMMAND
  --enable-insecure-key   let the well-known key in over SSH, in this container only
  --wait-ready[=SECONDS]  start COMMAND when all services are ready, at the latest after SECONDS (30)
  --no-kill-all-on-exit   at the end leave other processes alone
  --quiet                 say nothing but errors (as MY_INIT_VERBOSITY=0)
  --help                  this text

Examples:
  docker run dodai                                  services until docker stop
  docker run --rm dodai my_init -- ls -l /          one command, with services around it
  docker run --rm -it dodai my_init -- bash -l      a shell
"""


class Usage(Exception):
    """A wrong command line: what is wrong with it."""


def main(arguments: list[str]) -> int:
    """Everything from the command line to the exit code of the container. Nothing is raised."""
    inherited.close_descriptors()
    say.never_block()
    try:
        return _run(arguments)
    except Exception as problem:  # outside of life.py: there is nothing to stop in order yet
        say.error(f"my_init failed: {type(problem).__name__}: {problem}")
        return codes.INTERNAL


def _run(arguments: list[str]) -> int:
    variables = inherited.environment()
    try:
        options = read_options([kernel.fsencode(word) for word in arguments[1:]])
    except Usage as problem:
        say.error(f"my_init: {problem}; try my_init --help")
        return codes.USAGE
    if options is None:
        kernel.write(1, _HELP.encode())
        return codes.OK
    subreaper.become(arguments, variables)
    if options.services:
        nursery.warm()
    say.set_verbosity(verbosity(options, variables))
    try:
        where = state.make()
    except state.Refused as problem:
        say.error(str(problem))
        return codes.INTERNAL
    try:
        events.begin(where + b"/events")
        events.write("boot", time=round(time.time(), 6), started=round(events.started(), 2), pid=kernel.getpid())
    except OSError as problem:
        say.info(f"cannot keep the boot log: {problem.strerror}")
    container = environment.Container(variables, environment.choose_place(where))
    container.import_directory()
    say.set_verbosity(verbosity(options, container.variables))
    container.dump()
    if container.place is not environment.ETC:
        container.private[b"MY_INIT_ENV_DIR"] = container.place.directory
    machine = init.Init(options, container, where, terminal.controlling() if options.command else None)
    return life.live(machine)


def read_options(words: list[bytes]) -> init.Options | None:
    """The options and the command; None when only help is wanted. Raises Usage."""
    options = init.Options()
    while words and words[0].startswith(b"-"):
        word = words.pop(0)
        if word == b"--":
            break
        if word in (b"--help", b"-h"):
            return None
        if word == b"--skip-startup-files":
            options.startup_files = False
        elif word == b"--skip-runit":
            options.services = False
        elif word == b"--enable-insecure-key":
            options.insecure_key = True
        elif word.partition(b"=")[0] == b"--wait-ready":
            options.wait_ready = _seconds(word)
        elif word == b"--no-kill-all-on-exit":
            options.kill_all = False
        elif word == b"--quiet":
            options.quiet = True
        else:
            raise Usage(f"unknown option '{say.shown(word)}'")
    options.command = words
    if not options.services and not words:
        raise Usage("--skip-runit needs a command, or nothing would run")
    return options


def _seconds(word: bytes) -> float:
    """The seconds of --wait-ready[=SECONDS]. Raises Usage."""
    _, equals, text = word.partition(b"=")
    try:
        value = float(text) if equals else settings.READY_SECONDS
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:  # also refuses nan
        raise Usage(f"'{say.shown(word)}' needs a number of seconds")
    return value


def verbosity(options: init.Options, variables: dict[bytes, bytes]) -> int:
    """--quiet, else MY_INIT_VERBOSITY, else normal."""
    if options.quiet:
        return say.ERRORS
    wish = variables.get(b"MY_INIT_VERBOSITY", b"")
    if wish in (b"0", b"1", b"2"):
        return int(wish)
    if wish:
        say.error(f"MY_INIT_VERBOSITY='{say.shown(wish)}' is not 0, 1 or 2; 1 is used")
    return say.NORMAL
