"""Approvals as the API shows them."""

from api.services.approvals.approval_queries import ApprovalRecord
from domain.json_types import JsonFields

_FIELDS = (
    *("approval_id", "kind", "order_no", "action", "orders", "amount_minor", "currency", "asked_by", "asked_at"),
    *("expires_at", "decision", "decided_by", "decided_at", "done_at", "lapsed", "words", "park_no", "step"),
    *("subject", "reason", "value"),
)


def presented(found: ApprovalRecord) -> JsonFields:
    """The approval for its readers: what is requested, by whom and why, and how it was decided."""
    return {name: getattr(found, name) for name in _FIELDS}
