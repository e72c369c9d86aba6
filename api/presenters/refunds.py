"""Refunds as the API shows them."""

from api.presenters.fields import shown_as
from api.schemas.payments.refunds import Refund
from api.services.payments.refunding import RefundDetail
from domain.access import Principal

_STAFF_ONLY = ("asked_by", "reason", "approval_id", "parts")


def presented(refund: RefundDetail, caller: Principal) -> dict[str, object]:
    """A refund for this caller: who asked and why, and what it goes back to, is for staff."""
    shown = shown_as(Refund, refund)
    return shown if caller.is_staff else {name: value for name, value in shown.items() if name not in _STAFF_ONLY}
