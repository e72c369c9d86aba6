"""Products and warehouses in answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, Time


class Product(BaseModel):
    """A product of the catalogue."""

    sku: str
    name: str
    price_minor: Minor
    currency: CurrencyCode
    active: bool = Field(description="Whether it can be ordered.")
    weight_g: int = Field(description="In grams.")
    created_at: Time


class Warehouse(BaseModel):
    """A place that ships; a smaller priority is preferred."""

    code: str
    name: str
    country: str
    province: str
    city: str
    priority: int
    is_default: bool = Field(description="Where stock is received when no warehouse is named.")
