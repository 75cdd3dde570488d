"""The running container: the services, then the command, and what becomes of both.

The functions are entries and actions of life.py's table, like those of boot.py.
"""

import time

from guest.floor import codes, say
from guest.mechanism import events, nursery, processes, program, reap, signals, spawn
from guest.policy import init, states, steps


def enter_services(self: init.Init) -> str | None:
    """Start the services; with --wait-ready the command waits for them."""
    if not self.options.services:
        return states.RUNNING
    self.services.watch()
    self.services.scan(patient=False)
    nursery.cool()
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


def enter(self: init.Init) -> str | None:
    """Start the command."""
    if self.options.services:
        wake_for_services(self)
        self.wake_at(self.services.next_scan())
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


def progress(self: init.Init, _signal: int) -> str | None:
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


def command_ended(self: init.Init) -> bool:
    """Collect the command's exit code if it has ended."""
    status = reap.status(self.command_pid) if self.command_pid else None
    if status is None:
        return False
    self.command_pid = 0
    self.outcome.settle(codes.of_status(status))
    events.write("command-end", **steps.ending(status))
    if status & 0x7F:
        say.info(f"the command was {steps.how_it_ended(status)}")
    return True


def _look_at_services(self: init.Init) -> str | None:
    """Follow the services, and the directory; a critical one that has ended is the end of the container."""
    self.services.progress()
    if self.services.is_scan_due():
        self.services.scan()
    if not self.ready_told and self.services.ready():
        self.ready_told = True
        events.write("ready")
    if critical_ended(self):
        return states.PRE_HOOKS
    wake_for_services(self)
    self.wake_at(self.services.next_scan())
    return None


def critical_ended(self: init.Init) -> bool:
    """Whether a critical service has ended, which is the end of the container with its exit code."""
    end = self.services.critical_end()
    if end is None:
        return False
    name, status = end
    code = codes.of_status(status)
    say.info(f"critical service '{say.shown(name)}' ended with exit code {code}; the container stops")
    self.outcome.settle(code)
    events.write("stop", service=name)
    return True


def wake_for_services(self: init.Init) -> None:
    """Set the alarm for whatever the running services need next."""
    self.wake_after(None)
    self.wake_at(self.services.next_look())
