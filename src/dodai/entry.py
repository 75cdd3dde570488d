"""Where a command begins and ends: runs a Typer application and turns whatever happens into an exit code and a line.

A user never sees a traceback, except a verbose one who meets a fault of ours.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from dodai import errors, output

# Typer brings its own copy of click from 0.20 on, and uses the package before: the exception's class tells which.
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]

REPORT = "this is a fault of Dodai: please report it with the output of the same command with --verbose"


def run(name: str, application: Callable[[], typer.Typer], argv: Sequence[str] | None) -> int:
    """Run the application as the program `name`; return the exit code for sys.exit.

    A signal that ends us gives 128+n, also ^C. A reader of our stdout that went away (`| head`) gives 141, silently.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = application()(args=arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else errors.OK
    except typer.Exit as ended:
        return ended.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return errors.INTERRUPTED
    except BrokenPipeError:
        # Python would fail once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.SIGNAL_BASE + signal.SIGPIPE
    except errors.DodaiError as error:
        if isinstance(error, errors.InternalError):
            _trace(error)
        output.error(error.message, error.hint)
        return error.exit_code
    except _ClickError as error:
        return _wrong_usage(name, error)
    except Exception as error:
        if not _trace(error):
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            output.error(f"cannot go on: {type(error).__name__} in {place}: {error}", REPORT)
        return errors.INTERNAL


def script(main: Callable[[list[str]], int]) -> int:
    """Run the `main` of a script of the checkout, which has no Typer application; return the exit code for sys.exit."""
    try:
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except errors.DodaiError as error:
        output.error(error.message, error.hint)
        return error.exit_code


def _wrong_usage(name: str, error: BaseException) -> int:
    """One clear line, and where the options are listed. An empty message is help that was shown instead."""
    context = getattr(error, "ctx", None)
    describe = getattr(error, "format_message", None)
    message = str(describe() if callable(describe) else error)
    command = getattr(context, "command_path", name)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{message}\n")
        return errors.USAGE
    message = " ".join(message.split())
    output.error(message[:1].lower() + message[1:].rstrip("."), f"{command} --help")
    return errors.USAGE


def _trace(error: BaseException) -> bool:
    """Show where an error came from when the caller asked for every detail."""
    if output.level() < output.VERBOSE:
        return False
    traceback.print_exception(error, file=sys.stderr)
    return True
