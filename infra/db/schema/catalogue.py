"""What a database holds, read from PostgreSQL's own catalogue."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from domain.json_types import JsonObject

Session = psycopg.Connection[DictRow]
# Alembic keeps its own table; it is no part of the product's schema.
FOREIGN_TABLES = ("alembic_version",)

_TABLES = """
SELECT c.oid, c.relname AS name, coalesce(c.reloptions, '{}') AS options
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""
_VIEWS = """
SELECT c.relname AS name, pg_get_viewdef(c.oid) AS definition, coalesce(c.reloptions, '{}') AS options
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v' ORDER BY c.relname
"""
_COLUMNS = """
SELECT a.attrelid AS owner, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
       a.attidentity AS identity, a.attgenerated AS generated, pg_get_expr(d.adbin, d.adrelid, true) AS value
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY (%s) ORDER BY a.attrelid, a.attnum
"""
_CONSTRAINTS = """
SELECT k.conrelid AS owner, k.conname AS name, k.contype AS kind, pg_get_constraintdef(k.oid, true) AS definition,
       k.convalidated AS valid, k.confrelid::regclass::text AS target,
       ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place) AS columns
  FROM pg_constraint k WHERE k.conrelid = ANY (%s) AND k.contype IN ('p', 'u', 'c', 'f', 'x')
 ORDER BY k.conrelid, array_position('{p,u,x,f,c}', k.contype::text), k.conkey[1], k.conname
"""
_INDEXES = """
SELECT i.indrelid AS owner, c.relname AS name, pg_get_indexdef(i.indexrelid, 0, true) AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = ANY (%s) AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
   AND k.contype IN ('p', 'u', 'x')) ORDER BY i.indrelid, c.relname
"""
_TRIGGERS = """
SELECT t.tgrelid AS owner, t.tgname AS name, t.tgfoid AS function, pg_get_triggerdef(t.oid, true) AS definition
  FROM pg_trigger t WHERE t.tgrelid = ANY (%s) AND NOT t.tgisinternal ORDER BY t.tgrelid, t.tgname
"""
_SEQUENCES = """
SELECT a.attrelid AS owner, d.objid::regclass::text AS name, a.attname AS column
  FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a' AND d.objid IN (SELECT seqrelid FROM pg_sequence)
   AND d.refobjid = ANY (%s) ORDER BY 2
"""
_FUNCTIONS = """
SELECT p.oid, p.proname AS name, oidvectortypes(p.proargtypes) AS arguments,
       pg_get_functiondef(p.oid) AS definition
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY p.proname
"""
# What a function, an index or a constraint needs before it can be made: functions, and tables whose row type it names.
_NEEDS = """
SELECT DISTINCT CASE d.classid WHEN 'pg_proc'::regclass THEN (SELECT proname FROM pg_proc WHERE oid = d.objid)
           WHEN 'pg_constraint'::regclass THEN (SELECT conrelid::regclass::text FROM pg_constraint WHERE oid = d.objid)
           WHEN 'pg_attrdef'::regclass THEN (SELECT adrelid::regclass::text FROM pg_attrdef WHERE oid = d.objid)
           WHEN 'pg_class'::regclass THEN (SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = d.objid)
       END AS who,
       CASE d.refclassid WHEN 'pg_proc'::regclass THEN (SELECT proname FROM pg_proc WHERE oid = d.refobjid)
           ELSE (SELECT c.relname FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE t.oid = d.refobjid)
       END AS what
  FROM pg_depend d
 WHERE (d.refclassid = 'pg_proc'::regclass
        AND EXISTS (SELECT FROM pg_proc WHERE oid = d.refobjid AND pronamespace = 'public'::regnamespace)
        OR d.refclassid = 'pg_type'::regclass AND d.classid = 'pg_proc'::regclass)
   AND d.classid <> 'pg_trigger'::regclass ORDER BY 1, 2
"""
_ROWS = sql.SQL("SELECT * FROM {} AS t ORDER BY t")
# A right counts where somebody else than the owner has it, or where the owner took it from everybody.
_GRANTS = """
WITH held AS (
  SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.relname AS name, c.relowner AS owner,
         c.relacl AS acl, NULL AS column_name
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S', 'v')
  UNION ALL
  SELECT 'TABLE', c.relname, c.relowner, a.attacl, a.attname
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND a.attacl IS NOT NULL
  UNION ALL
  SELECT 'FUNCTION', p.proname, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), NULL
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace)
SELECT h.kind, h.name, h.column_name, x.privilege_type AS privilege,
       CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END AS grantee
  FROM held h CROSS JOIN LATERAL aclexplode(h.acl) x WHERE x.grantee <> h.owner ORDER BY 1, 2, 5, 4, 3
"""


@dataclass(frozen=True)
class Table:
    """One table; its parts are rows of the queries above."""

    name: str
    options: Sequence[str]
    columns: Sequence[JsonObject]
    constraints: Sequence[JsonObject]
    indexes: Sequence[JsonObject]
    triggers: Sequence[JsonObject]
    sequences: Sequence[JsonObject]
    rows: Sequence[JsonObject]


@dataclass(frozen=True)
class View:
    """One view."""

    name: str
    definition: str
    options: Sequence[str]


@dataclass(frozen=True)
class Function:
    """One function; its name is unique."""

    name: str
    arguments: str
    definition: str


@dataclass(frozen=True)
class Catalogue:
    """Everything of the schema `public`."""

    tables: Mapping[str, Table]
    views: Mapping[str, View]
    functions: Mapping[str, Function]
    needs: Mapping[str, frozenset[str]]
    grants: Sequence[JsonObject]


def read(url: str, filled_later: Collection[str] = ()) -> Catalogue:
    """The catalogue of a migrated database, with the rows that the migrations wrote.

    `filled_later` are tables whose rows came afterwards and are left out.
    """
    with psycopg.connect(url, row_factory=dict_row) as session:
        session.execute("SET search_path = public")
        functions = session.execute(_FUNCTIONS).fetchall()
        needs = defaultdict[str, set[str]](set)
        for row in session.execute(_NEEDS):
            needs[row["who"]].add(row["what"])
        return Catalogue(
            tables=_tables(session, {row["oid"]: row["name"] for row in functions}, filled_later),
            views={row["name"]: View(**row) for row in session.execute(_VIEWS)},
            functions={row["name"]: Function(row["name"], row["arguments"], row["definition"]) for row in functions},
            needs={who: frozenset(what) for who, what in needs.items()},
            grants=session.execute(_GRANTS).fetchall(),
        )


def _tables(session: Session, functions: Mapping[int, str], filled_later: Collection[str]) -> dict[str, Table]:
    found = [row for row in session.execute(_TABLES) if row["name"] not in FOREIGN_TABLES]
    oids = [row["oid"] for row in found]
    queries = (_COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _SEQUENCES)
    columns, constraints, indexes, triggers, sequences = (
        _by_owner(session.execute(query, (oids,))) for query in queries
    )
    for row in (row for rows in triggers.values() for row in rows):
        row["function"] = functions[row["function"]]
    return {
        row["name"]: Table(
            row["name"],
            row["options"],
            columns[row["oid"]],
            constraints[row["oid"]],
            indexes[row["oid"]],
            triggers[row["oid"]],
            sequences[row["oid"]],
            [] if row["name"] in filled_later else _rows(session, row["name"]),
        )
        for row in found
    }


def _rows(session: Session, table: str) -> list[DictRow]:
    return session.execute(_ROWS.format(sql.Identifier(table))).fetchall()


def _by_owner(rows: Iterable[DictRow]) -> defaultdict[int, list[DictRow]]:
    grouped = defaultdict[int, list[DictRow]](list)
    for row in rows:
        grouped[row["owner"]].append(row)
    return grouped
