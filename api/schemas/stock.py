"""Bodies of the calls on catalogue, warehouses and stock."""

from typing import Annotated

from pydantic import Field

from api.schemas.fields import (
    MAX_RECEIPT,
    Body,
    Code,
    Country,
    Currency,
    InPath,
    Name,
    NotedReference,
    PriceMinor,
    Reference,
    Sku,
    Units,
)

SignedUnits = Annotated[int, Field(strict=True, ge=-MAX_RECEIPT, le=MAX_RECEIPT)]


class NewProduct(Body):
    """A product; the price is in minor units, the weight in grams."""

    sku: Annotated[Sku, InPath]
    name: Name
    price_minor: PriceMinor
    currency: Currency
    active: bool = True
    weight_g: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] = 500


class NewWarehouse(Body):
    """A place that ships; a smaller priority is preferred."""

    code: Annotated[Code, InPath]
    name: Name
    country: Country
    province: Name
    city: Name
    priority: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 100


class Receipt(Body):
    """Units that arrived; without a warehouse, at the default one. A reference names one delivery: of one SKU at one
    warehouse it is booked once (409 `receipt_exists`), unless `allow_duplicate` says that the same came again. Spaces
    around it, and signs that show nothing, are left out."""

    sku: Sku
    quantity: Units
    reference: NotedReference
    warehouse: Code | None = None
    allow_duplicate: bool = False


class Adjustment(Body):
    """A correction after counting: `quantity` is the signed difference, not zero."""

    sku: Sku
    quantity: SignedUnits
    reason: Reference
    warehouse: Code | None = None


class Transfer(Body):
    """Units that move from one warehouse to another."""

    sku: Sku
    quantity: Units
    source: Annotated[Code, Field(alias="from")]
    target: Annotated[Code, Field(alias="to")]
    reference: Reference
