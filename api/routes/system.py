"""Health, readiness, metrics: open, for machines."""

import asyncio

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from api.dependencies import json_response, services
from api.documentation import described
from api.errors import unavailable
from infra import metrics
from infra.db import master_keys, processes
from infra.db.engine import PoolExhausted
from infra.db.processes import Workers

router = APIRouter(tags=["system"])

_READY_TIMEOUT_S = 3.0


@router.get("/healthz")
async def healthy() -> Response:
    """The process lives."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz",
    responses={
        "503": described(
            "PostgreSQL does not answer, or is sealed under another master key", "application/problem+json"
        )
    },
)
async def ready(request: Request) -> Response:
    """Orders can be accepted: PostgreSQL answers, and this process has its master keys. Temporal and workers may be
    down; it is told, and does not count.

    `worker` is `serving`, `none`, or what keeps every worker from taking orders on; `worker_detail` says more.
    """
    parts = services(request)
    try:
        async with asyncio.timeout(_READY_TIMEOUT_S), parts.database.begin() as conn:
            workers = await processes.workers(conn)
            lacking = await master_keys.lacking(conn, parts.keys.vault.key_ids)
    except (SQLAlchemyError, TimeoutError, OSError, PoolExhausted):
        raise unavailable("database_unavailable", "PostgreSQL does not answer") from None
    if lacking:
        raise unavailable("master_key_unknown", master_keys.problem(lacking))
    temporal = "connected" if parts.workflows.connected else "unreachable"
    return json_response({"status": "ready", "temporal": temporal, **_of(workers)})


def _of(workers: Workers) -> dict[str, str]:
    if workers.serving:
        return {"worker": "serving"}
    if workers.trouble is None:
        return {"worker": "none", "worker_detail": "no worker runs: orders are accepted and wait; start oms worker"}
    return {"worker": workers.trouble["code"], "worker_detail": workers.trouble["detail"]}


@router.get(
    "/metrics", response_class=Response, responses={"200": described("In Prometheus' text format", "text/plain")}
)
async def measured() -> Response:
    """Prometheus metrics of this process."""
    content, content_type = metrics.exposition()
    return Response(content, media_type=content_type)
