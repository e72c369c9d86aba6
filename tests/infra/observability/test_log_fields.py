"""Every line about an order says which, at which step, how it failed and in which attempt, where that is known."""

import logging

import pytest
from temporalio.exceptions import ApplicationError

from infra.observability import telemetry
from tests.infra.observability.test_telemetry import Lines, lines

__all__ = ["lines"]
NUMBER = "06B575-CZ2FHN-28YPF8"
ACTIVITY = {"activity_type": "capture_payment", "attempt": 3, "workflow_id": f"order-{NUMBER}", "namespace": "n"}


LOGGED = {"order_no": NUMBER, "step": "webhook", "attempt": 2}
KNOWN = {"order_no": NUMBER, "step": "capture_payment", "attempt": 3}
WORKFLOW = {"workflow_id": f"order-{NUMBER}", "attempt": 1}


@pytest.mark.parametrize(
    ("message", "extra", "known"),
    [
        ("activity failed", {"temporal_activity": ACTIVITY}, KNOWN),
        ("told", LOGGED, LOGGED),
        (f"Failed on workflow Order with ID order-{NUMBER} and run ID x", {}, {"order_no": NUMBER}),
        ("of a workflow", {"temporal_workflow": WORKFLOW}, {"order_no": NUMBER, "attempt": 1}),
        ("about nobody", {"order_no": None}, {}),
        ("AAAAAA-BBBBBB", {}, {}),
    ],
)
def test_a_line_says_what_its_source_knows(lines: Lines, message: str, extra: object, known: object) -> None:
    logging.getLogger("oms.x").warning(message, extra=extra)  # type: ignore[arg-type]
    (line,) = lines.read()
    fields = {name: line[name] for name in ("order_no", "step", "attempt") if name in line}
    assert fields == known
    assert not any(name.startswith("temporal_") for name in line)


def test_what_is_bound_goes_first_and_a_failure_gives_its_code(lines: Lines) -> None:
    with telemetry.bind_order(NUMBER, step="capture", attempt=3):
        try:
            raise ApplicationError("timeout", "sandbox", type="timeout")
        except ApplicationError:
            logging.getLogger("temporalio.activity").warning(
                "Completing activity as failed", exc_info=True, extra={"temporal_activity": ACTIVITY}
            )
    (line,) = lines.read()
    found = {name: line[name] for name in ("order_no", "step", "activity", "attempt", "code")}
    assert found == {
        "order_no": NUMBER, "step": "capture", "activity": "capture_payment", "attempt": 3, "code": "timeout",
    }  # fmt: skip
