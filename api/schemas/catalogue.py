"""Products and warehouses in answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time
from domain.products import DeliveredBy, ProductKind, TaxCategory
from domain.stock.warehouses import WarehouseKind


class Product(BaseModel):
    """A product of the catalogue."""

    sku: str
    name: str
    price_minor: Minor
    currency: CurrencyCode
    active: bool = Field(description="Whether it can be ordered.")
    weight_g: int = Field(description="In grams.")
    names: dict[str, str] = Field(description="Its names by language; `name` is for every other one.")
    barcode: str | None = Field(description="EAN or UPC.")
    tax_category: TaxCategory
    category: str | None = Field(description="What it belongs to; strategies of sourcing can be for some categories.")
    kind: ProductKind = Field(
        description="How it is supplied: from stock, made once it is ordered, or without a parcel."
    )
    lead_time_days: int | None = Field(description="How many days it takes to make, of what is made to order.")
    delivered_by: DeliveredBy = Field(description="Of a virtual product: a code, or a service that is confirmed.")
    confirmed_after_days: int | None = Field(
        description="A service counts as performed so many days after the payment; null: a person confirms it."
    )
    picture_id: str | None = Field(description="Its picture is `GET /v1/pictures/{picture_id}`.")
    version: int = Field(description="New with each change; the ETag.")
    created_at: Time


class ListedProduct(Product):
    """A product in a list."""

    available: int = Field(description="Units that can be sold, of all warehouses.")


class ProductPage(BaseModel):
    """Products by SKU."""

    items: list[ListedProduct]
    next_cursor: NextCursor


class Warehouse(BaseModel):
    """A place that ships; a smaller priority is preferred."""

    code: str
    name: str
    kind: WarehouseKind = Field(description="A supplier ships its own stock to our customers.")
    lead_time_days: int = Field(description="How many days after the next cut-off a supplier ships.")
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str
    contact_name: str
    phone: str
    priority: int
    is_default: bool = Field(description="Where stock is received when no warehouse is named.")
    active: bool = Field(description="An inactive one reserves and receives nothing.")
    version: int = Field(description="New with each change; the ETag.")


class WarehouseList(BaseModel):
    """All warehouses, the preferred ones first."""

    items: list[Warehouse]
    next_cursor: None = Field(description="Always null: there is one page.")
