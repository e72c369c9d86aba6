"""Bodies and answers of the calls on tags and assignees."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.fields import LINE, Body, Visible
from domain.access import STAFF_NAME
from domain.collaboration import MAX_TAG
from domain.orders.tags import MAX_TAGS

# Longer than a tag can be: spaces around it, and characters of several forms, go when it is normalised.
Tag = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=3 * MAX_TAG, pattern=LINE), Visible]
StaffName = Annotated[str, StringConstraints(strict=True, pattern=STAFF_NAME)]


class SetTags(Body):
    """All tags of the order. They are stored in small letters, with single spaces, each once."""

    tags: Annotated[list[Tag], Field(max_length=5 * MAX_TAGS)]


class SetAssignee(Body):
    """The member of staff who looks after the order; null for nobody."""

    assignee: StaffName | None


class OrderTags(BaseModel):
    """The tags of an order, sorted."""

    order_no: str
    tags: list[str]


class OrderAssignee(BaseModel):
    """Who looks after an order."""

    order_no: str
    assignee: str | None


class KnownTag(BaseModel):
    """A tag that orders have."""

    tag: str


class TagList(BaseModel):
    """Tags that orders have, sorted."""

    items: list[KnownTag]
    next_cursor: None = None
