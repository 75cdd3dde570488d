"""What is measured: each row's name, meaning, unit and what Dodai is to reach."""

from __future__ import annotations

import dataclasses

from bench import peers


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One thing that is measured; less is better unless it says `more`. `goals` are Dodai's, at most, by the peer's name."""

    key: str
    title: str
    unit: str
    goals: dict[str, float] = dataclasses.field(default_factory=dict)
    more: bool = False


ROWS = (
    Row("first", "exec of the init → first statement of its one service", "ms", {peers.DODAI: 14, peers.DODAI_DEFAULT: 60}),
    Row("fifty", "exec of the init → all of 50 services up", "ms", {peers.DODAI: 100}),
    Row(
        "one-shot", "one-shot `true`: exec → exit, with a service beside it", "ms", {peers.DODAI: 40, peers.DODAI_DEFAULT: 150}
    ),
    Row("one-shot-up", "one-shot that waits until the service is up: exec → exit", "ms", {peers.DODAI: 40}),
    Row("stop", "SIGTERM → exit, 1 service", "ms", {peers.DODAI: 6}),
    Row("stop-fifty", "SIGTERM → exit, 50 services", "ms", {peers.DODAI: 60}),
    Row("pss", "memory (PSS) of the init's own processes, 1 service", "MiB", {peers.DODAI: 7}),
    Row("pss-fifty", "memory (PSS) of the init's own processes, 50 services", "MiB", {peers.DODAI: 14}),
    Row("wake-ups", "wake-ups of the init's own processes, idle with 1 service", "per minute", {peers.DODAI: 0}),
    Row("orphans-pid1", "10,000 orphans of a service: CPU time of PID 1", "s", {peers.DODAI: 0.12}),
    Row("orphans-cpu", "the same: CPU time of all the init's own processes", "s"),
    Row("orphans-zombies", "10,000 orphans: most zombies seen at once", "", {peers.DODAI: 99}),
    Row("restart", "kill -9 of a service that was up for 6 s → its next instance", "ms", {peers.DODAI: 5}),
    Row("restart-again", "kill -9 of that instance at once → its next instance", "ms"),
    Row("depends", "a service says that it is ready → first statement of one that depends on it", "ms", {peers.DODAI: 20}),
    Row("health", "`dodaictl health`, from spawn to end", "ms", {peers.DODAI: 40}),
    Row("log-rate", "lines of 100 bytes as fast as a service can: its first write → the last line has come", "MB/s", more=True),
    Row("log-delay", "a line, one every 2 ms: its write → it has come; median of 1,000", "µs"),
    Row("log-delay-p95", "the same; 95 of 100 come sooner", "µs"),
    Row("reap-logging", "two services log as fast as they can: end of an orphan → PID 1 has collected it", "ms"),
)

BY_KEY = {row.key: row for row in ROWS}
