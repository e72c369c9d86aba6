"""Bodies and answers of the calls on notes and mentions."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.fields import PROSE, Body, Visible
from domain.collaboration import MAX_NOTE

NoteText = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NOTE, pattern=PROSE), Visible]
# In paths and lists of ids.
NoteId = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class WriteNote(Body):
    """A note. `@name` mentions an active member of staff, who gets a notice in the console."""

    text: NoteText


class ReadMentions(Body):
    """Which mentions were read; without `note_ids` all of them."""

    note_ids: Annotated[list[NoteId], Field(max_length=200)] | None = None


class Note(BaseModel):
    """A note. `text` is null where the customer was erased; `mentions` are the members of staff that it names."""

    note_id: str
    order_no: str
    author: str = Field(description="`role:name`.")
    text: str | None
    mentions: list[str]
    created_at: Time
    edited_at: Time | None


class NoteList(BaseModel):
    """A page of notes, newest first."""

    items: list[Note]
    next_cursor: str | None


class NoteForMe(BaseModel):
    """A note that mentions the caller; `seen_at` is null while it is unread."""

    note_id: str
    order_no: str
    author: str
    text: str | None
    created_at: Time
    edited_at: Time | None
    mentioned_at: Time
    seen_at: Time | None


class MentionList(BaseModel):
    """A page of mentions, newest first."""

    items: list[NoteForMe]
    next_cursor: str | None
    unread: int = Field(description="How many are unread, counted up to 100.")


class MentionsRead(BaseModel):
    """How many mentions were unread until now."""

    read: int
