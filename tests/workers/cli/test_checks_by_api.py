"""`oms ledger check` and `oms audit` say by an installation's API what they say beside its books."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from api.app import create_app
from infra.security import tokens
from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from tests.workers.stored_orders import damage, place, settings_for, sql
from workers.cli.audit import audit, audit_commands
from workers.cli.ledger import ledger_check, ledger_commands

Oms = Callable[..., Awaitable[Result]]
APPS = {"ledger": ledger_commands.app, "audit": audit_commands.app}


@pytest.fixture(scope="module")
def settings(database_url: DatabaseUrls) -> Settings:
    return settings_for(
        database_url, token_secret="x" * 40, sandbox_webhook_secret="whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
        temporal_address="127.0.0.1:9",
    )  # fmt: skip


@asynccontextmanager
async def at(settings: Settings) -> AsyncIterator[Oms]:
    """Runs a command with --api and the token of an admin, for an API with these settings."""
    app = create_app(settings)
    async with app.router.lifespan_context(app), serving(app) as base:
        there = ["--api", base, "--token", tokens.issue(settings.token_secret, "admin", "root", 600)]

        async def run(group: str, *arguments: str, named: list[str] = there) -> Result:
            return await asyncio.to_thread(CliRunner().invoke, APPS[group], [*arguments, *named])

        yield run


@pytest.fixture(scope="module")
async def oms(settings: Settings, database_url: DatabaseUrls) -> AsyncIterator[Oms]:
    await place(database_url)
    async with at(settings) as run:
        yield run


async def run_here(capsys: pytest.CaptureFixture[str], command: Callable[..., int], settings: Settings) -> Any:
    """The JSON of the command against the database."""
    capsys.readouterr()
    await asyncio.to_thread(command, configuration=settings, console=Console(file=io.StringIO()), as_json=True)
    return json.loads(capsys.readouterr().out)


async def test_whole_books_and_a_whole_log_are_exit_0(
    oms: Oms, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = (
        ("ledger", "check", ledger_check.check),
        ("audit", "anchor", audit.anchor),
        ("audit", "verify", audit.verify),
        ("audit", "access", audit.access),
    )
    for group, name, command in commands:
        result = await oms(group, name, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == await run_here(capsys, command, settings), name
        assert (await oms(group, name)).exit_code == 0
    line = (await oms("audit", "anchor", "--print")).stdout.strip()
    assert (await oms("audit", "verify", "--anchor", line.split()[-1].upper())).exit_code == 0
    assert (await oms("audit", "verify", "--anchor", "f" * 64)).exit_code == 1
    odd = await oms("audit", "verify", "--anchor", "x")
    assert odd.exit_code == 1 and "64 hexadecimal digits" in odd.stderr


async def test_refused_and_unreachable_are_exit_1(oms: Oms, settings: Settings) -> None:
    for group, name in (("ledger", "check"), ("audit", "verify"), ("audit", "access"), ("audit", "anchor")):
        unreachable = await oms(group, name, "--json", named=["--api", "http://127.0.0.1:9", "--token", "t"])
        assert (unreachable.exit_code, unreachable.stdout) == (1, "") and "does not answer" in unreachable.stderr
        assert (await oms(group, name, named=["--api", "http://127.0.0.1:9"])).exit_code == 2


async def test_no_answer_in_time_is_exit_1(settings: Settings) -> None:
    async with at(settings.model_copy(update={"books_check_timeout_s": 0.000_1})) as oms:
        for group, name in (("ledger", "check"), ("audit", "verify")):
            late = await oms(group, name)
            assert late.exit_code == 1 and "OMS_BOOKS_CHECK_TIMEOUT_S" in late.output
            result = await oms(group, name, "--json")
            assert result.exit_code == 1 and json.loads(result.stdout)["ok"] is False


async def test_damage_is_exit_1_and_says_where(
    oms: Oms, settings: Settings, database_url: DatabaseUrls, capsys: pytest.CaptureFixture[str]
) -> None:
    await damage(database_url.owner_url, "UPDATE orders SET status = 'delivered'")
    ((order_no,),) = await sql(database_url.app_url, "SELECT order_no FROM orders LIMIT 1")
    result = await oms("ledger", "check")
    assert result.exit_code == 1 and order_no in result.stdout
    result = await oms("ledger", "check", "--json")
    assert result.exit_code == 1 and json.loads(result.stdout) == await run_here(capsys, ledger_check.check, settings)
    await damage(database_url.owner_url, "UPDATE audit_log SET action = 'nothing' WHERE order_no IS NOT NULL")
    result = await oms("audit", "verify")
    assert result.exit_code == 1 and f"order {order_no}, number 1" in result.stdout
    result = await oms("audit", "verify", "--json")
    assert result.exit_code == 1 and json.loads(result.stdout) == await run_here(capsys, audit.verify, settings)
