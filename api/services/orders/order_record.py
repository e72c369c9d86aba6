"""All that staff see of one order."""

from dataclasses import dataclass

from api.dependencies import Services
from domain.errors import NotFound
from infra.db.after_sales import order_photographs
from infra.db.after_sales.order_photographs import OrderPhotograph
from infra.db.collaboration import notes
from infra.db.collaboration.notes import Note
from infra.db.documents import documents
from infra.db.documents.documents import Document
from infra.db.feedback import feedback
from infra.db.feedback.feedback import Feedback
from infra.db.notifications import messages
from infra.db.notifications.messages import ListedMessage
from infra.db.read_models import customer_orders, order_detail
from infra.db.read_models.customer_orders import CustomerTotals
from infra.db.read_models.order_fields import EventFields, OrderFields
from infra.db.shipping import labels
from infra.db.support import parked_groups
from infra.db.support.parked_groups import SupportAction

MOST_NOTES = 100


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """The order, its timeline, the actions of support, its documents, messages and feedback, what its customer ordered
    so far, its parcels that have a label, the newest notes of staff, and the photographs of the customer."""

    order: OrderFields
    events: list[EventFields]
    actions: list[SupportAction]
    documents: list[Document]
    messages: list[ListedMessage]
    feedback: list[Feedback]
    customer: CustomerTotals
    labelled: set[str]
    notes: list[Note]
    photographs: list[OrderPhotograph]


async def read(services: Services, order_no: str, max_events: int, *, with_feedback: bool) -> OrderRecord:
    """All of it in one transaction. Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, order_no)
        if order is None:
            raise NotFound("order_not_found")
        return OrderRecord(
            services.failing.marked(order),
            await order_detail.timeline(conn, order_no, 0, max_events),
            await parked_groups.actions(conn, services.keys, order_no),
            await documents.of_order(conn, order_no),
            await messages.of_order(conn, services.keys, order_no),
            await feedback.of_order(conn, services.keys, order_no) if with_feedback else [],
            await customer_orders.totals(conn, order["customer_id"], order["currency"]),
            await labels.labelled(conn, order_no),
            await notes.page(conn, services.keys, order_no, None, MOST_NOTES),
            await order_photographs.every(conn, order_no),
        )
