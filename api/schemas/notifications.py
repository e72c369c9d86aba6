"""What the calls on messages answer."""

from pydantic import BaseModel, Field

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


class MessageWords(BaseModel):
    """What was handed to the provider: the exact subject (empty in a text message) and body; `to` is masked.
    `written_at` is null for a text that an earlier version of the product wrote."""

    to: str | None
    language: str | None
    version: int | None
    written_at: Time | None
    subject: str
    body: str


class MessageAsSent(BaseModel):
    """A message with its words. They are null before the first attempt, after the customer's data was erased, and for
    what an earlier version of the product sent without storing it."""

    message_id: str
    fact: str
    channel: str
    template: str
    state: str
    error: str | None
    created_at: Time
    sent_at: Time | None
    words: MessageWords | None
    earlier: list[MessageWords] = Field(description="What was sent before it was sent again, the first one first.")


class SentAgain(BaseModel):
    """A message that is on its way once more."""

    message_id: str
    state: str
