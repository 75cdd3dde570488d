"""How it is measured: each session starts containers of one peer, or of all, and yields values for some rows."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import statistics
import time
from collections.abc import Callable, Sequence

from bench import container, layouts, logs, peers, sample

SETTLE = 1.5  # seconds between the last service and the stop: runit calls a service young for one
ORPHANS = 10_000
FIFTY = [f"service{number:02}" for number in range(50)]
ONE = FIFTY[:1]
LONG_LIFE = 6.0  # seconds
HEALTH_CHECKS = 5

Values = dict[str, float]
MILLI = 1e3


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """`measure` gives the values of `rows` for one peer; `share` of the asked runs is enough for it."""

    rows: tuple[str, ...]
    fits: Callable[[peers.Peer], bool]
    measure: Callable[[container.Kit, peers.Peer], Values]
    share: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Together:
    """As Session, for all peers at once, where the waiting is long and the containers do not disturb each other.

    The third argument of `measure` is how many seconds to idle; what failed is added to the fourth.
    """

    rows: tuple[str, ...]
    fits: Callable[[peers.Peer], bool]
    measure: Callable[[container.Kit, Sequence[peers.Peer], float, list[str]], dict[str, Values]]
    share: int = 1


def one(kit: container.Kit, peer: peers.Peer) -> Values:
    """A container with one service, from its start to its end."""
    return _life(kit, peer, ONE, "first", "pss", "stop")


def fifty(kit: container.Kit, peer: peers.Peer) -> Values:
    """The same with fifty."""
    return _life(kit, peer, FIFTY, "fifty", "pss-fifty", "stop-fifty")


def one_shot(kit: container.Kit, peer: peers.Peer) -> Values:
    """`true` as the one-shot command."""
    return {"one-shot": _one_shot(kit, peer, ["/bin/true"])}


def one_shot_up(kit: container.Kit, peer: peers.Peer) -> Values:
    """A command that cannot end before its service is there."""
    return {"one-shot-up": _one_shot(kit, peer, [layouts.PROGRAM, "--await", "1"])}


def depends(kit: container.Kit, peer: peers.Peer) -> Values:
    """The second service waits for the first one's word on its notification descriptor."""
    first, second = FIFTY[:2]
    more = {
        f"{first}/notification-fd": "3\n",
        f"{first}/run": f"#!/bin/sh\nexec {layouts.PROGRAM} {first} 3\n",
        f"{second}/depends": f"{first}\n",
    }
    with container.start(kit, peer, [first, second], more=more) as box:
        ready = float(box.wait("ready")[2]) / 1e9
        return {"depends": (box.wait_up(2)[1] - ready) * MILLI}


def health(kit: container.Kit, peer: peers.Peer) -> Values:
    """Inside, as a health check of an engine starts it."""
    command = [layouts.PROGRAM, "--time", str(HEALTH_CHECKS), "/usr/sbin/dodaictl", "health"]
    with container.start(kit, peer, ONE, command=command) as box:
        times = [float(box.wait("took")[2]) / 1e9 for _ in range(HEALTH_CHECKS)]
        return {"health": statistics.median(times) * MILLI}


def orphans(kit: container.Kit, peer: peers.Peer) -> Values:
    """A service leaves children behind as fast as it can."""
    with container.start(kit, peer, ONE, orphans=ORPHANS) as box:
        box.wait_up(1)
        time.sleep(SETTLE)
        processes = {"orphans-pid1": [box.pid], "orphans-cpu": sample.own(box.pid)}
        before = {row: sample.cpu_seconds(some) for row, some in processes.items()}
        with sample.ZombieWatch(box.pid) as watch:
            box.kill(signal.SIGUSR1, sample.services(box.pid)[0])
            box.wait("orphans")
            deadline = time.monotonic() + container.DEADLINE
            while sample.zombies(sample.own(box.pid)) and time.monotonic() < deadline:
                time.sleep(sample.ZOMBIE_PAUSE)
        used = {row: sample.cpu_seconds(some) - before[row] for row, some in processes.items()}
        return used | {"orphans-zombies": float(watch.most)}


def idle(kit: container.Kit, chosen: Sequence[peers.Peer], seconds: float, failures: list[str]) -> dict[str, Values]:
    """Nothing happens for `seconds`, in all of them at the same time."""
    with contextlib.ExitStack() as stack:
        boxes = _all_up(kit, chosen, stack, failures)
        time.sleep(SETTLE)
        before = {name: sample.wake_ups(box.pid) for name, box in boxes.items()}
        started = time.monotonic()
        time.sleep(seconds)
        minutes = (time.monotonic() - started) / 60
        return {name: {"wake-ups": (sample.wake_ups(box.pid) - before[name]) / minutes} for name, box in boxes.items()}


def restart(kit: container.Kit, chosen: Sequence[peers.Peer], _seconds: float, failures: list[str]) -> dict[str, Values]:
    """A service is killed after a long life, its successor at once; one container after the other, while the rest sleep."""
    found: dict[str, Values] = {}
    with contextlib.ExitStack() as stack:
        boxes = _all_up(kit, chosen, stack, failures)
        time.sleep(LONG_LIFE)
        for name, box in boxes.items():
            try:
                found[name] = {"restart": _killed(box) * MILLI, "restart-again": _killed(box) * MILLI}
            except container.Failed as error:
                failures.append(str(error))
    return found


def _life(kit: container.Kit, peer: peers.Peer, services: list[str], up: str, pss: str, stop: str) -> Values:
    with container.start(kit, peer, services) as box:
        values = {up: (box.wait_up(len(services))[-1] - box.started) * MILLI}
        time.sleep(SETTLE)
        values[pss] = sample.pss(box.pid)
        if peer.stop_signal:
            asked = box.kill(peer.stop_signal)
            gone, _code = box.wait_exit()
            if box.count("down") < len(services):
                raise container.Failed(
                    f"{peer.name} did not wait for its services: {box.count('down')} of {len(services)} had ended"
                )
            values[stop] = (gone - asked) * MILLI
    return values


def _one_shot(kit: container.Kit, peer: peers.Peer, command: list[str]) -> float:
    # Where a peer starts one program only, that is the command.
    services = ONE if peer.supervises else []
    with container.start(kit, peer, services, command=command) as box:
        gone, code = box.wait_exit()
        if code != 0:
            raise container.Failed(f"{peer.name}: the one-shot command ended with {code}: {box.output()}")
        return (gone - box.started) * MILLI


def _killed(box: container.Container) -> float:
    when = box.kill(signal.SIGKILL, sample.services(box.pid)[0])
    return box.wait_up(1)[0] - when


def _all_up(
    kit: container.Kit, chosen: Sequence[peers.Peer], stack: contextlib.ExitStack, failures: list[str]
) -> dict[str, container.Container]:
    boxes = {}
    for peer in chosen:
        try:
            box = stack.enter_context(container.start(kit, peer, ONE))
            box.wait_up(1)
            boxes[peer.name] = box
        except container.Failed as error:
            failures.append(str(error))
    return boxes


def _everyone(peer: peers.Peer) -> bool:
    return not peer.logs_only


def _full(peer: peers.Peer) -> bool:
    return peer.full


def _ours(peer: peers.Peer) -> bool:
    return peer.full and bool(peer.variant)


def _logged(peer: peers.Peer) -> bool:
    return bool(peer.log)


def _logged_beside_command(peer: peers.Peer) -> bool:
    return peer.log in peers.STREAMS and peer.supervises and bool(peer.one_shot)


def _supervisor(peer: peers.Peer) -> bool:
    return peer.full and peer.supervises


SESSIONS = (
    Session(("first", "pss", "stop"), _everyone, one),
    Session(("fifty", "pss-fifty", "stop-fifty"), _supervisor, fifty),
    Session(("one-shot",), lambda peer: _everyone(peer) and bool(peer.one_shot), one_shot),
    Session(("one-shot-up",), lambda peer: _everyone(peer) and bool(peer.one_shot) and peer.supervises, one_shot_up),
    Session(("depends",), _ours, depends),
    Session(("health",), _ours, health, share=3),
    Session(("orphans-pid1", "orphans-cpu", "orphans-zombies"), _full, orphans, share=3),
    Session(("log-rate",), _logged, logs.rate, share=3),
    Session(("log-delay", "log-delay-p95"), _logged, logs.delay, share=3),
    Session(("reap-logging",), _logged_beside_command, logs.reaping, share=3),
)
TOGETHER = (
    Together(("wake-ups",), _full, idle, share=0),
    Together(("restart", "restart-again"), _supervisor, restart, share=3),
)
