"""`oms audit` and the relay's anchors, against the database; what a terminal does to staff says where from."""

import asyncio
import io
import json
import logging
import re
from datetime import datetime
from typing import Any

import pytest
from rich.console import Console

from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import database, place, settings_for, sql
from workers.cli.audit import audit
from workers.cli.staff import staff
from workers.relay import main


async def run_command(settings: Settings, command: str, **more: Any) -> tuple[int, str]:
    """What a command prints, and its code."""
    screen = io.StringIO()
    console = Console(file=screen, soft_wrap=True, width=200)
    code = await asyncio.to_thread(getattr(audit, command), configuration=settings, console=console, **more)
    return code, screen.getvalue()


async def hired(settings: Settings, name: str, role: str) -> None:
    assert await asyncio.to_thread(staff.add, name, role, settings, Console(file=io.StringIO())) == 0


async def test_the_relay_anchors_when_it_is_due_and_logs_the_hash(
    database_url: DatabaseUrls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await place(database_url)
    async with database(settings_for(database_url)) as db:
        due, later = main.anchor(db, 0.0), main.anchor(db, 3600.0)
        assert await due() is False  # nothing more waits
        await place(database_url)
        await later()
        (count,) = await sql(database_url.owner_url, "SELECT count(*) FROM audit_anchors")
        assert count == (1,)
        await due()
    lines = [record.__dict__["anchor"] for record in caplog.records if record.message == "audit log anchored"]
    rows = await sql(database_url.owner_url, "SELECT encode(hash, 'hex') FROM audit_anchors ORDER BY anchor_no")
    assert [line.split()[-1] for line in lines] == [row[0] for row in rows] and len(rows) == 2


async def test_verify_says_how_far_the_anchors_reach(database_url: DatabaseUrls) -> None:
    settings = settings_for(database_url)
    await run_command(settings, "anchor")
    await place(database_url)
    code, words = await run_command(settings, "verify")
    assert code == 0 and "The audit log is whole." in words and "younger than it: 1 entry" in words
    line = (await run_command(settings, "anchor", only_print=True))[1].strip()
    assert re.fullmatch(r"anchor \d+ \S+ entries \d+ to \d+ [0-9a-f]{64}", line)
    assert line in words
    assert (await run_command(settings, "verify", anchors=[line.split()[-1]]))[0] == 0
    assert (await run_command(settings, "verify", anchors=["f" * 64]))[0] == 1


async def test_unreachable_books_are_said(database_url: DatabaseUrls) -> None:
    unreachable = Settings(database_url="postgresql://oms_app@127.0.0.1:9/oms", db_pool_timeout_s=1)
    for command in ("verify", "anchor", "access"):
        code, words = await run_command(unreachable, command)
        assert code == 1 and "cannot be read" in words
        assert "port 9 failed: Connection refused" in words and "OMS_DATABASE_URL" in words


async def test_what_a_terminal_does_to_staff_says_where_from(database_url: DatabaseUrls) -> None:
    settings = settings_for(database_url)
    await hired(settings, "zoe", "finance")
    await asyncio.to_thread(staff.remove, "zoe", settings, Console(file=io.StringIO()))
    rows = await sql(
        database_url.owner_url, "SELECT actor, action, origin FROM audit_log WHERE reference = 'zoe' ORDER BY entry_id"
    )
    assert [row[:2] for row in rows] == [("system", "staff_added"), ("system", "staff_removed")]
    assert all(re.fullmatch(r"cli \S+@\S+", row[2]) for row in rows)


async def test_the_access_review_counts_acts_of_ninety_days(
    database_url: DatabaseUrls, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(database_url)
    await hired(settings, "amy", "support")
    order_no = await place(database_url)
    for actor, action in (("support:amy", "looked"), ("support:amy", "signed_in"), ("admin:robot", "looked")):
        await sql(
            database_url.owner_url, "INSERT INTO audit_log (actor, action, order_no) VALUES (%s, %s, %s)",
            actor, action, order_no,
        )  # fmt: skip
    code, table = await run_command(settings, "access")
    assert code == 0 and re.search(r"amy +support +active +never +1 ", table)
    assert re.search(r"robot +admin +token +never +1 ", table)
    capsys.readouterr()
    assert (await run_command(settings, "access", as_json=True))[0] == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["amy"]["role"], rows["amy"]["access"], rows["amy"]["acts"]) == ("support", "active", 1)
    await sql(database_url.owner_url, "ALTER TABLE audit_log DISABLE TRIGGER USER")
    await sql(database_url.owner_url, "UPDATE audit_log SET occurred_at = now() - interval '91 days'")
    await run_command(settings, "access", as_json=True)
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["amy"]["acts"] == 0 and datetime.fromisoformat(rows["amy"]["last_act_at"]).tzinfo
