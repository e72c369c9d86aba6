-- What the services may do, column by column: what their statements do and no more. Before, a table was granted as a
-- whole, with a customer's key, a payment's amount and the rows of the inbox.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA public FROM PUBLIC, oms_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, oms_app;  -- a column's own numbers need no right
GRANT INSERT (act_id, action, activity, actor, order_no, reason_enc, timeout_s) ON activity_acts TO oms_app;
GRANT INSERT (order_no, quantity, sku, state, warehouse) ON allocations TO oms_app;
GRANT UPDATE (quantity, state) ON allocations TO oms_app;
GRANT INSERT (action, amount_minor, approval_id, asked_by, currency, data_key, expires_at, kind, order_no, orders,
  wish_enc) ON approvals TO oms_app;
GRANT UPDATE (decided_at, decided_by, decision, done_at, words_enc) ON approvals TO oms_app;
GRANT INSERT (question) ON book_checks TO oms_app;
GRANT UPDATE (answered_at, begun_at, unanswered, wrong) ON book_checks TO oms_app;
GRANT INSERT (channel, customer_id, email_index, phone_index, profile_enc) ON customer_contacts TO oms_app;
GRANT UPDATE (email_index, phone_index, profile_enc, updated_at) ON customer_contacts TO oms_app;
GRANT INSERT (customer_id, data_key, email_index, phone_index, profile_enc) ON customers TO oms_app;
GRANT UPDATE (data_key, email_index, phone_index, profile_enc, updated_at) ON customers TO oms_app;
GRANT INSERT (order_no, payment_id, reason) ON disputes TO oms_app;
GRANT UPDATE (closed_at, status) ON disputes TO oms_app;
GRANT INSERT (billed_to_enc, content, currency, issued_by, kind, order_no, refund_id, series, tax_minor, time_zone,
  total_minor) ON documents TO oms_app;
GRANT INSERT (line_no, name, quantity, return_id, sku, unit_price_minor) ON exchange_lines TO oms_app;
GRANT INSERT (refund_id, return_id) ON exchange_refunds TO oms_app;
GRANT INSERT (advance, order_no, return_id) ON exchanges TO oms_app;
GRANT UPDATE (new_order_no, status, used_minor) ON exchanges TO oms_app;
GRANT INSERT (activity, attempt, error, event_seq, max_attempts, next_try_at, order_no, provider, step) ON
  failing_steps TO oms_app;
GRANT UPDATE (attempt, error, event_seq, failed_at, max_attempts, next_try_at, paused, provider, step) ON
  failing_steps TO oms_app;
GRANT INSERT (feedback_id, feedback_no, given_by, kind, order_no, rating, text_enc) ON feedback TO oms_app;
GRANT UPDATE (answer_enc, answered_at, answered_by) ON feedback TO oms_app;
GRANT INSERT (amount_minor, currency, method, order_no, return_id, token) ON guarantees TO oms_app;
GRANT UPDATE (claim_minor, status, updated_at) ON guarantees TO oms_app;
GRANT INSERT (default_outcome, escalate_at, hold_no, kind, order_no, owner, put_on_by, reason_enc, stops, until) ON
  holds TO oms_app;
GRANT UPDATE (close_reason_enc, closed_at, closed_by, escalated_at, outcome, owner) ON holds TO oms_app;
GRANT INSERT (key, locked_until, request_hash, resource, response, state, status_code, subject) ON idempotency_keys TO
  oms_app;
GRANT UPDATE (locked_until, response, state, status_code) ON idempotency_keys TO oms_app;
GRANT INSERT (event_id, fact, kind, order_no, provider) ON inbox TO oms_app;
GRANT UPDATE (outcome, processed_at) ON inbox TO oms_app;
GRANT INSERT (body_enc, channel, customer_id, event_seq, expires_at, fact, language, last_error, message_id, order_no,
  state, template, to_enc, version) ON messages TO oms_app;
GRANT UPDATE (asked_by, body_enc, language, last_error, next_try_at, provider, provider_ref, round, sent_at, state,
  to_enc, tries, version) ON messages TO oms_app;
GRANT INSERT (causes, channel_id, created_by, data_key, kind, language, name, target_enc) ON notice_channels TO
  oms_app;
GRANT UPDATE (active, busy_until, data_key, removed_by, target_enc) ON notice_channels TO oms_app;
GRANT INSERT (channel_id, notice_id, number, phase) ON notice_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON notice_deliveries TO oms_app;
GRANT INSERT (amounts, cause, count, facts, kind, most, oldest_at) ON notices TO oms_app;
GRANT UPDATE (amounts, count, facts, most, oldest_at, over_at, seen_at) ON notices TO oms_app;
GRANT INSERT (act_id, action, actor, approval_id, detail, moved_minor, order_no, reason_enc, value_enc) ON order_acts
  TO oms_app;
GRANT INSERT (change_no, discount_minor, items_minor, line_no, order_no, quantity_delta, shipping_minor, sku,
  tax_added_minor, tax_minor) ON order_change_lines TO oms_app;
GRANT INSERT (actor, after_enc, before_enc, change_no, order_no, refund_id, seq, total_after_minor,
  total_before_minor, what) ON order_changes TO oms_app;
GRANT INSERT (actor, data, from_status, key, order_no, to_status, type) ON order_events TO oms_app;
GRANT INSERT (discount_minor, line_no, name, order_no, quantity, shipping_minor, sku, tax_added_minor, tax_minor,
  unit_price_minor) ON order_lines TO oms_app;
GRANT INSERT (actor, after_enc, amount_minor, before_enc, change_no, currency, held, lines, method, note_enc,
  order_no, place, ship_to_enc, slot_from, slot_to, supplement_no, token, total_after_minor, total_before_minor,
  until, warehouse, what) ON order_supplements TO oms_app;
GRANT UPDATE (code, status, updated_at) ON order_supplements TO oms_app;
GRANT INSERT (backorder, channel, city, country, currency, customer_id, discount_minor, exchange_of, exchange_return,
  external_ref, items_minor, note_enc, order_no, placed_by, priority, province, ship_to_enc, shipping_minor,
  slot_from, slot_to, tax_added_minor, tax_minor, total_minor, trace, type) ON orders TO oms_app;
GRANT UPDATE (address_rev, cancel_reason_enc, cancelling, city, country, note_enc, priority, province, ship_to_enc,
  slot_from, slot_to) ON orders TO oms_app;
GRANT UPDATE (created_at) ON outbox TO oms_app;
GRANT INSERT (quantity, shipment_id, sku) ON parcel_contents TO oms_app;
GRANT INSERT (amount_minor, attempts, error, escalate_at, options, order_no, park_no, provider, step) ON parked_steps
  TO oms_app;
GRANT UPDATE (escalated_at, resolution_id, resolved_at) ON parked_steps TO oms_app;
GRANT INSERT (actor, attempt, method, order_no, request_id, token) ON payment_requests TO oms_app;
GRANT UPDATE (attempt) ON payment_requests TO oms_app;
GRANT INSERT (amount_minor, attempt, currency, idempotency_key, kind, order_no, parent_id, provider, provider_ref,
  purpose, refund_id, status, tries) ON payments TO oms_app;
GRANT UPDATE (error_code, provider_ref, purpose, risk, status, tries, updated_at) ON payments TO oms_app;
GRANT INSERT (asked_by, asks) ON portal_asks TO oms_app;
GRANT UPDATE (asks, since) ON portal_asks TO oms_app;
GRANT INSERT (ask_hash, code_hash, contact_kind, contacts, expires_at, link_hash) ON portal_codes TO oms_app;
GRANT UPDATE (tries, used_at) ON portal_codes TO oms_app;
GRANT INSERT (contact_kind, contacts, expires_at, session_hash) ON portal_sessions TO oms_app;
GRANT UPDATE (seen_at) ON portal_sessions TO oms_app;
GRANT INSERT (disk, host, memory, name, pid, trouble) ON processes TO oms_app;
GRANT UPDATE (beat_at, disk, ended_at, memory, steady_since, trouble) ON processes TO oms_app;
GRANT INSERT (active, currency, name, price_minor, sku, weight_g) ON products TO oms_app;
GRANT INSERT (amount_minor, goods_worth_minor, line_no, quantity, refund_id, shipping_minor, shipping_worth_minor) ON
  refund_lines TO oms_app;
GRANT INSERT (amount_minor, payment_id, refund_id) ON refund_parts TO oms_app;
GRANT INSERT (amount_minor, approval_id, asked_by, currency, goods_minor, order_no, origin, reason_enc, refund_id,
  return_id, shipping_minor, status) ON refunds TO oms_app;
GRANT UPDATE (status, updated_at) ON refunds TO oms_app;
GRANT INSERT (action, actor, approval_id, order_no, reason_enc, resolution_id, value_enc) ON resolutions TO oms_app;
GRANT INSERT (condition, line_no, quantity, return_id, stage) ON return_findings TO oms_app;
GRANT INSERT (content_enc, format, return_id) ON return_labels TO oms_app;
GRANT INSERT (line_no, order_no, quantity, return_id, sku) ON return_lines TO oms_app;
GRANT INSERT (deadline, default_outcome, order_no, photographs_enc, reason_code, reason_enc, requested_by, resolution,
  return_id, warehouse) ON returns TO oms_app;
GRANT UPDATE (answer_enc, carrier, carrier_ref, cost_currency, cost_minor, deadline, default_outcome, label,
  label_tries, parcel, remind_at, reminded_at, settled, status, tracking_no, updated_at) ON returns TO oms_app;
GRANT INSERT (content_enc, format, shipment_id) ON shipment_labels TO oms_app;
GRANT INSERT (carrier, event_id, occurred_at, shipment_id, status) ON shipment_scans TO oms_app;
GRANT INSERT (address_rev, carrier, idempotency_key, order_no, shipment_id, status, tracking_no, tries, warehouse) ON
  shipments TO oms_app;
GRANT UPDATE (came_back_at, carrier_ref, cost_currency, cost_minor, replaced_at, status, tracking_no, tries,
  updated_at) ON shipments TO oms_app;
GRANT INSERT (failures, locked_until, name, source) ON sign_in_attempts TO oms_app;
GRANT UPDATE (failures, locked_until, tried_at) ON sign_in_attempts TO oms_app;
GRANT INSERT (data_key, name, password_hash, role, totp_enc) ON staff TO oms_app;
GRANT UPDATE (active, data_key, password_hash, signed_in_at, totp_enc, totp_step) ON staff TO oms_app;
GRANT INSERT (address, expires_at, name, session_hash) ON staff_sessions TO oms_app;
GRANT UPDATE (seen_at) ON staff_sessions TO oms_app;
GRANT INSERT (sku, warehouse) ON stock_levels TO oms_app;
GRANT INSERT (actor, duplicate, idempotency_key, kind, on_hand_delta, order_no, quantity, quarantined_delta,
  reference, reserved_delta, sku, warehouse) ON stock_movements TO oms_app;
GRANT INSERT (amount_minor, balance_delta, currency, customer_id, held_delta, idempotency_key, kind, order_no,
  parent_id, return_id) ON store_credit_entries TO oms_app;
GRANT INSERT (job_id, order_no, resolution_id) ON support_job_items TO oms_app;
GRANT UPDATE (error, state) ON support_job_items TO oms_app;
GRANT INSERT (action, actor, approval_id, data_key, filter, finished_at, job_id, rate_per_s, reason_enc, state, total,
  value_enc) ON support_jobs TO oms_app;
GRANT UPDATE (finished_at, state, stopped_by) ON support_jobs TO oms_app;
GRANT INSERT (city, code, country, is_default, name, priority, province) ON warehouses TO oms_app;
GRANT INSERT (endpoint_id, order_no, seq) ON webhook_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON webhook_deliveries TO oms_app;
GRANT INSERT (created_by, data_key, endpoint_id, event_types, secret_enc, url) ON webhook_endpoints TO oms_app;
GRANT INSERT (act_id, action, actor, batch_id, data_key, order_no, reason_enc, run_id, total) ON workflow_acts TO
  oms_app;
GRANT INSERT (kind, name, payload, rank, subject, trace) ON workflow_requests TO oms_app;
GRANT UPDATE (claimed_until, last_error, rank, tries) ON workflow_requests TO oms_app;
GRANT DELETE ON failing_steps, idempotency_keys, messages, notices, outbox, portal_asks, portal_codes,
  portal_sessions, processes, sign_in_attempts, staff_sessions, webhook_deliveries, webhook_endpoints,
  workflow_requests TO oms_app;

-- Without his key nothing of a customer can be read again. The services give one to who has none; to take it away is
-- erasure, which is the owner's.
CREATE FUNCTION keep_data_key() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RAISE EXCEPTION 'a customer''s key is kept' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER customer_key_kept BEFORE UPDATE OF data_key ON customers FOR EACH ROW
  WHEN (OLD.data_key IS NOT NULL AND NEW.data_key IS DISTINCT FROM OLD.data_key) EXECUTE FUNCTION keep_data_key();

-- A fact from outside is dealt with once.
CREATE FUNCTION keep_processed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what was dealt with does not come in again' USING ERRCODE = 'OM003';
END $$;
CREATE TRIGGER inbox_processed_once BEFORE UPDATE OF processed_at ON inbox FOR EACH ROW
  WHEN (OLD.processed_at IS NOT NULL AND NEW.processed_at IS NULL) EXECUTE FUNCTION keep_processed();

-- Entries of the audit log are written by triggers alone, and by this for the one act that has no row of its own: the
-- workflow's event knows who asked, but not where from.
CREATE FUNCTION note_cancel_asked(by_actor text, of_order text, update_id text) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO audit_log (actor, action, order_no, reference)
  SELECT by_actor, 'cancel_asked', o.order_no, update_id FROM orders o WHERE o.order_no = of_order
$$;

-- Every change of a member of staff is said with what changed; a column that is not known to be harmless is hidden.
CREATE OR REPLACE FUNCTION audit_staff() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  shown   text[] := ARRAY['name', 'role', 'active', 'totp_step', 'created_at', 'signed_in_at'];
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  changed text[] := ARRAY(SELECT f FROM jsonb_object_keys(coalesce(new_row, old_row)) f
                           WHERE old_row IS NULL OR new_row IS NULL OR old_row -> f IS DISTINCT FROM new_row -> f);
  said    text[];
BEGIN
  IF changed = '{}' THEN
    RETURN NULL;
  END IF;
  SELECT ARRAY[CASE WHEN old_row IS NOT NULL THEN jsonb_object_agg(f, CASE WHEN f = ANY (shown) THEN old_row -> f ELSE '"hidden"' END)::text END,
               CASE WHEN new_row IS NOT NULL THEN jsonb_object_agg(f, CASE WHEN f = ANY (shown) THEN new_row -> f ELSE '"hidden"' END)::text END]
    INTO said FROM unnest(changed) f;
  INSERT INTO audit_log (actor, action, before, after, reference)
  VALUES (acting(), CASE WHEN TG_OP = 'INSERT' THEN 'staff_added' WHEN TG_OP = 'DELETE' THEN 'staff_deleted'
                         WHEN (old_row ->> 'active')::boolean AND NOT (new_row ->> 'active')::boolean THEN 'staff_removed'
                         WHEN changed && ARRAY['password_hash', 'data_key', 'totp_enc'] THEN 'staff_reset'
                         WHEN changed <@ ARRAY['totp_step', 'signed_in_at']
                          AND (new_row ->> 'totp_step')::bigint > (old_row ->> 'totp_step')::bigint THEN 'staff_code_used'
                         ELSE 'staff_changed' END,
          said[1], said[2], coalesce(new_row, old_row) ->> 'name');
  RETURN NULL;
END $$;
DROP TRIGGER staff_audited ON staff;
CREATE TRIGGER staff_audited AFTER INSERT OR UPDATE OR DELETE ON staff FOR EACH ROW EXECUTE FUNCTION audit_staff();
CREATE TRIGGER staff_not_emptied BEFORE TRUNCATE ON staff FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION note_cancel_asked TO oms_app;
