"""How lines of services are measured: how many a second, how late each, and what they keep PID 1 from."""

from __future__ import annotations

import signal
import statistics

from bench import container, layouts, peers, sample, stats

SERVICE = ["service00"]
TWO = ["service00", "service01"]
FLOOD = layouts.Lines(300_000)  # 30 MB
DRIP = layouts.Lines(1_000, pause=2_000)
ENDLESS = layouts.Lines(0)
ORPHANS = 50

Values = dict[str, float]
NANO = 1e-9
MILLI = 1e3
MICRO = 1e6


def rate(kit: container.Kit, peer: peers.Peer) -> Values:
    """One service writes as fast as it can."""
    first, last, *_ = _read(kit, peer, FLOOD)
    return {"log-rate": megabytes_per_second(FLOOD.count, first, last)}


def delay(kit: container.Kit, peer: peers.Peer) -> Values:
    """One service writes so slowly that each line finds everybody asleep."""
    _first, _last, *delays = _read(kit, peer, DRIP)
    return {
        "log-delay": statistics.median(delays) * NANO * MICRO,
        "log-delay-p95": stats.share(delays, 0.95) * NANO * MICRO,
    }


def reaping(kit: container.Kit, peer: peers.Peer) -> Values:
    """A command beside two services that never stop writing leaves orphans to PID 1, one every 10 ms."""
    command = [layouts.PROGRAM, "--reap", str(ORPHANS), str(len(TWO))]
    with container.start(kit, peer, TWO, command=command, lines=ENDLESS) as box:
        times = [float(box.wait("took")[2]) * NANO for _ in range(ORPHANS)]
        return {"reap-logging": statistics.median(times) * MILLI}


def megabytes_per_second(count: int, first: int, last: int) -> float:
    """What the service wrote, not what its logger made of it, over the time from `first` to `last`, in nanoseconds."""
    return count * layouts.LINE / 1e6 / ((last - first) * NANO)


def _read(kit: container.Kit, peer: peers.Peer, lines: layouts.Lines) -> list[int]:
    with container.start(kit, peer, SERVICE, lines=lines) as box:
        box.wait_up(1)
        assert box.reader is not None
        box.reader.wait("ready")
        box.kill(signal.SIGUSR1, sample.services(box.pid)[0])
        return box.reader.wait("read")
