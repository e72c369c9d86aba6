"""What waits at the providers: disputes to answer by a deadline, and facts that could not be applied or fit nothing."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.rendering import page
from api.console.session import Member, Signed, posted
from api.dependencies import actor, require, services
from api.errors import Problem
from api.idempotency import Work, in_books
from api.pages.forms import digest, fitting, key_of, new_key
from api.schemas.payments.disputes import HandIn
from api.schemas.payments.provider_cases import AnswerDispute
from api.services.payments import dispute_answering
from infra.db import idempotency
from infra.db.payments import provider_cases
from infra.db.payments.provider_cases import EVIDENCE, Answer

router = APIRouter(prefix="/console/at-providers")

HOME = "/console/at-providers"
READ_BY, ACTED_ON_BY = dispute_answering.READ_BY, dispute_answering.ANSWERED_BY
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
async def waiting(request: Request, person: Signed) -> Response:
    """Open disputes, the nearest deadline first, then facts that nobody could apply."""
    require(person.principal, *READ_BY)
    parts = services(request)
    async with parts.database.begin() as conn:
        disputes = await provider_cases.disputes(conn, parts.keys)
        facts = await provider_cases.facts(conn)
    context: dict[str, Any] = {
        "disputes": disputes,
        "facts": facts,
        "evidence": EVIDENCE,
        "acts": person.may(*ACTED_ON_BY),
    }
    return page(request, "at_providers.html", member=person, key=new_key(), **context)


@router.post("/disputes/{dispute_id}")
async def answer(request: Request, person: Signed, dispute_id: _Number) -> Response:
    """Hand the evidence in at the provider; or only keep it, or keep that it was handed in on the provider's pages."""
    require(person.principal, *ACTED_ON_BY)
    fields = await posted(request, person)
    said = {name: fields.get(name, "").replace("\r\n", "\n").strip() for name in EVIDENCE}
    if fields.get("act") == "hand_in":
        sent = fitting(HandIn, said)
        who, parts = person.principal, services(request)
        await dispute_answering.hand_in(parts, who, key_of(fields), digest(sent), dispute_id, sent)
        return RedirectResponse(HOME, 303)
    wish = fitting(AnswerDispute, {**said, "handed_in": fields.get("act") == "handed_in"})
    given = Answer({name: getattr(wish, name) or "" for name in EVIDENCE}, wish.handed_in)
    parts = services(request)

    async def work(conn: AsyncConnection) -> dict[str, int]:
        return await provider_cases.answer(conn, parts.keys, dispute_id, given, actor(person.principal))

    return await _done(request, person, fields, digest(wish), work)


@router.post("/disputes/{dispute_id}/accept")
async def accept(request: Request, person: Signed, dispute_id: _Number) -> Response:
    """Give the money up."""
    require(person.principal, *ACTED_ON_BY)
    fields = await posted(request, person)
    await dispute_answering.accept(services(request), person.principal, key_of(fields), dispute_id)
    return RedirectResponse(HOME, 303)


@router.post("/facts/{inbox_id}/{act}")
async def settle(request: Request, person: Signed, inbox_id: _Number, act: str) -> Response:
    """Try a fact once more, or set it aside."""
    require(person.principal, *ACTED_ON_BY)
    if act not in ("again", "aside"):
        raise Problem("not_found", status=404)
    fields = await posted(request, person)

    async def work(conn: AsyncConnection) -> dict[str, int]:
        return await provider_cases.settle_fact(conn, inbox_id, actor(person.principal), again=act == "again")

    return await _done(request, person, fields, f"{act} {inbox_id}".encode(), work)


async def _done(request: Request, person: Member, fields: dict[str, str], said: bytes, work: Work) -> Response:
    who = person.principal
    await in_books(services(request), idempotency.Request(actor(who), key_of(fields), said, who.origin), 200, work)
    return RedirectResponse(HOME, 303)
