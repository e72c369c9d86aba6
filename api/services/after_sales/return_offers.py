"""What a form for a return offers: the pieces that can go back, and the resolutions that are possible here."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.dependencies import Services
from domain.after_sales.returns import LinePieces, Resolution
from domain.errors import NotFound
from infra.db.after_sales import return_requests
from infra.db.after_sales.settlement import SETTLINGS
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits, Moved
from infra.db.read_models import order_detail
from infra.db.read_models.order_fields import OrderFields

RESOLUTIONS = tuple(one for one in Resolution if one in SETTLINGS)


@dataclass(frozen=True, slots=True)
class ReturnableOrder:
    """An order, and the pieces of it that are on no return yet."""

    order: OrderFields
    pieces: Sequence[LinePieces]


async def returnable_order(services: Services, order_no: str) -> ReturnableOrder:
    """Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, order_no)
        if order is None:
            raise NotFound("order_not_found")
        return ReturnableOrder(order, await return_requests.returnable(conn, order_no))


async def needs_approval(services: Services, order_no: str, amount_minor: int) -> bool:
    """Whether giving this amount back for a return will need approval, as far as this is known."""
    moved = Moved(amount_minor, amount_minor, "")
    async with services.database.begin() as conn:
        return await approval_limits.needs_two(conn, Limits.from_settings(services.settings), order_no, moved, None)
