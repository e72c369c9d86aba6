"""The body and the answer of correcting an order's contact."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.fields import Body, Email, Name, Phone, Reason

Part = Literal["name", "email", "phone"]


class CorrectContact(Body):
    """How the order's customer is really called and reached. What is left out stays; null takes an address or a number
    away."""

    name: Name = Field(default="", description="Left out, it stays.")
    email: Email | None = None
    phone: Phone | None = None
    reason: Reason
    send_last_again: bool = Field(default=False, description="Also send the order's last message to the new contact.")


class CorrectedContact(BaseModel):
    """What was corrected; the values are in the order. `message_id` is the message that is sent again, or null."""

    order_no: str
    corrected: list[Part]
    message_id: str | None
