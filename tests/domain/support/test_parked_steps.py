"""What a parked step is about and when it is over, as a table."""

import pytest

from domain.support.parked_steps import STEPS_WITH_SUBJECT, SubjectFacts, is_over, subject_of
from domain.support.steps import Step

NOTHING = SubjectFacts()
FACTS = SubjectFacts(("rf_1", "rf_2"), ("rt_1", "rt_2"), ("2",), "1", captures=("N-F2",))
SUBJECTS: dict[str, tuple[Step, SubjectFacts, str | None]] = {
    "the oldest refund": (Step.REFUND, FACTS, "rf_1"),
    "the first guarantee": (Step.GUARANTEE, FACTS, "rt_1"),
    "the change that waits for its payment": (Step.SUPPLEMENT, FACTS, "1"),
    "unapplied money": (Step.RETURN_PAYMENT, FACTS, "stray"),
    "all money of an order that is undone": (Step.RETURN_PAYMENT, SubjectFacts(cancelling=True), "all"),
    "no refund is due": (Step.REFUND, NOTHING, None),
    "no guarantee is due": (Step.GUARANTEE, NOTHING, None),
    "no change waits": (Step.SUPPLEMENT, NOTHING, None),
}
OVER: dict[str, tuple[Step, str | None, bool]] = {
    "the refund is to be paid": (Step.REFUND, "rf_2", False),
    "the refund is paid, or given up": (Step.REFUND, "rf_3", True),
    "something is due on the guarantee": (Step.GUARANTEE, "rt_2", False),
    "nothing is due on the guarantee": (Step.GUARANTEE, "rt_3", True),
    "the provider is to be asked about the change": (Step.SUPPLEMENT, "2", False),
    "the change is decided": (Step.SUPPLEMENT, "1", True),
    "the fulfilment is to be captured": (Step.CAPTURE, "N-F2", False),
    "the fulfilment is captured": (Step.CAPTURE, "N-F1", True),
    "money is to be returned": (Step.RETURN_PAYMENT, "stray", False),
    "it was parked before steps had a subject": (Step.REFUND, None, False),
    "it is about the order": (Step.BOOK, None, False),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_step_is_about_what_is_due_next(name: str) -> None:
    step, facts, subject = SUBJECTS[name]
    assert subject_of(step, facts) == subject


@pytest.mark.parametrize("step", [step for step in Step if step not in {*STEPS_WITH_SUBJECT, Step.CAPTURE}])
def test_every_other_step_is_about_its_order(step: Step) -> None:
    assert subject_of(step, FACTS) is None and not is_over(step, "rf_3", FACTS)


@pytest.mark.parametrize("name", OVER)
def test_a_parked_step_is_over_when_nothing_is_due_on_its_subject(name: str) -> None:
    step, subject, over = OVER[name]
    assert is_over(step, subject, FACTS) == over
