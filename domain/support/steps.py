"""The steps of an order's story that can stick, and what support may do with each."""

from dataclasses import dataclass
from enum import StrEnum

from domain.text import is_line


class Step(StrEnum):
    """Names as they appear in Temporal UI (OmsStuckStep), the database and the API's `needs_attention`."""

    AUTHORISE = "authorise"
    REVIEW = "review"
    CAPTURE = "capture"
    BOOK = "book"
    DELIVER = "deliver"
    CANCEL_SHIPMENT = "cancel_shipment"
    RETURN_PAYMENT = "return_payment"
    REFUND = "refund"
    GUARANTEE = "guarantee"
    SUPPLEMENT = "supplement"
    PRODUCE = "produce"
    ISSUE_CODES = "issue_codes"


class Action(StrEnum):
    RETRY = "retry"
    SKIP = "skip"
    AMEND = "amend"
    COMPENSATE = "compensate"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class StepRule:
    """What a step is in plain words, which actions resolve it, and the shapes of skip and amend values.

    A shape is {field: description}; every field is a required non-empty string.
    """

    words: str
    options: tuple[Action, ...]
    skip: dict[str, str] | None = None
    amend: dict[str, str] | None = None


_REFERENCE = {"reference": "the provider's or bank's reference of the manual transfer"}
_ADDRESS = {
    "name": "recipient",
    "phone": "telephone",
    "country": "ISO 3166 country",
    "province": "province",
    "city": "city",
    "district": "district",
    "line1": "street and number",
    "postcode": "postcode",
}

STEPS: dict[Step, StepRule] = {
    Step.AUTHORISE: StepRule(
        "authorise the payment", (Action.RETRY, Action.AMEND, Action.COMPENSATE), amend={"token": "payment token"}
    ),
    Step.REVIEW: StepRule("review the payment's risk", (Action.SKIP, Action.COMPENSATE), skip={}),
    Step.CAPTURE: StepRule(
        "capture the payment", (Action.RETRY, Action.SKIP, Action.COMPENSATE), skip=dict(_REFERENCE)
    ),
    Step.BOOK: StepRule(
        "book the carrier",
        (Action.RETRY, Action.SKIP, Action.AMEND, Action.COMPENSATE),
        skip={"carrier": "who carries the parcel", "tracking_no": "its tracking number"},
        amend=_ADDRESS,
    ),
    # Given up: of an order with other parts, the one that its supplier refused and nobody else ships.
    Step.DELIVER: StepRule(
        "bring the parcel to the door", (Action.RETRY, Action.SKIP, Action.GIVE_UP, Action.COMPENSATE), skip={}
    ),
    Step.CANCEL_SHIPMENT: StepRule("recall the parcel", (Action.RETRY, Action.SKIP), skip={}),
    Step.RETURN_PAYMENT: StepRule("give the money back", (Action.RETRY, Action.SKIP), skip=dict(_REFERENCE)),
    Step.PRODUCE: StepRule("make what is made to order", (Action.RETRY, Action.COMPENSATE)),
    Step.ISSUE_CODES: StepRule("issue the codes", (Action.RETRY, Action.COMPENSATE)),
    # Skipped: an authorisation is done without, a release or a claim is given up.
    Step.GUARANTEE: StepRule("authorise, release or claim the guarantee", (Action.RETRY, Action.SKIP), skip={}),
    # Compensated: the change is undone, the order goes on as it was.
    Step.SUPPLEMENT: StepRule("take the difference of a change", (Action.RETRY, Action.COMPENSATE)),
    # Amended: it is paid in another way than the one that its provider refuses.
    Step.REFUND: StepRule(
        "pay the refund",
        (Action.RETRY, Action.SKIP, Action.AMEND),
        skip=dict(_REFERENCE),
        amend={"method": "store_credit, to owe it to the customer"},
    ),
}


# Fields that may be left out or empty, as in the address of an order.
OPTIONAL = {(Step.BOOK, Action.AMEND): frozenset({"phone", "district", "postcode"})}
# What a field may say, where not anything.
_CHOICES = {(Step.REFUND, Action.AMEND): {"method": ("store_credit",)}}
# Acts that say that the order took a step forward: not while a hold stops it.
FORWARD = frozenset({(Step.CAPTURE, Action.SKIP), (Step.BOOK, Action.SKIP)})


def shape_of(step: Step, action: Action) -> dict[str, str] | None:
    """The value that `action` needs at `step`: None for none at all, {} for nothing but the action itself."""
    rule = STEPS[step]
    return rule.skip if action is Action.SKIP else rule.amend if action is Action.AMEND else None


def check_value(step: Step, action: Action, value: object) -> str | None:
    """Why `value` does not fit `action` at `step`, in words that tell the shape; None when it fits."""
    if action not in STEPS[step].options:
        return f"{action} is not possible at {step}; possible are {', '.join(STEPS[step].options)}"
    optional = OPTIONAL.get((step, action), frozenset())
    if why := fits(f"{action} at {step}", shape_of(step, action) or {}, value, optional):
        return why
    for field, choices in _CHOICES.get((step, action), {}).items():
        if not isinstance(value, dict) or value[field] not in choices:
            return f"{action} at {step}: {field} is one of {', '.join(choices)}"
    return None


def fits(what: str, shape: dict[str, str], value: object, optional: frozenset[str] = frozenset()) -> str | None:
    """Why `value` is no object of this shape ({field: meaning}, texts, required unless `optional`), in words; None when
    it is."""
    if not shape:
        return None if value in (None, {}) else f"{what} takes no value"
    expected = "; ".join(f"{name}: {meaning}" for name, meaning in shape.items())
    if not isinstance(value, dict) or set(value) | optional != set(shape):
        return f"{what} takes an object with exactly {expected}"
    required = [field for name, field in value.items() if not (name in optional and field == "")]
    if not all(isinstance(field, str) and len(field) <= 200 and is_line(field) for field in required):
        return f"every field is one line of 1 to 200 visible characters: {expected}"
    return None
