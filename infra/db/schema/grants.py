"""Who may do what: a statement for each table and right, one for all functions."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from domain.json_types import JsonObject
from infra.db.schema.catalogue import Catalogue
from infra.db.schema.expressions import wrapped
from infra.db.schema.functions import signature


def statements(catalogue: Catalogue, names: Collection[str]) -> list[str]:
    """The rights on tables and functions of these names."""
    rows = [row for row in catalogue.grants if row["name"] in names]
    return [*_on_tables([row for row in rows if row["kind"] != "FUNCTION"]), *_on_functions(catalogue, names, rows)]


def _on_tables(rows: Sequence[JsonObject]) -> Iterator[str]:
    columns = defaultdict[tuple[str, str, str], list[str]](list)
    whole = defaultdict[tuple[str, str], list[str]](list)
    for row in rows:
        if row["column_name"] is None:
            whole[row["privilege"], row["grantee"]].append(row["name"])
        else:
            columns[row["name"], row["privilege"], row["grantee"]].append(row["column_name"])
    for (privilege, grantee), named in sorted(whole.items(), reverse=True):
        yield wrapped(f"GRANT {privilege} ON {', '.join(named)} TO {grantee};")
    for (name, privilege, grantee), named in columns.items():
        yield wrapped(f"GRANT {privilege} ({', '.join(sorted(named))}) ON {name} TO {grantee};")


def _on_functions(catalogue: Catalogue, names: Collection[str], rows: Sequence[JsonObject]) -> Iterator[str]:
    signatures = {name: signature(catalogue.functions[name]) for name in sorted(names) if name in catalogue.functions}
    granted = defaultdict[str, set[str]](set)
    for row in (row for row in rows if row["kind"] == "FUNCTION"):
        granted[row["grantee"]].add(row["name"])
    closed = [text for name, text in signatures.items() if name not in granted["PUBLIC"]]
    if closed:
        yield wrapped(f"REVOKE EXECUTE ON FUNCTION {', '.join(closed)} FROM PUBLIC;")
    for grantee in sorted(granted.keys() - {"PUBLIC"}):
        named = [text for name, text in signatures.items() if name in granted[grantee]]
        yield wrapped(f"GRANT EXECUTE ON FUNCTION {', '.join(named)} TO {grantee};")
