# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from typing import Literal

AnswerProblemChoice = Literal["refund", "reship"]

ANSWER_PROBLEM_CHOICE_VALUES: set[AnswerProblemChoice] = {
    "refund",
    "reship",
}


def check_answer_problem_choice(value: str) -> AnswerProblemChoice:
    if value in ANSWER_PROBLEM_CHOICE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ANSWER_PROBLEM_CHOICE_VALUES!r}")
