"""Codes of virtual products, in requests and answers."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Visible
from domain.text import trimmed
from domain.virtual import MAX_CODE, MAX_UPLOAD

# What surrounds a code and cannot be seen is no part of it.
ProductCode = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_CODE, pattern=LINE),
    Visible,
    AfterValidator(trimmed),
]


class AddCodes(Body):
    """Codes to add to the pool of a product, each to be issued once. Spaces around a code are left out; capital and
    small letters make two codes of it."""

    codes: Annotated[list[ProductCode], Field(min_length=1, max_length=MAX_UPLOAD)]


class AddedCodes(BaseModel):
    """What an upload has added."""

    added: int
    duplicates: int = Field(description="Those that the pool has already, or that were sent twice.")
    left: int = Field(description="Codes of the pool that are not issued.")


class CodeUpload(BaseModel):
    """Codes that were added together."""

    upload_id: str
    added: int
    duplicates: int
    added_by: str
    added_at: Time


class CodePool(BaseModel):
    """How many codes of a product there are; the codes themselves are shown to the owner of an order only."""

    sku: str
    left: int = Field(description="Codes that are not issued.")
    issued: int
    low: bool = Field(description="Fewer are left than `OMS_CODES_LOW`.")
    uploads: list[CodeUpload] = Field(description="The newest 20, the newest first.")


class OrderCode(BaseModel):
    """A code that an order has."""

    sku: str
    code: str


class OrderCodes(BaseModel):
    """The codes of an order, in the order of its lines; none before they are issued."""

    items: list[OrderCode]
    next_cursor: None = Field(description="Always null: there is one page.")
