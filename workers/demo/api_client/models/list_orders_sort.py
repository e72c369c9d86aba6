# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ListOrdersSort = Literal["-created_at", "-total", "created_at", "status", "total"]

LIST_ORDERS_SORT_VALUES: set[ListOrdersSort] = {
    "-created_at",
    "-total",
    "created_at",
    "status",
    "total",
}


def check_list_orders_sort(value: str) -> ListOrdersSort:
    if value in LIST_ORDERS_SORT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_ORDERS_SORT_VALUES!r}")
