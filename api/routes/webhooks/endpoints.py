"""Webhook endpoints: addresses that events are sent to."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.webhooks import AddedEndpoint, EndpointList, NewEndpoint, Replay, Replayed
from api.services.webhooks import webhook_endpoints
from domain.access import Role

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhook endpoints"])


@router.post("", **operation("add_webhook_endpoint", Answer(201, AddedEndpoint), body=NewEndpoint))
async def add(request: Request, caller: Caller) -> Response:
    """Send events there from now on. The answer (and a repeat of this very request) is all that shows the secret."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewEndpoint)
    return response_of(await webhook_endpoints.add(services, caller, key, parsed.digest, parsed.model))


@router.get("", **operation("list_webhook_endpoints", Answer(200, EndpointList)))
async def list_endpoints(request: Request, caller: Caller) -> Response:
    """All endpoints, without their secrets."""
    require(caller, Role.OPERATIONS)
    items = await webhook_endpoints.list_endpoints(services_of(request))
    return json_response({"items": items, "next_cursor": None})


@router.post("/{endpoint_id}/replay", **operation("replay_webhook_messages", Answer(200, Replayed), body=Replay))
async def replay(endpoint_id: str, request: Request, caller: Caller) -> Response:
    """Send again what was given up; an endpoint that was switched off is on again. Old messages may come after newer
    ones: their `webhook-id` and `seq` are as they were."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, Replay)
    return response_of(
        await webhook_endpoints.replay(services, caller, key, parsed.digest, endpoint_id, parsed.model.since)
    )


@router.delete("/{endpoint_id}", **operation("remove_webhook_endpoint", Answer(204)))
async def remove(endpoint_id: str, request: Request, caller: Caller) -> Response:
    """Send nothing there any more."""
    require(caller, Role.OPERATIONS)
    await webhook_endpoints.remove(services_of(request), caller, endpoint_id)
    return Response(status_code=204)
