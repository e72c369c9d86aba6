"""The page between a request and its execution: the exact consequences, and one button."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import Request, Response

from api.pages.forms import new_key
from api.portal.rendering import page


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is to be confirmed: `act` names its words (`{act}.title`, `{act}.do`), `fields` are sent as they were,
    to `edit` where the form is to be changed.
    Where something is paid by it, `cards` are what it may be paid by."""

    text_key: str
    order_no: str
    action: str
    means: Sequence[str]
    fields: Mapping[str, str] = field(default_factory=dict)
    danger: bool = False
    back: str = ""
    edit: str = ""
    cards: Sequence[str] = ()


def confirm(request: Request, confirmation: Confirmation) -> Response:
    """Show what `act` means, before anything moves."""
    return page(request, "confirm.html", act=confirmation, key=new_key())
