"""What waits at the providers: disputes to answer by a deadline, and facts that could not be applied or fit nothing."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import digest, fitting, key_of, new_key
from api.schemas.payments.disputes import AnswerDispute, HandIn
from api.services.payments import dispute_answering, provider_cases
from api.services.payments.provider_cases import EVIDENCE

router = APIRouter(prefix="/console/at-providers")

HOME = "/console/at-providers"
READ_BY, ACTED_ON_BY = dispute_answering.READ_BY, dispute_answering.ANSWERED_BY
EVENT_ACTIONS: dict[str, Literal["again", "aside"]] = {"again": "again", "aside": "aside"}
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
async def waiting(request: Request, member: CurrentStaff) -> Response:
    """Open disputes, the nearest deadline first, then facts that nobody could apply."""
    require(member.principal, *READ_BY)
    found = await provider_cases.waiting(services_of(request))
    context: dict[str, Any] = {
        "disputes": found.disputes,
        "facts": found.facts,
        "evidence": EVIDENCE,
        "acts": member.may(*ACTED_ON_BY),
    }
    return page(request, "at_providers.html", member=member, key=new_key(), **context)


@router.post("/disputes/{dispute_id}")
async def answer(request: Request, member: CurrentStaff, dispute_id: _Number) -> Response:
    """Submit the evidence to the provider; or save it, or record that it was submitted on the provider's pages."""
    require(member.principal, *ACTED_ON_BY)
    services, who, fields = services_of(request), member.principal, await posted(request, member)
    texts = {name: fields.get(name, "").replace("\r\n", "\n").strip() for name in EVIDENCE}
    if fields.get("act") == "hand_in":
        sent = fitting(HandIn, texts)
        await dispute_answering.submit_evidence(services, who, key_of(fields), digest(sent), dispute_id, sent)
    else:
        evidence = fitting(AnswerDispute, {**texts, "handed_in": fields.get("act") == "handed_in"})
        await provider_cases.keep_evidence(services, who, key_of(fields), digest(evidence), dispute_id, evidence)
    return RedirectResponse(HOME, 303)


@router.post("/disputes/{dispute_id}/accept")
async def accept(request: Request, member: CurrentStaff, dispute_id: _Number) -> Response:
    """Give the money up."""
    require(member.principal, *ACTED_ON_BY)
    fields = await posted(request, member)
    await dispute_answering.accept(services_of(request), member.principal, key_of(fields), dispute_id)
    return RedirectResponse(HOME, 303)


@router.post("/facts/{inbox_id}/{action}")
async def settle(request: Request, member: CurrentStaff, inbox_id: _Number, action: str) -> Response:
    """Try a fact once more, or set it aside."""
    require(member.principal, *ACTED_ON_BY)
    if action not in EVENT_ACTIONS:
        raise Problem("not_found", status=404)
    fields = await posted(request, member)
    await provider_cases.settle_event(
        services_of(request), member.principal, key_of(fields), inbox_id, EVENT_ACTIONS[action]
    )
    return RedirectResponse(HOME, 303)
