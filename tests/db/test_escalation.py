"""Ways in which the services' role could try to become more than it is; each is refused, or does nothing."""

import psycopg
import pytest

from tests.factories.raw_writes import DirectDatabase

DENIED, UNKNOWN = "42501", ("42883", "42704")

# Making objects that a guard could mistake for the database's own, or that others would run.
SHADOWS = [
    "CREATE TEMPORARY TABLE audit_log (actor text, action text)",
    "CREATE TEMPORARY TABLE orders AS SELECT * FROM orders",
    "CREATE TEMPORARY VIEW staff AS SELECT * FROM staff",
    "CREATE TEMPORARY SEQUENCE audit_entries",
    "SELECT * INTO TEMPORARY audit_log FROM audit_log",
    "CREATE TABLE pg_temp.audit_log (actor text)",
    "CREATE FUNCTION pg_temp.current_actor() RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    "CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    "CREATE TYPE pg_temp.text AS (x int)",
    "CREATE DOMAIN pg_temp.bigint AS integer",
    "CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE AGGREGATE pg_temp.sum(bigint) (SFUNC = int8pl, STYPE = bigint)",
    "CREATE TABLE public.mine (x int)",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE FUNCTION public.current_actor(integer) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    "CREATE TYPE public.mine AS ENUM ('x')",
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT",
    "CREATE SCHEMA mine",
    "CREATE SCHEMA pg_mine",
    "CREATE EXTENSION pg_trgm",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION forbid_change()",
    "CREATE RULE mine AS ON INSERT TO audit_log DO INSTEAD NOTHING",
    "CREATE POLICY mine ON audit_log USING (false)",
    "CREATE INDEX mine ON orders (order_no)",
    "CREATE STATISTICS mine ON order_no, channel FROM orders",
]
# Taking guards away, or going past them.
GUARDS = [
    "ALTER TABLE orders DISABLE TRIGGER order_status_guard",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY",
    "DROP TRIGGER stock_movements_append_only ON stock_movements",
    "CREATE TRIGGER mine BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION forbid_change()",
    "ALTER TABLE stock_levels DROP CONSTRAINT stock_not_oversold",
    "ALTER TABLE orders OWNER TO oms_app",
    "ALTER FUNCTION audit_event() OWNER TO oms_app",
    "ALTER FUNCTION audit_event() RESET ALL",
    "ALTER FUNCTION audit_event() SET search_path = pg_temp",
    "ALTER FUNCTION audit_event() SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION guard_stock_level() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP FUNCTION audit_event() CASCADE",
    "TRUNCATE audit_log",
    "TRUNCATE orders CASCADE",
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER ROLE oms_app SET session_replication_role = replica",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "ALTER SYSTEM SET session_replication_role = replica",
    "DO $$ BEGIN LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE; END $$",
    "SELECT setval('audit_entries', 1)",
    "SELECT nextval('audit_entries')",
    "INSERT INTO order_events (order_no, type, actor) VALUES ('O', 'x', 'y') "
    "ON CONFLICT (order_no, seq) DO UPDATE SET actor = 'z'",
    "MERGE INTO payment_ledger l USING (VALUES (1)) v (x) ON l.entry_id = v.x "
    "WHEN MATCHED THEN UPDATE SET amount_minor = 1",
    "COPY audit_log (actor, action) FROM STDIN",
    "INSERT INTO audit_log (actor, action) VALUES ('admin:root', 'approved')",
]
# Becoming somebody else.
ROLES = [
    "SET ROLE oms_owner",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION oms_owner",
    "GRANT oms_owner TO oms_app",
    "GRANT pg_write_server_files TO oms_app",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE oms_app SUPERUSER",
    "ALTER ROLE oms_app CREATEROLE",
    "ALTER ROLE oms_owner LOGIN PASSWORD 'x'",
    "ALTER ROLE postgres PASSWORD 'x'",
    "ALTER DEFAULT PRIVILEGES FOR ROLE oms_owner GRANT ALL ON TABLES TO oms_app",
    "REASSIGN OWNED BY oms_owner TO oms_app",
    "ALTER DATABASE {database} OWNER TO oms_app",
    "CREATE DATABASE mine",
    "CREATE USER MAPPING FOR oms_owner SERVER mine",
]
# The machine below the database.
MACHINE = [
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/mine')",
    "LOAD '/tmp/mine.so'",
    "CREATE FUNCTION mine() RETURNS void LANGUAGE c AS '/tmp/mine.so'",
    "CREATE LANGUAGE mine HANDLER plpgsql_call_handler",
    "CREATE FOREIGN DATA WRAPPER mine",
    "CREATE TABLESPACE mine LOCATION '/tmp'",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_terminate_backend({owner})",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT pg_logical_emit_message(true, 'x', 'y'), pg_create_logical_replication_slot('mine', 'pgoutput')",
    "CHECKPOINT",
]


@pytest.mark.parametrize("statement", [*SHADOWS, *GUARDS, *ROLES, *MACHINE])
async def test_the_services_cannot_become_more(db: DirectDatabase, statement: str) -> None:
    owner = db.owner.info.backend_pid
    text = statement.replace("{database}", db.owner.info.dbname).replace("{owner}", str(owner))
    assert await db.refused(text) in (DENIED, *UNKNOWN)
    assert await db.one("SELECT rolsuper FROM pg_roles WHERE rolname = 'oms_app'") is False


async def test_the_services_give_themselves_nothing(db: DirectDatabase) -> None:
    """PostgreSQL answers with a warning only."""
    rights = "SELECT relname, relacl::text FROM pg_class WHERE relname IN ('orders', 'audit_log')"
    before = await db.rows(rights)
    await db.app.execute("GRANT ALL ON orders TO oms_app WITH GRANT OPTION")
    await db.app.execute("GRANT DELETE ON audit_log TO PUBLIC")
    assert await db.rows(rights) == before


async def test_a_table_in_the_audit_logs_place_is_not_written_to(db: DirectDatabase) -> None:
    """Also where an administrator lets the services make temporary tables: the guards' own paths hold."""
    database = db.owner.info.dbname
    await db.rows(f"GRANT TEMPORARY ON DATABASE {database} TO oms_app")
    try:
        await db.app.execute("CREATE TEMPORARY TABLE audit_log (LIKE public.audit_log)")
        await db.app.execute("CREATE TEMPORARY TABLE order_transitions AS TABLE public.order_transitions")
        await db.app.execute("INSERT INTO order_transitions VALUES ('received', 'wish', 'completed')")
        await db.app.execute("CREATE FUNCTION pg_temp.current_actor() RETURNS text LANGUAGE sql AS $$SELECT 'eve'$$")
        await db.app.execute("SET search_path = pg_temp, public")
        order_no = await db.order()
        assert await db.one("SELECT count(*) FROM public.audit_log WHERE order_no = %s", order_no) == 1
        assert (await (await db.app.execute("SELECT count(*) FROM audit_log")).fetchone()) == (0,)
        request = (
            "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, 'wish', 'received', "
        )
        assert await db.refused(request + "'completed', 'x')", order_no) == "OM002"
    finally:
        await db.app.execute("RESET search_path; DROP TABLE IF EXISTS pg_temp.audit_log, pg_temp.order_transitions")
        await db.app.execute("DROP FUNCTION IF EXISTS pg_temp.current_actor()")
        await db.rows(f"REVOKE TEMPORARY ON DATABASE {database} FROM oms_app")


CRAFTED = "x'; ALTER ROLE oms_app SUPERUSER; --"


async def test_what_is_said_to_a_function_is_data(db: DirectDatabase) -> None:
    """No function builds a statement from what it is given."""
    building = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ~* '\\mEXECUTE\\M'"
    assert await db.rows(building) == []
    order_no = await db.order()
    await db.app.execute("SELECT note_cancel_asked(%s, %s, %s)", (CRAFTED, order_no, CRAFTED))
    await db.app.execute("SELECT lock_store_credit(%s, %s), is_paying(%s)", (CRAFTED, CRAFTED, CRAFTED))
    await db.app.execute(
        "SELECT set_config('oms.actor', %s, false), set_config('oms.origin', %s, false)", (CRAFTED,) * 2
    )
    try:
        await db.app.execute(
            "INSERT INTO products (sku, name, price_minor, currency) VALUES (%s, %s, 1, 'CNY')",
            (order_no, CRAFTED),
        )
        text = "SELECT actor, after::jsonb ->> 'name' FROM audit_log WHERE reference = %s"
        assert await db.rows(text, order_no) == [(CRAFTED, CRAFTED)]
    finally:
        await db.app.execute("RESET oms.actor; RESET oms.origin")
    assert await db.one("SELECT rolsuper FROM pg_roles WHERE rolname = 'oms_app'") is False


async def test_functions_run_as_a_role_that_is_no_superuser(db: DirectDatabase) -> None:
    strong = await db.rows(
        "SELECT proname FROM pg_proc p JOIN pg_roles r ON r.oid = proowner "
        "WHERE pronamespace = 'public'::regnamespace AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication)"
        "UNION ALL SELECT relname FROM pg_class c JOIN pg_roles r ON r.oid = relowner "
        "WHERE relnamespace = 'public'::regnamespace AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication)"
    )
    assert strong == []


async def test_a_customers_key_is_kept(db: DirectDatabase) -> None:
    """Without it nothing of the customer can be read again: to take it is the owner's, for erasure."""
    order_no = await db.order()
    change = "UPDATE customers SET data_key = %s WHERE customer_id = %s"
    await db.app.execute(change, (b"first", order_no))
    for key in (None, b"other"):
        assert await db.refused(change, key, order_no) == "OM003"
    await db.app.execute(change, (b"first", order_no))
    await db.rows(change, None, order_no)


async def test_a_fact_that_was_dealt_with_does_not_come_in_again(db: DirectDatabase) -> None:
    order_no = await db.order()
    fact = "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, '{}')"
    await db.app.execute(fact, (order_no, order_no))
    await db.app.execute("UPDATE inbox SET processed_at = now(), outcome = 'x' WHERE order_no = %s", (order_no,))
    assert await db.refused("UPDATE inbox SET processed_at = NULL WHERE order_no = %s", order_no) == "OM003"
    assert await db.refused("DELETE FROM inbox WHERE order_no = %s", order_no) == DENIED


STAFF = "INSERT INTO staff (name, role, password_hash, data_key, totp_enc) VALUES (%s, 'support', 'pw', 'k', 't')"
CHANGES = [
    ("password_hash = 'secret-hash'", "staff_reset", '{"password_hash": "hidden"}'),
    ("totp_enc = 'secret-seed', totp_step = 0", "staff_reset", '{"totp_enc": "hidden"}'),
    ("data_key = 'secret-key'", "staff_reset", '{"data_key": "hidden"}'),
    ("totp_step = 7", "staff_code_used", '{"totp_step": 7}'),
    ("totp_step = 3", "staff_changed", '{"totp_step": 3}'),
    ("active = false", "staff_removed", '{"active": false}'),
    ("active = true", "staff_changed", '{"active": true}'),
]


async def test_every_change_of_staff_is_audited_without_its_secrets(db: DirectDatabase) -> None:
    name = "eve"
    await db.app.execute(STAFF, (name,))
    for change, _, _ in CHANGES:
        await db.app.execute(f"UPDATE staff SET {change} WHERE name = %s".encode(), (name,))
    await db.rows("UPDATE staff SET role = 'admin' WHERE name = %s", name)
    even_last = "DELETE FROM staff USING set_config('oms.even_last_admin', 'on', true) WHERE name = %s"
    await db.rows(even_last, name)
    found = await db.rows("SELECT action, before, after FROM audit_log WHERE reference = %s ORDER BY entry_id", name)
    assert [(row[0], row[2]) for row in found[1:-2]] == [(action, after) for _, action, after in CHANGES]
    assert found[0][0] == "staff_added" and '"role": "support"' in str(found[0][2])
    assert found[-2] == ("staff_changed", '{"role": "support"}', '{"role": "admin"}')
    assert found[-1][0] == "staff_deleted" and found[-1][2] is None
    assert "secret" not in str(found) and "pw" not in str(found) and "\\x" not in str(found)
    with pytest.raises(psycopg.Error):
        await db.rows("TRUNCATE staff CASCADE")
