"""The application: its routes, its errors, its life."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from api import errors
from api.background.backlog import BacklogWatch
from api.background.failing_workflows import FailingWorkflows
from api.background.home_figures import HomeFigures
from api.background.last_looks import LastLooks
from api.background.order_watcher import OrderWatcher
from api.background.revoked_tokens import RevokedTokens
from api.background.silent_processes import SilentProcesses
from api.background.usual_deliveries import UsualDeliveries
from api.background.workflow_client import WorkflowClient
from api.console import mount as console
from api.dependencies import Services
from api.http import openapi, openapi_pages
from api.http.acknowledgements import Acknowledged
from api.http.compression import CompressedPages
from api.http.guard import Guard
from api.http.middleware import BodyLimit, Measured
from api.http.rate_limits import RateLimits
from api.http.request_body import refused
from api.http.routing import by_prefix
from api.portal import mount as portal
from api.routes import (
    alerts,
    approvals,
    audit,
    channels,
    checks,
    customers,
    documents,
    feedback,
    freight,
    fulfilments,
    locations,
    notifications,
    picking,
    purchase_orders,
    replenishment,
    reports,
    sourcing,
    sourcing_profiles,
    sourcing_warehouses,
    stock,
    stock_cases,
    stock_counts,
    stock_transfers,
    virtual,
)
from api.routes.after_sales import backorder_choices, delivery_exceptions, return_photographs, returns
from api.routes.catalogue import pictures, product_imports, products, warehouses
from api.routes.collaboration import labels, notes
from api.routes.orders import (
    bulk,
    cancellation,
    changes,
    contacts,
    exports,
    holds,
    order_drafts,
    orders,
    placement,
    views,
)
from api.routes.payments import credit, disputes, payments, refunds, store_credit
from api.routes.staff import api_tokens, invitations, members
from api.routes.support import bulk_jobs, manual_transitions, parked_steps, workflow_operations
from api.routes.system import health, operations
from api.routes.webhooks import endpoints, provider_webhooks, sent_messages
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.grouped_statements import Together
from infra.gateways import registry
from infra.observability import telemetry
from infra.security.crypto import Vault
from infra.settings import Settings
from infra.system.heartbeat import beating

ROUTERS = (
    placement.router,
    bulk.router,
    exports.router,
    views.router,
    orders.router,
    order_drafts.router,
    changes.router,
    cancellation.router,
    payments.router,
    refunds.router,
    disputes.router,
    documents.router,
    feedback.router,
    holds.router,
    notes.router,
    labels.router,
    notifications.router,
    contacts.router,
    returns.router,
    return_photographs.router,
    parked_steps.router,
    bulk_jobs.router,
    manual_transitions.router,
    approvals.router,
    workflow_operations.router,
    product_imports.router,
    products.router,
    virtual.router,
    warehouses.router,
    channels.router,
    pictures.router,
    locations.router,
    stock_transfers.router,
    stock_counts.router,
    stock_cases.router,
    freight.router,
    purchase_orders.router,
    purchase_orders.arrivals_router,
    replenishment.router,
    stock.router,
    sourcing.router,
    sourcing_profiles.router,
    sourcing_warehouses.router,
    fulfilments.router,
    picking.router,
    store_credit.router,
    credit.router,
    customers.router,
    delivery_exceptions.router,
    backorder_choices.router,
    endpoints.router,
    alerts.router,
    operations.router,
    audit.router,
    checks.router,
    api_tokens.router,
    invitations.router,
    members.router,
    reports.router,
    provider_webhooks.router,
    health.router,
)


_DESCRIPTION = (
    "Every order is a Temporal workflow; every fact is in PostgreSQL. Amounts are integers in minor units of the"
    " currency beside them. Times in answers are RFC 3339 in UTC with a Z, with up to six digits of a second. Errors"
    " are RFC 9457 with a stable `code`."
)


def create_app(settings: Settings) -> FastAPI:
    """The front door for these settings. Its parts are made when it starts and closed when it stops."""
    app = FastAPI(
        title="Durable order management",
        version="0.1.0",
        description=_DESCRIPTION,
        lifespan=_lifespan(settings),
        docs_url=None,
        redoc_url=None,
        webhooks=sent_messages.router,
        telemetry=telemetry.of_requests(),
    )
    for router in ROUTERS:
        app.include_router(by_prefix(router))
    errors.install(app)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    console.install(app)
    portal.install(app)
    openapi.complete(app)
    openapi_pages.install(app)
    app.add_middleware(CompressedPages)
    app.add_middleware(Acknowledged)
    app.add_middleware(
        BodyLimit,
        limit=settings.max_body_bytes,
        upload_limit=settings.max_upload_bytes,
        bill_limit=settings.max_bill_bytes,
    )
    app.state.check_lock = asyncio.Lock()
    app.state.limits = limits = RateLimits(settings)
    app.add_middleware(Guard, settings=settings, limits=limits)
    app.add_middleware(Measured)
    return app


def build_services(settings: Settings) -> Services:
    """What one process shares among its requests. Raises ValueError on a missing or malformed key."""
    database, workflows = Database.from_settings(settings), WorkflowClient(settings)
    return Services(
        settings=settings,
        database=database,
        together=Together(database),
        keys=KeyRing(Vault.from_settings(settings)),
        workflows=workflows,
        watcher=OrderWatcher(database),
        payments=registry.build_payments(settings, database),
        carriers=registry.build_carriers(settings),
        revoked=RevokedTokens(database),
        failing=FailingWorkflows(workflows),
        backlog=BacklogWatch(database, settings.backlog_limit),
        home=HomeFigures(database, settings.portal_time_zone),
        usual_deliveries=UsualDeliveries(),
        looks=LastLooks(),
    )


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = build_services(settings)
        app.state.services = services
        services.workflows.start()
        services.revoked.start()
        services.failing.start()
        silent = SilentProcesses(services.database, settings)
        silent.start()
        services.backlog.start()
        try:
            async with beating(services.database, "api", settings):
                yield
        finally:
            await silent.close()
            await services.revoked.close()
            await services.failing.close()
            await services.backlog.close()
            await services.watcher.close()
            await services.workflows.close()
            await registry.close_all(services.payments)
            await registry.close_all(services.carriers)
            await services.database.close()

    return lifespan


async def _invalid_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return errors.respond(request, refused(list(error.errors())))
