"""What an order's page shows of the collaboration of staff, in one read."""

from dataclasses import dataclass

from api.dependencies import Services
from api.services.collaboration import order_notes
from api.services.collaboration.order_labels import MOST_STAFF, SUGGESTED
from infra.db.collaboration import order_labels
from infra.db.collaboration.order_labels import Labels


@dataclass(frozen=True, slots=True)
class OrderPanel:
    """A page of notes, the labels, and what can be chosen: members of staff, and tags that orders have."""

    notes: order_notes.NotePage
    labels: Labels
    staff: list[str]
    known_tags: list[str]


async def read(services: Services, order_no: str, cursor: str | None) -> OrderPanel:
    """All of it in one transaction. Raises Problem `invalid_cursor`."""
    after = order_notes.position(cursor)
    async with services.database.begin() as conn:
        return OrderPanel(
            await order_notes.read_page(conn, services, order_no, after, order_notes.OF_PAGE),
            (await order_labels.of(conn, [order_no])).get(order_no, Labels()),
            await order_labels.staff_names(conn, MOST_STAFF),
            await order_labels.known_tags(conn, "", SUGGESTED),
        )
