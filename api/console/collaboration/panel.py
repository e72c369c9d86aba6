"""The part of an order's page with notes, tags and assignee. It is outside the live part: its forms are typed into."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import StaffMember
from api.dependencies import services_of
from api.errors import Problem, from_rule
from api.pages.forms import new_key, page_key
from api.services.collaboration import order_notes, order_panel
from api.services.collaboration.order_labels import Labels
from api.services.collaboration.order_notes import Note
from domain.errors import NotFound, RuleBroken

# What the page answers in its own way, and no form can cure.
_NOT_OF_A_FORM = frozenset({"forbidden", "form_expired", "order_not_found"})
_NAME = re.compile(r"@([A-Za-z0-9._-]+)")


@dataclass(frozen=True, slots=True)
class PresentedNote:
    """A note as a page shows it: `parts` are pieces of its text, those that name a person marked."""

    note_id: str
    author: str
    created_at: datetime
    edited_at: datetime | None
    text: str | None
    parts: list[tuple[str, bool]]
    may_edit: bool
    may_delete: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A form of the panel that was refused: `form` is which, `typed` what was in it, `words` why."""

    form: str = ""
    typed: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What the template needs."""

    order_no: str
    notes: list[PresentedNote]
    more: str | None
    labels: Labels
    staff: list[str]
    known_tags: list[str]
    key: str
    refused: Refused = field(default_factory=Refused)


async def read(
    request: Request, member: StaffMember, order_no: str, cursor: str | None = None, refused: Refused | None = None
) -> Panel:
    """The panel of an order that the person may see."""
    found = await order_panel.read(services_of(request), order_no, cursor)
    return Panel(
        order_no,
        [_shown(request, member, note) for note in found.notes.items],
        found.notes.next_cursor,
        found.labels,
        found.staff,
        found.known_tags,
        (page_key(request) if refused else "") or new_key(),
        refused or Refused(),
    )


async def show(
    request: Request,
    member: StaffMember,
    order_no: str,
    cursor: str | None = None,
    refused: Refused | None = None,
    status: int = 200,
) -> Response:
    """The panel as a page of its own: all notes, or a form that was refused with what was typed."""
    found = await read(request, member, order_no, cursor, refused)
    context: dict[str, Any] = {"collaboration": found, "order_no": order_no}
    return page(request, "order_notes.html", status=status, member=member, **context)


async def again(
    request: Request, member: StaffMember, order_no: str, error: Problem | RuleBroken, form: str, typed: str
) -> Response:
    """The page with the refused form. Raises `error` where the form cannot cure it."""
    problem = error if isinstance(error, Problem) else from_rule(error)
    if problem.code in _NOT_OF_A_FORM or (isinstance(error, NotFound) and form == "note"):
        raise error
    refused = Refused(form, typed, _words(request, problem, form))
    return await show(request, member, order_no, None, refused, problem.status_code)


def _words(request: Request, problem: Problem, form: str) -> str:
    """What is wrong, in the words of the form where the refusal is about its text as such."""
    lang, known = language(request), WORDS.catalogue()
    key = f"problem.{problem.code}"
    if problem.code in ("validation_failed", "blank_text") or key not in known:
        key = f"collab.wrong.{form.partition(':')[0]}"
    return WORDS.speaker(lang)(key)


def _shown(request: Request, member: StaffMember, note: Note) -> PresentedNote:
    services, caller = services_of(request), member.principal
    return PresentedNote(
        note.note_id,
        note.author,
        note.created_at,
        note.edited_at,
        note.text,
        _parts(note),
        note.text is not None and order_notes.may_edit(services, caller, note),
        order_notes.may_delete(services, caller, note),
    )


def _parts(note: Note) -> list[tuple[str, bool]]:
    parts: list[tuple[str, bool]] = []
    text, at = note.text or "", 0
    for match in _NAME.finditer(text):
        name = match[1].lower()
        if name in note.mentions or name.rstrip("._-") in note.mentions:
            parts += [(text[at : match.start()], False), (match[0], True)]
            at = match.end()
    return [part for part in [*parts, (text[at:], False)] if part[0]]
