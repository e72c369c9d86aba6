"""What an order carries beside its lines: shipping charge and tax."""

from functools import cached_property

from pydantic import BaseModel, Field

from domain.pricing.allocation import PricingTerms, Tax


class PricingSettings(BaseModel):
    """Shipping charge and tax."""

    shipping_fee_minor: int = Field(default=0, ge=0, le=10**12)
    free_shipping_from_minor: int = Field(default=0, ge=0)
    tax_rate_bp: int = Field(default=0, ge=0, le=10_000)
    tax_included: bool = True

    @cached_property
    def terms(self) -> PricingTerms:
        """What an order carries beside its lines."""
        return PricingTerms(
            self.shipping_fee_minor, self.free_shipping_from_minor, Tax(self.tax_rate_bp, self.tax_included)
        )
