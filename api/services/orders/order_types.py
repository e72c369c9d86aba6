"""Types of an order as it is read, for presenters and pages."""

from infra.db.read_models.order_fields import EventFields, OrderFields

__all__ = ["EventFields", "OrderFields"]
