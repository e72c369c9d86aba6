# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

PaymentTakenOutcome = Literal["authorised", "captured", "failed", "none", "open", "pending"]

PAYMENT_TAKEN_OUTCOME_VALUES: set[PaymentTakenOutcome] = {
    "authorised",
    "captured",
    "failed",
    "none",
    "open",
    "pending",
}


def check_payment_taken_outcome(value: str) -> PaymentTakenOutcome:
    if value in PAYMENT_TAKEN_OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PAYMENT_TAKEN_OUTCOME_VALUES!r}")
