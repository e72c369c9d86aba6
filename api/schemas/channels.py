"""The settings of channels in requests and answers."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Visible
from domain.channels import COLOUR, DEFAULT_COLOUR, MAX_CONTACT, MAX_NAME, is_contact
from domain.notifications import NOTIFICATION_OF_EVENT
from domain.text import is_identifier


def _small(typed: Any) -> Any:
    return typed.lower() if isinstance(typed, str) else typed


def _contact(text: str) -> str:
    if not is_contact(text):
        raise PydanticCustomError("invalid_contact", "must be an https:// address or mailto: with one e-mail address")
    return text


Colour = Annotated[str, BeforeValidator(_small), StringConstraints(strict=True, pattern=COLOUR)]
ShopName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NAME, pattern=LINE), Visible]
Contact = Annotated[str, StringConstraints(strict=True, max_length=MAX_CONTACT, pattern=LINE), AfterValidator(_contact)]
FileId = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]


def _template(name: str) -> str:
    if name not in NOTIFICATION_OF_EVENT.values():
        raise PydanticCustomError("unknown_template", "must be the template of a message about an order")
    return name


TemplateName = Annotated[str, StringConstraints(strict=True, max_length=64), AfterValidator(_template)]


class SetChannel(Body):
    """How the shop of a channel looks to its customers, and how its orders ship. What is left out has its default."""

    name: ShopName | None = Field(None, description="The shop's name on the portal and in messages.")
    colour: Colour = Field(
        DEFAULT_COLOUR, description="Buttons and links, as `#rrggbb`. Its contrast with `#f9fafb` is at least 4.5:1."
    )
    dark_colour: Colour | None = Field(
        None,
        description="On dark pages; its contrast with `#1f2937` is at least 4.5:1. Null: `colour`, made lighter.",
    )
    contact: Contact | None = Field(None, description="Where customers write to: an https or mailto address.")
    logo: FileId | None = Field(None, description="The id of a stored picture.")
    messages_off: list[TemplateName] = Field(
        [], max_length=100, description="Templates of messages that customers of the channel are not sent."
    )
    max_fulfilments: Annotated[int, Field(strict=True, ge=1, le=20)] | None = Field(
        None,
        description="Most parts of an order that no single warehouse can ship. Null: `OMS_MAX_FULFILMENTS`.",
    )


class Channel(BaseModel):
    """A channel with its settings. `updated_at` is null where nobody has set it: then it has the default look."""

    channel: str
    name: str | None
    colour: str
    dark_colour: str | None
    contact: str | None
    logo: str | None
    updated_at: Time | None
    updated_by: str | None
    version: int = Field(description="Counts the changes, from 0; the ETag.")
    messages_off: list[str] = Field(description="Templates of messages that are not sent; all others are.")
    max_fulfilments: int | None = Field(description="In how many parts an order may ship; null: the default.")


class Channels(BaseModel):
    """Every channel that has orders or settings, by name."""

    items: list[Channel]
    next_cursor: None = Field(description="Always null: there is one page.")


def is_channel(code: str) -> bool:
    """True for what can be the code of a channel."""
    return 1 <= len(code) <= 32 and is_identifier(code)
