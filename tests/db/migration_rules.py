"""What a revision may do to a database that is at work: the rules of docs/deploy.md, as far as its text shows them."""

import re
from collections.abc import Iterator

# So few rows, whatever the installation, that reading or writing all of them takes no time.
SMALL = frozenset(
    {
        *(
            "approvals",
            "audit_anchors",
            "consistency_checks",
            "document_series",
            "master_keys",
            "alert_channels",
            "alerts",
        ),
        *("order_statuses", "order_transitions", "posting_rules", "processes", "refund_transitions", "refund_statuses"),
        *("return_statuses", "return_transitions", "staff", "staff_sessions", "support_jobs", "tokens", "warehouses"),
        *("webhook_endpoints", "workflow_resets"),
    }
)
# What may run outside of a transaction: it lets others go on, and can be repeated after an interruption.
_APART = re.compile(
    r"CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS |DROP INDEX CONCURRENTLY IF EXISTS |"
    r"ALTER TABLE \w+ VALIDATE CONSTRAINT \w+$"
)
_BODY = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*")
_CONTRACT = re.compile(r"^-- contract: (\d{4}) ", re.MULTILINE)
_MADE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
_REWRITES = re.compile(r"GENERATED|DEFAULT [^,]*\b(clock_timestamp|random|gen_random_uuid|nextval|timeofday)\b")


def statements(script: str) -> list[str]:
    """Each statement on one line, without comments and without the bodies of functions."""
    bare = _BODY.sub("''", _COMMENT.sub("", script))
    return [" ".join(part.split()) for part in bare.split(";") if part.strip()]


def is_apart(script: str) -> bool:
    """Whether the file runs one statement at a time, outside of a transaction."""
    return any("CONCURRENTLY" in one or "VALIDATE CONSTRAINT" in one for one in statements(script))


def is_in_parts(script: str) -> bool:
    """True for one statement that changes or adds some rows at a time and is repeated until none is left."""
    found = statements(script)
    return len(found) == 1 and re.match(r"UPDATE .* LIMIT \d+\)|WITH .* LIMIT \d+ .*INSERT INTO", found[0]) is not None


def findings(script: str) -> list[str]:
    """Every rule that the file breaks, with the statement."""
    found = statements(script)
    if is_apart(script):
        lacks = "has company: what runs apart has a revision of its own, and each statement can be repeated"
        return [f"{one}: {lacks}" for one in found if not _APART.match(one)]
    if is_in_parts(script):
        return []
    own = {match[1] for one in found if (match := _MADE.match(one))} | SMALL
    contract = _CONTRACT.search(script) is not None
    found = [one for one in found if not _is_served_rename(one, found)]
    return [f"{one[:100]}: {wrong}" for one in found for wrong in _wrong(one, own, contract)]


def _is_served_rename(statement: str, script: list[str]) -> bool:
    """Whether the previous version still works: a view has the old name, or only a constraint is renamed."""
    if re.match(r"ALTER TABLE \w+ RENAME CONSTRAINT ", statement):
        return True
    views = {match[1] for one in script if (match := re.match(r"CREATE VIEW (\w+) ", one))}
    renamed = [match.groups() for one in script if (match := re.match(r"ALTER TABLE (\w+) RENAME TO (\w+)$", one))]
    served = {name for old, new in renamed if old in views for name in (old, new)}
    match = re.match(r"ALTER TABLE (\w+) RENAME (?:TO|COLUMN) ", statement)
    return match is not None and match[1] in served


def _wrong(statement: str, own: frozenset[str] | set[str], contract: bool) -> Iterator[str]:
    if match := re.match(r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)", statement):
        if match[1] not in own:
            yield "stops every writer while it is built: CREATE INDEX CONCURRENTLY IF NOT EXISTS, in its own revision"
    elif match := re.match(r"ALTER TABLE (?:ONLY )?(\w+) (.*)", statement):
        if match[1] not in own:
            for action in _actions(match[2]):
                yield from _altering(action, contract)
    elif match := re.match(r"(?:UPDATE|DELETE FROM) (\w+)|WITH .*?\b(?:UPDATE|DELETE FROM) (\w+)", statement):
        if (match[1] or match[2]) not in own:
            yield "locks every row until its end: in small parts by revisions.run_in_parts, or by the relay"
    elif re.match(r"DROP INDEX (?!CONCURRENTLY)", statement):
        yield "waits with everybody behind it: DROP INDEX CONCURRENTLY IF EXISTS, in its own revision"
    elif re.match(r"DROP (TABLE|VIEW|FUNCTION|TYPE)", statement):
        if not contract:
            yield _CONTRACTS
    elif re.match(r"LOCK|TRUNCATE|CLUSTER|REINDEX|VACUUM|REFRESH|DO |SET ", statement):
        yield "locks a table for long, or hides what it does"


_CONTRACTS = (
    "the version before still uses it: only when no version that may run does, with a line `-- contract: NNNN why` "
    "that names the revision since which nobody needs it"
)


def _altering(action: str, contract: bool) -> Iterator[str]:
    if re.match(r"ADD CONSTRAINT", action):
        if not re.search(r"NOT VALID$|USING INDEX", action):
            yield f"{action[:60]} reads the whole table: NOT VALID, and VALIDATE CONSTRAINT in a later revision"
    elif re.match(r"ADD (?!COLUMN)", action) and re.match(r"ADD (PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE)", action):
        yield f"{action[:60]} reads the whole table: give it a name, NOT VALID or USING INDEX"
    elif re.match(r"ADD ", action):
        yield from _adding(action)
    elif re.match(r"ALTER (COLUMN )?\w+ (SET DATA )?TYPE", action):
        yield f"{action[:60]} writes the whole table anew: add a column, fill it, and drop the old one later"
    elif re.match(r"ALTER (COLUMN )?\w+ SET NOT NULL", action):
        yield f"{action[:60]} reads the whole table: CHECK (… IS NOT NULL) NOT VALID says the same"
    elif re.match(r"DROP COLUMN|RENAME", action) and not contract:
        yield f"{action[:60]}: {_CONTRACTS}"
    elif re.match(r"DISABLE|SET (LOGGED|UNLOGGED|TABLESPACE|ACCESS)", action):
        yield f"{action[:60]}: its guards are gone for all who write meanwhile, or the table is written anew"


def _adding(action: str) -> Iterator[str]:
    if re.search(r"\b(CHECK|REFERENCES|UNIQUE|PRIMARY KEY)\b", action):
        yield f"{action[:60]} reads the whole table: ADD CONSTRAINT … NOT VALID beside the column"
    if _REWRITES.search(action):
        yield f"{action[:60]} writes the whole table anew: a constant default, or none"
    if "NOT NULL" in action and "DEFAULT" not in action:
        yield f"{action[:60]}: the version before writes rows without it: give it a default"


def _actions(text: str) -> Iterator[str]:
    """The actions of one ALTER TABLE, which commas outside of brackets part."""
    depth, begin = 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            yield text[begin:at].strip()
            begin = at + 1
    yield text[begin:].strip()
