"""A parcel that was lost or refused: sent again or paid back, as the customer chooses; each with what it means."""

import hashlib
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api import delivery_problem_acts
from api.delivery_problem_acts import Choice
from api.dependencies import services
from api.errors import Problem
from api.pages.forms import key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.visitor import Signed, owned, posted
from domain.errors import Conflict

router = APIRouter(prefix=f"{HOME}/orders")

CHOICES: tuple[Choice, ...] = get_args(Choice)


@router.get("/{order_no}/parcel")
async def choices(request: Request, person: Signed, order_no: str) -> Response:
    """Both ways, each with its consequence; one that is not possible says why."""
    parts = services(request)
    customer, glance = await owned(parts, person, order_no)
    means: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    for choice in CHOICES:
        try:
            means[choice] = await delivery_problem_acts.preview(parts, customer, glance.order_no, choice)
        except Conflict as conflict:
            refused[choice] = conflict.code
    if not means:
        raise Conflict(next(iter(refused.values())), "there is nothing to choose")
    context: dict[str, Any] = {"order_no": glance.order_no, "means": means, "refused": refused, "choices": CHOICES}
    return page(request, "lost_parcel.html", key=new_key(), parcel=next(iter(means.values()))["parcel"], **context)


@router.post("/{order_no}/parcel")
async def choose(request: Request, person: Signed, order_no: str) -> Response:
    """Have it done."""
    parts, fields = services(request), await posted(request, person)
    customer, glance = await owned(parts, person, order_no)
    choice = next((one for one in CHOICES if one == fields.get("choice")), None)
    if choice is None:
        raise Problem("nothing_chosen", "choose reship or refund")
    digest = hashlib.sha256(f"parcel {glance.order_no} {choice}".encode()).digest()
    await delivery_problem_acts.choose(parts, customer, key_of(fields), digest, glance.order_no, choice)
    return RedirectResponse(f"{HOME}/orders/{glance.order_no}", 303)
