"""When we are not PID 1 (docker run --init, a shared PID namespace): adopt our orphans all the same."""

from guest.floor import kernel, paths, say

_MARK = b"MY_INIT_IS_SUBREAPER"
_REFUSED = b"refused"
_PERL = b"/usr/bin/perl"
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
# setsid's and prctl's numbers in each architecture's system call table.
_NUMBERS = {
    "x86_64": (112, 157),
    "aarch64": (157, 167),
    "riscv64": (157, 167),
    "loongarch64": (157, 167),
    "i686": (66, 172),
    "armv7l": (66, 172),
    "armv6l": (66, 172),
    "s390x": (66, 172),
    "ppc64le": (66, 171),
    "ppc64": (66, 171),
}

_adopts = False


def adopts() -> bool:
    """Whether the orphans below this process come to it: it is PID 1, or has become a subreaper."""
    return _adopts or kernel.getpid() == 1


def system_calls() -> tuple[int, int] | None:
    """The numbers of setsid and prctl on this machine; None where they are not known."""
    return _NUMBERS.get(kernel.uname().machine)


def become(arguments: list[str], variables: dict[bytes, bytes]) -> None:
    """Make this process a child subreaper; returns when it is one, or needs not be, or cannot.

    The attribute survives execve(2) and python3-minimal has no prctl, so perl-base (essential in
    Debian) sets it and starts us again. The mark that this has happened is taken out of variables.
    """
    global _adopts
    if kernel.getpid() == 1:
        return
    mark = variables.pop(_MARK, None)
    if mark == b"%d" % kernel.getpid():
        _adopts = True
        return
    if mark == _REFUSED:
        say.info("not PID 1 and not allowed to adopt orphans; those of this container go to its PID 1")
        return
    numbers = system_calls()
    if numbers is None or not kernel.exists(_PERL):
        say.info("not PID 1 and unable to adopt orphans here; those of this container go to its PID 1")
        return
    call = b"syscall(%d, %d, 1, 0, 0, 0)" % (numbers[1], _PR_SET_CHILD_SUBREAPER)
    program = call + b' == 0 or $ENV{%s} = "%s"; exec { $ARGV[0] } @ARGV' % (_MARK, _REFUSED)
    again = [paths.MY_INIT, *(kernel.fsencode(word) for word in arguments[1:])]
    try:
        kernel.execve(_PERL, [b"perl", b"-e", program, *again], {**variables, _MARK: b"%d" % kernel.getpid()})
    except OSError as problem:
        say.info(f"not PID 1 and unable to adopt orphans: {problem.strerror}")
