"""PostgreSQL's own spelling of expressions, made shorter; a test makes a database of the result and compares."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

WIDTH = 120
_STRING = r"'(?:[^']|'')*'"
_SHORTER: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"({_STRING})::(?:text|character varying|bpchar)(?!\[)"), r"\1"),
    (re.compile(r"(?<![(\w])\((\w+(?: ->> '\w+')?)\) (= ANY|<> ALL)"), r"\1 \2"),
    (re.compile(r" = ANY \(ARRAY\[([^\[\]]*)\]\)"), r" IN (\1)"),
    (re.compile(r" <> ALL \(ARRAY\[([^\[\]]*)\]\)"), r" NOT IN (\1)"),
    (re.compile(r"\(- (\w+)\)"), r"-\1"),
    (re.compile(r"\bpublic\."), ""),
    (re.compile(r" !~~ "), " NOT LIKE "),
    (re.compile(r" ~~ "), " LIKE "),
    (re.compile(r"\b(new|old)\."), lambda found: found[0].upper()),
    (re.compile(r"(REFERENCES \w+)\("), r"\1 ("),
    (re.compile(r" USING btree "), " "),
)
_TYPES = {
    "timestamp with time zone": "timestamptz",
    "character(": "char(",
    "character varying": "varchar",
    "double precision": "float8",
}
# A word with the strings that it holds and the spaces before it: a line may break there.
_WORD = re.compile(rf"(\s*)((?:{_STRING}|[^\s'])+)")
_BREAKS_BEFORE = ("AND", "OR", "WHERE", "WHEN", "FOREIGN", "REFERENCES", "ON", "FROM", "TO", "||")
_BETWEEN = re.compile(r"^CHECK \(([\w()]+) >= (-?\w+) AND ([\w()]+) <= (-?\w+)\)$")


def shorter(expression: str) -> str:
    """The same expression, with less around it."""
    for pattern, instead in _SHORTER:
        expression = pattern.sub(instead, expression)
    found = _BETWEEN.match(expression)
    return f"CHECK ({found[1]} BETWEEN {found[2]} AND {found[4]})" if found and found[1] == found[3] else expression


def type_name(name: str) -> str:
    """A type as people write it."""
    for long, short in _TYPES.items():
        name = name.replace(long, short)
    return name


def wrapped(statement: str, indent: str = "  ") -> str:
    """Lines of at most WIDTH characters, if no word is longer; those that follow are indented."""
    return "\n".join(part for line in statement.split("\n") for part in _lines(line, indent))


def filled(head: str, parts: Iterable[str]) -> str:
    """A list whose parts stay whole."""
    lines = [head]
    for part in parts:
        if len(lines[-1]) + len(part) + 1 > WIDTH:
            lines.append(" ")
        lines[-1] += " " + part
    return "\n".join(lines)


def commented(text: str, indent: str = "") -> str:
    """A comment of as many lines as it needs."""
    lines, current = [], f"{indent}--"
    for word in text.split():
        if len(current) + len(word) + 1 > WIDTH:
            lines.append(current)
            current = f"{indent}--"
        current += " " + word
    return "\n".join([*lines, current])


def _lines(line: str, indent: str) -> Iterator[str]:
    words = _WORD.findall(line.rstrip())
    start = line[: len(line) - len(line.lstrip())]
    while len(text := "".join(space + word for space, word in words)) > WIDTH and len(words) > 1:
        at = _break(words)
        yield "".join(space + word for space, word in words[:at])
        words = [(start + indent, words[at][1]), *words[at + 1 :]]
    yield text


def _break(words: Sequence[tuple[str, str]]) -> int:
    """How many words stay on this line: up to an AND or a comma in its second half, else as many as there is room."""
    ends, end = [], 0
    for space, word in words:
        end += len(space + word)
        ends.append(end)
    most = max(1, sum(end <= WIDTH for end in ends))
    good = [
        at
        for at in range(1, min(most, len(words) - 1) + 1)
        if ends[at - 1] > WIDTH / 2 and (words[at][1] in _BREAKS_BEFORE or words[at - 1][1].endswith(","))
    ]
    return good[-1] if good else most
