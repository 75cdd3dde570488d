"""Writes anew what the documentation takes from the code; tests/unit/host/test_docs.py says when that is stale.

    scripts/reference.py           write docs/reference/dodai.md and the marked parts of other pages
    scripts/reference.py --check   write nothing; exit code 1 when something is stale

A marked part stands between `<!-- begin NAME -->` and `<!-- end -->`; NAME is a key of PARTS.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOTFS = ROOT / "image" / "rootfs"
sys.path[:0] = [str(ROOT / "src"), str(ROOTFS / "usr/lib/dodai")]

import typer  # noqa: E402

from dodai import cli, docker_bash  # noqa: E402
from dodai.features.lint import finding as host_lint  # noqa: E402
from guest.floor import lint_rules  # noqa: E402
from guest.policy import budget, life, states  # noqa: E402
from guest.programs import dodaictl, my_init, setuser, with_env  # noqa: E402

_MARKED = re.compile(r"(<!-- begin (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Every page that takes something from the code, as it must be."""
    found = {ROOT / "docs/reference/dodai.md": host_commands()}
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if "<!-- begin " in text:
            found[page] = _MARKED.sub(lambda part: part[1] + PARTS[part[2]]() + part[3], text)
    return found


def host_commands() -> str:
    """The page of the host's commands, from the applications themselves."""
    parts = [
        (
            "# dodai and docker-bash\n\nMade by `scripts/reference.py` from the commands' own help. "
            "Exit codes: [exit codes](exit-codes.md#dodai-and-docker-bash).\n"
        ),
        (
            "## Variables\n\n"
            "| variable | |\n|---|---|\n"
            "| `DODAI_ENGINE` | `docker` or `podman`: use this engine and no other |\n"
            "| `SOURCE_DATE_EPOCH` | seconds since 1970: the time of the image and of its files |\n"
            "| `DODAI_REGISTRY_USER`, `DODAI_REGISTRY_PASSWORD` | who to be for `dodai push` and `dodai fresh` |\n"
            "| `TMPDIR` | where the build has its room; else memory where much is free, and `/var/tmp` |\n"
            "| `XDG_CACHE_HOME` | for what is kept between builds; `~/.cache` by default |\n"
        ),
    ]
    group: Any = typer.main.get_command(cli.application())
    parts.append(command("dodai", group))
    parts += [command(f"dodai {name}", group.commands[name]) for name in sorted(group.commands)]
    parts.append(command("docker-bash", typer.main.get_command(docker_bash.application())))
    return "\n".join(parts)


def command(name: str, given: Any) -> str:
    """One command: what it does, its arguments and options."""
    text = (given.help or "").replace("{0}", name)
    about, _, examples = text.partition("\nExamples:\n")
    words = [_argument(one) for one in given.params if one.param_type_name == "argument"]
    usage = " ".join([name, "[OPTIONS]", *(words or (["COMMAND…"] if hasattr(given, "commands") else []))])
    lines = [f"## {name}\n", f"```text\n{usage}\n```\n", about.strip() + "\n"]
    if examples:
        lines.append("```text\n" + "\n".join(line.strip() for line in examples.strip("\b\n ").splitlines()) + "\n```\n")
    lines.append("| option | |\n|---|---|")
    for one in given.params:
        if one.param_type_name != "option" or one.help is None:
            continue
        spelled = ", ".join(f"`{word}{_value(one)}`" for word in sorted(one.opts, key=len))
        default = "" if one.is_flag or one.default in (None, "", [], ()) else f" Default: `{one.default}`."
        lines.append(f"| {spelled} | {one.help}{default} |")
    return "\n".join(lines) + "\n"


def _argument(given: Any) -> str:
    word = given.name.upper() + ("…" if given.nargs == -1 else "")
    return word if given.required else f"[{word}]"


def _value(option: Any) -> str:
    return "" if option.is_flag else f" {option.metavar or option.name.upper()}"


def table_of_states() -> str:
    """The table of states and events, and what each action is for."""
    lines = [f"| state | {' | '.join(states.EVENTS)} |", "|---|" + "---|" * len(states.EVENTS)]
    actions: dict[str, str] = {}
    for state in states.ALL:
        cells = []
        for event in states.EVENTS:
            action = life.TABLE[state, event]
            name = f"`{_name(action)}`"
            if action is life.ignore:
                name = "-"
            else:
                actions[name] = _first_sentence(action)
            cells.append(name)
        lines.append(f"| **{state}** | {' | '.join(cells)} |")
    lines += ["", "| action | |", "|---|---|", *(f"| {name} | {what} |" for name, what in actions.items())]
    return "\n".join(lines) + "\n"


def diagram_of_states() -> str:
    """The ways from state to state, as GitHub draws them."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for state, targets in states.LEADS_TO.items():
        for target in targets:
            if target != state:
                lines.append(f"    {_node(state)} --> {_node(target)}")
    lines += [f"    {_node(states.ENDED)} --> [*]", *(f"    {_node(state)}: {state}" for state in states.ALL), "```"]
    return "\n".join(lines) + "\n"


def _node(state: str) -> str:
    return state.replace(" ", "_").replace("-", "_") or "[*]"


def table_of_budgets() -> str:
    """When each stage of the stop must be over, in seconds after its beginning, for some settings."""
    lines = [
        "| setting | an interrupted startup file | pre hooks | services | others | system logger | post hooks |",
        "|---|" + "--:|" * 6,
    ]
    for setting in ("", "KUBERNETES_SERVICE_HOST=10.0.0.1", "MY_INIT_STOP_BUDGET=60", "KILL_PROCESS_TIMEOUT=55"):
        name, _, value = setting.partition("=")
        one = budget.Budget({name.encode(): value.encode()} if name else {}, 0.0)
        times = (one.interrupted(), one.pre_hooks(0.0), one.services(0.0), one.others(0.0), one.syslog(), one.post_hooks())
        label = f"`{setting}`" if value != "10.0.0.1" else f"`{name}`"
        lines.append(f"| {label if setting else 'none'} | {' | '.join(f'{time:.3g}' for time in times)} |")
    return "\n".join(lines) + "\n"


def rules_of_lint(rules: dict[str, tuple[str, str]]) -> str:
    """A heading for each rule, for a finding to link to."""
    return "\n".join(f"### {name}\n\n{level}: {what}\n" for name, (level, what) in sorted(rules.items()))


def _name(action: Callable[..., object]) -> str:
    return f"{action.__module__.rpartition('.')[2]}.{action.__name__}"


def _first_sentence(action: Callable[..., object]) -> str:
    return (action.__doc__ or "").strip().splitlines()[0]


def _block(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


def _shell_help(path: str) -> str:
    done = subprocess.run(["sh", ROOTFS / path, "--help"], capture_output=True, text=True, check=True)
    return _block(done.stdout)


PARTS: dict[str, Callable[[], str]] = {
    "rules of dodaictl lint": lambda: rules_of_lint({name: (one.level, one.what) for name, one in lint_rules.RULES.items()}),
    "rules of dodai lint": lambda: rules_of_lint(host_lint.RULES),
    "diagram of states": diagram_of_states,
    "table of states": table_of_states,
    "table of budgets": table_of_budgets,
    "my_init --help": lambda: _block(my_init._HELP),
    "setuser --help": lambda: _block(setuser.HELP),
    "with_env --help": lambda: _block(with_env.HELP),
    "dodaictl --help": lambda: _block(dodaictl.HELP),
    "install_clean --help": lambda: _shell_help("usr/sbin/install_clean"),
    "enable_insecure_key --help": lambda: _shell_help("usr/sbin/enable_insecure_key"),
    "00_regen_ssh_host_keys.sh --help": lambda: _shell_help("etc/my_init.d/00_regen_ssh_host_keys.sh"),
}


def main(arguments: list[str]) -> int:
    """Write what is stale, or only name it."""
    stale = [page for page, text in pages().items() if not page.exists() or page.read_text(encoding="utf-8") != text]
    for page in stale:
        print(page.relative_to(ROOT))
        if "--check" not in arguments:
            page.write_text(pages()[page], encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
