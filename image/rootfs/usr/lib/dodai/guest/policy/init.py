"""What one run of my_init knows; the states act on it."""

import time

from guest.floor import kernel, paths, say
from guest.mechanism import events, files
from guest.parts import environment, login_environment, services, syslog
from guest.policy import budget, outcome, states

_PHASE_WIDTH = max(len(state) for state in states.ALL)
KILL_SECONDS = 0.3  # after SIGKILL: the kernel's time to end a process, and ours to reap it


class Options:
    """The command line, read."""

    __slots__ = ("command", "insecure_key", "kill_all", "quiet", "services", "startup_files", "wait_ready")

    def __init__(self) -> None:
        self.startup_files = True
        self.services = True
        self.insecure_key = False
        self.kill_all = True
        self.quiet = False
        self.wait_ready: float | None = None  # seconds
        self.command: list[bytes] = []


class Step:
    """A script that runs now: its pid, its path and whether it has been asked to end."""

    __slots__ = ("asked", "path", "pid")

    def __init__(self, pid: int, path: bytes) -> None:
        self.pid = pid
        self.path = path
        self.asked = False


class Init:
    """The container as my_init sees it. Times are monotonic seconds, None for never.

    `alarm` is when the present state wants to look again, `deadline` when its time is over; `queue`
    holds the scripts still to run and `step` the one that runs; `killed` says that SIGKILL was sent.
    `ready_told`: the boot log knows that all services are ready.
    Before `next_step` nobody looks at the stopping services again.
    """

    __slots__ = (
        "_budget",
        "_phase",
        "_state_directory",
        "alarm",
        "command_deadline",
        "command_pid",
        "container",
        "deadline",
        "hook_step",
        "hooks_deadline",
        "killed",
        "next_step",
        "options",
        "outcome",
        "queue",
        "ready_told",
        "services",
        "state",
        "step",
        "syslog",
        "terminal",
    )

    def __init__(
        self, options: Options, container: environment.Container, state_directory: bytes, terminal: int | None
    ) -> None:
        self.options = options
        self.container = container
        self.services = services.Services(state_directory, container)
        self.syslog = syslog.Socket()
        self.outcome = outcome.Outcome(bool(options.command))
        self.terminal = terminal
        self.state = ""
        self.alarm: float | None = None
        self.deadline: float | None = None
        self.command_deadline = 0.0
        self.hooks_deadline = 0.0
        self.hook_step = 0.0
        self.queue: list[bytes] = []
        self.step: Step | None = None
        self.command_pid = 0
        self.killed = False
        self.next_step = 0.0
        self.ready_told = False
        self._phase = -1
        self._budget: budget.Budget | None = None
        self._state_directory = state_directory

    def variable(self, name: bytes) -> bytes:
        """A variable of the container's environment; empty when it is not set."""
        return self.container.variables.get(name, b"")

    def stop_budget(self) -> budget.Budget:
        """The budget of the stop; it runs from the first time somebody asks for it."""
        if self._budget is None:
            self._budget = budget.Budget(self.container.variables, time.monotonic())
        return self._budget

    def save_environment(self) -> None:
        """Keep the exact bytes for with_env. It may hold secrets: not readable by everybody."""
        try:
            block = environment.as_block(self.container.for_child())
            files.replace(self._state_directory + b"/environ", block, 0o640, paths.DOCKER_ENV_GID)
        except OSError as problem:
            say.info(f"cannot keep the environment for with_env: {problem.strerror}")
        login_environment.save(self._state_directory, self.container.for_child())

    def keep_phase(self) -> None:
        """Tell the boot log and dodaictl which state this is."""
        events.write("phase", phase=self.state)
        try:
            if self._phase < 0:
                flags = kernel.O_WRONLY | kernel.O_CREAT | kernel.O_CLOEXEC | kernel.O_NOFOLLOW
                self._phase = kernel.open(self._state_directory + b"/phase", flags, 0o644)
            # One write of one length, so that no reader sees parts of two.
            kernel.pwrite(self._phase, self.state.encode().ljust(_PHASE_WIDTH) + b"\n", 0)
        except OSError:
            pass  # a full disk; the boot says so elsewhere

    def overdue(self) -> bool:
        """Whether the deadline of the present state has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def wake_after(self, seconds: float | None) -> None:
        """Set the alarm: in so many seconds or at the deadline, whichever comes first."""
        times = [] if self.deadline is None else [self.deadline]
        if seconds is not None:
            times.append(time.monotonic() + seconds)
        self.alarm = min(times) if times else None

    def wake_at(self, when: float) -> None:
        """Set the alarm to an earlier moment than it has; infinite for none."""
        if when != float("inf") and (self.alarm is None or when < self.alarm):
            self.alarm = when

    def seconds_to_alarm(self) -> float | None:
        """How long until the alarm; None when there is none."""
        return None if self.alarm is None else self.alarm - time.monotonic()
