"""`oms doctor` on the roles of the database."""

import psycopg

from tests.api.conftest import settings_for
from tests.conftest import Books
from workers import doctor


async def test_functions_of_a_superuser_are_a_finding(database_url: Books) -> None:
    settings = settings_for(database_url)
    assert (await doctor._database(settings)).right
    async with await psycopg.AsyncConnection.connect(database_url.owner_url, autocommit=True) as connection:
        await connection.execute("ALTER FUNCTION audit_event() OWNER TO postgres")
    found = await doctor._database(settings)
    assert not found.right and "functions run as postgres, a superuser" in found.detail
