"""The environment of the container as a tool sees it that my_init did not start: docker exec, cron, ssh."""

import errno

from guest.floor import kernel, paths, say
from guest.mechanism import files, inherited, state
from guest.parts import environment


class Unreadable(Exception):
    """This user may not read the container's environment: a sentence with the remedy."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Current:
    """The container's variables and whose they are: the uid my_init runs as, None when none runs."""

    __slots__ = ("owner", "variables")

    def __init__(self, variables: dict[bytes, bytes], owner: int | None) -> None:
        self.variables = variables
        self.owner = owner


def load() -> Current:
    """What my_init saved after the last startup file; without a my_init, what it would start with.

    That is the caller's own variables and those of /etc/container_environment, where the caller's
    win. Raises Unreadable.
    """
    where = state.find()
    if where is not None:
        try:
            block = files.read(where + b"/environ")
            return Current(environment.parse_block(block), kernel.stat(where).st_uid)
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                raise _unreadable(where + b"/environ", problem) from None
            # my_init has only just begun and has not come to the variables yet.
    try:
        kernel.listdir(paths.ENVIRONMENT_DIRECTORY)
    except FileNotFoundError:
        pass
    except OSError as problem:
        raise _unreadable(paths.ENVIRONMENT_DIRECTORY, problem) from None
    container = environment.Container(inherited.environment(), environment.ETC)
    container.import_directory()
    return Current(container.variables, None)


def _unreadable(path: bytes, problem: OSError) -> Unreadable:
    text = f"cannot read the container's environment in {say.shown(path)}: {problem.strerror}"
    if problem.errno != errno.EACCES:
        return Unreadable(text)
    status = kernel.stat(path)
    if status.st_gid != paths.DOCKER_ENV_GID:
        return Unreadable(f"{text} for uid {kernel.geteuid()}; run this as uid {status.st_uid}, to whom it belongs")
    import pwd  # only the message needs it

    try:
        user = say.shown(kernel.fsencode(pwd.getpwuid(kernel.geteuid()).pw_name))
    except KeyError:
        return Unreadable(f"{text} for uid {kernel.geteuid()}; give it the group {paths.DOCKER_ENV_GID} (docker_env)")
    return Unreadable(
        f"{text} for {user}; add the user to its readers with usermod -aG docker_env {user}, which new logins notice"
    )
