"""By what an order is priced, as the order keeps it."""

import json

from domain.json_types import JsonObject
from domain.pricing.allocation import PricingTerms, Rules, Tax
from infra.db.orders.placing.drafts import NewOrder


def rules_of(draft: NewOrder) -> str:
    """By what the order is priced anew when it is changed before it is paid."""
    terms = draft.terms
    stored = {
        "discount_minor": draft.discount_minor,
        "shipping_minor": draft.shipping_minor,
        "fee_minor": terms.fee_minor,
        "free_from_minor": terms.free_from_minor,
        "tax_rate_bp": terms.tax.rate_bp,
        "tax_included": terms.tax.included,
    }
    return json.dumps(stored)


def stored_rules(stored: JsonObject) -> Rules:
    """The rules as an order keeps them."""
    tax = Tax(stored["tax_rate_bp"], stored["tax_included"])
    terms = PricingTerms(stored["fee_minor"], stored["free_from_minor"], tax)
    return Rules(stored["discount_minor"], stored["shipping_minor"], terms)
