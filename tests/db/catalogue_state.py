"""Everything of a database's schema, as rows to compare: PostgreSQL's catalogue as it stands."""

from collections.abc import Iterable

import psycopg

_RIGHTS = "ARRAY(SELECT x::text FROM aclexplode(coalesce({acl}, acldefault({kind}, {owner}))) x ORDER BY 1)"
_KIND = """CAST(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END AS "char")"""
# A constraint is read with as few brackets as its meaning allows: (a AND b) AND c is a AND b AND c.
# Names of NOT NULL constraints are left out: they are made by PostgreSQL 18 and say nothing.
_QUERIES = {
    "relation": f"""
      SELECT c.relname, c.relkind, c.relowner::regrole, c.reloptions, c.relpersistence, c.relrowsecurity,
             c.relforcerowsecurity, c.relreplident,
             {_RIGHTS.format(acl="c.relacl", kind=_KIND, owner="c.relowner")}
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace""",
    "column": """
      SELECT c.relname, a.attname, rank() OVER (PARTITION BY c.oid ORDER BY a.attnum),
             format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attcollation,
             a.attstorage, a.attcompression, a.attstattarget, pg_get_expr(d.adbin, d.adrelid), a.attacl
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0
         AND NOT a.attisdropped""",
    "constraint": """
      SELECT k.conrelid::regclass, k.conname, k.contype, pg_get_constraintdef(k.oid, true), k.convalidated,
             k.condeferrable, k.condeferred FROM pg_constraint k
       WHERE k.connamespace = 'public'::regnamespace AND k.contype <> 'n'""",
    "index": """
      SELECT i.indexrelid::regclass, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisprimary, i.indisclustered
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace""",
    "trigger": """
      SELECT t.tgrelid::regclass, t.tgname, pg_get_triggerdef(t.oid), t.tgenabled FROM pg_trigger t
       WHERE NOT t.tgisinternal""",
    "function": f"""
      SELECT p.proname, pg_get_functiondef(p.oid), p.proowner::regrole, p.proconfig, p.prosecdef, p.provolatile,
             {_RIGHTS.format(acl="p.proacl", kind="'f'", owner="p.proowner")}
        FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace""",
    "schema": "SELECT n.nspname, n.nspowner::regrole, n.nspacl FROM pg_namespace n WHERE n.nspname !~ '^(pg_|info)'",
    "sequence": """
      SELECT s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
             s.seqcycle FROM pg_sequence s""",
    "type": """
      SELECT t.typname, t.typtype, t.typowner::regrole FROM pg_type t
       WHERE t.typnamespace = 'public'::regnamespace""",
    "other": """
      SELECT 'policy', polname FROM pg_policy UNION ALL SELECT 'extension', extname FROM pg_extension
      UNION ALL SELECT 'rule', rulename FROM pg_rewrite WHERE ev_class::regclass::text !~ '^(pg_|information_schema)'
      UNION ALL SELECT 'default right', defaclacl::text FROM pg_default_acl""",
}


def state(connection: psycopg.Connection[tuple[object, ...]]) -> set[tuple[str, ...]]:
    """(kind, name, property, ...) of everything but Alembic's own table."""
    found = ((kind, *_texts(row)) for kind, query in _QUERIES.items() for row in connection.execute(query.encode()))
    return {row for row in found if not row[1].lstrip("_").startswith("alembic_version")}


def _texts(row: Iterable[object]) -> Iterable[str]:
    return (value.decode() if isinstance(value, bytes) else str(value) for value in row)
