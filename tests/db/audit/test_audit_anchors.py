"""Anchors: who rewrites a chain with its head is found, whoever commits late is not lost, and nothing forks."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from rich.console import Console

from infra.db.audit import audit_anchors
from infra.db.audit.audit_anchors import Anchor
from infra.db.audit.chains import Fault, content_of
from infra.db.engine import Database
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.db.conftest import Tampering
from tests.factories.raw_writes import DirectDatabase
from workers.cli.audit import audit
from workers.cli.audit.audit import faults_of

WRITE = "INSERT INTO audit_log (actor, action, order_no) VALUES (%s, 'test', %s) RETURNING entry_id"
Log = Callable[[], Awaitable[Database]]


@pytest.fixture
async def database(database_url: DatabaseUrls) -> AsyncIterator[Database]:
    """The services' own way in."""
    opened = Database.from_settings(settings_for(database_url))
    yield opened
    await opened.close()


async def anchored(database: Database, most: int = audit_anchors.AT_ONCE, every_s: float = 0) -> Anchor | None:
    async with database.begin() as conn:
        return await audit_anchors.make(conn, every_s, most)


async def rest(database: Database) -> None:
    """Anchors until there is nothing left."""
    while await anchored(database):
        pass


async def written(db: DirectDatabase, order_no: str, times: int = 3, actor: str = "system") -> list[int]:
    """Entries of an order, as they come."""
    return [await db.one(WRITE, actor, order_no) for _ in range(times)]


async def found(urls: DatabaseUrls) -> list[Fault]:
    return await faults_of(settings_for(urls))


async def test_an_anchor_covers_what_is_new_and_nothing_twice(db: DirectDatabase, database: Database) -> None:
    await rest(database)
    mine = await written(db, "O-1")
    first = await anchored(database)
    assert first is not None and (first.count, first.entries) == (3, f"{{[{mine[0]},{mine[-1] + 1})}}")
    assert await anchored(database) is None
    more = await written(db, "O-1", 5)
    small = [await anchored(database, most=2) for _ in range(4)]
    assert [one and one.count for one in small] == [2, 2, 1, None]
    assert [one and one.number for one in small[:3]] == [first.number + n for n in (1, 2, 3)]
    assert small[2] is not None and small[2].entries == f"{{[{more[-1]},{more[-1] + 1})}}"
    assert await found(db.urls) == []


async def test_an_anchor_is_due_after_its_interval_only_unless_more_waits(
    db: DirectDatabase, database: Database
) -> None:
    await rest(database)
    await written(db, "O-2", 1)
    await rest(database)
    await written(db, "O-2", 5)
    assert await anchored(database, most=4, every_s=3600) is None
    assert await anchored(database, most=4) is not None
    assert await anchored(database, most=4, every_s=3600) is not None  # the one before was full
    assert await anchored(database) is None


# ── what the database's owner could do ──────────────────────────────────────────────────────────────────────


async def rows_of(hand: Tampering, order_no: str) -> list[Any]:
    cursor = hand.cursor(row_factory=namedtuple_row)
    await cursor.execute(
        "SELECT *, (extract(epoch FROM occurred_at) * 1000000)::bigint AS at_us FROM audit_log WHERE order_no = %s "
        "ORDER BY order_count",
        (order_no,),
    )
    return await cursor.fetchall()


async def rehashed(hand: Tampering, order_no: str) -> None:
    """Make the order's chain whole again over whatever its entries say now, its head included."""
    head = b""
    for row in await rows_of(hand, order_no):
        head = hashlib.sha256(head + content_of(row)).digest()
        await hand.execute("UPDATE audit_log SET order_hash = %s WHERE entry_id = %s", (head, row.entry_id))
    await hand.execute("UPDATE audit_chains SET head = %s WHERE kind = 'order' AND key = %s", (head, order_no))


async def rewrite(hand: Tampering, order_no: str) -> None:
    await hand.execute("UPDATE audit_log SET after = 'lies' WHERE order_no = %s AND order_count = 1", (order_no,))
    await rehashed(hand, order_no)


async def delete(hand: Tampering, order_no: str) -> None:
    await hand.execute("DELETE FROM audit_log WHERE order_no = %s", (order_no,))
    await hand.execute("DELETE FROM audit_chains WHERE kind = 'order' AND key = %s", (order_no,))


async def cut(hand: Tampering, order_no: str) -> None:
    await hand.execute("DELETE FROM audit_log WHERE order_no = %s AND order_count = 3", (order_no,))
    await hand.execute("UPDATE audit_chains SET count = 2 WHERE kind = 'order' AND key = %s", (order_no,))
    await rehashed(hand, order_no)


async def reorder(hand: Tampering, order_no: str) -> None:
    """The first two entries change places, times and numbers included."""
    one, two = (await rows_of(hand, order_no))[:2]
    swap = "UPDATE audit_log SET entry_id = %s, order_count = %s, occurred_at = %s WHERE entry_id = %s"
    await hand.execute(swap, (-1, -1, one.occurred_at, two.entry_id))
    await hand.execute(swap, (two.entry_id, 2, two.occurred_at, one.entry_id))
    await hand.execute(swap, (one.entry_id, 1, one.occurred_at, -1))
    await hand.execute("UPDATE audit_log SET action = 'second' WHERE entry_id = %s", (two.entry_id,))
    await rehashed(hand, order_no)


async def insert(hand: Tampering, order_no: str) -> None:
    """An entry in a number that was rolled back, at the end of its chain."""
    cursor = await hand.execute(
        "SELECT max(n) FROM generate_series(1, (SELECT max(entry_id) FROM audit_log)) n "
        "WHERE NOT EXISTS (SELECT FROM audit_log WHERE entry_id = n)"
    )
    row = await cursor.fetchone()
    assert row is not None and row[0] is not None
    await hand.execute(
        "INSERT INTO audit_log (entry_id, actor, action, order_no, order_count, order_hash) VALUES (%s, 'system', 'x', "
        "%s, 4, '')",
        (row[0], order_no),
    )
    await hand.execute("UPDATE audit_chains SET count = 4 WHERE kind = 'order' AND key = %s", (order_no,))
    await rehashed(hand, order_no)


ATTACKS = {
    "rewritten": (rewrite, "rewritten with their chains"),
    "deleted": (delete, "3 entries of"),
    "cut off": (cut, "1 entry of"),
    "reordered": (reorder, "rewritten with their chains, or reordered"),
    "inserted": (insert, "added afterwards"),
}


@pytest.mark.parametrize("case", ATTACKS)
async def test_whoever_rewrites_a_chain_with_its_head_is_found(
    db: DirectDatabase, database: Database, tampering: Tampering, case: str
) -> None:
    order_no = f"O-{case}"
    async with await psycopg.AsyncConnection.connect(db.urls.owner_url) as lost:
        await lost.execute("INSERT INTO audit_log (actor, action, order_no) VALUES ('system', 'x', %s)", (order_no,))
        await lost.rollback()
    mine = await written(db, order_no)
    await rest(database)
    await written(db, "O-other")
    await rest(database)
    last = await anchored(database)
    assert last is None and await found(db.urls) == []
    attack, text = ATTACKS[case]
    await attack(tampering, order_no)
    faults = await found(db.urls)
    # The chains themselves are whole: nothing but the anchor shows it, and says where.
    assert [fault.kind for fault in faults] == ["anchor"], faults
    assert text in faults[0].what
    number = await db.one("SELECT anchor_no FROM audit_anchors WHERE %s::bigint <@ entries", mine[0])
    assert faults[0].number == number or case == "inserted"
    assert faults[0].words.startswith("anchor ")
    assert str(mine[0]) in faults[0].what or case == "inserted"


async def test_an_anchor_of_the_future_is_no_reason_to_wait(
    db: DirectDatabase, database: Database, tampering: Tampering
) -> None:
    """A clock that was set back leaves one; nothing would be anchored until that day."""
    await written(db, "O-8")
    await rest(database)
    await written(db, "O-8")
    assert await anchored(database, every_s=3600) is None
    await tampering.execute(
        "UPDATE audit_anchors SET made_at = now() + interval '1 day' "
        "WHERE anchor_no = (SELECT max(anchor_no) FROM audit_anchors)"
    )
    assert await anchored(database, every_s=3600) is not None
    await written(db, "O-8")
    assert await anchored(database, every_s=3600) is None


ANCHORS = {
    "changed": ("UPDATE audit_anchors SET count = count + 1 WHERE anchor_no = %(n)s", "changed"),
    "another digest": ("UPDATE audit_anchors SET digest = '' WHERE anchor_no = %(n)s", "changed"),
    "removed": ("DELETE FROM audit_anchors WHERE anchor_no = %(n)s", "removed"),
    "cut off": ("DELETE FROM audit_anchors WHERE anchor_no >= %(n)s", "cut off: missing 2 anchors"),
    "beheaded": ("DELETE FROM audit_chains WHERE kind = 'anchor'", "head was removed"),
    "another head": ("UPDATE audit_chains SET head = '' WHERE kind = 'anchor'", "head is another"),
}


@pytest.mark.parametrize("case", ANCHORS)
async def test_a_touched_anchor_is_named(
    db: DirectDatabase, database: Database, tampering: Tampering, case: str
) -> None:
    await written(db, "O-3")
    await rest(database)
    for _ in range(2):
        await written(db, "O-3")
        await rest(database)
    number = await db.one("SELECT max(anchor_no) - 1 FROM audit_anchors")
    statement, text = ANCHORS[case]
    await tampering.execute(statement.encode(), {"n": number})
    faults = await found(db.urls)
    assert any(fault.kind == "anchor" and text in fault.what for fault in faults), faults
    if case not in ("beheaded", "another head"):
        assert number in {fault.number for fault in faults}


async def test_an_anchor_that_was_kept_elsewhere_must_be_in_the_chain(
    db: DirectDatabase, database: Database, tampering: Tampering
) -> None:
    """Whoever rewrites everything, anchors included, cannot rewrite what is not there."""
    await written(db, "O-4")
    await rest(database)
    async with database.begin() as conn:
        stored = await audit_anchors.newest(conn)
    assert stored is not None

    async def reported(*hashes: str) -> tuple[int, str]:
        screen = io.StringIO()
        console = Console(file=screen, soft_wrap=True)
        code = await asyncio.to_thread(audit.verify, hashes, settings_for(db.urls), console)
        return code, screen.getvalue()

    assert (await reported(stored.hash))[0] == 0
    assert (await reported(stored.hash.upper()))[0] == 0
    assert (await reported("0" * 64)) == (1, await not_there("0" * 64))
    assert "64 hexadecimal digits" in (await reported("rubbish"))[1]
    await tampering.execute("TRUNCATE audit_anchors")
    await tampering.execute("DELETE FROM audit_chains WHERE kind = 'anchor'")
    await tampering.execute("UPDATE audit_log SET after = 'lies' WHERE order_no = 'O-4' AND order_count = 1")
    await rehashed(tampering, "O-4")
    await rest(database)
    assert (await reported())[0] == 0  # whole in itself
    code, words = await reported(stored.hash)
    assert (code, "is not in the chain" in words) == (1, True)


async def not_there(hash_hex: str) -> str:
    what = f"anchor {hash_hex} is not in the chain: anchors were removed or rewritten since it was written down"
    return f"{what}\nThe audit log is not whole: 1 fault.\n"


async def test_the_commands_make_and_print(db: DirectDatabase, database: Database) -> None:
    await rest(database)
    await written(db, "O-5")

    async def line(*, only_print: bool) -> str:
        screen = io.StringIO()
        console = Console(file=screen, soft_wrap=True)
        configuration = settings_for(db.urls)
        code = await asyncio.to_thread(
            audit.anchor, only_print=only_print, configuration=configuration, console=console
        )
        assert code == 0
        return screen.getvalue()

    before = await line(only_print=True)
    made = await line(only_print=False)
    assert before != made == await line(only_print=True)
    assert (
        made.split()[-1] == (await db.rows("SELECT encode(hash, 'hex') FROM audit_anchors ORDER BY anchor_no"))[-1][0]
    )


# ── late, and at once ───────────────────────────────────────────────────────────────────────────────────────


async def test_who_commits_late_with_a_lower_number_is_not_lost(db: DirectDatabase, database: Database) -> None:
    await rest(database)
    late = await psycopg.AsyncConnection.connect(db.urls.owner_url)
    lost = await psycopg.AsyncConnection.connect(db.urls.owner_url)
    async with late, lost:
        await late.execute("INSERT INTO audit_log (actor, action, order_no) VALUES ('system', 'late', 'O-late')")
        await lost.execute("INSERT INTO audit_log (actor, action, order_no) VALUES ('system', 'lost', 'O-lost')")
        covered = []
        for _ in range(3):  # whatever number of anchors is made meanwhile
            covered += await written(db, "O-quick", 1)
            await rest(database)
        await lost.rollback()
        await late.commit()
        entry = await db.one("SELECT entry_id FROM audit_log WHERE action = 'late'")
        assert entry < covered[0]
        assert await found(db.urls) == []
        made = await anchored(database)
        assert made is not None and made.entries == f"{{[{entry},{entry + 1})}}"
    assert await db.one("SELECT count(*) FROM audit_anchors WHERE %s::bigint <@ entries", entry) == 1
    # The number that was rolled back is waited for until everybody who could have drawn it is gone, and not longer.
    await written(db, "O-quick", 1)
    await rest(database)
    assert await db.one("SELECT outstanding::text FROM audit_anchors ORDER BY anchor_no DESC LIMIT 1") == "{}"
    assert await found(db.urls) == []


async def test_a_younger_transaction_with_a_lower_number_is_not_lost(db: DirectDatabase, database: Database) -> None:
    """Who began first need not draw first: the one still at work may be younger than everybody who has committed."""
    await rest(database)
    old = await psycopg.AsyncConnection.connect(db.urls.owner_url)
    young = await psycopg.AsyncConnection.connect(db.urls.owner_url)
    async with old, young:
        await old.execute("SELECT pg_current_xact_id()")
        await young.execute("INSERT INTO audit_log (actor, action, order_no) VALUES ('system', 'young', 'O-young')")
        await old.execute("INSERT INTO audit_log (actor, action, order_no) VALUES ('system', 'old', 'O-old')")
        await old.commit()
        assert await anchored(database) is not None
        await written(db, "O-quick", 1)
        assert await anchored(database) is not None
        await young.commit()
        assert await found(db.urls) == []
        made = await anchored(database)
        assert made is not None and made.count == 1


async def test_an_anchor_is_a_transaction_of_its_own(db: DirectDatabase, database: Database) -> None:
    await written(db, "O-9")
    async with db.app.transaction():
        await db.app.execute("SELECT pg_current_xact_id()")
        assert await db.refused("SELECT make_audit_anchor(1, 0)") == "25000"


async def test_two_makers_at_once_make_no_fork(db: DirectDatabase, database: Database) -> None:
    await rest(database)
    begun = await db.one("SELECT max(anchor_no) FROM audit_anchors")
    await written(db, "O-6", 24)
    made = [one for one in await asyncio.gather(*(anchored(database, most=3) for _ in range(8))) if one]
    assert sorted(one.number for one in made) == [begun + n for n in range(1, 9)]
    assert sum(one.count for one in made) == 24
    assert await anchored(database) is None
    assert await found(db.urls) == []


async def test_orders_do_not_wait_for_an_anchor(db: DirectDatabase, database: Database) -> None:
    await written(db, "O-7")
    async with database.begin() as conn:
        assert await audit_anchors.make(conn) is not None
        await db.rows("SET lock_timeout = '2s'")
        await written(db, "O-7")
        await db.rows("RESET lock_timeout")


async def test_an_anchor_reads_what_is_new_and_not_the_log(db: DirectDatabase, database: Database) -> None:
    many = (
        "INSERT INTO audit_log (actor, action, order_no) "
        "SELECT 'system', 'test', 'M-' || n FROM generate_series(1, %s) n"
    )
    await db.rows(many, 20_000)
    await db.rows("ANALYZE audit_log")
    await rest(database)
    await db.rows(many, 10)
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'audit_log'"
    async with db.app.transaction():
        before = await (await db.app.execute(read)).fetchall()
        await db.app.execute("SELECT make_audit_anchor(10000, 0)")
        after = await (await db.app.execute(read)).fetchall()
    assert after[0][0] - before[0][0] < 100


async def test_the_services_make_anchors_by_their_function_alone(db: DirectDatabase, database: Database) -> None:
    await written(db, "O-8")
    await rest(database)
    statement = "INSERT INTO audit_anchors SELECT anchor_no + 1, made_at, entries, count, digest, upto, outstanding, "
    assert await db.refused(statement + "outstanding_until, hash FROM audit_anchors LIMIT 1") == "42501"
    for change in ("UPDATE audit_anchors SET count = 1", "DELETE FROM audit_anchors", "TRUNCATE audit_anchors"):
        assert await db.refused(change) == "42501"
        assert await db.refused(change, by_owner=True) == "OM003"


async def test_entries_of_before_that_are_in_no_chain_are_held_by_their_contents(
    db: DirectDatabase, database: Database, tampering: Tampering
) -> None:
    """Before anchors, what the system did to no order was in no chain."""
    await tampering.execute(
        "INSERT INTO audit_log (entry_id, actor, action) VALUES (nextval('audit_entries'), 'system', 'staff_added')"
    )
    await rest(database)
    assert await found(db.urls) == []
    await tampering.execute("UPDATE audit_log SET after = 'admin' WHERE action = 'staff_added' AND actor_count IS NULL")
    assert [fault.kind for fault in await found(db.urls)] == ["anchor"]
