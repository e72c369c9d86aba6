"""What the services' role may do, column by column: the whole of it. A new table or right is added here."""

from tests.db.previous_names import FUNCTIONS, VIEWS, with_views

INSERTS = {
    "carrier_bill_lines": "amount_minor bill_id currency line tracking_no",
    "carrier_bills": "bill_id bill_no carrier created_by currency encoding file_digest file_name",
    "code_pools": "data_key sku",
    "code_readings": "order_no read_by",
    "code_uploads": "added added_by duplicates sku upload_id",
    "product_codes": "code_enc digest sku upload_id",
    "freight_differences": (
        "bill_id billed_minor booked_currency booked_minor currency fulfilment_no kind line order_no shipment_id "
        "tracking_no"
    ),
    "freight_entries": (
        "amount_minor bill_id bill_line currency difference_id fulfilment_no kind order_no shipment_id"
    ),
    "activity_actions": "act_id action activity actor order_no reason_enc timeout_s",
    "allocations": "fulfilment_no order_no quantity sku state warehouse",
    "approvals": (
        "action amount_minor approval_id asked_by currency data_key expires_at kind order_no orders park_no wish_enc"
    ),
    "channel_settings": "channel colour contact dark_colour logo max_fulfilments messages_off name updated_by",
    "consistency_checks": "code",
    "credit_accounts": "currency customer_id limit_minor terms_days",
    "customer_contacts": "channel customer_id email_index phone_index profile_enc",
    "customers": "customer_id data_key email_index phone_index profile_enc",
    "disputes": "due_at order_no payment_id reason",
    "documents": (
        "billed_to_enc content currency issued_by kind order_no refund_id series tax_minor time_zone total_minor"
    ),
    "exchange_lines": "line_no name quantity return_id sku unit_price_minor",
    "exchange_refund_links": "refund_id return_id",
    "exchanges": "advance order_no return_id",
    "reservations": "fulfilment_no order_no quantity sku state warehouse",
    "retrying_steps": "activity attempt error event_seq max_attempts next_try_at order_no provider step",
    "feedback": "feedback_id feedback_no given_by kind order_no rating text_enc",
    "guarantees": "amount_minor currency method order_no return_id token",
    "holds": "default_outcome escalate_at hold_no kind order_no owner put_on_by reason_enc stops until",
    "idempotency_keys": "key locked_until request_hash resource response_enc state status_code subject",
    "inbox": "event_id fact kind order_no provider",
    "messages": (
        "asked_by body_enc channel customer_id event_seq expires_at fact language last_error message_id order_no round "
        "state template to_enc version"
    ),
    "alert_channels": "causes channel_id created_by data_key kind language name target_enc",
    "alert_deliveries": "alert_id channel_id number phase",
    "alerts": "amounts cause count facts kind most oldest_at",
    "staff_actions": "act_id action actor approval_id detail moved_minor order_no reason_enc value_enc",
    "order_change_lines": (
        "change_no discount_minor items_minor line_no order_no quantity_delta shipping_minor sku tax_added_minor "
        "tax_minor"
    ),
    "order_changes": (
        "actor after_enc before_enc change_no order_no refund_id seq total_after_minor total_before_minor what"
    ),
    "order_assignees": "assignee assigned_by order_no",
    "order_contacts": "contact_id customer_id email_index phone_index profile_enc terms",
    "order_drafts": "content_enc customer_id data_key draft_id expires_at owner",
    "order_note_mentions": "name note_id",
    "order_note_versions": "note_id text_enc version written_by",
    "order_notes": "author note_id order_no",
    "order_tags": "order_no tag tagged_by",
    "order_exports": "actor filters format personal_data",
    "order_table_columns": "columns person",
    "saved_views": "filters name owner shared view_id",
    "sourcing_activations": "activated_by reason version",
    "sourcing_criteria": "exclude_below kind position strategy version weight",
    "sourcing_decisions": "decision order_no version",
    "sourcing_profiles": "created_by name reason",
    "sourcing_rates": "distance_class kg_minor parcel_minor transit_from_days transit_to_days version",
    "sourcing_strategies": (
        "categories channels countries customer_groups max_fulfilments name position provinces split_points suppliers "
        "version"
    ),
    "sourcing_warehouses": "buffer capacity channel_buffers cut_off time_zone updated_by warehouse",
    "order_events": "actor data from_status key order_no to_status type",
    "order_lines": (
        "discount_minor exchanged_minor line_no name order_no quantity shipping_minor sku tax_added_minor tax_minor "
        "unit_price_minor"
    ),
    "change_payments": (
        "actor after_enc amount_minor before_enc change_no currency held lines method note_enc order_no place "
        "ship_to_enc slot_from slot_to payment_no token total_after_minor total_before_minor until warehouse "
        "what"
    ),
    "backorder_choices": "decide_by number order_no promised_from promised_to slip",
    "orders": (
        "backorder channel city contact_corrected contact_id country currency customer_id discount_minor exchange_of "
        "exchange_return external_ref items_minor note_enc order_no placed_by priced_by priority province "
        "ship_complete ship_to_enc shipping_minor slot_from slot_to tax_added_minor tax_minor total_minor trace type"
    ),
    "capture_lines": "fulfilment_no goods_minor line_no order_no quantity shipping_minor",
    "replaced_parcel_lines": "quantity shipment_id sku",
    "parked_steps": "amount_minor attempts error escalate_at options order_no park_no provider step subject",
    "payment_requests": "actor attempt method order_no request_id token",
    "payments": (
        "amount_minor attempt change_payment_no currency expires_at fulfilment_no guarantee_return_id idempotency_key "
        "kind order_no parent_id provider provider_ref purpose refund_id renews status tries"
    ),
    "sign_in_requests": "asked_by asks",
    "portal_codes": "ask_hash code_hash contact_kind contacts expires_at link_hash",
    "portal_sessions": "contact_kind contacts expires_at session_hash",
    "processes": "disk host memory name pid trouble",
    "product_import_rows": "changes errors import_id line outcome product sku version",
    "product_imports": "created_by encoding file_name ignored import_id total",
    "products": (
        "active barcode category confirmed_after_days currency delivered_by kind lead_time_days name names picture_id "
        "presale_balance_due presale_deposit_minor presale_ships_from price_minor sku tax_category weight_g"
    ),
    "refund_lines": ("amount_minor goods_worth_minor line_no quantity refund_id shipping_minor shipping_worth_minor"),
    "refund_allocations": "amount_minor payment_id refund_id",
    "refunds_overtaken": "dispute_id refund_id",
    "refused_resolutions": "code order_no park_no resolution_id",
    "receivables": "charged_minor currency customer_id order_no owed_minor purchase_order terms_days",
    "refunds": (
        "amount_minor approval_id asked_by currency goods_minor order_no origin reason_enc refund_id return_id "
        "shipping_minor status"
    ),
    "resolutions": "action actor approval_id order_no park_no reason_enc resolution_id value_enc",
    "return_inspections": "condition line_no quantity return_id stage",
    "order_photographs": "added_by file_id order_no photograph_no",
    "return_photographs": "added_by file_id photograph_no return_id",
    "return_labels": "content_enc format return_id",
    "return_lines": "line_no order_no quantity return_id sku",
    "returns": (
        "deadline default_outcome order_no photographs_enc reason_code reason_enc requested_by resolution "
        "return_id warehouse"
    ),
    "shipment_labels": "content_enc format shipment_id",
    "parcel_handovers": "handed_by manifest_id shipment_id",
    "parcel_packings": "box packed_by shipment_id weight_g",
    "picks": "line_no location number order_no picked_by quantity scan_id",
    "short_picks": "line_no number order_no quantity reported_by sourced_number",
    "shipment_scans": "carrier event_id occurred_at shipment_id status",
    "fulfilment_lines": "line_no number order_no quantity",
    "fulfilments": "fulfilment_id kind number order_no promised_to status warehouse",
    "shipments": (
        "address_rev carrier fulfilment_no idempotency_key order_no shipment_id status tracking_no tries warehouse"
    ),
    "sign_in_attempts": "failures locked_until name source",
    "staff": "data_key name password_hash role totp_enc totp_set",
    "staff_invitations": "email_enc expires_at invitation_id invited_by name purpose role token_hash",
    "staff_passkeys": "credential_id label name passkey_id public_key sign_count",
    "passkey_challenges": "challenge_hash expires_at name purpose",
    "staff_sessions": "address expires_at name session_hash",
    "location_movements": "actor delta kind location reference sku warehouse",
    "locations": "code name sequence warehouse zone",
    "purchase_order_lines": "number over_percent quantity sku",
    "purchase_orders": "created_by expected_on number supplier warehouse",
    "purchase_receipts": "movement_id number",
    "stock_cases": "count_id kind opened_by orders quantity sku subject transfer_id warehouse",
    "replenishment_rules": (
        "automatic holding_cost_minor lead_time_days lead_time_deviation_days min_order order_cost_minor pack_size "
        "review_days service_level sku supplier updated_by warehouse window_days"
    ),
    "replenishment_runs": "requested_by until_day",
    "replenishment_suggestions": (
        "automatic demand_days demand_per_day deviation incoming kept_back lead_time_days lead_time_deviation_days "
        "lot on_hand pack_size pattern quantity reorder_point reserved review_days run_id safety_stock service_level "
        "sku supplier waiting warehouse"
    ),
    "stock_demand": "day sku units warehouse",
    "stock_demand_days": "day",
    "stock_outs": "first_day last_day sku warehouse",
    "stock_count_lines": "count_id counted expected location sku",
    "stock_counts": "count_id counted_at counted_by reference status warehouse",
    "stock_levels": "sku warehouse",
    "stock_movements": (
        "actor duplicate idempotency_key kind location on_hand_delta order_no quantity quarantined_delta "
        "reference reserved_delta sku warehouse"
    ),
    "stock_transfer_lines": "requested sku transfer_id",
    "stock_transfer_movements": "movement_id transfer_id",
    "stock_transfers": "due_at reference requested_by source target transfer_id",
    "stored_files": "content created_by file_id height media_type owner_id size small width",
    "store_credit_entries": (
        "amount_minor balance_delta currency customer_id held_delta idempotency_key kind order_no parent_id return_id"
    ),
    "stock_level_deliveries": "available channel endpoint_id sku",
    "support_job_items": "job_id order_no park_no resolution_id",
    "support_jobs": (
        "action actor approval_id data_key filter finished_at job_id rate_per_s reason_enc state total value_enc"
    ),
    "tokens": "expires_at issued_at issued_by role subject token_id",
    "warehouses": (
        "city code contact_name country district is_default kind lead_time_days line1 name phone postcode priority "
        "province"
    ),
    "webhook_deliveries": "done_at endpoint_id last_error order_no seq state",
    "webhook_endpoints": "created_by data_key endpoint_id event_types secret_enc stock_channels url",
    "workflow_resets": "act_id action actor batch_id data_key order_no reason_enc run_id total",
    "workflow_requests": "kind name payload rank subject trace",
}
UPDATES = {
    "product_codes": "fulfilment_no issued_at line_no order_no unit",
    "parcel_tracking": "asked last_error next_at unchanged updated_at",
    "carrier_bills": "compared compared_to finished_at last_line state total",
    "freight_differences": "decided_at decided_by owner reason state",
    "order_table_columns": "columns",
    "saved_views": "filters name shared",
    "sourcing_warehouses": "buffer capacity channel_buffers cut_off time_zone updated_at updated_by",
    "allocations": "fulfilment_no quantity state",
    "fulfilment_lines": "quantity",
    "fulfilments": "due_at promised_to status updated_at warehouse",
    "approvals": "decided_at decided_by decision done_at words_enc",
    "channel_settings": "colour contact dark_colour logo max_fulfilments messages_off name updated_at updated_by",
    "consistency_checks": "answered_at begun_at timeouts violations",
    "customer_contacts": "email_index phone_index profile_enc updated_at",
    "credit_accounts": "limit_minor terms_days updated_at",
    "customers": "customer_group data_key email_index phone_index profile_enc updated_at",
    "disputes": "accepted_at answered_at answered_by asking asking_until closed_at due_at evidence_enc status",
    "exchanges": "new_order_no status used_minor",
    "order_assignees": "assigned_at assigned_by assignee",
    "order_drafts": "content_enc customer_id expires_at order_no updated_at version",
    "order_note_mentions": "seen_at",
    "order_notes": "deleted_at",
    "reservations": "quantity state",
    "retrying_steps": "attempt error event_seq failed_at max_attempts next_try_at paused provider step",
    "feedback": "answer_enc answered_at answered_by",
    "guarantees": "claim_minor status updated_at",
    "backorder_choices": "choice chosen_at chosen_by",
    "holds": "close_reason_enc closed_at closed_by escalated_at outcome owner",
    "idempotency_keys": "locked_until order_no response response_enc state status_code",
    "inbox": "outcome processed_at reason",
    "messages": (
        "asked_by body_enc earlier_to_enc language last_error next_try_at provider provider_ref round sent_at state "
        "to_enc tries version"
    ),
    "alert_channels": "active busy_until data_key removed_by target_enc",
    "alert_deliveries": "done_at last_error next_try_at state tries",
    "alerts": "amounts count facts most oldest_at over_at seen_at",
    "order_contacts": "email_index phone_index profile_enc terms",
    "change_payments": "code status updated_at",
    "orders": (
        "address_rev cancel_reason_enc cancelling capture city contact_corrected contact_id country note_enc priority "
        "province ship_to_enc slot_from slot_to"
    ),
    "outbox": "created_at",
    "parked_steps": "escalated_at resolution_id resolved_at",
    "payment_requests": "attempt",
    "payments": ("error_code expires_at provider_ref purpose renew_at renewal_due risk status tries updated_at"),
    "sign_in_requests": "asks since",
    "portal_codes": "tries used_at",
    "portal_sessions": "seen_at",
    "processes": "beat_at disk ended_at memory steady_since trouble",
    "product_import_rows": "errors outcome",
    "product_imports": "applied_at applied_by finished_at origin state total",
    "products": (
        "active barcode category confirmed_after_days delivered_by kind lead_time_days name names picture_id "
        "presale_balance_due presale_deposit_minor presale_ships_from price_minor tax_category weight_g"
    ),
    "receivables": "escalated_at reminded_at",
    "refunds": "status updated_at",
    "returns": (
        "answer_enc carrier carrier_ref cost_currency cost_minor deadline default_outcome label label_tries parcel "
        "remind_at reminded_at settled status tracking_no updated_at"
    ),
    "shipments": (
        "came_back_at carrier carrier_ref cost_currency cost_minor replaced_at status tracking_no tries updated_at"
    ),
    "sign_in_attempts": "failures locked_until tried_at",
    "staff": "active data_key password_hash recovery_codes signed_in_at totp_enc totp_set totp_step",
    "staff_invitations": "accepted_at email_enc name revoked_at",
    "staff_passkeys": "sign_count used_at",
    "staff_sessions": "seen_at",
    "locations": "active name sequence zone",
    "purchase_order_lines": "cancelled over_percent quantity",
    "purchase_orders": "expected_on status supplier",
    "replenishment_rules": (
        "automatic holding_cost_minor lead_time_days lead_time_deviation_days min_order order_cost_minor pack_size "
        "review_days service_level supplier updated_at updated_by window_days"
    ),
    "replenishment_runs": "after_sku after_warehouse calculated_at finished_at pairs suggested",
    "replenishment_suggestions": (
        "automatic computed_at demand_days demand_per_day deviation incoming kept_back lead_time_days "
        "lead_time_deviation_days lot on_hand pack_size pattern purchase_order quantity reorder_point reserved "
        "review_days run_id safety_stock service_level supplier waiting"
    ),
    "stock_demand": "units",
    "stock_outs": "last_day",
    "stock_count_lines": "movement_id",
    "stock_counts": "decided_by posted_at status",
    "stock_cases": "owner reason resolution resolved_at resolved_by state",
    "stock_levels": "safety_stock",
    "stock_level_cursor": "movement_id",
    "stock_level_deliveries": ("at available done_at last_error next_try_at sent_available sequence state tries"),
    "stock_transfer_lines": "lost",
    "stock_transfers": "closed_at due_at reminded_at shipped_at status",
    "support_job_items": "error state",
    "support_jobs": "finished_at state stopped_by",
    "tokens": "revoked_at revoked_by",
    "warehouses": (
        "active city contact_name country district is_default lead_time_days line1 name phone postcode priority "
        "province"
    ),
    "webhook_deliveries": "done_at last_error next_try_at state tries",
    "webhook_endpoints": "active disabled_at failing_since last_error",
    "workflow_requests": "claimed_until last_error rank tries",
}
DELETES = {
    "replenishment_rules",
    "alerts", "idempotency_keys", "messages", "order_assignees", "order_drafts", "order_note_mentions", "order_tags",
    "outbox", "portal_codes", "portal_sessions", "processes", "product_imports", "retrying_steps", "sign_in_attempts",
    "sign_in_requests", "staff_passkeys", "passkey_challenges", "staff_sessions", "tokens", "webhook_deliveries",
    "webhook_endpoints", "workflow_requests", "saved_views", "stored_files",
}  # fmt: skip
# Functions that are called in plain statements. A trigger's function needs no right to be called.
EXECUTES = {
    "added_minor", "amount_moved_by", "are_product_names", "at_stake_minor", "authorisation_is_wanted",
    "authorised_left_minor", "awaits_shipment_capture",
    "change_staff_role",
    "change_payments_without_invoice", "difference_until", "dismiss_inbox_event", "due_subject", "fits_partly",
    "fits_somewhere", "fits_together", "part_at_stake_minor", "part_fits", "reopen_parcel_events",
    "given_alone_minor", "given_back_minor", "given_minor", "guarantee_is_being_claimed", "guarantee_is_due",
    "has_part_to_hold",
    "is_awaiting_change_payment", "is_booked", "is_gtin", "is_paying", "is_reversed", "issue_missing_documents",
    "issue_missing_invoices", "lock_payment_ref", "lock_store_credit", "lost_minor", "make_audit_anchor",
    "meet_master_keys", "missing_documents", "money_to_return", "note_cancel_asked", "open_park",
    "order_of_payment", "parked_is_over", "person_of", "preferred_warehouse",
    "priority_head_start_s", "priority_start_head_start_s",
    "require_unpaid_within", "retry_inbox_event", "shorten_fulfilment_line", "supplement_attempt", "takes_no_money",
}  # fmt: skip
# Views and functions with the names of the previous version have the rights of what they stand for.
INSERTS, UPDATES = with_views(INSERTS), with_views(UPDATES)
DELETES |= {view for view, (table, _) in VIEWS.items() if table in DELETES}
EXECUTES |= FUNCTIONS.keys()
