"""Processes of the previous version read and write with the old names, and have the same rights."""

import secrets

import pytest

from tests.db.previous_names import FUNCTIONS, VIEWS
from tests.factories.raw_writes import DirectDatabase

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_has_all_columns_of_its_table_and_their_rights(db: DirectDatabase, view: str) -> None:
    table, renamed = VIEWS[view]
    kind = "SELECT relkind::text, reloptions::text FROM pg_class WHERE oid = %s::regclass"
    assert await db.rows(kind, view) == [("v", "{security_invoker=true}")]
    columns = "SELECT attname, {rights} FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
    rights = ", ".join(f"has_column_privilege('oms_app', attrelid, attnum, '{right}')" for right in RIGHTS[:3])
    of_view, of_table = [await db.rows(columns.format(rights=rights), name) for name in (view, table)]
    assert [(renamed.get(name, name), *held) for name, *held in of_view] == [tuple(row) for row in of_table]
    whole = "SELECT p FROM unnest(%s::text[]) p WHERE has_table_privilege('oms_app', '{}', p)"
    assert await db.rows(whole.format(view), list(RIGHTS)) == await db.rows(whole.format(table), list(RIGHTS))


@pytest.mark.parametrize("view", VIEWS)
async def test_rows_of_a_view_are_locked_and_skipped_as_those_of_its_table(db: DirectDatabase, view: str) -> None:
    """As the owner: the services lock few of these rows."""
    assert await db.one("SELECT pg_relation_is_updatable(%s::regclass, false)", view) == 28  # all of them
    await db.owner.execute(f"SELECT FROM {view} FOR UPDATE SKIP LOCKED".encode())


async def test_a_cause_is_noted_once_under_the_old_name(db: DirectDatabase) -> None:
    """With an arbiter that is an index over some of the rows."""
    cause = secrets.token_hex(8)
    note = (
        "INSERT INTO notices AS n (cause, kind, facts, count, most) VALUES (%s, 'stuck', '{}', %s, %s) "
        "ON CONFLICT (cause) WHERE over_at IS NULL DO UPDATE SET count = excluded.count, "
        "most = greatest(n.most, excluded.count) RETURNING notice_id"
    )
    first, second = [(await (await db.app.execute(note.encode(), (cause, n, n))).fetchall()) for n in (2, 1)]
    assert first == second
    assert await db.rows("SELECT alert_id, count, most FROM alerts WHERE cause = %s", cause) == [(first[0][0], 1, 2)]
    await db.app.execute(b"DELETE FROM notices WHERE cause = %s", (cause,))
    assert await db.rows("SELECT FROM alerts WHERE cause = %s", cause) == []


async def test_a_check_is_claimed_under_the_old_names(db: DirectDatabase) -> None:
    code = secrets.token_hex(8)
    for _ in range(2):
        await db.app.execute(b"INSERT INTO book_checks (question) VALUES (%s) ON CONFLICT DO NOTHING", (code,))
    claim = (
        "UPDATE book_checks SET begun_at = now(), unanswered = unanswered + 1 WHERE question = "
        "(SELECT question FROM book_checks WHERE question = %s LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING question"
    )
    assert await (await db.app.execute(claim.encode(), (code,))).fetchall() == [(code,)]
    assert await db.rows("SELECT timeouts, violations FROM consistency_checks WHERE code = %s", code) == [(1, 0)]


async def test_requests_for_codes_are_counted_under_the_old_name(db: DirectDatabase) -> None:
    count = (
        "INSERT INTO portal_asks AS a (asked_by, asks) VALUES (%s, 1) ON CONFLICT (asked_by) DO UPDATE "
        "SET asks = a.asks + 1 WHERE a.asks < 2 RETURNING asks"
    )
    key = secrets.token_bytes(32)
    counted = [await (await db.app.execute(count.encode(), (key,))).fetchall() for _ in range(3)]
    assert counted == [[(1,)], [(2,)], []]


async def test_guards_see_what_is_written_through_a_view(db: DirectDatabase) -> None:
    order_no = await db.order()
    action = (
        "INSERT INTO order_acts (act_id, order_no, action, detail, actor, reason_enc) "
        "VALUES (%s, %s, 'prioritise', 'urgent', 'support:amy', '')"
    )
    await db.app.execute(action.encode(), (f"act_{order_no}", order_no))
    written = "SELECT action FROM audit_log WHERE order_no = %s AND reference = %s"
    assert await db.rows(written, order_no, f"act_{order_no}") == [("order_prioritise",)]
    assert await db.refused("DELETE FROM order_acts", by_owner=True) == "OM003"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("moved_minor('none', 'book', 'retry', 5)", 0),
        ("head_start_s(CAST(2 AS smallint))", None),
        ("start_head_s(CAST(2 AS smallint))", 86400),
        ("is_awaiting_supplement('none')", False),
        ("(SELECT count(*) FROM supplements_without_invoice('none'))", 0),
        ("hear_fact_again(-1, 'support:amy')", False),
        ("set_fact_aside(-1, 'support:amy')", False),
    ],
)
async def test_a_function_answers_under_the_old_name(db: DirectDatabase, call: str, answer: object) -> None:
    old = next(name for name in FUNCTIONS if f"{name}(" in call)
    now = call.replace(f"{old}(", f"{FUNCTIONS[old]}(")
    rows = await (await db.app.execute(f"SELECT {call}, {now}".encode())).fetchall()
    assert rows[0][0] == rows[0][1]
    assert answer is None or rows[0][0] == answer
