"""`oms doctor` on the roles of the database and the key to what is sealed there."""

import base64

import psycopg
from pydantic import SecretStr

from infra import doctor
from tests.conftest import Books
from tests.workers.support import place, settings_for


async def test_functions_of_a_superuser_are_a_finding(database_url: Books) -> None:
    settings = settings_for(database_url)
    assert (await doctor._database(settings)).ok
    async with await psycopg.AsyncConnection.connect(database_url.owner_url, autocommit=True) as connection:
        await connection.execute("ALTER FUNCTION audit_event() OWNER TO postgres")
    found = await doctor._database(settings)
    assert not found.ok and "functions run as postgres, a superuser" in found.detail


async def test_a_master_key_that_is_not_that_of_the_books_is_wrong(database_url: Books) -> None:
    """It has the right form and everything starts; no name can be read, and none would ever be told."""
    await place(database_url)
    settings = settings_for(database_url)
    assert (await doctor._master_key(settings)).ok
    other = SecretStr(base64.b64encode(b"o" * 32).decode())
    lost = settings.model_copy(update={"master_key": other})
    found = await doctor._master_key(lost)
    assert not found.ok and "OMS_MASTER_KEY" in found.detail and found.detail.startswith("opens 0 of")
    changed = lost.model_copy(update={"previous_master_keys": (settings.master_key,)})
    assert (await doctor._master_key(changed)).ok
