"""Disputes as the API shows them."""

from api.schemas.payments.disputes import Dispute
from api.services.payments.dispute_answering import OpenDispute, answer_of


def presented(found: OpenDispute) -> dict[str, object]:
    """An open dispute with its answer, None where it has none."""
    shown: dict[str, object] = {name: getattr(found, name) for name in Dispute.model_fields if name != "answer"}
    answered = found.answered_at is not None
    return {**shown, "answer": answer_of(accepted=found.accepted_at is not None) if answered else None}
