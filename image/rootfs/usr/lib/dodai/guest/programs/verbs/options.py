"""What every verb does with its arguments: its options and the services it is about."""

import os

from guest.floor import codes, nearest, say
from guest.parts import view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Stop(Exception):
    """The verb ends here with this exit code; the reason has been said."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def split(arguments: list[str], known: "Sequence[str]" = ()) -> tuple[set[str], list[str]]:
    """The options given, all of them known, and the other arguments. Raises Stop with 2 for an unknown option."""
    given, others = set(), []
    for argument in arguments:
        if not argument.startswith("-"):
            others.append(argument)
        elif argument in known:
            given.add(argument)
        else:
            say.error(f"unknown option '{_shown(argument)}'; dodaictl --help says more")
            raise Stop(codes.USAGE)
    return given, others


def look(names: list[str]) -> view.View:
    """The services, or the named ones among them. Raises Stop with 1 when there is nothing to look at."""
    try:
        seen = view.take()
    except view.NotRunning:
        say.error("no my_init runs here; it is /sbin/my_init, the image's default command, that starts services")
        raise Stop(codes.FAILED) from None
    except OSError as problem:
        say.error(f"cannot read the state of my_init: {problem.strerror}")
        raise Stop(codes.FAILED) from None
    if not names:
        return seen
    by_name = {service.name: service for service in seen.services}
    wanted = [_service_name(name) for name in names]
    unknown = [name for name in wanted if name not in by_name]
    for name in unknown:
        guess = nearest.nearest(name, by_name)
        hint = f"did you mean '{_shown(guess)}'?" if guess else "dodaictl status lists the services"
        say.error(f"no service '{_shown(name)}' is supervised; {hint}")
    if unknown:
        raise Stop(codes.FAILED)
    return view.View(seen.pid, [by_name[name] for name in wanted])


def _service_name(argument: str) -> str:
    """`/etc/service/web/` means web, as it does to sv(8)."""
    return argument.rstrip("/").rpartition("/")[2] or argument


def _shown(text: str) -> str:
    return say.shown(os.fsencode(text))
