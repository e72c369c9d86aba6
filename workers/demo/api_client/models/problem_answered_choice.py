# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

ProblemAnsweredChoice = Literal["refund", "reship"]

PROBLEM_ANSWERED_CHOICE_VALUES: set[ProblemAnsweredChoice] = {
    "refund",
    "reship",
}


def check_problem_answered_choice(value: str) -> ProblemAnsweredChoice:
    if value in PROBLEM_ANSWERED_CHOICE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROBLEM_ANSWERED_CHOICE_VALUES!r}")
