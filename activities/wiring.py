"""Putting the activities together for a worker."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.adjusting import AdjustingActivities
from activities.gateway_calls import GatewayCalls
from activities.guarantees import GuaranteeActivities
from activities.holds import HoldActivities
from activities.jobs import JobActivities
from activities.orders import OrderActivities
from activities.parking import ParkingActivities
from activities.payments import PaymentActivities
from activities.refunds import RefundActivities
from activities.renewals import RenewalActivities
from activities.returns import ReturnActivities
from activities.shipping import ShippingActivities
from activities.supplements import SupplementActivities
from infra.crypto import Vault
from infra.db.engine import Database
from infra.gateways.registry import build_carriers, build_payments
from infra.settings import Settings


def build(database: Database, settings: Settings, client: Client) -> list[Callable[..., Any]]:
    """Every activity, ready to register."""
    vault = Vault.from_settings(settings)
    orders = OrderActivities(database, settings)
    parking = ParkingActivities(database, vault, settings)
    gateways = build_payments(settings, database)
    payments = PaymentActivities(database, gateways, settings.payment_provider, settings.expired_payment_timeout_s)
    calls = GatewayCalls(database, gateways, settings.expired_payment_timeout_s)
    refunds = RefundActivities(database, calls)
    supplements = SupplementActivities(database, calls, payments, gateways, settings)
    guarantees = GuaranteeActivities(database, calls, vault, settings)
    renewals = RenewalActivities(database, calls, payments, settings)
    carriers = build_carriers(settings)
    shipping = ShippingActivities(database, carriers, vault, settings)
    returns = ReturnActivities(database, carriers, vault, settings)
    holds = HoldActivities(database)
    adjusting = AdjustingActivities(database, vault, settings)
    jobs = JobActivities(database, vault, client, settings)
    money = (payments, refunds, guarantees, supplements, renewals)
    return [
        found
        for holder in (orders, parking, *money, shipping, returns, holds, adjusting, jobs)
        for found in activities_of(holder)
    ]


def activities_of(holder: object) -> list[Callable[..., Any]]:
    """The methods of `holder` that are activities."""
    methods = (getattr(holder, name) for name in dir(holder) if not name.startswith("_"))
    return [method for method in methods if hasattr(method, "__temporal_activity_definition")]
