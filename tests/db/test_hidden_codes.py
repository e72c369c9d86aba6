"""No meaning is hidden in a number or in the text of a key: what the product needs to know of a row is in a column."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("activities", "api", "domain", "infra", "workers", "workflows")
# They write the numbers that the version before reads, and go with the next release.
FOR_OLDER_PROCESSES = ("write_both_attempt_forms", "supplement_attempt")
_CUTS = r"split_part|substr(?:ing)?|left|right|strpos|position|starts_with|string_to_array|regexp_\w+"
HIDDEN = {
    "a key is cut": re.compile(rf"\b(?:{_CUTS})\(\s*(?:CAST\(\s*)?(?:\w+\.)?idempotency_key\b", re.IGNORECASE),
    "a key is matched": re.compile(
        r"\bidempotency_key(?:::text)?\s+(?:NOT\s+)?(?:I?LIKE\b|SIMILAR\b|!?~)", re.IGNORECASE
    ),
    "a key is cut in Python": re.compile(
        r"\b(?:idempotency_key|\w*\.key)\.(?:r?split|r?partition|remove\w+|startswith|endswith|find|index)\("
        r"|\bidempotency_key\["
    ),
    "an attempt is negative": re.compile(
        r"\battempt\b(?:\s*:\s*int)?\s*(?:=|==|!=|<>|<=?|>=?|IN)\s*\(?\s*-\s*\d|\bATTEMPT\b\s*=\s*-\d", re.IGNORECASE
    ),
    "an attempt is computed": re.compile(r"\bsupplement_attempt\("),
}  # fmt: skip


# One row with one column, read by the driver alone; and the catalogue of the statement that places an order, an array.
BY_POSITION = {"infra/db/system/master_keys.py", "infra/db/orders/placing/placement.py"}
POSITION = re.compile(r"\w\(\*row\)|\brow\[\d\]")


def found(text: str) -> list[str]:
    """What the text hides, each with its place."""
    return [
        f"{what}: {match[0]}" for what, pattern in HIDDEN.items() for match in pattern.finditer(text)
    ]  # fmt: skip


def current_sql() -> Iterator[tuple[str, str]]:
    """The schema as it is now, without what is there for older processes and without rights."""
    for path in sorted((ROOT / "infra" / "db" / "schema").glob("*.sql")):
        text = path.read_text(encoding="utf-8").partition("\n-- Rights\n")[0]
        yield (
            path.name,
            re.sub(rf"CREATE FUNCTION ({'|'.join(FOR_OLDER_PROCESSES)})\(.*?\n\n", "", text, flags=re.DOTALL),
        )


def python() -> Iterator[tuple[str, str]]:
    """The product's own code; what older revisions do is not changed."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "versions" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("sources", [current_sql, python], ids=["SQL", "Python"])
def test_keys_are_not_parsed_and_attempts_carry_no_meaning(sources: type[Iterator[tuple[str, str]]]) -> None:
    read = dict(sources())
    assert len(read) > 20
    assert {name: hidden for name, text in read.items() if (hidden := found(text))} == {}


def test_rows_are_read_by_name() -> None:
    read = {name: POSITION.findall(text) for name, text in python() if "/db/" in name}
    assert {name for name, places in read.items() if places} == BY_POSITION


def test_what_serves_older_processes_is_still_there() -> None:
    """An exception goes with its function."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "db" / "schema").glob("*.sql"))
    assert [name for name in FOR_OLDER_PROCESSES if f"CREATE FUNCTION {name}(" not in text] == []


@pytest.mark.parametrize(
    "text",
    [
        "g.return_id = split_part(p.idempotency_key, '/', 3)",
        "p.idempotency_key LIKE o.order_no || '/%'",
        "substring(idempotency_key FROM 1)",
        "row.idempotency_key.split('/')[2]",
        "due.key.partition('/')",
        "p.attempt = -2",
        "attempt < -1000",
        "intent.attempt == -1",
        "ATTEMPT = -3",
        "attempt: int = -1",
        "p.attempt = supplement_attempt(u.supplement_no)",
    ],
)
def test_what_hides_a_meaning_is_found(text: str) -> None:
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "WHERE p.idempotency_key = :key",
        "o.order_no || '/refund/' || x.refund_id AS idempotency_key",
        "CASE WHEN attempt > 0 THEN attempt END",
        "a.attempt < b.attempt",
    ],
)
def test_what_says_its_meaning_is_left_alone(text: str) -> None:
    assert found(text) == []
