"""From the first statement to the running container: system logger, startup files, services, the command.

Every function is an entry or an action of life.py's table: it gets the Init and the signal's number
(0 where there is none) and returns the next state, or None to stay.
"""

import time

from guest.floor import codes, paths, say
from guest.mechanism import events, processes, program, reap, signals, spawn
from guest.parts import definition, scripts
from guest.policy import init, states

_SYSLOG_SECONDS = 5.0
_FALLBACK_SECONDS = 0.01  # for the same kernels, while the system logger starts


def enter_syslog(self: init.Init) -> str | None:
    """Start the system logger before anything that may want to log."""
    if self.options.services:
        self.services.prepare()
    self.save_environment()
    if not self.options.services:
        return states.STARTUP
    self.syslog.clear()
    if not self.services.start_syslog():
        return states.STARTUP
    self.deadline = time.monotonic() + _SYSLOG_SECONDS
    return syslog_progress(self, 0)


def syslog_progress(self: init.Init, _signal: int) -> str | None:
    """Go on as soon as /dev/log is there, and without it when that takes too long."""
    if not self.syslog.ready():
        self.services.progress()
        if not self.overdue():
            self.wake_after(_FALLBACK_SECONDS)
            return None
        say.error(
            f"service '{say.shown(definition.SYSLOG)}' has not made {say.shown(paths.DEV_LOG)} in"
            f" {_SYSLOG_SECONDS:g} s; the boot goes on without it"
        )
    return states.STARTUP


def enter_startup(self: init.Init) -> str | None:
    """List what is to run, and start the first."""
    self.syslog.close()
    if self.options.insecure_key:
        self.queue.append(paths.ENABLE_INSECURE_KEY)
    if self.options.startup_files:
        self.queue += scripts.runnable(self.variable(b"ENV_INIT_DIRECTORY") or paths.STARTUP_DIRECTORY)
        if scripts.is_executable(paths.RC_LOCAL):
            self.queue.append(paths.RC_LOCAL)
    return _next_startup_file(self)


def startup_progress(self: init.Init, _signal: int) -> str | None:
    """When the startup file has ended: take over what it did to the environment, go on or give up."""
    if self.step is None:
        return None
    self.services.progress()
    status = reap.status(self.step.pid)
    if status is None:
        _wake_for_services(self)
        return None
    path = script_ended(self.step, status)
    self.step = None
    code = codes.of_status(status)
    if code:
        say.error(f"{say.shown(path)} failed: {how_it_ended(status)}; the boot ends here")
        self.outcome.settle(code)
        events.write("stop", script=path)
        return states.PRE_HOOKS
    self.container.reset()
    self.save_environment()
    return _next_startup_file(self)


def interrupt(self: init.Init, number: int) -> str | None:
    """A stop was asked for in the middle of a startup file."""
    ask(self, number)
    return states.INTERRUPTED


def enter_interrupted(self: init.Init) -> str | None:
    """Ask the startup file and all it has started in the foreground to end: a shell waits for its child first."""
    if self.step is None:
        return states.PRE_HOOKS
    for pid in [*processes.descendants(self.step.pid), self.step.pid]:
        processes.ask_to_end(pid)
    self.deadline = self.stop_budget().interrupted()
    self.wake_after(None)
    return None


def interrupted_progress(self: init.Init, _signal: int) -> str | None:
    """Wait for the interrupted startup file, whose own result no longer counts."""
    if self.step is None or reap.status(self.step.pid) is not None:
        self.step = None
        return states.PRE_HOOKS
    if self.overdue():
        if self.step.asked:
            return states.PRE_HOOKS
        self.step.asked = True
        say.error(f"{say.shown(self.step.path)} did not end when asked to; it is killed")
        for pid in [self.step.pid, *processes.descendants(self.step.pid)]:
            processes.signal(pid, signals.KILL)
        self.deadline = time.monotonic() + init.KILL_SECONDS
    self.wake_after(None)
    return None


def enter_services(self: init.Init) -> str | None:
    """Start the services; with --wait-ready the command waits for them."""
    if not self.options.services:
        return states.RUNNING
    self.services.watch()
    self.services.scan(patient=False)
    if not self.options.command or self.options.wait_ready is None:
        return states.RUNNING
    self.deadline = time.monotonic() + self.options.wait_ready
    return services_progress(self, 0)


def services_progress(self: init.Init, _signal: int) -> str | None:
    """Go on when all are ready, and without that when it takes too long."""
    target = _look_at_services(self)
    if target is not None:
        return target
    if self.services.ready():
        return states.RUNNING
    if self.overdue():
        names = ", ".join(f"'{say.shown(name)}'" for name in self.services.unready())
        say.error(f"not ready after {self.options.wait_ready:g} s: {names}; the command is started all the same")
        return states.RUNNING
    return None


def rescan(self: init.Init, _number: int) -> str | None:
    """SIGHUP asks for a look at the directory of services."""
    self.services.scan()
    return _look_at_services(self)


def enter_running(self: init.Init) -> str | None:
    """Start the command."""
    if self.options.services:
        self.wake_at(self.services.next_look())
    if not self.options.command:
        return None
    try:
        self.command_pid = spawn.start_in_group(self.options.command, self.container.for_child(), self.terminal)
    except program.CannotStart as problem:
        say.error(problem.text)
        self.outcome.settle(problem.code)
        events.write("stop", command=True)
        return states.PRE_HOOKS
    self.outcome.command_started = True
    events.write("command-start", program=self.options.command[0], pid=self.command_pid)
    return None


def running_progress(self: init.Init, _signal: int) -> str | None:
    """Something ended or changed: the command, a supervisor, a service, the directory of services."""
    if command_ended(self):
        events.write("stop", command=True)
        return states.PRE_HOOKS
    if reap.suspended(self.command_pid):
        # There is no shell that could resume it: a container that ^Z has stopped would only seem to hang.
        processes.signal(-self.command_pid, signals.CONT)
    return _look_at_services(self) if self.options.services else None


def hang_up(self: init.Init, number: int) -> str | None:
    """SIGHUP is the command's when there is one; otherwise it asks for a look at the services."""
    if self.command_pid:
        return forward(self, number)
    return rescan(self, number) if self.options.services else None


def forward(self: init.Init, number: int) -> str | None:
    """Pass a signal on to the command's process group; without a command it has no meaning here."""
    if self.command_pid and number in signals.forwarded():
        processes.signal(-self.command_pid, number)
    return None


def stop(self: init.Init, number: int) -> str | None:
    """A stop was asked for while nothing has to be interrupted."""
    ask(self, number)
    return states.PRE_HOOKS


def ask(self: init.Init, number: int) -> None:
    """Remember the first request to stop; the budget runs from here."""
    self.outcome.stop_signal = number
    self.stop_budget()
    events.write("stop", signal=signals.name(number))
    say.info(f"{signals.name(number)}: the container stops")


def command_ended(self: init.Init) -> bool:
    """Collect the command's exit code if it has ended."""
    status = reap.status(self.command_pid) if self.command_pid else None
    if status is None:
        return False
    self.command_pid = 0
    self.outcome.settle(codes.of_status(status))
    events.write("command-end", **ending(status))
    if status & 0x7F:
        say.info(f"the command was {how_it_ended(status)}")
    return True


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    number = status & 0x7F
    if number:
        return f"killed by signal {number} ({signals.name(number)})"
    return f"exit code {codes.of_status(status)}"


def ending(status: int) -> dict[str, int]:
    """A wait status as the member of an event: the exit code or the signal."""
    return {"signal": status & 0x7F} if status & 0x7F else {"code": codes.of_status(status)}


def script_starts(path: bytes, variables: dict[bytes, bytes], kind: str) -> init.Step:
    """Start a startup file or hook and say so. Raises program.CannotStart."""
    say.info(f"running {say.shown(path)}")
    pid = spawn.start([path], variables, path=path)
    events.write("script-start", path=path, pid=pid, kind=kind)
    return init.Step(pid, path)


def script_ended(step: init.Step, status: int) -> bytes:
    """Tell the boot log; the script's path."""
    events.write("script-end", path=step.path, pid=step.pid, **ending(status))
    return step.path


def _look_at_services(self: init.Init) -> str | None:
    """Follow the services, and the directory; a critical one that has ended is the end of the container."""
    if self.services.changed() or self.services.next_scan() is not None:
        self.services.scan()
    self.services.progress()
    end = self.services.critical_end()
    if end is not None:
        name, status = end
        code = codes.of_status(status)
        say.info(f"critical service '{say.shown(name)}' ended with exit code {code}; the container stops")
        self.outcome.settle(code)
        events.write("stop", service=name)
        return states.PRE_HOOKS
    _wake_for_services(self)
    return None


def _wake_for_services(self: init.Init) -> None:
    again = self.services.next_scan()
    self.wake_after(again)
    self.wake_at(self.services.next_look())


def _next_startup_file(self: init.Init) -> str | None:
    while self.queue:
        path = self.queue.pop(0)
        try:
            self.step = script_starts(path, self.container.for_child(), "startup")
        except program.CannotStart as problem:
            say.error(f"{problem.text}; the boot ends here")
            self.outcome.settle(problem.code)
            events.write("stop", script=path)
            return states.PRE_HOOKS
        _wake_for_services(self)
        return None
    return states.SERVICES_START
