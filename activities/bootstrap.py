"""Putting the activities together for a worker."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.after_sales.guarantees import GuaranteeActivities
from activities.after_sales.returns import ReturnActivities
from activities.orders.holds import HoldActivities
from activities.orders.lifecycle import OrderActivities
from activities.payments.change_payments import ChangePaymentActivities
from activities.payments.gateway_calls import GatewayCalls
from activities.payments.order_payments import PaymentActivities
from activities.payments.receivables import ReceivableActivities
from activities.payments.refunds import RefundActivities
from activities.payments.renewals import RenewalActivities
from activities.payments.shipment_captures import ShipmentCaptureActivities
from activities.shipping.bookings import ShippingActivities
from activities.shipping.virtual_parts import VirtualPartActivities
from activities.stock.planned_parts import PlannedPartActivities
from activities.stock.transfers import TransferActivities
from activities.support.bulk_jobs import BulkJobActivities
from activities.support.manual_transitions import ManualTransitionActivities
from activities.support.parked_steps import ParkedStepActivities
from infra.db.engine import Database
from infra.gateways.registry import build_carriers, build_payments
from infra.security.crypto import Vault
from infra.settings import Settings


def build(database: Database, settings: Settings, client: Client) -> list[Callable[..., Any]]:
    """Every activity, ready to register."""
    vault = Vault.from_settings(settings)
    orders = OrderActivities(database, settings)
    parking = ParkedStepActivities(database, vault, settings)
    gateways = build_payments(settings, database)
    payments = PaymentActivities(
        database, gateways, settings.payment_provider, settings.expired_payment_timeout_s, settings.capture
    )
    calls = GatewayCalls(database, gateways, settings.expired_payment_timeout_s)
    refunds = RefundActivities(database, calls)
    captures = ShipmentCaptureActivities(database, calls, payments)
    change_payments = ChangePaymentActivities(database, calls, payments, gateways, settings)
    settling = ReceivableActivities(database, calls, payments, gateways, settings.payment_provider)
    guarantees = GuaranteeActivities(database, calls, vault, settings)
    renewals = RenewalActivities(database, calls, payments, settings)
    carriers = build_carriers(settings)
    shipping = ShippingActivities(database, carriers, vault, settings)
    returns = ReturnActivities(database, carriers, vault, settings)
    holds = HoldActivities(database)
    transfers = TransferActivities(database)
    planned = PlannedPartActivities(database, settings)
    virtual = VirtualPartActivities(database, settings)
    adjusting = ManualTransitionActivities(database, vault, settings)
    jobs = BulkJobActivities(database, vault, client, settings)
    money = (payments, captures, refunds, guarantees, change_payments, settling, renewals)
    return [
        found
        for holder in (orders, parking, *money, shipping, returns, transfers, planned, virtual, holds, adjusting, jobs)
        for found in activities_of(holder)
    ]


def activities_of(holder: object) -> list[Callable[..., Any]]:
    """The methods of `holder` that are activities."""
    methods = (getattr(holder, name) for name in dir(holder) if not name.startswith("_"))
    return [method for method in methods if hasattr(method, "__temporal_activity_definition")]
