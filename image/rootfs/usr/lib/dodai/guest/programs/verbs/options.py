"""What every verb does with its arguments: its options and the services it is about."""

from guest.floor import codes, kernel, nearest, say
from guest.mechanism import state as state_directory
from guest.parts import view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


_NO_INIT = "no my_init runs here; it is /sbin/my_init, the image's default command, that starts services"


class Stop(Exception):
    """The verb ends here with this exit code; the reason has been said."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def split(arguments: list[str], known: "Sequence[str]" = (), valued: "Sequence[str]" = ()) -> tuple[dict[str, str], list[str]]:
    """The options given, with their values ("" where there is none), and the other arguments.

    known: options without a value; valued: `--name=VALUE` or `--name VALUE`. Raises Stop with 2 for an
    unknown one.
    """
    given: dict[str, str] = {}
    others: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        name, equals, value = argument.partition("=")
        if argument == "--":
            others += left
            break
        if not argument.startswith("-") or argument == "-":
            others.append(argument)
        elif argument in known:
            given[argument] = ""
        elif name in valued and (equals or left):
            given[name] = value if equals else left.pop(0)
        else:
            raise refuse(_complaint(argument, name in valued, [*known, *valued]))
    return given, others


def seconds(given: dict[str, str], name: str, default: float) -> float:
    """The value of an option as seconds. Raises Stop with 2 when it is none."""
    if name not in given:
        return default
    try:
        value = float(given[name])
    except ValueError:
        value = -1.0
    if 0 <= value < 1e9:
        return value
    raise refuse(f"{name} takes a number of seconds, not '{shown(given[name])}'")


def refuse(text: str, code: int = codes.USAGE) -> Stop:
    """Say why not; the exception to raise."""
    say.error(text)
    return Stop(code)


def look(names: list[str]) -> view.View:
    """The services, or the named ones among them. Raises Stop with 1 when there is nothing to look at."""
    try:
        seen = view.take()
    except view.NotRunning:
        raise refuse(_NO_INIT, codes.FAILED) from None
    except OSError as problem:
        raise refuse(f"cannot read the state of my_init: {problem.strerror}", codes.FAILED) from None
    if not names:
        return seen
    by_name = {service.name: service for service in seen.services}
    wanted = [_service_name(name) for name in names]
    unknown = [name for name in wanted if name not in by_name]
    for name in unknown:
        guess = nearest.nearest(name, by_name)
        hint = f"did you mean '{shown(guess)}'?" if guess else "dodaictl status lists the services"
        say.error(f"no service '{shown(name)}' is supervised; {hint}")
    if unknown:
        raise Stop(codes.FAILED)
    return view.View(seen.state, seen.pid, seen.phase, [by_name[name] for name in wanted])


def state() -> bytes:
    """The state directory. Raises Stop with 1 when no my_init runs."""
    found = state_directory.find()
    if found is None:
        raise refuse(_NO_INIT, codes.FAILED)
    return found


def shown(text: str) -> str:
    """A name as it can stand in a message."""
    return say.shown(kernel.fsencode(text))


def _service_name(argument: str) -> str:
    """`/etc/service/web/` means web, as it does to sv(8)."""
    return argument.rstrip("/").rpartition("/")[2] or argument


def _complaint(argument: str, lacks_value: bool, known: list[str]) -> str:
    if lacks_value:
        return f"option '{shown(argument)}' needs a value; dodaictl --help says more"
    guess = nearest.nearest(argument.partition("=")[0], known)
    return f"unknown option '{shown(argument)}'; " + (f"did you mean '{guess}'?" if guess else "dodaictl --help says more")
