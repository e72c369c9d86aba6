"""The shop's terms for returns, from the settings."""

from dataclasses import dataclass

from domain.after_sales.returns import ReturnWaits
from domain.pricing.allocation import Tax
from infra.db.approvals.approval_limits import Limits
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class ReturnPolicy:
    """A return worth up to `auto_approve_minor` is approved at once (0: a person decides each).

    A refund beyond `limits` waits for approval; `damaged_percent` of the value of a damaged item is
    refunded if the damage is not the shop's fault. The difference of an exchange is paid within `pay_within_s`.
    """

    waits: ReturnWaits
    auto_approve_minor: int
    damaged_percent: int
    labels: bool
    limits: Limits
    approval_lifetime_s: int
    tax: Tax
    pay_within_s: int = 3 * 86_400

    @classmethod
    def from_settings(cls, settings: Settings) -> "ReturnPolicy":
        """The terms of this installation."""
        waits = ReturnWaits(
            settings.return_answer_s, settings.return_send_s, settings.return_transit_s, settings.return_inspect_s
        )
        return cls(
            waits=waits,
            auto_approve_minor=settings.return_auto_approve_minor,
            damaged_percent=settings.damaged_refund_percent,
            labels=settings.return_labels,
            limits=Limits.from_settings(settings),
            approval_lifetime_s=settings.approval_lifetime_s,
            tax=settings.terms.tax,
            pay_within_s=settings.exchange_payment_timeout_s,
        )
