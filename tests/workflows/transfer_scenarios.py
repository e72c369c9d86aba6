"""Scenarios of transfers; each answers with the transfer's id."""

import secrets
from collections.abc import Mapping

from domain.stock.transfers import TransferStatus
from infra.db.stock import transfers
from tests.order_stage import Stage, eventually
from tests.workflows.scenarios import Scenario
from workflows import names

TRANSFERRING: dict[str, Scenario] = {}


def transferring(scenario: Scenario) -> Scenario:
    """Register a story under its name."""
    TRANSFERRING[scenario.__name__] = scenario
    return scenario


async def request(stage: Stage, units: int = 3, due_s: int = 86_400) -> str:
    """A transfer of TEA, due in so many seconds; its id."""
    transfer_id = f"tr_{secrets.token_hex(16)}"
    (row,) = await stage.sql("SELECT now() + make_interval(secs => :s) AS due", s=due_s)
    new = transfers.NewTransfer(
        transfer_id, "WH-EAST", "WH-SOUTH", transfer_id, row.due, "warehouse:wu", {"TEA": units}
    )
    async with stage.database.begin() as conn:
        await transfers.add(conn, new)
    return transfer_id


async def ship(stage: Stage, transfer_id: str, units: Mapping[str, int]) -> None:
    async with stage.database.begin() as conn:
        found = await transfers.find(conn, transfer_id, lock=True)
        await transfers.ship(conn, found, units, "warehouse:wu", secrets.token_hex(8))


async def receive(stage: Stage, transfer_id: str, units: Mapping[str, int]) -> None:
    async with stage.database.begin() as conn:
        found = await transfers.find(conn, transfer_id, lock=True)
        await transfers.receive(conn, found, units, "warehouse:wu", secrets.token_hex(8))
        await transfers.close(conn, transfer_id, TransferStatus.RECEIVED)


async def shows(stage: Stage, transfer_id: str, status: str) -> None:
    """Wait until Temporal shows the transfer's workflow with this status."""

    async def there() -> bool:
        handle = stage.client.get_workflow_handle(names.transfer_workflow(transfer_id))
        found = await handle.describe()
        return {pair.key.name: pair.value for pair in found.typed_search_attributes}.get(names.OMS_STATUS) == status

    await eventually(there, 60)


async def is_reminded(stage: Stage, transfer_id: str) -> None:
    """Wait until the case of a late transfer is open."""
    case = "SELECT 1 FROM stock_cases WHERE kind = 'transfer_overdue' AND transfer_id = :t AND owner = 'wu'"
    await eventually(lambda: stage.sql(case, t=transfer_id), 60)


@transferring
async def transfer_received(stage: Stage) -> str:
    transfer_id = await request(stage)
    await shows_soon(stage, transfer_id, "requested")
    await ship(stage, transfer_id, {"TEA": 3})
    await shows(stage, transfer_id, "shipped")
    await receive(stage, transfer_id, {"TEA": 3})
    return transfer_id


@transferring
async def transfer_late(stage: Stage) -> str:
    transfer_id = await request(stage, due_s=1)
    await is_reminded(stage, transfer_id)
    await ship(stage, transfer_id, {"TEA": 2})
    await receive(stage, transfer_id, {"TEA": 2})
    return transfer_id


async def shows_soon(stage: Stage, transfer_id: str, status: str) -> None:
    """As `shows`, where the workflow may not be there yet."""
    waiting = "SELECT 1 WHERE NOT EXISTS (SELECT FROM workflow_requests WHERE subject = :t)"
    await eventually(lambda: stage.sql(waiting, t=transfer_id), 60)
    await shows(stage, transfer_id, status)
