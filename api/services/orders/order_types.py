"""Types of an order as it is read, for presenters and pages."""

from infra.db.orders.searching.order_row import OrderRow
from infra.db.read_models.order_fields import EventFields, OrderFields

__all__ = ["EventFields", "OrderFields", "OrderRow"]
