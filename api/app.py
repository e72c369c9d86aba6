"""The application: its routes, its errors, its life."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from api import documentation, documentation_pages, errors
from api.backlog import BacklogWatch
from api.bodies import refused
from api.console import install as console
from api.dependencies import Services
from api.guard import Guard
from api.middleware import BodyLimit, Measured
from api.portal import install as portal
from api.rate_limits import RateLimits
from api.revoked_tokens import RevokedTokens
from api.routes import (
    approvals,
    audit,
    cancelling,
    catalogue,
    changing,
    contacts,
    delivery_problems,
    disputes,
    documents,
    endpoints,
    feedback,
    holds,
    ledger,
    messages,
    notices,
    operating,
    orders,
    payments,
    placing,
    refunds,
    returns,
    running,
    staff,
    stock,
    store_credit,
    support,
    system,
    tokens,
    webhooks,
)
from api.silent_processes import SilentProcesses
from api.waiting import Watcher
from api.workflow_calls import Workflows
from infra.crypto import Vault
from infra.db.customers import KeyRing
from infra.db.engine import Database
from infra.db.together import Together
from infra.gateways import registry
from infra.heartbeat import beating
from infra.settings import Settings
from infra.telemetry import instrument_app

ROUTERS = (
    placing.router,
    orders.router,
    changing.router,
    cancelling.router,
    payments.router,
    refunds.router,
    disputes.router,
    documents.router,
    feedback.router,
    holds.router,
    messages.router,
    contacts.router,
    returns.router,
    support.router,
    approvals.router,
    running.router,
    catalogue.router,
    stock.router,
    store_credit.router,
    delivery_problems.router,
    endpoints.router,
    notices.router,
    operating.router,
    audit.router,
    ledger.router,
    tokens.router,
    staff.router,
    webhooks.router,
    system.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The front door for these settings. Its parts are made when it starts and closed when it stops."""
    app = FastAPI(
        title="Durable order management",
        version="0.1.0",
        description="Every order is a Temporal workflow; every fact is in PostgreSQL.",
        lifespan=_lifespan(settings),
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    console.install(app)
    portal.install(app)
    documentation.complete(app)
    documentation_pages.install(app)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.state.walk = asyncio.Lock()
    app.state.limits = limits = RateLimits(settings)
    app.add_middleware(Guard, settings=settings, limits=limits)
    app.add_middleware(Measured)
    instrument_app(app)
    return app


def build_services(settings: Settings) -> Services:
    """The parts of one process. Raises ValueError on a missing or malformed key."""
    database = Database.from_settings(settings)
    return Services(
        settings=settings,
        database=database,
        together=Together(database),
        keys=KeyRing(Vault.from_settings(settings)),
        workflows=Workflows(settings),
        watcher=Watcher(database),
        payments=registry.build_payments(settings, database),
        carriers=registry.build_carriers(settings),
        revoked=RevokedTokens(database),
        backlog=BacklogWatch(database, settings.backlog_limit),
    )


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts = build_services(settings)
        app.state.services = parts
        parts.workflows.start()
        parts.revoked.start()
        silent = SilentProcesses(parts.database, settings)
        silent.start()
        parts.backlog.start()
        try:
            async with beating(parts.database, "api", settings):
                yield
        finally:
            await silent.close()
            await parts.revoked.close()
            await parts.backlog.close()
            await parts.watcher.close()
            await parts.workflows.close()
            await registry.close_all(parts.payments)
            await registry.close_all(parts.carriers)
            await parts.database.close()

    return lifespan


async def _invalid_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return errors.respond(request, refused(list(error.errors())))
