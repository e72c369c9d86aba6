# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

CustomerLanguageType0 = Literal["en", "zh"]

CUSTOMER_LANGUAGE_TYPE_0_VALUES: set[CustomerLanguageType0] = {
    "en",
    "zh",
}


def check_customer_language_type_0(value: str) -> CustomerLanguageType0:
    if value in CUSTOMER_LANGUAGE_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CUSTOMER_LANGUAGE_TYPE_0_VALUES!r}")
