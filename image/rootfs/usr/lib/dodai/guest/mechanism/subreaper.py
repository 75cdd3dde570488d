"""When we are not PID 1 (docker run --init, a shared PID namespace): adopt our orphans all the same."""

import os

from guest.floor import paths, say

_MARK = b"MY_INIT_IS_SUBREAPER"
_PERL = b"/usr/bin/perl"
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
# prctl's number in each architecture's system call table.
_PRCTL = {
    "x86_64": 157,
    "aarch64": 167,
    "riscv64": 167,
    "loongarch64": 167,
    "i686": 172,
    "armv7l": 172,
    "armv6l": 172,
    "s390x": 172,
    "ppc64le": 171,
    "ppc64": 171,
}


def become(arguments: list[str], variables: dict[bytes, bytes]) -> None:
    """Make this process a child subreaper; returns when it is one, or needs not be, or cannot.

    The attribute survives execve(2) and python3-minimal has no prctl, so perl-base (essential in
    Debian) sets it and starts us again. The mark that this has happened is taken out of variables.
    """
    if os.getpid() == 1 or variables.pop(_MARK, None) == b"%d" % os.getpid():
        return
    number = _PRCTL.get(os.uname().machine)
    if number is None or not os.path.exists(_PERL):
        say.info("not PID 1 and unable to adopt orphans here; those of this container go to its PID 1")
        return
    program = b"syscall(%d, %d, 1, 0, 0, 0); exec { $ARGV[0] } @ARGV" % (number, _PR_SET_CHILD_SUBREAPER)
    again = [paths.MY_INIT, *(os.fsencode(word) for word in arguments[1:])]
    try:
        os.execve(_PERL, [b"perl", b"-e", program, *again], {**variables, _MARK: b"%d" % os.getpid()})
    except OSError as problem:
        say.info(f"not PID 1 and unable to adopt orphans: {problem.strerror}")
