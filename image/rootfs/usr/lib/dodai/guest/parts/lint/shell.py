"""A script of sh as a list of simple commands: enough to see how a run file ends, no more.

Quotes, comments, continued lines, substitutions and here-documents are understood as the Shell
Command Language of POSIX has them; nothing is expanded.
"""

_OPERATORS = ("&&", "||", ";;", ";", "&", "|", "\n", "(", ")")
_REDIRECTIONS = (">>", ">|", ">&", "<&", "<>", "<<-", "<<", ">", "<")
SHELLS = frozenset((b"sh", b"bash", b"dash", b"ash", b"ksh", b"busybox"))


class Command:
    """Words with their quotes gone, where its output goes (path of > or >>, "" for nowhere else), its line, what ends it."""

    __slots__ = ("end", "line", "output", "words")

    def __init__(self, line: int) -> None:
        self.words: list[str] = []
        self.output = ""
        self.line = line
        self.end = "\n"

    @property
    def plain(self) -> list[str]:
        """The words without assignments before the program."""
        words = list(self.words)
        while words and "=" in words[0] and words[0].split("=", 1)[0].isidentifier():
            words.pop(0)
        return words


def is_shell(text: bytes) -> bool:
    """Whether the first line names a shell."""
    if not text.startswith(b"#!"):
        return False
    words = text[2:].split(b"\n", 1)[0].split()
    names = [word.rpartition(b"/")[2] for word in words[:2]]
    return bool(names) and (names[0] in SHELLS or (names[0] == b"env" and names[-1] in SHELLS))


def commands(text: bytes) -> list[Command]:
    """The simple commands of a script, in its order."""
    return _Reader(text.decode("utf-8", "replace")).read()


class _Reader:
    __slots__ = ("_at", "_documents", "_found", "_line", "_now", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._found: list[Command] = []
        self._now = Command(1)
        self._documents: list[str] = []

    def read(self) -> list[Command]:
        while self._at < len(self._text):
            rest = self._text[self._at : self._at + 3]
            if rest[0] in " \t\r":
                self._at += 1
            elif rest.startswith("\\\n"):
                self._at += 2
                self._line += 1
            elif rest[0] == "#":
                self._at = self._end_of_line()
            elif (operator := _first(rest, _REDIRECTIONS)) is not None:
                self._redirect(operator)
            elif (operator := _first(rest, _OPERATORS)) is not None:
                self._finish(operator)
            else:
                self._word()
        self._finish("\n")
        return self._found

    def _finish(self, operator: str) -> None:
        if self._now.words or self._now.output:
            self._now.end = operator
            self._found.append(self._now)
        self._at += len(operator)
        if operator == "\n":
            self._line += 1
            self._skip_documents()
        self._now = Command(self._line)

    def _word(self) -> None:
        word = self._take()
        if word.isdigit() and self._text[self._at : self._at + 1] in ("<", ">"):
            self._redirect(_first(self._text[self._at : self._at + 3], _REDIRECTIONS) or ">", word)
        else:
            self._now.words.append(word)

    def _redirect(self, operator: str, descriptor: str = "") -> None:
        self._at += len(operator)
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1
        target = self._take()
        if operator in ("<<", "<<-"):
            self._documents.append(target)
        elif operator in (">", ">>", ">|") and descriptor in ("", "1"):
            self._now.output = target

    def _take(self) -> str:
        """One word from here on, without its quotes; $(…) and `…` as they stand."""
        parts = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in " \t\r\n;&|<>()":
                break
            if character == "\\":
                parts.append(self._text[self._at + 1 : self._at + 2].replace("\n", ""))
                self._skip(2)
            elif character in "'\"`":
                end = self._matching(character)
                inner = self._text[self._at + 1 : end]
                parts.append(inner if character != "`" else f"`{inner}`")
                self._skip(end + 1 - self._at)
            elif self._text.startswith(("$(", "${"), self._at):
                end = self._closing()
                parts.append(self._text[self._at : end])
                self._skip(end - self._at)
            else:
                parts.append(character)
                self._at += 1
        return "".join(parts)

    def _matching(self, quote: str) -> int:
        at = self._at + 1
        while at < len(self._text) and self._text[at] != quote:
            at += 2 if self._text[at] == "\\" and quote != "'" else 1
        return min(at, len(self._text))

    def _closing(self) -> int:
        opening, closing = self._text[self._at + 1], {"(": ")", "{": "}"}[self._text[self._at + 1]]
        depth, at = 0, self._at + 1
        while at < len(self._text):
            depth += {opening: 1, closing: -1}.get(self._text[at], 0)
            at += 1
            if not depth:
                break
        return at

    def _skip(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _end_of_line(self) -> int:
        end = self._text.find("\n", self._at)
        return end if end >= 0 else len(self._text)

    def _skip_documents(self) -> None:
        for word in self._documents:
            while self._at < len(self._text):
                end = self._end_of_line()
                line = self._text[self._at : end].strip("\t\r")
                self._skip(end + 1 - self._at)
                if line == word:
                    break
        self._documents = []


def _first(rest: str, choices: tuple[str, ...]) -> str | None:
    for choice in choices:
        if rest.startswith(choice):
            return choice
    return None
