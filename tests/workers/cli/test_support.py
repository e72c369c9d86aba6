"""`oms stuck` against the real front door: list, one order, many orders, and what is refused."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import pytest
from click.testing import Result
from temporalio.client import Client
from typer.testing import CliRunner

from activities import workflow_starts
from api.app import create_app
from infra.security import tokens
from infra.settings import Settings
from infra.stack import running
from infra.stack.data_dir.layout import Layout
from infra.stack.running import Running, this_process
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from tests.workers.stored_orders import database, empty, settings_for, sql
from tests.workers.test_bulk_jobs import stuck, working
from workers.cli.support import support_commands as command
from workers.cli.support.support_client import SupportApi
from workers.dispatcher import Dispatcher

Oms = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="module")
def settings(database_url: DatabaseUrls, temporal: TemporalServer) -> Settings:
    return settings_for(
        database_url,
        temporal_address=temporal.address,
        task_queue=f"stuck-{uuid.uuid4().hex[:6]}",
        token_secret="x" * 40,
        sandbox_webhook_secret="whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
    )


def ready(data_dir: Path, api: str, token: str) -> None:
    addresses = dict.fromkeys(("console", "portal", "temporal", "temporal_ui", "sandbox", "database_url"), "")
    stack = Running(
        api=api,
        tokens={"support": token},
        pids={},
        data_dir=str(data_dir),
        supervisor=this_process(),
        **addresses,
    )
    Layout.at(data_dir).ready.write_text(json.dumps(asdict(stack)))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
async def oms(settings: Settings, data_dir: Path) -> AsyncIterator[Oms]:
    """Runs `oms stuck …` against an API, a worker and a dispatcher of this test."""
    app = create_app(settings)
    client = await Client.connect(settings.temporal_address)
    async with (
        database(settings) as db,
        working(client, db, settings),
        app.router.lifespan_context(app),
        serving(app) as base,
    ):
        ready(data_dir, base, tokens.issue(settings.token_secret, "support", "anna", 600))
        dispatcher = Dispatcher(db, workflow_starts.lazily_connected(settings), settings, eager=False)
        dispatching = asyncio.create_task(dispatcher.run())

        yield lambda *arguments: run([*arguments, "--data-dir", str(data_dir)])
        await dispatcher.stop()
        await dispatching


async def recorded_actions(urls: DatabaseUrls) -> list[tuple[str, str]]:
    return await sql(urls.app_url, "SELECT order_no, action FROM resolutions ORDER BY order_no")


@pytest.fixture
async def orders(database_url: DatabaseUrls) -> list[str]:
    await empty(database_url.owner_url, "resolutions")
    return await stuck(database_url, 3)


async def test_the_queue_is_listed(oms: Oms, orders: list[str]) -> None:
    output = await oms("list")
    assert output.exit_code == 0
    assert "Stuck: 3" in output.stdout
    found = json.loads((await oms("list", "--json", "--step", "book", "--error", "down")).stdout)
    assert [item["order_no"] for item in found] == orders
    assert found[0]["options"] == ["retry", "skip", "amend"]
    assert (await oms("list", "--step", "capture")).stdout.strip() == "Nothing is stuck."


async def test_one_order_is_resolved(oms: Oms, database_url: DatabaseUrls, orders: list[str]) -> None:
    done = await oms("retry", orders[0], "--reason", "carrier is back")
    assert (done.exit_code, done.stdout.strip()) == (0, f"{orders[0]}: retry resolved, now paid")
    assert await recorded_actions(database_url) == [(orders[0], "retry")]


async def test_the_same_key_acts_once(oms: Oms, database_url: DatabaseUrls, orders: list[str]) -> None:
    for _ in range(2):
        assert (await oms("retry", orders[0], "--reason", "r", "--key", "k-1")).exit_code == 0
    assert await recorded_actions(database_url) == [(orders[0], "retry")]


async def test_one_order_is_resolved_at_the_step_that_was_looked_at_and_no_later_one(
    oms: Oms, database_url: DatabaseUrls, orders: list[str]
) -> None:
    """Also where it is stuck anew between the look and the act."""
    (listed, *_) = json.loads((await oms("list", "--json")).stdout)
    assert (listed["order_no"], listed["park_no"]) == (orders[0], 1)

    async def stuck_anew(order_no: str) -> None:
        await sql(database_url.app_url, "UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", order_no)
        await sql(
            database_url.app_url,
            "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
            " VALUES (%s, 2, 'capture', 'down', 5, '{retry,skip}', 1, now())",
            order_no,
        )

    looks, loop = SupportApi.parked, asyncio.get_running_loop()

    def looked(api: SupportApi, order_no: str) -> int | None:
        found = looks(api, order_no)
        asyncio.run_coroutine_threadsafe(stuck_anew(order_no), loop).result(60)
        return found

    with mock.patch.object(SupportApi, "parked", looked):
        late = await oms("retry", orders[0], "--reason", "r")
    assert (late.exit_code, "step_moved_on" in late.stderr) == (1, True), late.stderr
    typed = await oms("retry", orders[0], "--park-no", "1", "--key", "typed", "--reason", "r")
    assert (typed.exit_code, "step_moved_on" in typed.stderr) == (1, True), typed.stderr
    dry = await oms("retry", orders[0], "--park-no", "1", "--dry-run", "--reason", "r")
    assert (dry.exit_code, "step_moved_on" in dry.stderr) == (1, True)
    assert await recorded_actions(database_url) == []
    await sql(database_url.app_url, "UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", orders[1])
    over = await oms("retry", orders[1], "--reason", "r")
    assert (over.exit_code, "not_parked" in over.stderr) == (1, True)


async def test_one_order_is_resolved_by_the_number_of_its_step(
    oms: Oms, database_url: DatabaseUrls, orders: list[str]
) -> None:
    for _ in range(2):
        done = await oms("retry", orders[0], "--park-no", "1", "--key", "k-2", "--reason", "r")
        assert (done.exit_code, done.stdout.strip()) == (0, f"{orders[0]}: retry resolved, now paid")
    rows = await sql(database_url.app_url, "SELECT order_no, park_no FROM resolutions")
    assert [tuple(row) for row in rows] == [(orders[0], 1)]


async def test_all_that_a_filter_finds_are_resolved(oms: Oms, database_url: DatabaseUrls, orders: list[str]) -> None:
    done = await oms("retry", "--all", "--step", "book", "--rate", "50", "--reason", "carrier is back")
    assert done.exit_code == 0
    assert "finished: 3 accepted, 0 refused, 3 in all" in done.stdout
    assert await recorded_actions(database_url) == [(order_no, "retry") for order_no in orders]


async def test_refusals_of_a_bulk_act_are_counted(oms: Oms, orders: list[str]) -> None:
    value = json.dumps({"carrier": "by hand", "tracking_no": "1"})
    done = await oms("skip", "--all", "--step", "book", "--rate", "50", "--reason", "r", "--value", value)
    assert "0 accepted, 3 refused" in done.stdout
    assert done.exit_code == 1


async def test_what_moves_much_money_waits_for_an_approver(
    oms: Oms, database_url: DatabaseUrls, orders: list[str]
) -> None:
    returning = "UPDATE parked_steps SET step = 'return_payment', amount_minor = 150000 WHERE order_no = %s"
    await sql(database_url.owner_url, returning, orders[0])
    value = json.dumps({"reference": "bank 1"})
    one = await oms("skip", orders[0], "--reason", "r", "--value", value)
    assert (one.exit_code, "waiting for approval: 1 order, apr_" in one.stdout) == (0, True), one.stdout
    again = await oms("skip", orders[0], "--reason", "r", "--value", value)
    assert "approval_waiting" in again.stderr
    many = await oms("skip", "--all", "--step", "return_payment", "--reason", "r", "--value", value)
    assert "waiting for approval: 1 order, apr_" in many.stdout
    assert "finished: 0 accepted, 0 refused, 0 in all" in many.stdout
    assert await recorded_actions(database_url) == []


async def test_a_dry_run_does_nothing(oms: Oms, database_url: DatabaseUrls, orders: list[str]) -> None:
    assert (
        "Would retry 3 orders; nothing was done." in (await oms("retry", "--all", "--reason", "r", "--dry-run")).stdout
    )
    one = await oms("retry", orders[1], "--reason", "r", "--dry-run")
    assert "Would retry 1 order; nothing was done." in one.stdout
    assert "Would compensate 0 orders" in (await oms("compensate", "--all", "--reason", "r", "--dry-run")).stdout
    assert await recorded_actions(database_url) == []


async def test_what_the_api_refuses_is_said(oms: Oms, orders: list[str]) -> None:
    refused = await oms("compensate", orders[0], "--reason", "r")
    assert refused.exit_code == 1
    assert "action_not_possible" in refused.stderr
    unknown = await oms("retry", "NOSUCH-ORDER0-000000", "--reason", "r")
    assert unknown.exit_code == 1
    assert "order_not_found" in unknown.stderr
    assert (await oms("retry", "NOSUCH", "--reason", "r", "--dry-run")).exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry", "--all"],
        ["retry", "--reason", "r"],
        ["retry", "X", "--all", "--reason", "r"],
        ["retry", "X", "--step", "book", "--reason", "r"],
        ["retry", "--all", "--park-no", "1", "--reason", "r"],
        ["retry", "X", "--park-no", "0", "--reason", "r"],
        ["skip", "X", "--reason", "r", "--value", "{"],
        ["skip", "X", "--reason", "r", "--value", "[]"],
        ["list", "--step", "nonsense"],
    ],
)
async def test_what_makes_no_sense_is_refused(oms: Oms, arguments: list[str]) -> None:
    assert (await oms(*arguments)).exit_code == 2


def whole(page: str, order_no: str) -> bool:
    return f" {order_no} " in page


async def test_no_id_is_cut_off_however_narrow_the_terminal(
    oms: Oms, orders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for command_line in (["list"], ["retry", "--all", "--dry-run", "--reason", "r"]):
        output = (await oms(*command_line)).stdout
        assert all(whole(output, order_no) for order_no in orders), output
        assert "…" not in output


async def test_any_installation_is_reached_by_its_address_and_a_token(
    oms: Oms, data_dir: Path, settings: Settings, orders: list[str], tmp_path: Path
) -> None:
    """Away from any data directory: this is how a production installation is reached."""
    there = running.load(data_dir).api
    token = tokens.issue(settings.token_secret, "support", "berta", 600)
    unreachable = ["--api", there, "--token", token, "--data-dir", str(tmp_path)]
    found = await run(["list", "--json", *unreachable])
    assert [item["order_no"] for item in json.loads(found.stdout)] == orders
    result = await run(["retry", orders[0], "--reason", "r", "--json", *unreachable[:2]], OMS_API_TOKEN=token)
    assert json.loads(result.stdout)["order_no"] == orders[0]
    many = await run(["retry", "--all", "--step", "book", "--rate", "50", "--reason", "r", "--json", *unreachable])
    assert (json.loads(many.stdout)["state"], json.loads(many.stdout)["done"]) == ("finished", 3)


async def test_a_wrong_address_or_token_is_reported(oms: Oms, data_dir: Path, settings: Settings) -> None:
    there = running.load(data_dir).api
    without = await run(["list", "--api", there], COLUMNS="200")
    assert (without.exit_code, "oms token --role support makes one" in without.stderr) == (2, True)
    assert (await run(["list", "--api", "localhost:8000", "--token", "t"])).exit_code == 2
    bad = await run(["list", "--api", there, "--token", "t"])
    assert (bad.exit_code, "token_invalid" in bad.stderr) == (1, True)
    customer = tokens.issue(settings.token_secret, "customer", "c-1", 600)
    assert "forbidden" in (await run(["list", "--api", there, "--token", customer])).stderr
    gone = await run(["list", "--api", "http://127.0.0.1:1", "--token", "t"])
    assert (gone.exit_code, "the API at http://127.0.0.1:1 does not answer" in gone.stderr) == (1, True)


async def run(arguments: list[str], **environment: str) -> Result:
    return await asyncio.to_thread(CliRunner(env=environment).invoke, command.app, arguments, catch_exceptions=False)


def test_without_a_stack_it_says_so(tmp_path: Path) -> None:
    found = CliRunner().invoke(command.app, ["list", "--data-dir", str(tmp_path)])
    assert found.exit_code == 1
    assert "no stack is running" in found.stderr
    assert "name another installation by --api URL and --token" in found.stderr
