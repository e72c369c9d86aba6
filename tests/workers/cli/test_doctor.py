"""`oms doctor` on the roles of the database and the key to what is sealed there."""

import base64
import os
import subprocess
import sys

import psycopg
import pytest
from pydantic import SecretStr

from infra.db.system import master_keys
from infra.system import doctor
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import MASTER_KEY, place, settings_for, sql, vault


async def test_functions_of_a_superuser_are_a_finding(database_url: DatabaseUrls) -> None:
    settings = settings_for(database_url)
    assert (await doctor._database(settings)).ok
    async with await psycopg.AsyncConnection.connect(database_url.owner_url, autocommit=True) as connection:
        await connection.execute("ALTER FUNCTION audit_event() OWNER TO postgres")
    found = await doctor._database(settings)
    assert not found.ok and "functions run as postgres, a superuser" in found.detail


async def test_a_master_key_that_is_not_that_of_the_database_is_wrong(database_url: DatabaseUrls) -> None:
    """It has the right form and everything starts; no name can be read, and no problem would ever be reported."""
    await place(database_url)
    settings = settings_for(database_url)
    assert (await doctor._master_key(settings)).ok
    other = SecretStr(base64.b64encode(b"o" * 32).decode())
    lost = settings.model_copy(update={"master_key": other})
    found = await doctor._master_key(lost)
    assert (
        not found.ok
        and "OMS_MASTER_KEY" in found.detail
        and found.detail.startswith("opens the data of 0 of 1 customer")
    )
    assert master_keys.meet(database_url.app_url, vault().key_ids) == []
    text = (await doctor._master_key(lost)).detail
    assert "encrypted with another master key" in text and "OMS_PREVIOUS_MASTER_KEYS" in text
    changed = lost.model_copy(update={"previous_master_keys": (settings.master_key,)})
    assert (await doctor._master_key(changed)).ok


@pytest.mark.parametrize("command", ["api", "worker", "relay", "staff list"])
def test_a_process_with_another_master_key_does_not_begin(database_url: DatabaseUrls, command: str) -> None:
    assert master_keys.meet(database_url.app_url, vault().key_ids) == []
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OMS_")},
        "OMS_DATABASE_URL": database_url.app_url,
        "OMS_TOKEN_SECRET": "t" * 40,
        "OMS_SANDBOX_WEBHOOK_SECRET": "whsec_c2VjcmV0",
        "OMS_MASTER_KEY": base64.b64encode(b"o" * 32).decode(),
    }
    argv = [sys.executable, "-P", "-m", "workers.cli", *command.split()]
    completed = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (completed.returncode, completed.stdout) == (2, ""), completed.stderr
    assert completed.stderr.startswith("OMS_MASTER_KEY: the database is encrypted with another master key"), (
        completed.stderr
    )
    assert MASTER_KEY not in completed.stderr


async def test_a_relay_that_fell_silent_is_a_finding(database_url: DatabaseUrls) -> None:
    settings = settings_for(database_url)
    beaten = (
        "INSERT INTO processes (name, host, pid, beat_at) VALUES ('relay', 'm', 1, now() - make_interval(secs => %s))"
    )
    await sql(database_url.owner_url, beaten, 40)
    assert not (await doctor._relays(settings)).ok
    await sql(database_url.owner_url, beaten, 0)
    assert (await doctor._relays(settings)).ok
