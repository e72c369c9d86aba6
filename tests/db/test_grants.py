"""What the services' own role cannot do, whatever their code tries."""

import psycopg
import pytest

from tests.db import granted
from tests.db.statements import statements
from tests.factories.raw_writes import DirectDatabase

LEDGERS = ["order_events", "stock_movements", "payment_ledger", "store_credit_entries"]
DENIED = "42501"
UNKNOWN_TYPES = "42883"  # of a statement whose parameters tell their types only with their values
# Everything that the role has no business changing directly: (table, a change that would be a lie).
FORBIDDEN_UPDATES = [
    ("orders", "status = 'completed'"),
    ("orders", "event_seq = 9"),
    ("orders", "total_minor = 0"),
    ("orders", "items_minor = 0"),
    ("orders", "customer_id = 'other'"),
    ("orders", "placed_by = 'other'"),
    ("orders", "created_at = now()"),
    ("order_lines", "quantity = 1"),
    ("order_lines", "cancelled_quantity = 0"),
    ("order_changes", "actor = 'other'"),
    ("change_payments", "amount_minor = 9"),
    ("order_change_lines", "quantity_delta = 1"),
    ("order_events", "actor = 'other'"),
    ("stock_levels", "on_hand = 9"),
    ("stock_levels", "reserved = 0"),
    ("stock_movements", "quantity = 1"),
    ("payment_ledger", "amount_minor = 1"),
    ("payment_totals", "refunded_minor = 0"),
    ("payment_totals", "promised_minor = 0"),
    ("order_lines", "refunded_minor = 0"),
    ("orders", "discount_minor = 0"),
    ("refunds", "amount_minor = 1"),
    ("refunds", "approval_id = NULL"),
    ("refunds", "order_no = 'other'"),
    ("refund_lines", "amount_minor = 1"),
    ("refund_allocations", "amount_minor = 1"),
    ("refund_transitions", "to_status = 'succeeded'"),
    ("refund_statuses", "status = 'other'"),
    ("order_transitions", "to_status = 'completed'"),
    ("order_statuses", "status = 'other'"),
    ("posting_rules", "debit = 'other'"),
    ("shipment_labels", "format = 'other'"),
    ("shipment_scans", "status = 'other'"),
    ("resolutions", "actor = 'other'"),
    ("activity_actions", "actor = 'other'"),
    ("holds", "put_on_by = 'other'"),
    ("holds", "until = now()"),
    ("orders", "hold = NULL"),
    ("orders", "warehouse = 'other'"),
    ("staff_actions", "actor = 'other'"),
    ("approvals", "asked_by = 'other'"),
    ("approvals", "amount_minor = 0"),
    ("alert_channels", "created_by = 'other'"),
    ("alert_channels", "kind = 'email'"),
    ("alerts", "since = now()"),
    ("alert_deliveries", "phase = 'over'"),
    ("workflow_resets", "actor = 'other'"),
    ("processes", "started_at = now()"),
    ("tokens", "expires_at = now()"),
    ("tokens", "role = 'admin'"),
    ("consistency_checks", "code = 'other'"),
    ("documents", "total_minor = 1"),
    ("document_series", "last_number = 1"),
    ("document_totals", "credited_minor = 0"),
    ("feedback", "rating = 5"),
    ("feedback", "given_by = 'other'"),
    ("order_drafts", "owner = 'other'"),
    ("order_notes", "author = 'other'"),
    ("order_note_versions", "text_enc = ''"),
    ("order_note_mentions", "name = 'other'"),
    ("order_tags", "tag = 'other'"),
    ("order_assignees", "order_no = 'other'"),
    ("messages", "fact = 'other'"),
    ("messages", "order_no = 'other'"),
    ("messages", "channel = 'sms'"),
    ("messages", "created_at = now()"),
    ("portal_codes", "expires_at = now()"),
    ("portal_codes", "code_hash = NULL"),
    ("portal_sessions", "contacts = '{}'"),
    ("portal_sessions", "expires_at = now()"),
    ("returns", "resolution = 'exchange'"),
    ("returns", "requested_by = 'other'"),
    ("return_lines", "quantity = 1"),
    ("return_inspections", "quantity = 1"),
    ("return_labels", "format = 'other'"),
    ("return_transitions", "to_status = 'completed'"),
    ("return_statuses", "counted = false"),
    ("order_lines", "returned_quantity = 0"),
    ("stock_levels", "quarantined = 0"),
    ("store_credits", "balance_minor = 9"),
    ("store_credits", "held_minor = 9"),
    ("store_credit_entries", "amount_minor = 9"),
    ("replaced_parcel_lines", "quantity = 9"),
    ("exchanges", "order_no = 'other'"),
    ("exchange_lines", "quantity = 9"),
    ("exchange_refund_links", "return_id = 'other'"),
    ("guarantees", "amount_minor = 9"),
    ("orders", "exchange_of = 'other'"),
    ("audit_log", "actor = 'other'"),
    ("customers", "customer_id = 'other'"),
    ("staff", "role = 'admin'"),
    ("staff", "name = 'other'"),
    ("staff_sessions", "name = 'other'"),
    ("staff_sessions", "expires_at = now()"),
    ("payments", "amount_minor = 9"),
    ("payments", "currency = 'EUR'"),
    ("payments", "order_no = 'other'"),
    ("payments", "kind = 'capture'"),
    ("allocations", "order_no = 'other'"),
    ("allocations", "sku = 'other'"),
    ("reservations", "order_no = 'other'"),
    ("reservations", "fulfilment_no = 9"),
    ("inbox", "fact = '{}'"),
    ("inbox", "order_no = 'other'"),
    ("shipments", "order_no = 'other'"),
    ("payment_requests", "token = 'other'"),
    ("parked_steps", "amount_minor = 9"),
    ("products", "currency = 'EUR'"),
    ("products", "version = 9"),
    ("warehouses", "code = 'other'"),
    ("stored_files", "owner_id = NULL"),
    ("webhook_endpoints", "url = 'other'"),
    ("workflow_requests", "subject = 'other'"),
    ("support_jobs", "actor = 'other'"),
    ("idempotency_keys", "request_hash = ''"),
    ("audit_chains", "count = 1"),
    ("audit_anchors", "count = 1"),
]
INSERTS = {
    "payment_ledger": "(payment_id, order_no, debit_account, credit_account, amount_minor, currency) "
    "VALUES (1, 'O', 'a', 'b', 1, 'CNY')",
    "payment_totals": "VALUES (1, 1, 0)",
    "store_credits": "VALUES ('c', 'CNY', 1, 0)",
    "audit_chains": "VALUES ('order', 'O', 1, '')",
    "audit_log": "(actor, action) VALUES ('system', 'x')",
    "audit_anchors": "SELECT * FROM audit_anchors",
    "document_series": "VALUES ('INV', 2026, 1)",
    "document_totals": "VALUES ('O', 'CNY', 1, 0, 0, 0)",
    "outbox": "(order_no, seq) VALUES ('O', 1)",
    "order_transitions": "VALUES ('received', 'wish', 'completed')",
    "posting_rules": "VALUES ('wish', 'a', 'b')",
    "return_transitions": "VALUES ('requested', 'wish', 'completed')",
    "return_statuses": "VALUES ('wish', false, true)",
    "refund_transitions": "VALUES ('refused', 'approved')",
    "refund_statuses": "VALUES ('wish')",
    "order_lines": "(order_no, line_no, sku, name, quantity, unit_price_minor, refunded_minor) "
    "VALUES ('O', 1, 'TEA', 'x', 1, 1, -1)",
}


async def tables(db: DirectDatabase) -> list[str]:
    return [row[0] for row in await db.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


@pytest.mark.parametrize(("table", "change"), FORBIDDEN_UPDATES)
async def test_the_services_cannot_change_what_is_not_theirs(db: DirectDatabase, table: str, change: str) -> None:
    assert await db.refused(f"UPDATE {table} SET {change}") == DENIED


@pytest.mark.parametrize("table", INSERTS)
async def test_the_services_cannot_write_what_triggers_write(db: DirectDatabase, table: str) -> None:
    assert await db.refused(f"INSERT INTO {table} {INSERTS[table]}") == DENIED


async def test_the_services_delete_queues_only_and_truncate_nothing(db: DirectDatabase) -> None:
    for table in await tables(db):
        assert await db.refused(f"TRUNCATE {table}") in (DENIED, "42P01"), table
        if table not in granted.DELETES:
            assert await db.refused(f"DELETE FROM {table}") == DENIED, table


@pytest.mark.parametrize("table", LEDGERS)
async def test_a_ledger_refuses_change_to_everyone(db: DirectDatabase, table: str) -> None:
    order_no = await db.order()
    capture = await db.paid_in(order_no)
    assert capture
    await db.rows(
        "INSERT INTO store_credit_entries (idempotency_key, kind, customer_id, currency, amount_minor, balance_delta, "
        "held_delta, order_no) VALUES (%s, 'granted', %s, 'CNY', 1, 1, 0, %s)", order_no, order_no, order_no
    )  # fmt: skip
    for statement in (f"UPDATE {table} SET order_no = 'X'", f"DELETE FROM {table}"):
        assert await db.refused(statement, by_owner=True) == "OM003"
        assert await db.refused(statement) == DENIED


async def test_every_grant_on_an_append_only_table_is_to_insert_or_read(db: DirectDatabase) -> None:
    """Also what the role would have through a role it is a member of, or through PUBLIC."""
    rows = await db.rows(
        "SELECT t, p FROM unnest(%s::text[]) t, unnest(%s::text[]) p WHERE has_table_privilege('oms_app', t, p) "
        "OR (p IN ('UPDATE', 'REFERENCES') AND has_any_column_privilege('oms_app', t, p))",
        [
            *LEDGERS,
            "audit_log",
            "audit_chains",
            "audit_anchors",
            "payment_totals",
            "documents",
            "document_series",
            "document_totals",
            "invoice_totals",
            "credit_note_parts",
            "resolutions",
            "order_lines",
            "order_transitions",
            "posting_rules",
            "refund_lines",
            "refund_allocations",
            "refund_transitions",
        ],
        ["UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"],
    )
    assert rows == []


def columns(listed: dict[str, str]) -> set[tuple[str, str]]:
    return {(table, column) for table, names in listed.items() for column in names.split()}


@pytest.mark.parametrize(("right", "listed"), [("INSERT", granted.INSERTS), ("UPDATE", granted.UPDATES)])
async def test_every_column_that_the_services_write_is_listed(
    db: DirectDatabase, right: str, listed: dict[str, str]
) -> None:
    """Whoever adds a table or a right adds it to the list; no table is granted as a whole."""
    found = await db.rows(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 "
        "AND NOT attisdropped WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') "
        "AND has_column_privilege('oms_app', c.oid, a.attnum, %s)",
        right,
    )
    assert set(found) == columns(listed)
    whole = await db.rows(
        "SELECT relname FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace "
        "AND privilege_type = %s AND grantee <> relowner",
        right,
    )
    assert whole == []


async def test_every_other_right_of_the_services_is_listed(db: DirectDatabase) -> None:
    found = await db.rows(
        "SELECT c.relname, p FROM pg_class c, "
        "unnest(ARRAY['DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) p "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') "
        "AND has_table_privilege('oms_app', c.oid, p)"
    )
    assert set(found) == {(table, "DELETE") for table in granted.DELETES}
    sequences = "SELECT relname FROM pg_sequences s JOIN pg_class c ON c.relname = s.sequencename WHERE " + " OR ".join(
        f"has_sequence_privilege('oms_app', c.oid, '{right}')" for right in ("USAGE", "SELECT", "UPDATE")
    )
    assert await db.rows(sequences) == []
    callable_ones = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND has_function_privilege('oms_app', oid, 'EXECUTE')"
    )
    assert {row[0] for row in await db.rows(callable_ones)} == granted.EXECUTES


async def test_the_services_may_do_what_their_statements_do(db: DirectDatabase) -> None:
    """PostgreSQL looks at the rights of every statement that stands in a module, without running it."""
    wanting = {}
    found = statements()
    for statement, where in found.items():
        if statement.lstrip().startswith("SET "):
            continue
        try:
            await db.app.execute(f"EXPLAIN (GENERIC_PLAN) {statement}".encode())
        except psycopg.Error as error:
            if error.sqlstate != UNKNOWN_TYPES:
                wanting[where] = f"{error.sqlstate} {error}"
    assert len(found) > 300
    assert wanting == {}


async def test_the_role_is_a_member_of_nothing_and_owns_nothing(db: DirectDatabase) -> None:
    role = await db.rows(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication "
        "FROM pg_roles WHERE rolname = 'oms_app'"
    )
    assert role == [(False,) * 5]
    member = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'oms_app'"
    assert await db.one(member) == 0
    owned = "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'oms_app'"
    assert await db.one(owned) == 0


async def test_no_functions_powers_can_be_borrowed(db: DirectDatabase) -> None:
    """A trigger of one's own, on a table of one's own, would run a guard with its owner's rights."""
    callable_ones = await db.rows(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype "
        "AND has_function_privilege('oms_app', oid, 'EXECUTE')"
    )
    assert callable_ones == []
    assert await db.refused("CREATE TEMPORARY TABLE mine (x int)") == DENIED


async def test_every_function_resolves_names_in_its_own_path(db: DirectDatabase) -> None:
    """Whoever adds a function writes `SET search_path = pg_catalog, public, pg_temp`, or a body parsed when it is made.

    Without pg_temp at the end a caller's temporary table is found before the database's own.
    """
    loose = await db.rows(
        "SELECT p.oid::regprocedure::text, proconfig FROM pg_proc p JOIN pg_language l ON l.oid = prolang "
        "WHERE pronamespace = 'public'::regnamespace AND (prosecdef OR prosqlbody IS NULL) "
        "AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, public, pg_temp']"
    )
    assert loose == []
