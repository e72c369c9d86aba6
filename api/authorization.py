"""The object-level check that calls on one order begin with."""

from api.dependencies import Services, order_number
from domain.access import Principal
from domain.errors import NotFound
from infra.db.read_models import order_detail
from infra.db.read_models.order_detail import OrderOverview
from infra.observability.telemetry import bind_order

__all__ = ["OrderOverview", "visible_order"]


async def visible_order(services: Services, caller: Principal, typed: str) -> OrderOverview:
    """The order, if there is one and the caller may know. Raises NotFound `order_not_found`."""
    order_no = order_number(typed)
    bind_order(order_no)
    async with services.database.begin() as conn:
        overview = (await order_detail.overviews(conn, [order_no])).get(order_no)
    if overview is None or not caller.may_see_order(overview.customer_id, overview.channel):
        raise NotFound("order_not_found")
    return overview
