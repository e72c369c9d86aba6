"""Statements of tests share connections, and nothing of one is seen by the next."""

import asyncio

from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import sql

PID = "SELECT pg_backend_pid()"
ENDED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def test_a_connection_is_kept_for_the_next_statement_and_given_up_when_it_ended(
    database_url: DatabaseUrls,
) -> None:
    url = database_url.owner_url
    ((first,),) = await sql(url, PID)
    assert await sql(url, PID) == [(first,)]
    both = await asyncio.gather(*(sql(url, f"{PID}, pg_sleep(0.01)") for _ in range(2)))
    assert len({pid for ((pid, _),) in both}) == 2, "one each while both run"
    await sql(url, f"SET ROLE NONE; {ENDED}")
    ((later,),) = await sql(url, PID)
    assert later not in {pid for ((pid, _),) in both}


async def test_what_a_statement_sets_ends_with_it(database_url: DatabaseUrls) -> None:
    asked = "SELECT current_setting('lock_timeout')"
    before = await sql(database_url.owner_url, asked)
    await sql(database_url.owner_url, "SELECT set_config('lock_timeout', '77s', false)")
    await sql(database_url.owner_url, "SET lock_timeout = '78s'")
    assert await sql(database_url.owner_url, asked) == before
