"""dodaictl boot: how long the boot took and what decided that, from the boot log."""

from guest.floor import codes
from guest.mechanism import output
from guest.parts import boot_story, events
from guest.programs.verbs import options

_SLOWEST = 10


def run(arguments: list[str]) -> int:
    """Print the critical chain and the slowest steps; times are seconds since the kernel started PID 1."""
    try:
        _, others = options.split(arguments)
        if others:
            raise options.refuse("usage: dodaictl boot")
        state = options.state()
        try:
            found = events.read(state)
        except OSError as problem:
            raise options.refuse(f"cannot read the boot log: {problem.strerror}", codes.FAILED) from None
    except options.Stop as stop:
        return stop.code
    return output.write(text(boot_story.Story(found, state)))


def text(story: boot_story.Story) -> str:
    """The story for people."""
    head = f"the boot is not over yet; at the last event: {_last(story):.3f} s"
    if story.end is not None:
        head = f"{story.why}: {story.end:.3f} s after the start of PID 1"
    lines = [head, "", "what it waited for, in order:", "      at     took"]
    lines += [f"  {step.begin:8.3f} {step.seconds:8.3f}  {_shown(step)}" for step in story.chain]
    slowest = sorted(story.steps, key=lambda step: -step.seconds)[:_SLOWEST]
    lines += ["", "slowest steps:", "    took"]
    lines += [f"{step.seconds:8.3f}  {_shown(step)}" for step in slowest]
    return "\n".join(lines) + "\n"


def _last(story: boot_story.Story) -> float:
    return max((step.end for step in story.steps), default=0.0)


def _shown(step: boot_story.Step) -> str:
    return options.shown(step.label)
