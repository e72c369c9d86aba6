"""Health, readiness, metrics: open, for machines."""

from fastapi import APIRouter, Request, Response

from api.dependencies import json_response, services_of
from api.http.openapi import Answer, later, operation
from api.schemas.system import Health, Readiness
from api.services.system import installation
from infra.observability import metrics
from infra.system.watchdog import PULSE

router = APIRouter(tags=["system"])

_HANGS = "The process hangs and is about to end"
_NOT_READY = "PostgreSQL does not answer, cannot write, or is encrypted with another master key"
READY_TIMEOUT_S = 3.0


@router.get("/healthz", **operation("get_health", Answer(200, Health), Answer(503, Health, means=_HANGS), refused={}))
async def healthy() -> Response:
    """The process lives and gets round. Where this is 503, or is not answered, start it again."""
    return json_response({"status": "ok"}) if PULSE.healthy() else json_response({"status": "down"}, 503)


@router.get("/readyz", **operation("get_readiness", Answer(200, Readiness), refused=later(_NOT_READY)))
async def ready(request: Request) -> Response:
    """Orders can be accepted: PostgreSQL answers and writes, and this process has its master keys. Temporal and other
    processes may be down: the answer says so and is still 200. It comes within 3 seconds. A process without a
    heartbeat for half a minute counts as down.
    """
    services = services_of(request)
    found = await installation.require_ready(services, READY_TIMEOUT_S)
    temporal = "connected" if services.workflows.connected else "unreachable"
    return json_response({"status": "ready", "temporal": temporal, **_of(found.workers), **_relay(found.relays)})


def _of(workers: installation.Workers) -> dict[str, str]:
    if workers.serving:
        return {"worker": "serving"}
    if workers.trouble is None:
        return {"worker": "none", "worker_detail": "no worker runs: orders are accepted and wait; start oms worker"}
    return {"worker": workers.trouble["code"], "worker_detail": workers.trouble["detail"]}


def _relay(living: int) -> dict[str, str]:
    if living:
        return {"relay": "serving"}
    return {"relay": "none", "relay_detail": "no relay runs: messages, notices and webhooks wait; start oms relay"}


@router.get(
    "/metrics",
    **operation("get_metrics", Answer(200, media=["text/plain"], means="In the text format of Prometheus"), refused={}),
)
async def measured() -> Response:
    """Prometheus metrics of this process."""
    content, content_type = metrics.exposition()
    return Response(content, media_type=content_type)
