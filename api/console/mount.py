"""Puts the console into the application: its pages, its static files, its errors as pages."""

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from api.console import counts, settings
from api.console.after_sales import backorder_choice, delivery_exception, photographs, return_request, returns
from api.console.alerts import alert_channels
from api.console.approvals import approval_requests
from api.console.audit import audit_trail
from api.console.catalogue import product_forms, product_import_pages, product_list, product_stock, warehouse_pages
from api.console.channels import channel_settings
from api.console.collaboration import for_me, labels, notes
from api.console.customers import profiles
from api.console.documents import order_documents
from api.console.feedback import customer_feedback
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
from api.console.payments import provider_cases, receivable_pages, refunds, store_credit
from api.console.rendering import SITE, page
from api.console.reports import home, periods
from api.console.session import StaffSignInNeeded, member, to_sign_in
from api.console.shipping import barcode_photographs, freight_pages, fulfilment_pages, papers, scan_pages
from api.console.sourcing import order_sourcing, sourcing_profiles
from api.console.staff import account, joining, sign_in, team
from api.console.stock import (
    case_pages,
    count_pages,
    location_pages,
    purchase_pages,
    replenishment_pages,
    transfer_pages,
)
from api.console.support import (
    activity_actions,
    bulk_jobs,
    failing_workflows,
    parked_steps,
    retrying_steps,
    workflow_operations,
)
from api.console.virtual import pool_pages
from api.console.webhooks import endpoints
from api.errors import Problem
from api.http.routing import by_prefix
from api.pages.error_pages import as_pages, reader_of
from api.pages.forms import require_own_origin

# Routers are asked in this order. First those that an open page asks again every few seconds.
ROUTERS: tuple[APIRouter, ...] = (
    counts.router,
    parked_steps.router,
    sign_in.router,
    settings.router,
    home.router,
    periods.router,
    joining.router,
    account.router,
    team.router,
    drafting.router,
    table.router,
    table_views.router,
    bulk.router,
    printing.router,
    detail.router,
    refunds.router,
    changes.router,
    contact.router,
    delivery_exception.router,
    backorder_choice.router,
    workflow_operations.router,
    activity_actions.router,
    parcels.router,
    holds.router,
    notes.router,
    labels.router,
    for_me.router,
    order_documents.router,
    customer_feedback.router,
    returns.router,
    return_request.router,
    store_credit.router,
    profiles.router,
    approval_requests.router,
    manual_transition.router,
    provider_cases.router,
    bulk_jobs.router,
    failing_workflows.router,
    alert_channels.router,
    endpoints.router,
    channel_settings.router,
    sourcing_profiles.router,
    order_sourcing.router,
    audit_trail.router,
    retrying_steps.router,
    product_list.router,
    product_forms.router,
    product_import_pages.router,
    pool_pages.router,
    product_stock.router,
    transfer_pages.router,
    case_pages.router,
    purchase_pages.router,
    replenishment_pages.router,
    count_pages.router,
    location_pages.router,
    papers.router,
    scan_pages.router,
    barcode_photographs.router,
    fulfilment_pages.router,
    freight_pages.router,
    receivable_pages.router,
    warehouse_pages.router,
    photographs.router,
)


def install(app: FastAPI) -> None:
    """Mount the console; to be called when every other error handler is in place."""
    for router in ROUTERS:
        app.include_router(by_prefix(router), include_in_schema=False, dependencies=[Depends(require_own_origin)])
    SITE.serve_static(app)
    as_pages(app, SITE.home, _refusal)
    app.add_exception_handler(StaffSignInNeeded, to_sign_in)


async def _refusal(request: Request, problem: Problem) -> Response:
    reader = await reader_of(request, problem, "member", member)
    return page(request, "problem.html", status=problem.status_code, member=reader, problem=problem)
