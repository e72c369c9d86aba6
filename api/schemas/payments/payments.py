"""What the call that pays for an order answers."""

from typing import Literal

from pydantic import BaseModel, Field

from domain.orders.status import Status

PaymentOutcome = Literal["none", "open", "authorised", "pending", "captured", "failed"]


class PaymentTaken(BaseModel):
    """What became of the payment, and the order's status after it."""

    order_no: str
    status: Status
    outcome: PaymentOutcome = Field(
        description="`captured`: the money is taken. `failed`: declined, the order can be paid again. `pending`: the"
        " provider decides later. `open` or `authorised`: the attempt is under way. `none`: it was given up."
    )
