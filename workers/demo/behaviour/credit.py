"""Credit that finance grants to a company."""

from workers.demo.api_client.api.payments import set_customer_credit
from workers.demo.api_client.models import SetCredit
from workers.demo.baskets.catalogue import CURRENCY
from workers.demo.baskets.customers import customer_of
from workers.demo.baskets.dataset import Basket
from workers.demo.http.client import Clients, accepted
from workers.demo.plan import Plan

TERMS_DAYS = 30


async def grant(clients: Clients, plan: Plan, basket: Basket) -> None:
    """As much as this basket costs: the household may owe it for 30 days."""
    customer, _ = customer_of(basket.household)
    limit_minor = plan.total_minor(plan.sendable(basket.lines))
    body = SetCredit(limit_minor=limit_minor, currency=CURRENCY, terms_days=TERMS_DAYS)
    await accepted(set_customer_credit.asyncio(str(customer.id), client=clients.finance, body=body))
