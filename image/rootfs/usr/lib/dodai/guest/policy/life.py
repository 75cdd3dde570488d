"""The life of PID 1 as a table: for every state and event one action; and the loop that walks it."""

import sys

from guest.floor import codes, say
from guest.mechanism import events, reap, signals
from guest.policy import boot, init, running, states, stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[init.Init, int], str | None]
    Entry = Callable[[init.Init], str | None]


def ignore(_self: init.Init, _signal: int) -> str | None:
    """Nothing to do in this state."""
    return None


ENTRIES: "dict[str, Entry]" = {
    states.SYSLOG_STARTS: boot.enter_syslog,
    states.STARTUP: boot.enter_startup,
    states.INTERRUPTED: boot.enter_interrupted,
    states.SERVICES_START: running.enter_services,
    states.RUNNING: running.enter,
    states.PRE_HOOKS: stop.enter_pre_hooks,
    states.SERVICES_STOP: stop.enter_services,
    states.OTHERS_STOP: stop.enter_others,
    states.SYSLOG_STOPS: stop.enter_syslog,
    states.POST_HOOKS: stop.enter_post_hooks,
    states.ENDED: stop.enter_ended,
}

# One row a state; the columns are states.EVENTS: child ended, directory changed, stop asked, hangup,
# other signal, alarm.
_ROWS: "dict[str, tuple[Action, Action, Action, Action, Action, Action]]" = {
    states.SYSLOG_STARTS: (
        boot.syslog_progress, boot.syslog_progress, boot.stop, ignore, ignore, boot.syslog_progress,
    ),
    states.STARTUP: (
        boot.startup_progress, boot.startup_progress, boot.interrupt, ignore, ignore, boot.startup_progress,
    ),
    states.INTERRUPTED: (
        boot.interrupted_progress, ignore, stop.again, ignore, ignore, boot.interrupted_progress,
    ),
    states.SERVICES_START: (
        running.services_progress, running.services_progress, boot.stop, running.rescan, ignore, running.services_progress,
    ),
    states.RUNNING: (
        running.progress, running.progress, boot.stop, running.hang_up, running.forward, running.progress,
    ),
    states.PRE_HOOKS: (
        stop.pre_hooks_progress, ignore, stop.again, running.forward, running.forward, stop.pre_hooks_progress,
    ),
    states.SERVICES_STOP: (
        stop.services_progress, stop.services_progress, stop.again, running.forward, running.forward, stop.services_progress,
    ),
    states.OTHERS_STOP: (stop.others_progress, ignore, stop.again, ignore, ignore, stop.others_progress),
    states.SYSLOG_STOPS: (
        stop.syslog_progress, stop.syslog_progress, stop.again, ignore, ignore, stop.syslog_progress,
    ),
    states.POST_HOOKS: (stop.post_hooks_progress, ignore, stop.again, ignore, ignore, stop.post_hooks_progress),
    states.ENDED: (ignore, ignore, ignore, ignore, ignore, ignore),
}  # fmt: skip

TABLE: "dict[tuple[str, str], Action]" = {
    (state, event): action for state, row in _ROWS.items() for event, action in zip(states.EVENTS, row, strict=True)
}

_AFTER_TROUBLE = {
    states.PRE_HOOKS: states.SERVICES_STOP,
    states.SERVICES_STOP: states.OTHERS_STOP,
    states.OTHERS_STOP: states.SYSLOG_STOPS,
    states.SYSLOG_STOPS: states.POST_HOOKS,
    states.POST_HOOKS: states.ENDED,
    states.ENDED: states.ENDED,
}


def after_trouble(state: str) -> str:
    """Where the stop goes on, or begins, when the code of a state fails."""
    return _AFTER_TROUBLE.get(state, states.PRE_HOOKS)


def live(self: init.Init) -> int:
    """Run the container from its start to its end and return its exit code. Nothing is raised."""
    _go(self, states.SYSLOG_STARTS)
    while self.state != states.ENDED:
        try:
            event, number = _next_event(self)
            target = TABLE[self.state, event](self, number)
        except Exception as problem:
            target = _trouble(self, problem)
        if target is not None:
            _go(self, target)
    events.write("exit", code=self.outcome.code)
    return self.outcome.code


def _go(self: init.Init, state: str) -> None:
    """Enter a state, and the next where there is nothing to wait for."""
    target: str | None = state
    while target is not None:
        if target not in states.LEADS_TO[self.state]:
            target = _trouble(self, RuntimeError(f"no way leads to '{target}'"))
        say.debug(f"state: {target}")
        self.state = target
        self.keep_phase()
        self.alarm = self.deadline = None
        self.killed = False
        try:
            target = ENTRIES[target](self)
        except Exception as problem:
            target = _trouble(self, problem)
            if target == self.state:
                return


def _next_event(self: init.Init) -> tuple[str, int]:
    """Wait for the next thing to happen; children are reaped here, in every state."""
    while True:
        left = self.seconds_to_alarm()
        if left is not None and left <= 0:
            self.alarm = None
            return states.ALARM, 0
        number = signals.wait(left)
        if number == signals.CHLD:
            # Adopted orphans alone are no event, but where a state waits for everybody.
            if reap.collect() or reap.any_suspended() or self.state in states.WAITS_FOR_STRANGERS:
                return states.CHILD, 0
            continue
        if number == signals.CHANGED:
            signals.drain(signals.WATCH)
            return states.CHANGE, 0
        if number in (signals.TERM, signals.INT):
            return states.STOP, number
        if number == signals.HUP:
            return states.HANGUP, number
        if number:
            return states.OTHER, number


def _trouble(self: init.Init, problem: Exception) -> str:
    """A fault of my_init itself: said in one line, and the orderly stop begins or goes on."""
    where = problem.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where is not None else "unknown place"
    say.error(f"my_init failed in state '{self.state}': {type(problem).__name__}: {problem} ({place}); it stops")
    if say.verbosity >= say.DEBUG:
        sys.excepthook(type(problem), problem, problem.__traceback__)
    self.outcome.settle(codes.INTERNAL)
    return after_trouble(self.state)
