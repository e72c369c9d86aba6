"""Names that outlive code: workflow types, signals, updates. Renaming one breaks running orders."""

ORDER = "Order"
BULK_RESOLVE = "BulkResolve"
RETURN = "Return"
TRANSFER = "Transfer"

# Updates: validated requests with an answer.
CANCEL = "cancel"
PAY = "pay"
RESOLVE = "resolve"
ADJUST = "adjust"

# Signals: external events; the event itself is already in the database.
PAYMENT_NOTIFIED = "payment_notified"
CARRIER_REPORTED = "carrier_reported"
STOCK_ARRIVED = "stock_arrived"
HOLD_CHANGED = "hold_changed"
AFTER_SALES = "after_sales"
ORDER_CHANGED = "order_changed"
RETURN_CHANGED = "return_changed"
TRANSFER_CHANGED = "transfer_changed"
RETRY_PARKED = "retry_parked"

# Search attributes.
OMS_STATUS = "OmsStatus"
OMS_CHANNEL = "OmsChannel"
OMS_STUCK_STEP = "OmsStuckStep"
OMS_STUCK_ERROR = "OmsStuckError"
OMS_HOLD = "OmsHold"


def order_workflow(order_no: str) -> str:
    """The workflow id of an order."""
    return f"order-{order_no}"


def job_workflow(job_id: str) -> str:
    """The workflow id of a bulk operation."""
    return f"job-{job_id}"


def return_workflow(return_id: str) -> str:
    """The workflow id of a return."""
    return f"return-{return_id}"


def transfer_workflow(transfer_id: str) -> str:
    """The workflow id of a transfer between warehouses."""
    return f"transfer-{transfer_id}"
