"""A disk that is full, a memory that is used up, books that can only be read: said so, and over when it is over."""

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.db import migrate, seed
from infra.stack.data_dir import disk
from infra.stack.data_dir.ports import any_free
from infra.stack.errors import StackError
from infra.stack.postgres.postgres_server import PostgresServer
from infra.stack.stack import Options, Stack
from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls
from tests.faults.driver import basket, place, stocked
from tests.faults.stackrun import TORTURE, StackRun, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600 if TORTURE else 180)]

PATIENCE_S = 60.0
PRODUCT = "INSERT INTO products (sku, name, price_minor, currency) VALUES ('TEA-1', 'Tea', 1200, 'CNY')"


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A disk of its own of this size; the test is skipped where none may be made."""
    folder.mkdir(mode=0o711)
    size = f"size={mebibytes}m,mode=711"
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Nothing is left on the disk of this folder."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb") as file:
            while left := os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), left)
        yield
    finally:
        ballast.unlink()


@asynccontextmanager
async def server_on(folder: Path) -> AsyncIterator[DatabaseUrls]:
    server = PostgresServer(
        data=folder / "postgres",
        port=any_free(set()),
        log=folder.parent / "postgres.log",
        owner_password=secrets.token_urlsafe(),
        app_password=secrets.token_urlsafe(),
        durable=False,
    )
    async with server.running():
        await asyncio.to_thread(migrate.upgrade, server.owner_url)
        await asyncio.to_thread(seed.seed, server.owner_url)
        yield DatabaseUrls(server.owner_url, server.app_url)


async def until_status(api: ApiClient, status: int) -> None:
    """Orders are placed until one is answered so."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await api.as_("support").post("/v1/orders", an_order())).status_code != status:
            assert answer.status_code in (201, 503), answer.text
    if status == 503:
        assert answer.json()["code"] in ("database_not_writable", "database_unavailable")
        assert int(answer.headers["retry-after"]) >= 1


async def until_ready(api: ApiClient, status: int) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await api.get("/readyz")).status_code != status:
            await asyncio.sleep(0.1)
    return str(answer.json().get("code"))


async def test_a_full_disk_is_503_for_orders_and_for_readiness_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 160) as folder:
        async with server_on(folder) as urls, open_api(urls) as api:
            await api.sql(PRODUCT)
            await until_status(api, 201)
            with filled(folder):
                await until_status(api, 503)
                assert await until_ready(api, 503) in ("database_not_writable", "database_unavailable")
            await until_ready(api, 200)
            await until_status(api, 201)


@pytest.mark.parametrize("sqlstate", ["53100", "53200", "58030", "25006"])
async def test_what_postgresql_cannot_write_is_503_with_a_time_to_come_back(
    database_url: DatabaseUrls, sqlstate: str
) -> None:
    async with open_api(database_url) as api:
        await api.sql(PRODUCT + " ON CONFLICT DO NOTHING")
        support, body = (
            api.as_("support"),
            {"sku": f"NEW-{sqlstate}", "name": "New", "price_minor": 1, "currency": "CNY"},
        )
        async with refusing(api, sqlstate):
            # One goes straight to the driver, the other by way of SQLAlchemy.
            answers = [await support.post("/v1/orders", an_order())]
            answers += [await api.as_("operations").post("/v1/products", body)]
            for answer in answers:
                assert (answer.status_code, answer.json()["code"]) == (503, "database_not_writable"), answer.text
                assert int(answer.headers["retry-after"]) >= 1
            ready = await api.get("/readyz")
            assert (ready.status_code, ready.json()["code"]) == (503, "database_not_writable")
        assert (await api.get("/readyz")).status_code == 200
        assert (await support.post("/v1/orders", an_order())).status_code == 201


@asynccontextmanager
async def refusing(api: ApiClient, sqlstate: str) -> AsyncIterator[None]:
    """Every table into which is written here refuses it with this state."""
    tables = ("orders", "products", "processes")
    await api.sql(
        "CREATE FUNCTION public.refused() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"
    )
    for table in tables:
        await api.sql(f"CREATE TRIGGER refused BEFORE INSERT ON {table} EXECUTE FUNCTION public.refused()")
    try:
        yield
    finally:
        await api.sql("DROP FUNCTION public.refused() CASCADE")


async def test_a_process_that_found_books_which_only_read_finds_those_that_write(database_url: DatabaseUrls) -> None:
    """As after a failover: its connections lead to the copy until they are made anew."""
    async with open_api(database_url) as api:
        await api.sql(PRODUCT + " ON CONFLICT DO NOTHING")
    await altered(database_url, "SET default_transaction_read_only = on")
    async with open_api(database_url) as api:
        refused = await api.as_("support").post("/v1/orders", an_order())
        assert (refused.status_code, refused.json()["code"]) == (503, "database_not_writable"), refused.text
        assert await until_ready(api, 503) == "database_not_writable"
        await altered(database_url, "RESET default_transaction_read_only")
        await until_ready(api, 200)
        await until_status(api, 201)


async def altered(urls: DatabaseUrls, case: str) -> None:
    """Changes the database for connections that are made from now on."""
    mine = "-c default_transaction_read_only=off"
    async with await psycopg.AsyncConnection.connect(urls.owner_url, autocommit=True, options=mine) as connection:
        name = sql.Identifier(connection.info.dbname)
        await connection.execute(sql.SQL("ALTER DATABASE {} ").format(name) + sql.SQL(case))  # type: ignore[arg-type]


async def test_a_stack_on_a_full_disk_says_so_in_one_sentence_and_begins_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 20) as folder, filled(folder):
        stack = Stack(Options(data_dir=folder, port=0, headless=True))
        with pytest.raises(StackError) as error:
            await stack.start()
        assert str(error.value) == disk.full(folder)
        assert "is full" in str(error.value) and "\n" not in str(error.value)
        assert not (folder / "postgres").exists() and not stack.holds_directory


@pytest.mark.skipif(not TORTURE, reason="make torture only")
async def test_a_stack_whose_disk_was_full_continues_automatically(tmp_path: Path) -> None:
    run = StackRun(tmp_path)
    with small_disk(run.data_dir, 400):
        async with run.standing(), run.client() as http:
            sku = await stocked(run, 1000)
            await run.reaches(await place(run, basket(sku)), "completed")

            async def answered(status: int) -> bool:
                key = {"Idempotency-Key": secrets.token_hex(8)}
                answer = await http.post("/v1/orders", json=basket(sku), headers=key)
                assert answer.status_code in (201, 503), answer.text
                return answer.status_code == status

            with filled(run.data_dir):
                await until(lambda: answered(503), "orders are refused")
                text = tmp_path / "up.log"
                await until(lambda: "is full (0 MiB left)" in text.read_text(), "it is said in one sentence")
            await until(lambda: answered(201), "orders are taken again")
            await run.reaches(await place(run, basket(sku)), "completed")
