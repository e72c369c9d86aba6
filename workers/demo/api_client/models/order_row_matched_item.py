# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

OrderRowMatchedItem = Literal[
    "document",
    "email",
    "external_ref",
    "name",
    "order_no",
    "payment",
    "phone",
    "product_name",
    "refund",
    "return",
    "sku",
    "tracking_no",
]

ORDER_ROW_MATCHED_ITEM_VALUES: set[OrderRowMatchedItem] = {
    "document",
    "email",
    "external_ref",
    "name",
    "order_no",
    "payment",
    "phone",
    "product_name",
    "refund",
    "return",
    "sku",
    "tracking_no",
}


def check_order_row_matched_item(value: str) -> OrderRowMatchedItem:
    if value in ORDER_ROW_MATCHED_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORDER_ROW_MATCHED_ITEM_VALUES!r}")
