"""Types of a return as it is read, for presenters and pages."""

from infra.db.after_sales.return_fields import GuaranteeFields, ReturnView

__all__ = ["GuaranteeFields", "ReturnView"]
