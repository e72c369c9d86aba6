"""Bodies of the calls on catalogue, warehouses and stock."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import (
    MAX_RECEIPT,
    Barcode,
    Body,
    Code,
    Country,
    Currency,
    Grouping,
    Identity,
    InPath,
    Language,
    Name,
    NotedReference,
    OptionalPhone,
    OptionalText,
    PriceMinor,
    Reference,
    Sku,
    Units,
)
from domain.products import MAX_NAMES, DeliveredBy, ProductKind, TaxCategory
from domain.stock.warehouses import WarehouseKind

SignedUnits = Annotated[int, Field(strict=True, ge=-MAX_RECEIPT, le=MAX_RECEIPT)]


Names = Annotated[dict[Language, Name], Field(max_length=MAX_NAMES)]
Weight = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
DaysToMake = Annotated[int, Field(strict=True, ge=1, le=365)]
DaysAfterPayment = Annotated[int, Field(strict=True, ge=0, le=365)]
LeadTime = Annotated[int, Field(strict=True, ge=0, le=90)]
Priority = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class NewProduct(Body):
    """A product; the price is in minor units, the weight in grams. `names` are its names by language; readers of
    other ones see `name`. A barcode is an EAN or UPC. `category` is what it belongs to, for strategies of sourcing.
    `kind` says how it is supplied: from stock, made once it is ordered (`lead_time_days`), or virtual: a code, or a
    service that is confirmed by a person or `confirmed_after_days` after the payment (`delivered_by`)."""

    sku: Annotated[Sku, InPath]
    name: Name
    price_minor: PriceMinor
    currency: Currency
    active: bool = True
    weight_g: Weight = 500
    names: Names = Field(default_factory=dict)
    barcode: Barcode | None = None
    tax_category: TaxCategory = Field(default=TaxCategory.STANDARD, strict=False)
    category: Grouping | None = None
    kind: ProductKind = Field(default=ProductKind.PHYSICAL, strict=False)
    lead_time_days: DaysToMake | None = None
    delivered_by: DeliveredBy = Field(default=DeliveredBy.CODE, strict=False)
    confirmed_after_days: DaysAfterPayment | None = None


class ChangeProduct(Body):
    """What changes; what is left out stays. `names` is the whole new set; null removes the barcode, the category, the
    picture and the days. `kind` and `delivered_by` stay once the product was ordered. The price holds for orders from
    now on; an inactive product cannot be ordered."""

    name: Name = Field(default_factory=str)
    price_minor: PriceMinor = Field(default_factory=int)
    active: bool = Field(default_factory=bool)
    weight_g: Weight = Field(default_factory=int)
    names: Names = Field(default_factory=dict)
    barcode: Barcode | None = None
    tax_category: TaxCategory = Field(default=TaxCategory.STANDARD, strict=False)
    category: Grouping | None = None
    picture_id: None = None
    kind: ProductKind = Field(default=ProductKind.PHYSICAL, strict=False)
    lead_time_days: DaysToMake | None = None
    delivered_by: DeliveredBy = Field(default=DeliveredBy.CODE, strict=False)
    confirmed_after_days: DaysAfterPayment | None = None


class NewWarehouse(Body):
    """A place that ships; a smaller priority is preferred. Carriers fetch parcels at its address, returns go there. A
    supplier ships its own stock to our customers, `lead_time_days` after the next cut-off; its kind does not change."""

    code: Annotated[Code, InPath]
    name: Name
    kind: WarehouseKind = Field(default=WarehouseKind.WAREHOUSE, strict=False)
    lead_time_days: LeadTime = 0
    country: Country
    province: Name
    city: Name
    district: OptionalText = ""
    line1: OptionalText = ""
    postcode: OptionalText = ""
    contact_name: OptionalText = ""
    phone: OptionalPhone = ""
    priority: Priority = 100


class ChangeWarehouse(Body):
    """What changes; what is left out stays. `is_default: true` makes it the default one in the place of the other. An
    inactive warehouse reserves nothing for new orders and receives nothing; what it has stays until it is shipped or
    moved. The default one is active."""

    name: Name = Field(default_factory=str)
    lead_time_days: LeadTime = Field(default_factory=int)
    country: Country = Field(default_factory=str)
    province: Name = Field(default_factory=str)
    city: Name = Field(default_factory=str)
    district: OptionalText = Field(default_factory=str)
    line1: OptionalText = Field(default_factory=str)
    postcode: OptionalText = Field(default_factory=str)
    contact_name: OptionalText = Field(default_factory=str)
    phone: OptionalPhone = Field(default_factory=str)
    priority: Priority = Field(default_factory=int)
    is_default: Literal[True] = Field(default=True)
    active: bool = Field(default_factory=bool)


class SafetyStock(Body):
    """Units of a product that are kept back at a warehouse: they are not offered for sale."""

    sku: Sku
    quantity: Annotated[int, Field(strict=True, ge=0, le=MAX_RECEIPT)]
    warehouse: Code | None = None


class Receipt(Body):
    """Units that arrived; without a warehouse, at the default one. A reference names one delivery: of one SKU at one
    warehouse it is booked once (409 `receipt_exists`), unless `allow_duplicate` says that the same came again. Spaces
    around it, and signs that show nothing, are left out. With `purchase_order` (its number) it is received against that
    order, at its warehouse. With `location` the units are put there."""

    sku: Sku
    quantity: Units
    reference: NotedReference
    warehouse: Code | None = None
    allow_duplicate: bool = False
    purchase_order: Identity | None = None
    location: Code | None = None


class Adjustment(Body):
    """A correction after counting: `quantity` is the signed difference, not zero."""

    sku: Sku
    quantity: SignedUnits
    reason: Reference
    warehouse: Code | None = None
