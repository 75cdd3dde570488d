"""From the first statement to the services: system logger and startup files.

Every function is an entry or an action of life.py's table: it gets the Init and the signal's number
(0 where there is none) and returns the next state, or None to stay.
"""

import time

from guest.floor import codes, paths, say
from guest.mechanism import events, processes, program, reap, signals
from guest.parts import definition, scripts
from guest.policy import init, running, states, steps

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
        if running.critical_ended(self):
            return states.PRE_HOOKS
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
    if running.critical_ended(self):
        return states.INTERRUPTED
    status = reap.status(self.step.pid)
    if status is None:
        running.wake_for_services(self)
        return None
    path = steps.end(self.step, status)
    self.step = None
    code = codes.of_status(status)
    if code:
        say.error(f"{say.shown(path)} failed: {steps.how_it_ended(status)}; the boot ends here")
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


def _next_startup_file(self: init.Init) -> str | None:
    while self.queue:
        path = self.queue.pop(0)
        try:
            self.step = steps.begin(path, self.container.for_child(), "startup")
        except program.CannotStart as problem:
            say.error(f"{problem.text}; the boot ends here")
            self.outcome.settle(problem.code)
            events.write("stop", script=path)
            return states.PRE_HOOKS
        running.wake_for_services(self)
        return None
    return states.SERVICES_START
