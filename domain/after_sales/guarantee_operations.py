"""What is to be done on a guarantee now."""

from domain.after_sales.guarantees import DUE, UNWANTED, GuaranteeStatus
from domain.after_sales.returns import COMING, ReturnStatus
from domain.orders.pending_operations import GuaranteeFacts, OperationKind
from domain.payments.transactions import PaymentKind

_OPERATIONS = {
    PaymentKind.AUTHORISE: OperationKind.GUARANTEE,
    PaymentKind.VOID: OperationKind.GUARANTEE_RELEASE,
    PaymentKind.CAPTURE: OperationKind.GUARANTEE_CLAIM,
}


def call_due(status: GuaranteeStatus, return_status: ReturnStatus) -> PaymentKind | None:
    """What a provider is to be asked for now."""
    match status:
        case GuaranteeStatus.WANTED if return_status in COMING:
            return PaymentKind.AUTHORISE
        case GuaranteeStatus.RELEASE_DUE:
            return PaymentKind.VOID
        case GuaranteeStatus.CLAIM_DUE:
            return PaymentKind.CAPTURE
    return None


def is_due(status: GuaranteeStatus, *, authorisation_requested: bool) -> bool:
    """Whether something is still to be done on it, now or later; the arguments as `operation_due` has them."""
    return status in DUE or (status in UNWANTED and authorisation_requested)


def operation_due(
    return_id: str, status: GuaranteeStatus, return_status: ReturnStatus, *, authorisation_requested: bool
) -> GuaranteeFacts | None:
    """The pending operation on it; `authorisation_requested` says that one was requested and has not failed.

    One that is unwanted by then is released.
    """
    if (call := call_due(status, return_status)) is not None:
        return GuaranteeFacts(return_id, _OPERATIONS[call])
    if status in UNWANTED and authorisation_requested:
        return GuaranteeFacts(return_id, OperationKind.GUARANTEE_RELEASE, unwanted=True)
    return None
