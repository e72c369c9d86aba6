# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

WarehouseKind = Literal["supplier", "warehouse"]

WAREHOUSE_KIND_VALUES: set[WarehouseKind] = {
    "supplier",
    "warehouse",
}


def check_warehouse_kind(value: str) -> WarehouseKind:
    if value in WAREHOUSE_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WAREHOUSE_KIND_VALUES!r}")
