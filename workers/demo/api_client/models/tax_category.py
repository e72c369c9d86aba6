# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

TaxCategory = Literal["exempt", "reduced", "standard", "zero"]

TAX_CATEGORY_VALUES: set[TaxCategory] = {
    "exempt",
    "reduced",
    "standard",
    "zero",
}


def check_tax_category(value: str) -> TaxCategory:
    if value in TAX_CATEGORY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TAX_CATEGORY_VALUES!r}")
