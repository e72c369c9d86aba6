"""Puts the console into the application: its pages, its static files, its errors as pages."""

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from api.console import (
    alerts,
    approvals,
    audit,
    channels,
    counts,
    documents,
    feedback,
    home,
    pictures,
    reports,
    settings,
    sign_in,
    webhooks,
)
from api.console.after_sales import delivery_exception, return_request, returns
from api.console.catalogue import product_forms, product_list, product_stock, warehouse_pages
from api.console.collaboration import for_me, labels, notes
from api.console.customers import profiles
from api.console.orders import (
    bulk,
    changes,
    contact,
    detail,
    drafting,
    holds,
    manual_transition,
    parcels,
    printing,
    table,
    table_views,
)
from api.console.payments import provider_cases, refunds, store_credit
from api.console.rendering import SITE, page
from api.console.session import StaffSignInNeeded, member, to_sign_in
from api.console.staff import account, joining, team
from api.console.support import (
    activity_actions,
    bulk_jobs,
    failing_workflows,
    parked_steps,
    retrying_steps,
    workflow_operations,
)
from api.errors import Problem
from api.pages.error_pages import as_pages, reader_of
from api.pages.forms import require_own_origin

ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    settings.router,
    home.router,
    reports.router,
    joining.router,
    account.router,
    team.router,
    drafting.router,
    table.router,
    table_views.router,
    bulk.router,
    printing.router,
    counts.router,
    detail.router,
    refunds.router,
    changes.router,
    contact.router,
    delivery_exception.router,
    workflow_operations.router,
    activity_actions.router,
    parcels.router,
    holds.router,
    notes.router,
    labels.router,
    for_me.router,
    documents.router,
    feedback.router,
    returns.router,
    return_request.router,
    store_credit.router,
    profiles.router,
    approvals.router,
    manual_transition.router,
    parked_steps.router,
    provider_cases.router,
    bulk_jobs.router,
    failing_workflows.router,
    alerts.router,
    webhooks.router,
    channels.router,
    audit.router,
    retrying_steps.router,
    product_list.router,
    product_forms.router,
    product_stock.router,
    warehouse_pages.router,
    pictures.router,
)


def install(app: FastAPI) -> None:
    """Mount the console; to be called when every other error handler is in place."""
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False, dependencies=[Depends(require_own_origin)])
    SITE.serve_static(app)
    as_pages(app, SITE.home, _refusal)
    app.add_exception_handler(StaffSignInNeeded, to_sign_in)


async def _refusal(request: Request, problem: Problem) -> Response:
    reader = await reader_of(request, problem, "member", member)
    return page(request, "problem.html", status=problem.status_code, member=reader, problem=problem)
