"""By what an order is priced, as the order keeps it."""

import json
from collections.abc import Mapping
from typing import Any

from domain.pricing.allocation import PricingTerms, Rules, Tax
from infra.db.orders.placing.drafts import NewOrder


def rules_of(draft: NewOrder) -> str:
    """By what the order is priced anew when it is changed before it is paid."""
    terms = draft.terms
    kept = {
        "discount_minor": draft.discount_minor,
        "shipping_minor": draft.shipping_minor,
        "fee_minor": terms.fee_minor,
        "free_from_minor": terms.free_from_minor,
        "tax_rate_bp": terms.tax.rate_bp,
        "tax_included": terms.tax.included,
    }
    return json.dumps(kept)


def rules_kept(kept: Mapping[str, Any]) -> Rules:
    """The rules as an order keeps them."""
    tax = Tax(kept["tax_rate_bp"], kept["tax_included"])
    terms = PricingTerms(kept["fee_minor"], kept["free_from_minor"], tax)
    return Rules(kept["discount_minor"], kept["shipping_minor"], terms)
