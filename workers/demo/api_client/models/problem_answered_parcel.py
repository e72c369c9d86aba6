# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ProblemAnsweredParcel = Literal["lost", "refused"]

PROBLEM_ANSWERED_PARCEL_VALUES: set[ProblemAnsweredParcel] = {
    "lost",
    "refused",
}


def check_problem_answered_parcel(value: str) -> ProblemAnsweredParcel:
    if value in PROBLEM_ANSWERED_PARCEL_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROBLEM_ANSWERED_PARCEL_VALUES!r}")
