"""What a dispute is answered with, and how it is shown."""

from pydantic import BaseModel

from api.schemas.fields import Body, Note, OptionalText


class HandIn(Body):
    """Evidence as the provider gets it; at least one of the three."""

    explanation: Note = ""
    tracking_no: OptionalText = ""
    customer_communication: Note = ""


class AnsweredDispute(BaseModel):
    """The provider has the answer: `evidence` or `accepted`. What it decides is told by notification."""

    dispute_id: int
    order_no: str
    answer: str
