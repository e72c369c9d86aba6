-- Names of the previous version: views and functions for its processes
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after channels.sql.

-- change_payments, for processes of the previous version.
CREATE VIEW order_supplements WITH (security_invoker = true) AS SELECT order_no, payment_no AS supplement_no, change_no,
  actor, what, lines, held, warehouse, before_enc, after_enc, ship_to_enc, place, note_enc, total_before_minor,
  total_after_minor, amount_minor, currency, method, token, status, code, until, created_at, updated_at, slot_from,
  slot_to FROM change_payments;

-- staff_actions, for processes of the previous version.
CREATE VIEW order_acts WITH (security_invoker = true) AS SELECT act_id, order_no, action, detail, actor, reason_enc,
  value_enc, approval_id, created_at, moved_minor FROM staff_actions;

-- activity_actions, for processes of the previous version.
CREATE VIEW activity_acts WITH (security_invoker = true) AS SELECT act_id, order_no, activity, action, timeout_s, actor,
  reason_enc, created_at FROM activity_actions;

-- workflow_resets, for processes of the previous version.
CREATE VIEW workflow_acts WITH (security_invoker = true) AS SELECT act_id, action, order_no, run_id, batch_id, total,
  actor, data_key, reason_enc, created_at FROM workflow_resets;

-- retrying_steps, for processes of the previous version.
CREATE VIEW failing_steps WITH (security_invoker = true) AS SELECT order_no, activity, step, error, provider, attempt,
  max_attempts, event_seq, since, failed_at, next_try_at, paused FROM retrying_steps;

-- consistency_checks, for processes of the previous version.
CREATE VIEW book_checks WITH (security_invoker = true) AS SELECT code AS question, begun_at, answered_at,
  violations AS wrong, timeouts AS unanswered FROM consistency_checks;

-- alerts, for processes of the previous version.
CREATE VIEW notices WITH (security_invoker = true) AS SELECT alert_id AS notice_id, cause, kind, facts, count, most,
  amounts, oldest_at, since, seen_at, over_at FROM alerts;

-- alert_channels, for processes of the previous version.
CREATE VIEW notice_channels WITH (security_invoker = true) AS SELECT channel_id, kind, name, language, causes,
  target_enc, data_key, active, created_by, created_at, removed_by, busy_until FROM alert_channels;

-- alert_deliveries, for processes of the previous version.
CREATE VIEW notice_deliveries WITH (security_invoker = true) AS SELECT delivery_id, alert_id AS notice_id, channel_id,
  number, phase, state, tries, next_try_at, last_error, created_at, done_at FROM alert_deliveries;

-- sign_in_requests, for processes of the previous version.
CREATE VIEW portal_asks WITH (security_invoker = true) AS SELECT asked_by, asks, since FROM sign_in_requests;

-- refund_allocations, for processes of the previous version.
CREATE VIEW refund_parts WITH (security_invoker = true) AS SELECT refund_id, payment_id, amount_minor
  FROM refund_allocations;

-- refund_transitions, for processes of the previous version.
CREATE VIEW refund_moves WITH (security_invoker = true) AS SELECT from_status, to_status FROM refund_transitions;

-- return_inspections, for processes of the previous version.
CREATE VIEW return_findings WITH (security_invoker = true) AS SELECT return_id, line_no, stage, condition, quantity
  FROM return_inspections;

-- replaced_parcel_lines, for processes of the previous version.
CREATE VIEW parcel_contents WITH (security_invoker = true) AS SELECT shipment_id, sku, quantity
  FROM replaced_parcel_lines;

-- exchange_refund_links, for processes of the previous version.
CREATE VIEW exchange_refunds WITH (security_invoker = true) AS SELECT refund_id, return_id FROM exchange_refund_links;

-- amount_moved_by, for processes of the previous version.
CREATE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT amount_moved_by(asked_order_no, step, action, amount_minor)
$$;

-- priority_head_start_s, for processes of the previous version.
CREATE FUNCTION head_start_s(priority smallint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN priority_head_start_s(priority);

-- priority_start_head_start_s, for processes of the previous version.
CREATE FUNCTION start_head_s(priority smallint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN priority_start_head_start_s(priority);

-- is_awaiting_change_payment, for processes of the previous version.
CREATE FUNCTION is_awaiting_supplement(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT is_awaiting_change_payment(of_order)
$$;

-- change_payments_without_invoice, for processes of the previous version.
CREATE FUNCTION supplements_without_invoice(of_order text)
  RETURNS TABLE(supplement_no integer, amount_minor bigint, currency text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT w.payment_no, w.amount_minor, w.currency FROM change_payments_without_invoice(of_order) w
$$;

-- retry_inbox_event, for processes of the previous version.
CREATE FUNCTION hear_fact_again(fact_id bigint, by_actor text)
  RETURNS boolean LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT retry_inbox_event(fact_id, by_actor)
$$;

-- dismiss_inbox_event, for processes of the previous version.
CREATE FUNCTION set_fact_aside(fact_id bigint, by_actor text)
  RETURNS boolean LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT dismiss_inbox_event(fact_id, by_actor)
$$;

-- current_actor, for statements that began before the rename.
CREATE FUNCTION acting() RETURNS text LANGUAGE sql STABLE
RETURN current_actor();

-- Rights

GRANT SELECT ON activity_acts, book_checks, exchange_refunds, failing_steps, notice_channels, notice_deliveries,
  notices, order_acts, order_supplements, parcel_contents, portal_asks, refund_moves, refund_parts, return_findings,
  workflow_acts TO oms_app;
GRANT DELETE ON failing_steps, notices, portal_asks TO oms_app;
GRANT INSERT (act_id, action, activity, actor, order_no, reason_enc, timeout_s) ON activity_acts TO oms_app;
GRANT INSERT (question) ON book_checks TO oms_app;
GRANT UPDATE (answered_at, begun_at, unanswered, wrong) ON book_checks TO oms_app;
GRANT INSERT (refund_id, return_id) ON exchange_refunds TO oms_app;
GRANT INSERT (activity, attempt, error, event_seq, max_attempts, next_try_at, order_no, provider, step) ON failing_steps
  TO oms_app;
GRANT UPDATE (attempt, error, event_seq, failed_at, max_attempts, next_try_at, paused, provider, step) ON failing_steps
  TO oms_app;
GRANT INSERT (causes, channel_id, created_by, data_key, kind, language, name, target_enc) ON notice_channels TO oms_app;
GRANT UPDATE (active, busy_until, data_key, removed_by, target_enc) ON notice_channels TO oms_app;
GRANT INSERT (channel_id, notice_id, number, phase) ON notice_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON notice_deliveries TO oms_app;
GRANT INSERT (amounts, cause, count, facts, kind, most, oldest_at) ON notices TO oms_app;
GRANT UPDATE (amounts, count, facts, most, oldest_at, over_at, seen_at) ON notices TO oms_app;
GRANT INSERT (act_id, action, actor, approval_id, detail, moved_minor, order_no, reason_enc, value_enc) ON order_acts
  TO oms_app;
GRANT INSERT (actor, after_enc, amount_minor, before_enc, change_no, currency, held, lines, method, note_enc, order_no,
  place, ship_to_enc, slot_from, slot_to, supplement_no, token, total_after_minor, total_before_minor, until, warehouse,
  what) ON order_supplements TO oms_app;
GRANT UPDATE (code, status, updated_at) ON order_supplements TO oms_app;
GRANT INSERT (quantity, shipment_id, sku) ON parcel_contents TO oms_app;
GRANT INSERT (asked_by, asks) ON portal_asks TO oms_app;
GRANT UPDATE (asks, since) ON portal_asks TO oms_app;
GRANT INSERT (amount_minor, payment_id, refund_id) ON refund_parts TO oms_app;
GRANT INSERT (condition, line_no, quantity, return_id, stage) ON return_findings TO oms_app;
GRANT INSERT (act_id, action, actor, batch_id, data_key, order_no, reason_enc, run_id, total) ON workflow_acts
  TO oms_app;
REVOKE EXECUTE ON FUNCTION acting(), head_start_s(smallint), hear_fact_again(bigint, text),
  is_awaiting_supplement(text), moved_minor(text, text, text, bigint), set_fact_aside(bigint, text),
  start_head_s(smallint), supplements_without_invoice(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION head_start_s(smallint), hear_fact_again(bigint, text), is_awaiting_supplement(text),
  moved_minor(text, text, text, bigint), set_fact_aside(bigint, text), start_head_s(smallint),
  supplements_without_invoice(text) TO oms_app;
