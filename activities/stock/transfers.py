"""The steps of a transfer's workflow: reading it, and a case when it is late."""

from datetime import UTC

from activities.base import oms_activity
from domain.stock.transfers import OPEN
from infra.db.engine import Database
from infra.db.stock import transfers
from infra.db.stock.transfers import Transfer
from workflows import payloads as m


class TransferActivities:
    """Steps that use only the database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @oms_activity("load_transfer")
    async def load_transfer(self, ref: m.TransferRef) -> m.TransferView:
        """Where the transfer stands."""
        async with self._db.begin() as conn:
            return view_of(await transfers.find(conn, ref.transfer_id))

    @oms_activity("remind_transfer")
    async def remind_transfer(self, ref: m.TransferRef) -> m.TransferView:
        """Open a case if the transfer is open past its day; once."""
        async with self._db.begin() as conn:
            transfer = await transfers.find(conn, ref.transfer_id, lock=True)
            if transfer.status in OPEN and transfer.reminded_at is None:
                await transfers.remind(conn, transfer)
            return view_of(await transfers.find(conn, ref.transfer_id))


def view_of(transfer: Transfer) -> m.TransferView:
    """The transfer as its workflow sees it."""
    due_at = transfer.due_at if transfer.status in OPEN and transfer.reminded_at is None else None
    return m.TransferView(
        transfer_id=transfer.transfer_id,
        status=transfer.status,
        closed=transfer.status not in OPEN,
        source=transfer.source,
        target=transfer.target,
        requested=sum(line.requested for line in transfer.lines),
        in_transit=sum(line.in_transit for line in transfer.lines),
        due=due_at.astimezone(UTC).isoformat() if due_at else "",
    )
