"""dodaictl ready: whether the boot is over and every service that is wanted up is ready; can wait for it."""

import time

from guest.floor import codes, kernel, paths, say
from guest.floor import service_states as states
from guest.parts import definition, view
from guest.programs.verbs import options

_POLL_SECONDS = 0.05


def run(arguments: list[str]) -> int:
    """Exit code 0 when ready, 1 and a line for each that is not; with --wait=SECONDS not before that time is over."""
    try:
        given, names = options.split(arguments, (), ("--wait",))
        deadline = time.monotonic() + options.seconds(given, "--wait", 0.0)
        while True:
            late = time.monotonic() >= deadline
            waiting = _not_ready(names, quiet=not late)
            if not waiting:
                return codes.OK
            if late or any(service.state == states.FAILED for service in waiting if service is not None):
                break
            time.sleep(_POLL_SECONDS)
    except options.Stop as stop:
        return stop.code
    for service in waiting:
        if service is not None:
            say.error(f"service '{options.shown(service.name)}' is not ready: it is {service.state}")
    return codes.FAILED


def _not_ready(names: list[str], quiet: bool) -> list[view.Service | None]:
    """Who is waited for; None among them stands for the boot. quiet: what is not there yet is no error yet."""
    if quiet:
        try:
            seen = view.take()
        except (view.NotRunning, OSError):
            return [None]
        if not {name.rstrip("/").rpartition("/")[2] for name in names} <= {service.name for service in seen.services}:
            return [None]
    seen = options.look(names)
    # Who asks for one by name wants to use it, whoever has stopped it.
    found: list[view.Service | None] = [one for one in seen.services if not one.ready and (names or one.wanted == "up")]
    if seen.phase != view.RUNNING_PHASE:
        if not quiet:
            say.error(f"my_init is at: {seen.phase}")
        found.append(None)
    elif not names:
        for name in _not_begun(seen):
            if not quiet:
                say.error(f"service '{options.shown(name)}' is not ready: my_init has not come to it")
            found.append(None)
    return found


def _not_begun(seen: view.View) -> list[str]:
    """Services that can run and of which nothing is seen yet: my_init takes a moment to start many."""
    known = {service.name for service in seen.services}
    if not kernel.is_directory(seen.state + b"/service"):
        return []  # --skip-runit: none will be started
    is_root = kernel.stat(seen.state).st_uid == 0
    return [
        kernel.fsdecode(one.name)
        for one in definition.all_in(paths.SERVICES).definitions
        if kernel.fsdecode(one.name) not in known and one.fault() is None and (is_root or not one.needs_root)
    ]
