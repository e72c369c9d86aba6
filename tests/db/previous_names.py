"""Names that tables, columns and functions had in the previous version, whose processes run beside the new ones."""

# View: (table, {column of the view: column of the table}). The other columns have the same name in both.
VIEWS: dict[str, tuple[str, dict[str, str]]] = {
    "order_supplements": ("change_payments", {"supplement_no": "payment_no"}),
    "order_acts": ("staff_actions", {}),
    "activity_acts": ("activity_actions", {}),
    "workflow_acts": ("workflow_resets", {}),
    "failing_steps": ("retrying_steps", {}),
    "book_checks": ("consistency_checks", {"question": "code", "wrong": "violations", "unanswered": "timeouts"}),
    "notices": ("alerts", {"notice_id": "alert_id"}),
    "notice_channels": ("alert_channels", {}),
    "notice_deliveries": ("alert_deliveries", {"notice_id": "alert_id"}),
    "portal_asks": ("sign_in_requests", {}),
    "refund_parts": ("refund_allocations", {}),
    "refund_moves": ("refund_transitions", {}),
    "return_findings": ("return_inspections", {}),
    "parcel_contents": ("replaced_parcel_lines", {}),
    "exchange_refunds": ("exchange_refund_links", {}),
}
# Function: the one that it calls.
FUNCTIONS = {
    "moved_minor": "amount_moved_by",
    "head_start_s": "priority_head_start_s",
    "start_head_s": "priority_start_head_start_s",
    "is_awaiting_supplement": "is_awaiting_change_payment",
    "supplements_without_invoice": "change_payments_without_invoice",
    "hear_fact_again": "retry_inbox_event",
    "set_fact_aside": "dismiss_inbox_event",
}


def with_views(listed: dict[str, str]) -> dict[str, str]:
    """Rights by column, {table: columns}, with those of the views: they are those of their tables."""
    views = {
        view: " ".join({new: old for old, new in names.items()}.get(column, column) for column in listed[table].split())
        for view, (table, names) in VIEWS.items()
        if table in listed
    }
    return {**listed, **views}
