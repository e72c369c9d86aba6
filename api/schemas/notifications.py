"""What the calls on messages answer."""

from pydantic import BaseModel

from api.schemas.answers import Time


class Message(BaseModel):
    """One message to the customer. `fact` is the event that it tells of; `to` is masked, null before the first try;
    `earlier_to` is where it went before it was sent again."""

    message_id: str
    fact: str
    channel: str
    template: str
    version: int | None
    language: str | None
    state: str
    tries: int
    error: str | None
    created_at: Time
    sent_at: Time | None
    to: str | None
    earlier_to: list[str]


class Messages(BaseModel):
    """All messages of an order, in the order of their facts."""

    items: list[Message]


class SentAgain(BaseModel):
    """A message that is on its way once more."""

    message_id: str
    state: str
