"""The orderly stop, stage by stage, each within its part of the one budget.

pre hooks → the command, then the services → every other process → the system logger → post hooks.
A stage ends the moment what it waits for has ended. The functions are entries and actions of
life.py's table, like those of boot.py.
"""

import time

from guest.floor import kernel, paths, say
from guest.mechanism import processes, program, reap, signals, terminal
from guest.parts import halt, scripts
from guest.policy import init, running, states, steps

_HOOK_RESERVE = 0.1  # seconds kept for each hook that comes after the present one, while there are that many
_HOOK_LEAST = 0.01  # a hook that needs no time gets its turn even where none is left
_STEP_SECONDS = 0.00004  # for each service, at least between two looks at all of them
_LOOK_SECONDS = 0.01  # for ends that no signal tells: processes that are not our children


def enter_pre_hooks(self: init.Init) -> str | None:
    """What is to happen while everything still runs."""
    if self.terminal is not None and not self.command_pid:
        # The foreground is still the command's that has ended: a hook that uses the terminal would be stopped.
        terminal.take_back(self.terminal)
    self.queue = scripts.runnable(paths.PRE_SHUTDOWN_DIRECTORY)
    self.hooks_deadline = self.stop_budget().pre_hooks(time.monotonic())
    return _next_hook(self, states.SERVICES_STOP)


def pre_hooks_progress(self: init.Init, _signal: int) -> str | None:
    """One hook after the other."""
    running.command_ended(self)
    return _hook_progress(self, states.SERVICES_STOP)


def enter_services(self: init.Init) -> str | None:
    """Ask the command to end; the services follow when it has, or at once when there is none."""
    if self.terminal is not None:
        terminal.take_back(self.terminal)
    now = time.monotonic()
    self.deadline = self.stop_budget().services(now)
    self.command_deadline = self.stop_budget().command(now)
    if self.command_pid:
        processes.ask_to_end(-self.command_pid)
    return services_progress(self, 0)


def services_progress(self: init.Init, _signal: int) -> str | None:
    """Wait for the command and all services but the system logger; kill them when their time is over."""
    running.command_ended(self)
    now = time.monotonic()
    deadline = self.deadline or now
    if self.command_pid and now < self.command_deadline:
        self.wake_after(self.command_deadline - now)
        return None
    if now < self.next_step:
        self.wake_after(self.next_step - now)
        return None
    if not self.killed:
        self.services.begin_stop()
    left = halt.step(self.services, now, deadline)
    if not left and not self.command_pid:
        return states.OTHERS_STOP
    # Fifty that end together make hundreds of changes: not each is worth a look at all of them.
    self.next_step = time.monotonic() + _STEP_SECONDS * len(left)
    if self.overdue():
        if self.killed:
            return states.OTHERS_STOP
        if self.command_pid:
            say.error("the command did not end in time; it is killed")
            processes.signal(-self.command_pid, signals.KILL)
        _last_wait(self)
    else:
        looks = _LOOK_SECONDS if any(one.supervisor.needs_looks for one in left) else halt.due(left, deadline) - now
        self.wake_after(max(0.0, looks))
    return None


def enter_others(self: init.Init) -> str | None:
    """Ask every other process of the container to end."""
    if not self.options.kill_all:
        return states.SYSLOG_STOPS
    others = processes.Others(self.services.kept())
    if not others.remain():
        return states.SYSLOG_STOPS
    others.send(signals.TERM)
    others.send(signals.CONT)
    self.deadline = self.stop_budget().others(time.monotonic())
    return others_progress(self, 0)


def others_progress(self: init.Init, _signal: int) -> str | None:
    """Wait for them; those that `docker exec` started are not our children, so they are looked for."""
    others = processes.Others(self.services.kept())
    if not others.remain():
        return states.SYSLOG_STOPS
    if self.overdue():
        if self.killed:
            return states.SYSLOG_STOPS
        left = others.pids()
        names = ", ".join(f"{pid} ({processes.command_name(pid)})" for pid in left[:8])
        say.error(f"{len(left)} other processes did not end in time; they are killed: {names}")
        others.send(signals.KILL)
        _last_wait(self)
    self.wake_after(_LOOK_SECONDS)
    return None


def enter_syslog(self: init.Init) -> str | None:
    """Now that nobody is left to log, the system logger and the copier of the services' lines may go."""
    self.deadline = self.stop_budget().syslog()
    return syslog_progress(self, 0)


def syslog_progress(self: init.Init, _signal: int) -> str | None:
    """Wait until they have flushed and ended."""
    now = time.monotonic()
    left = halt.step(self.services, now, self.deadline or now, syslog=True)
    if not left:
        self.services.logs.finish()
        if self.services.logs.finished():
            return states.POST_HOOKS
    if self.overdue():
        if self.killed:
            return states.POST_HOOKS
        if not left:
            say.error("the services' last log lines were not read in time; they are lost")
        self.services.logs.kill()
        _last_wait(self)
    else:
        self.wake_after(_LOOK_SECONDS if any(one.supervisor.needs_looks for one in left) else None)
    return None


def enter_post_hooks(self: init.Init) -> str | None:
    """What is to happen last."""
    self.queue = scripts.runnable(paths.POST_SHUTDOWN_DIRECTORY)
    self.hooks_deadline = self.stop_budget().post_hooks()
    return _next_hook(self, states.ENDED)


def post_hooks_progress(self: init.Init, _signal: int) -> str | None:
    """One hook after the other."""
    return _hook_progress(self, states.ENDED)


def again(_self: init.Init, number: int) -> str | None:
    """A second request changes nothing: a graceful stop is never aborted."""
    say.debug(f"{signals.name(number)}: the container stops already")
    return None


def enter_ended(self: init.Init) -> str | None:
    """Whoever is left below an init that is not PID 1 would outlive it; the end of PID 1 ends the rest anyway."""
    for pid in processes.uninterruptible() if kernel.getpid() == 1 else []:
        say.error(
            f"{pid} ({processes.command_name(pid)}) cannot be ended now: it waits in the kernel or is frozen (state D);"
            " the container lives until the kernel lets go of it"
        )
    if self.options.kill_all and kernel.getpid() != 1:
        processes.Others(set()).send(signals.KILL)
    return None


def _next_hook(self: init.Init, after: str) -> str | None:
    self.step = None
    while self.queue:
        path = self.queue.pop(0)
        kind = "post-shutdown" if after == states.ENDED else "pre-shutdown"
        try:
            self.step = steps.begin(path, self.container.for_child(), kind)
        except program.CannotStart as problem:
            say.error(f"{problem.text}; the stop goes on")
            continue
        now = time.monotonic()
        # Many hooks that all hang still share one deadline: each gets two such steps, to run and to end.
        step = min(_HOOK_RESERVE, max(0.0, self.hooks_deadline - now) / (2 * (1 + len(self.queue))))
        self.hook_step = max(step, _HOOK_LEAST)
        self.deadline = max(self.hooks_deadline - self.hook_step * (1 + len(self.queue)), now + self.hook_step)
        self.wake_after(None)
        return None
    return after


def _hook_progress(self: init.Init, after: str) -> str | None:
    step = self.step
    if step is None:
        return after
    status = reap.status(step.pid)
    if status is not None:
        steps.end(step, status)
        if status:
            say.error(f"{say.shown(step.path)} failed: {steps.how_it_ended(status)}; the stop goes on")
        return _next_hook(self, after)
    if self.overdue():
        tree = [step.pid, *processes.descendants(step.pid)]
        if step.asked:
            for pid in tree:
                processes.signal(pid, signals.KILL)
            return _next_hook(self, after)
        step.asked = True
        say.error(f"{say.shown(step.path)} takes longer than its share of the stop; it is ended")
        for pid in tree:
            processes.ask_to_end(pid)
        self.deadline = time.monotonic() + self.hook_step
    self.wake_after(None)
    return None


def _last_wait(self: init.Init) -> None:
    """After SIGKILL: the kernel needs a moment; a process in uninterruptible sleep must not hold the stop."""
    self.killed = True
    self.deadline = time.monotonic() + init.KILL_SECONDS
    self.wake_after(None)
