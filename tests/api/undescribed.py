"""Operations that do not yet describe what they answer. Nothing is added here."""

UNDESCRIBED = frozenset(
    {
        # documents
        "invoice_v1_orders__order_no__invoice_post",
        "refund_credit_note_v1_refunds__refund_id__credit_note_post",
        "cancellation_credit_note_v1_orders__order_no__credit_note_post",
        "missing_invoices_v1_orders__order_no__supplementary_invoices_post",
        "of_order_v1_orders__order_no__documents_get",
        "pdf_v1_documents__document_no__pdf_get",
        "one_v1_documents__document_no__get",
        # feedback
        "give_v1_orders__order_no__feedback_post",
        "of_order_v1_orders__order_no__feedback_get",
        "every_v1_feedback_get",
        "summary_v1_feedback_summary_get",
        "answer_v1_feedback__feedback_id__answer_post",
        # messages
        "told_v1_orders__order_no__messages_get",
        "retry_v1_orders__order_no__messages__message_id__retry_post",
        # support
        "stuck_v1_support_stuck_get",
        "resolve_v1_support_orders__order_no__resolve_post",
        "resolve_many_v1_support_resolve_post",
        "job_v1_support_jobs__job_id__get",
        "stop_v1_support_jobs__job_id__stop_post",
        "adjust_v1_support_orders__order_no__adjust_post",
        "listed_v1_support_approvals_get",
        "approve_v1_support_approvals__approval_id__approve_post",
        "refuse_v1_support_approvals__approval_id__refuse_post",
        "running_v1_support_orders__order_no__running_get",
        "act_v1_support_orders__order_no__running__activity_id__post",
        "reset_v1_support_orders__order_no__reset_post",
        # webhook endpoints
        "add_v1_webhook_endpoints_post",
        "every_v1_webhook_endpoints_get",
        "replay_v1_webhook_endpoints__endpoint_id__replay_post",
        "remove_v1_webhook_endpoints__endpoint_id__delete",
        # notices
        "add_v1_notices_channels_post",
        "every_v1_notices_channels_get",
        "remove_v1_notices_channels__channel_id__delete",
        "test_v1_notices_channels__channel_id__test_post",
        # audit
        "entries_v1_audit_get",
        "verify_v1_audit_verify_get",
        "access_v1_audit_access_get",
        "newest_anchor_v1_audit_anchors_newest_get",
        "anchor_v1_audit_anchors_post",
        # ledger
        "check_v1_ledger_check_get",
        # tokens
        "every_v1_tokens_get",
        "issue_v1_tokens_post",
        "revoke_v1_tokens__token_id__revoke_post",
        # staff
        "every_v1_staff_get",
        "add_v1_staff_post",
        "reset_v1_staff__name__reset_post",
        "remove_v1_staff__name__remove_post",
        # webhooks
    }
)
