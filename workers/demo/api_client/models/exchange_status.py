# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ExchangeStatus = Literal["fell_back", "placed", "wanted"]

EXCHANGE_STATUS_VALUES: set[ExchangeStatus] = {
    "fell_back",
    "placed",
    "wanted",
}


def check_exchange_status(value: str) -> ExchangeStatus:
    if value in EXCHANGE_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {EXCHANGE_STATUS_VALUES!r}")
