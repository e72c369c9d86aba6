-- Database objects have the usual names of the trade. Only names change. Processes of the previous version continue:
-- each table has a view with its old name, each function that they call a function with its old name. The next release
-- drops both (docs/decisions/0020-names-in-the-database.md).

-- The busiest tables come first, in the order in which an order locks them.
ALTER TRIGGER order_overtakes_supplement ON orders RENAME TO order_cancels_change_payment;
ALTER TRIGGER inbox_wakes ON inbox RENAME TO inbox_signals;
ALTER TRIGGER completion_heeds_returns ON order_events RENAME TO completion_checks_returns;
ALTER TRIGGER failing_steps_over ON order_events RENAME TO event_clears_retrying_steps;
ALTER TRIGGER new_order_wakes_return ON order_events RENAME TO new_order_signals_return;
ALTER TRIGGER order_event_overtakes_holds ON order_events RENAME TO order_event_closes_holds;
ALTER TRIGGER hold_shown ON holds RENAME TO hold_refreshes_order;
ALTER TABLE payments RENAME CONSTRAINT disputes_are_told TO disputes_are_reported;
ALTER TABLE payments RENAME CONSTRAINT reversals_are_told TO reversals_are_reported;
ALTER TRIGGER money_by_hand_heeds_holds ON payments RENAME TO manual_payment_checks_holds;
ALTER TRIGGER payment_hears_early_facts ON payments RENAME TO payment_early_events_reopened;
ALTER TRIGGER payment_heeds_holds ON payments RENAME TO payment_checks_holds;
ALTER TRIGGER payment_heeds_refund ON payments RENAME TO payment_checks_refund;
ALTER TRIGGER payment_takes_place ON payments RENAME TO payment_replaces_authorisation;
ALTER TRIGGER supplement_payment_heard ON payments RENAME TO settles_change_payment;
ALTER TRIGGER supplement_payment_heeds_holds ON payments RENAME TO change_payment_checks_holds;
ALTER TRIGGER supplement_payment_wanted ON payments RENAME TO change_payment_wanted;
ALTER INDEX payments_one_refund_part RENAME TO payments_one_refund_allocation;
ALTER TABLE documents RENAME CONSTRAINT document_of_a_supplement_of_its_order TO document_of_a_change_payment_of_its_order;
ALTER TABLE documents RENAME CONSTRAINT document_of_a_supplement TO document_of_a_change_payment;
ALTER INDEX documents_one_of_supplement RENAME TO documents_one_of_change_payment;
ALTER TRIGGER refund_approved_wakes ON refunds RENAME TO refund_approved_signals;
ALTER TRIGGER refund_frees_room ON refunds RENAME TO refund_releases_amount;
ALTER TRIGGER refund_opened_wakes ON refunds RENAME TO refund_opened_signals;
ALTER TRIGGER refund_takes_room_again ON refunds RENAME TO refund_reserves_amount_again;
ALTER TRIGGER refund_wakes_exchange ON refunds RENAME TO refund_signals_exchange;
ALTER TRIGGER refund_wakes_return ON refunds RENAME TO refund_signals_return;
ALTER TRIGGER refund_line_takes_room ON refund_lines RENAME TO refund_line_reserves_amount;
ALTER TRIGGER return_moved_wakes ON returns RENAME TO return_moved_signals;
ALTER TRIGGER return_opened_wakes ON returns RENAME TO return_opened_signals;
ALTER TRIGGER return_line_takes_room ON return_lines RENAME TO return_line_reserves_quantity;
ALTER TRIGGER guarantee_wakes ON guarantees RENAME TO guarantee_signals;
ALTER TRIGGER booking_heeds_changes ON shipments RENAME TO booking_checks_changes;
ALTER TRIGGER booking_heeds_holds ON shipments RENAME TO booking_checks_holds;
ALTER TRIGGER parcel_by_hand_heeds_holds ON shipments RENAME TO manual_parcel_checks_holds;
ALTER TRIGGER stock_level_wakes ON stock_levels RENAME TO stock_level_signals;
ALTER TRIGGER return_shelves_what_came ON stock_movements RENAME TO return_stock_checks_inspection;

-- Tables and columns.
ALTER TABLE order_supplements RENAME TO change_payments;
ALTER TABLE change_payments RENAME COLUMN supplement_no TO payment_no;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_pkey TO change_payments_pkey;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_order_no_fkey TO change_payments_order_no_fkey;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_warehouse_fkey TO change_payments_warehouse_fkey;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_supplement_no_check TO change_payments_payment_no_check;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_what_check TO change_payments_what_check;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_check TO change_payments_check;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_method_check TO change_payments_method_check;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_token_check TO change_payments_token_check;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_check1 TO change_payments_check1;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplements_status_check TO change_payments_status_check;
ALTER TABLE change_payments RENAME CONSTRAINT order_supplement_slot TO change_payment_slot;
ALTER TRIGGER supplement_applies ON change_payments RENAME TO change_payment_applies;
ALTER TRIGGER supplement_begins ON change_payments RENAME TO change_payment_begins;
ALTER TRIGGER supplement_guard ON change_payments RENAME TO change_payment_guard;
ALTER TRIGGER supplement_invoiced ON change_payments RENAME TO change_payment_invoiced;
ALTER TABLE change_payments RENAME CONSTRAINT supplement_invoiced TO change_payment_invoiced;
ALTER TRIGGER supplement_is_applied ON change_payments RENAME TO change_payment_is_applied;
ALTER TABLE change_payments RENAME CONSTRAINT supplement_is_applied TO change_payment_is_applied;
ALTER TRIGGER supplement_keeps_exchange ON change_payments RENAME TO change_payment_keeps_exchange;
ALTER TRIGGER supplement_undone ON change_payments RENAME TO change_payment_undone;
ALTER INDEX order_supplements_one_open RENAME TO change_payments_one_open;
ALTER TABLE order_acts RENAME TO staff_actions;
ALTER TABLE staff_actions RENAME CONSTRAINT order_acts_pkey TO staff_actions_pkey;
ALTER TABLE staff_actions RENAME CONSTRAINT order_acts_order_no_fkey TO staff_actions_order_no_fkey;
ALTER TABLE staff_actions RENAME CONSTRAINT order_acts_approval TO staff_actions_approval;
ALTER TABLE staff_actions RENAME CONSTRAINT order_acts_action_check TO staff_actions_action_check;
ALTER TABLE staff_actions RENAME CONSTRAINT money_needs_two TO staff_actions_money_approved;
ALTER TABLE staff_actions RENAME CONSTRAINT order_acts_moved_minor_check TO staff_actions_moved_minor_check;
ALTER TRIGGER order_act_approved ON staff_actions RENAME TO staff_action_approved;
ALTER TRIGGER order_act_audited ON staff_actions RENAME TO staff_action_audited;
ALTER TRIGGER order_acts_append_only ON staff_actions RENAME TO staff_actions_append_only;
ALTER INDEX order_acts_alone RENAME TO staff_actions_alone;
ALTER INDEX order_acts_order RENAME TO staff_actions_order;
ALTER TABLE activity_acts RENAME TO activity_actions;
ALTER TABLE activity_actions RENAME CONSTRAINT activity_acts_pkey TO activity_actions_pkey;
ALTER TABLE activity_actions RENAME CONSTRAINT activity_acts_order_no_fkey TO activity_actions_order_no_fkey;
ALTER TABLE activity_actions RENAME CONSTRAINT activity_acts_activity_check TO activity_actions_activity_check;
ALTER TABLE activity_actions RENAME CONSTRAINT activity_acts_action_check TO activity_actions_action_check;
ALTER TABLE activity_actions RENAME CONSTRAINT activity_acts_check TO activity_actions_check;
ALTER TABLE activity_actions RENAME CONSTRAINT activity_acts_timeout_s_check TO activity_actions_timeout_s_check;
ALTER TRIGGER activity_act_audited ON activity_actions RENAME TO activity_action_audited;
ALTER TRIGGER activity_acts_append_only ON activity_actions RENAME TO activity_actions_append_only;
ALTER INDEX activity_acts_order RENAME TO activity_actions_order;
ALTER TABLE workflow_acts RENAME TO workflow_resets;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_pkey TO workflow_resets_pkey;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_order_no_fkey TO workflow_resets_order_no_fkey;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_action_check TO workflow_resets_action_check;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_check TO workflow_resets_check;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_check1 TO workflow_resets_check1;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_check2 TO workflow_resets_check2;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_check3 TO workflow_resets_check3;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_check4 TO workflow_resets_check4;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_check5 TO workflow_resets_check5;
ALTER TABLE workflow_resets RENAME CONSTRAINT workflow_acts_total_check TO workflow_resets_total_check;
ALTER TRIGGER workflow_act_audited ON workflow_resets RENAME TO workflow_reset_audited;
ALTER TRIGGER workflow_acts_append_only ON workflow_resets RENAME TO workflow_resets_append_only;
ALTER INDEX workflow_acts_batch RENAME TO workflow_resets_batch;
ALTER INDEX workflow_acts_batches RENAME TO workflow_resets_batches;
ALTER INDEX workflow_acts_order RENAME TO workflow_resets_order;
ALTER TABLE failing_steps RENAME TO retrying_steps;
ALTER TABLE retrying_steps RENAME CONSTRAINT failing_steps_pkey TO retrying_steps_pkey;
ALTER TABLE retrying_steps RENAME CONSTRAINT failing_steps_order_no_fkey TO retrying_steps_order_no_fkey;
ALTER TABLE retrying_steps RENAME CONSTRAINT failing_steps_attempt_check TO retrying_steps_attempt_check;
ALTER TABLE retrying_steps RENAME CONSTRAINT failing_steps_max_attempts_check TO retrying_steps_max_attempts_check;
ALTER INDEX failing_steps_listed RENAME TO retrying_steps_listed;
ALTER TABLE book_checks RENAME TO consistency_checks;
ALTER TABLE consistency_checks RENAME COLUMN question TO code;
ALTER TABLE consistency_checks RENAME COLUMN wrong TO violations;
ALTER TABLE consistency_checks RENAME COLUMN unanswered TO timeouts;
ALTER TABLE consistency_checks RENAME CONSTRAINT book_checks_pkey TO consistency_checks_pkey;
ALTER TABLE consistency_checks RENAME CONSTRAINT book_checks_wrong_check TO consistency_checks_violations_check;
ALTER TABLE consistency_checks RENAME CONSTRAINT book_checks_unanswered_check TO consistency_checks_timeouts_check;
ALTER TABLE notices RENAME TO alerts;
ALTER TABLE alerts RENAME COLUMN notice_id TO alert_id;
ALTER SEQUENCE notices_notice_id_seq RENAME TO alerts_alert_id_seq;
ALTER TABLE alerts RENAME CONSTRAINT notices_pkey TO alerts_pkey;
ALTER TABLE alerts RENAME CONSTRAINT notices_count_check TO alerts_count_check;
ALTER TABLE alerts RENAME CONSTRAINT notices_check TO alerts_check;
ALTER TABLE alerts RENAME CONSTRAINT notices_check1 TO alerts_check1;
ALTER INDEX notices_cause RENAME TO alerts_cause;
ALTER INDEX notices_one_open RENAME TO alerts_one_open;
ALTER TABLE notice_channels RENAME TO alert_channels;
ALTER TABLE alert_channels RENAME CONSTRAINT notice_channels_pkey TO alert_channels_pkey;
ALTER TABLE alert_channels RENAME CONSTRAINT notice_channels_kind_check TO alert_channels_kind_check;
ALTER TABLE alert_channels RENAME CONSTRAINT notice_channels_name_check TO alert_channels_name_check;
ALTER TABLE alert_channels RENAME CONSTRAINT notice_channels_language_check TO alert_channels_language_check;
ALTER TABLE alert_channels RENAME CONSTRAINT notice_channels_check TO alert_channels_check;
ALTER TABLE alert_channels RENAME CONSTRAINT notice_channels_check1 TO alert_channels_check1;
ALTER TRIGGER notice_channel_audited ON alert_channels RENAME TO alert_channel_audited;
ALTER TRIGGER notice_channel_end_audited ON alert_channels RENAME TO alert_channel_end_audited;
ALTER TABLE notice_deliveries RENAME TO alert_deliveries;
ALTER TABLE alert_deliveries RENAME COLUMN notice_id TO alert_id;
ALTER SEQUENCE notice_deliveries_delivery_id_seq RENAME TO alert_deliveries_delivery_id_seq;
ALTER TABLE alert_deliveries RENAME CONSTRAINT notice_deliveries_pkey TO alert_deliveries_pkey;
ALTER TABLE alert_deliveries RENAME CONSTRAINT told_once TO alert_delivery_once;
ALTER TABLE alert_deliveries RENAME CONSTRAINT notice_deliveries_notice_id_fkey TO alert_deliveries_alert_id_fkey;
ALTER TABLE alert_deliveries RENAME CONSTRAINT notice_deliveries_channel_id_fkey TO alert_deliveries_channel_id_fkey;
ALTER TABLE alert_deliveries RENAME CONSTRAINT notice_deliveries_number_check TO alert_deliveries_number_check;
ALTER TABLE alert_deliveries RENAME CONSTRAINT notice_deliveries_phase_check TO alert_deliveries_phase_check;
ALTER TABLE alert_deliveries RENAME CONSTRAINT notice_deliveries_state_check TO alert_deliveries_state_check;
ALTER INDEX notice_deliveries_channel RENAME TO alert_deliveries_channel;
ALTER INDEX notice_deliveries_open RENAME TO alert_deliveries_open;
ALTER INDEX notice_one_on_its_way RENAME TO alert_deliveries_one_open;
ALTER INDEX notice_over_once RENAME TO alert_deliveries_one_end;
ALTER TABLE portal_asks RENAME TO sign_in_requests;
ALTER TABLE sign_in_requests RENAME CONSTRAINT portal_asks_pkey TO sign_in_requests_pkey;
ALTER TABLE sign_in_requests RENAME CONSTRAINT portal_asks_asked_by_check TO sign_in_requests_asked_by_check;
ALTER TABLE sign_in_requests RENAME CONSTRAINT portal_asks_asks_check TO sign_in_requests_asks_check;
ALTER INDEX portal_asks_since RENAME TO sign_in_requests_since;
ALTER TABLE refund_parts RENAME TO refund_allocations;
ALTER TABLE refund_allocations RENAME CONSTRAINT refund_parts_pkey TO refund_allocations_pkey;
ALTER TABLE refund_allocations RENAME CONSTRAINT refund_parts_refund_id_fkey TO refund_allocations_refund_id_fkey;
ALTER TABLE refund_allocations RENAME CONSTRAINT refund_parts_payment_id_fkey TO refund_allocations_payment_id_fkey;
ALTER TABLE refund_allocations RENAME CONSTRAINT refund_parts_amount_minor_check TO refund_allocations_amount_minor_check;
ALTER TRIGGER refund_part_takes_room ON refund_allocations RENAME TO refund_allocation_reserves_amount;
ALTER TRIGGER refund_parts_append_only ON refund_allocations RENAME TO refund_allocations_append_only;
ALTER TRIGGER refund_parts_whole ON refund_allocations RENAME TO refund_allocations_whole;
ALTER TABLE refund_allocations RENAME CONSTRAINT refund_parts_whole TO refund_allocations_whole;
ALTER TABLE refund_moves RENAME TO refund_transitions;
ALTER TABLE refund_transitions RENAME CONSTRAINT refund_moves_pkey TO refund_transitions_pkey;
ALTER TABLE refund_transitions RENAME CONSTRAINT refund_moves_from_status_fkey TO refund_transitions_from_status_fkey;
ALTER TABLE refund_transitions RENAME CONSTRAINT refund_moves_to_status_fkey TO refund_transitions_to_status_fkey;
ALTER TABLE return_findings RENAME TO return_inspections;
ALTER TABLE return_inspections RENAME CONSTRAINT return_findings_pkey TO return_inspections_pkey;
ALTER TABLE return_inspections RENAME CONSTRAINT return_findings_return_id_line_no_fkey TO return_inspections_return_id_line_no_fkey;
ALTER TABLE return_inspections RENAME CONSTRAINT return_findings_stage_check TO return_inspections_stage_check;
ALTER TABLE return_inspections RENAME CONSTRAINT return_findings_condition_check TO return_inspections_condition_check;
ALTER TABLE return_inspections RENAME CONSTRAINT return_findings_quantity_check TO return_inspections_quantity_check;
ALTER TRIGGER return_findings_append_only ON return_inspections RENAME TO return_inspections_append_only;
ALTER TRIGGER return_findings_whole ON return_inspections RENAME TO return_inspections_whole;
ALTER TABLE return_inspections RENAME CONSTRAINT return_findings_whole TO return_inspections_whole;
ALTER TABLE parcel_contents RENAME TO replaced_parcel_lines;
ALTER TABLE replaced_parcel_lines RENAME CONSTRAINT parcel_contents_pkey TO replaced_parcel_lines_pkey;
ALTER TABLE replaced_parcel_lines RENAME CONSTRAINT parcel_contents_shipment_id_fkey TO replaced_parcel_lines_shipment_id_fkey;
ALTER TABLE replaced_parcel_lines RENAME CONSTRAINT parcel_contents_quantity_check TO replaced_parcel_lines_quantity_check;
ALTER TRIGGER parcel_contents_append_only ON replaced_parcel_lines RENAME TO replaced_parcel_lines_append_only;
ALTER TABLE exchange_refunds RENAME TO exchange_refund_links;
ALTER TABLE exchange_refund_links RENAME CONSTRAINT exchange_refunds_pkey TO exchange_refund_links_pkey;
ALTER TABLE exchange_refund_links RENAME CONSTRAINT exchange_refunds_refund_id_fkey TO exchange_refund_links_refund_id_fkey;
ALTER TABLE exchange_refund_links RENAME CONSTRAINT exchange_refunds_return_id_fkey TO exchange_refund_links_return_id_fkey;
ALTER INDEX exchange_refunds_return RENAME TO exchange_refund_links_return;

-- Functions.
ALTER FUNCTION heed_findings RENAME TO require_inspected_units;
ALTER FUNCTION heed_returns RENAME TO require_no_open_return;
ALTER FUNCTION heed_guarantee RENAME TO require_guarantee_payment_due;
ALTER FUNCTION heed_holds RENAME TO skip_while_on_hold;
ALTER FUNCTION heed_holds_by_hand RENAME TO require_no_hold;
ALTER FUNCTION heed_changes RENAME TO skip_while_change_pending;
ALTER FUNCTION heed_supplement RENAME TO require_change_awaiting_payment;
ALTER FUNCTION supplement_heeds_payment RENAME TO settle_change_payment;
ALTER FUNCTION difference_heeds_holds RENAME TO require_chargeable_order;
ALTER FUNCTION heed_refund RENAME TO require_refund_due;
ALTER FUNCTION heed_renewal RENAME TO require_renewal_due;
ALTER FUNCTION wake_for_return RENAME TO signal_for_return;
ALTER FUNCTION wake_return_of_refund RENAME TO signal_return_of_refund;
ALTER FUNCTION wake_for_guarantee RENAME TO signal_for_guarantee;
ALTER FUNCTION wake_return_of_exchange RENAME TO signal_return_of_exchange;
ALTER FUNCTION wake_return_of_new_order RENAME TO signal_return_of_new_order;
ALTER FUNCTION wake_for_refund RENAME TO signal_for_refund;
ALTER FUNCTION wake_order RENAME TO signal_order_of_event;
ALTER FUNCTION wake_backorders RENAME TO signal_backorders;
ALTER FUNCTION take_return_room RENAME TO reserve_return_quantity;
ALTER FUNCTION take_line_room RENAME TO reserve_line_amount;
ALTER FUNCTION take_capture_room RENAME TO reserve_capture_amount;
ALTER FUNCTION free_refund_room RENAME TO release_refund_amount;
ALTER FUNCTION reopen_refund RENAME TO reserve_refund_amount_again;
ALTER FUNCTION take_place RENAME TO replace_authorisation;
ALTER FUNCTION overtake_holds RENAME TO close_holds_of_finished_order;
ALTER FUNCTION overtake_supplement RENAME TO cancel_change_payment;
ALTER FUNCTION show_hold RENAME TO refresh_order_hold;
ALTER FUNCTION show_new_warehouse RENAME TO refresh_order_warehouse;
ALTER FUNCTION acting RENAME TO current_actor;
ALTER FUNCTION moved_minor RENAME TO amount_moved_by;
ALTER FUNCTION head_start_s RENAME TO priority_head_start_s;
ALTER FUNCTION start_head_s RENAME TO priority_start_head_start_s;
ALTER FUNCTION apply_supplement RENAME TO apply_change_payment;
ALTER FUNCTION begin_supplement RENAME TO begin_change_payment;
ALTER FUNCTION guard_supplement RENAME TO guard_change_payment;
ALTER FUNCTION check_supplement_applied RENAME TO check_change_applied;
ALTER FUNCTION undo_supplement RENAME TO undo_change_payment;
ALTER FUNCTION is_awaiting_supplement RENAME TO is_awaiting_change_payment;
ALTER FUNCTION release_for_supplement RENAME TO release_for_change_payment;
ALTER FUNCTION invoice_supplement RENAME TO invoice_change_payment;
ALTER FUNCTION lines_of_supplement RENAME TO lines_of_change_payment;
ALTER FUNCTION supplement_has_invoice RENAME TO invoice_applied_change;
ALTER FUNCTION hear_early_facts RENAME TO reopen_early_events;
ALTER FUNCTION hear_fact_again RENAME TO retry_inbox_event;
ALTER FUNCTION set_fact_aside RENAME TO dismiss_inbox_event;
ALTER FUNCTION forget_failing RENAME TO clear_retrying_steps;
ALTER FUNCTION check_findings RENAME TO check_inspections;
ALTER FUNCTION audit_order_act RENAME TO audit_staff_action;
ALTER FUNCTION audit_activity_act RENAME TO audit_activity_action;
ALTER FUNCTION audit_workflow_act RENAME TO audit_workflow_reset;
ALTER FUNCTION audit_notice_channel RENAME TO audit_alert_channel;

-- Functions whose argument or result has another name.
CREATE FUNCTION change_payments_without_invoice(of_order text)
  RETURNS TABLE(payment_no integer, amount_minor bigint, currency text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT s.payment_no, s.amount_minor, s.currency::text FROM change_payments s
   WHERE s.order_no = of_order AND s.status = 'applied' AND s.amount_minor <= uninvoiced_minor(of_order)
     AND EXISTS (SELECT FROM documents d WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.supplement_no IS NULL)
     AND NOT EXISTS (SELECT FROM documents d WHERE d.order_no = of_order AND d.supplement_no = s.payment_no)
   ORDER BY s.payment_no
$$;

-- Functions whose text contains a name that has changed.
CREATE OR REPLACE FUNCTION added_minor(asked_order_no text, step text, action text, amount_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE
    WHEN action = 'compensate' THEN greatest(0, amount_moved_by(asked_order_no, step, action, amount_minor) - coalesce((
           SELECT sum(t.promised_minor) FROM payments p JOIN payment_totals t USING (payment_id)
            WHERE p.order_no = asked_order_no), 0)::bigint + coalesce((
           SELECT sum(r.amount_minor) FROM refunds r
            WHERE r.order_no = asked_order_no AND r.status = 'awaiting_approval'), 0)::bigint)
    WHEN step = 'refund' THEN 0
    WHEN step = 'return_payment' AND (
           EXISTS (SELECT FROM resolutions r WHERE r.order_no = asked_order_no AND r.action = 'compensate' AND r.moved_minor > 0)
        OR EXISTS (SELECT FROM staff_actions a WHERE a.order_no = asked_order_no AND a.moved_minor > 0))
      AND NOT EXISTS (SELECT FROM parked_steps p WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL
                         AND p.subject = 'stray') THEN 0
    ELSE amount_moved_by(asked_order_no, step, action, amount_minor) END
$$;

CREATE OR REPLACE FUNCTION aim_resolution()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE meant integer := NEW.park_no;
BEGIN
  IF EXISTS (SELECT FROM resolutions r WHERE r.resolution_id = NEW.resolution_id) THEN
    RETURN NEW;
  END IF;
  NEW.park_no := NULL;
  SELECT p.park_no, amount_moved_by(p.order_no, p.step, NEW.action, p.amount_minor),
         added_minor(p.order_no, p.step, NEW.action, p.amount_minor)
    INTO NEW.park_no, NEW.amount_minor, NEW.moved_minor
    FROM parked_steps p WHERE p.order_no = NEW.order_no AND p.resolved_at IS NULL;
  IF meant IS NOT NULL AND meant IS DISTINCT FROM NEW.park_no THEN
    RAISE EXCEPTION 'step_moved_on' USING ERRCODE = 'OM176';
  END IF;
  NEW.amount_minor := coalesce(NEW.amount_minor, 0);
  NEW.moved_minor := coalesce(NEW.moved_minor, 0);
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION apply_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  piece record;
BEGIN
  -- The process that writes the payment's outcome applies the change itself, in the same transaction.
  IF current_setting('oms.change_applied_by', true) = 'application' THEN
    RETURN NULL;
  END IF;
  INSERT INTO order_events (order_no, seq, type, key, data, actor)
  VALUES (NEW.order_no, 0, 'supplement_captured', NULL,
          jsonb_build_object('amount_minor', NEW.amount_minor, 'change_no', NEW.change_no), 'system'),
         (NEW.order_no, 0, 'order_changed', 'change:' || NEW.change_no,
          jsonb_build_object('change_no', NEW.change_no, 'what', to_jsonb(NEW.what),
            'total_before_minor', NEW.total_before_minor, 'total_after_minor', NEW.total_after_minor,
            'waiting', jsonb_build_object('what', 'carrier', 'until', NULL, 'next', 'the carrier is booked')), NEW.actor);
  INSERT INTO order_changes (order_no, change_no, what, seq, actor, before_enc, after_enc, total_before_minor,
                             total_after_minor)
  SELECT NEW.order_no, NEW.change_no, NEW.what, o.event_seq, NEW.actor, NEW.before_enc, NEW.after_enc,
         NEW.total_before_minor, NEW.total_after_minor FROM orders o WHERE o.order_no = NEW.order_no;
  FOR piece IN SELECT * FROM jsonb_to_recordset(NEW.lines) AS l (line_no integer, sku text, name text, delta bigint,
                 unit_price_minor bigint, items_minor bigint, discount_minor bigint, shipping_minor bigint,
                 tax_minor bigint, tax_added_minor bigint) ORDER BY line_no LOOP
    IF piece.delta > 0 THEN
      INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, tax_minor, tax_added_minor)
      VALUES (NEW.order_no, piece.line_no, piece.sku, piece.name, piece.delta, piece.unit_price_minor, piece.tax_minor,
              piece.tax_added_minor);
    END IF;
    INSERT INTO order_change_lines (order_no, change_no, line_no, sku, quantity_delta, items_minor, discount_minor,
                                    shipping_minor, tax_minor, tax_added_minor)
    VALUES (NEW.order_no, NEW.change_no, piece.line_no, piece.sku, piece.delta, piece.items_minor, piece.discount_minor,
            piece.shipping_minor, piece.tax_minor, piece.tax_added_minor);
  END LOOP;
  FOR piece IN SELECT h.sku, h.quantity FROM jsonb_to_recordset(NEW.held) AS h (sku text, quantity bigint)
                WHERE h.quantity < 0 ORDER BY h.sku LOOP
    PERFORM release_for_change_payment(NEW, piece.sku, -piece.quantity);
  END LOOP;
  UPDATE orders SET address_rev = address_rev + 1, ship_to_enc = coalesce(NEW.ship_to_enc, ship_to_enc),
         country = coalesce(NEW.place ->> 'country', country), province = coalesce(NEW.place ->> 'province', province),
         city = coalesce(NEW.place ->> 'city', city),
         note_enc = CASE WHEN 'note' = ANY (NEW.what) THEN NEW.note_enc ELSE note_enc END,
         slot_from = CASE WHEN 'delivery_slot' = ANY (NEW.what) THEN NEW.slot_from ELSE slot_from END,
         slot_to = CASE WHEN 'delivery_slot' = ANY (NEW.what) THEN NEW.slot_to ELSE slot_to END
   WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION at_stake_minor(asked_order_no text, asked_step text, asked_subject text)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(CASE asked_step
    WHEN 'refund' THEN (SELECT coalesce(sum(x.amount_minor), 0) FROM refund_allocations x JOIN refunds r USING (refund_id)
                         WHERE r.refund_id = asked_subject AND r.order_no = asked_order_no AND r.status = 'approved'
                           AND NOT EXISTS (SELECT FROM payments m WHERE m.refund_id = x.refund_id
                                              AND m.parent_id = x.payment_id AND m.status = 'succeeded'))::bigint
    WHEN 'guarantee' THEN (SELECT CASE WHEN guarantee_is_due(g.return_id)
                                       THEN CASE g.status WHEN 'claim_due' THEN g.claim_minor ELSE g.amount_minor END
                                       ELSE 0 END
                             FROM guarantees g WHERE g.return_id = asked_subject AND g.order_no = asked_order_no)
    WHEN 'supplement' THEN (SELECT u.amount_minor FROM change_payments u
                             WHERE u.order_no = asked_order_no AND u.payment_no::text = asked_subject)
    WHEN 'return_payment' THEN (SELECT coalesce(sum(m.amount_minor), 0)
                                  FROM money_to_return(asked_order_no, asked_subject = 'all') m)::bigint
  END, (SELECT o.total_minor FROM orders o WHERE o.order_no = asked_order_no))
$$;

CREATE OR REPLACE FUNCTION audit_row()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  fields  text[] := string_to_array(TG_ARGV[2], ' ');
  said    text[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    said := ARRAY[(audit_fields(NULL, old_row, fields))[2], NULL];
  ELSE
    said := audit_fields(old_row, new_row, fields);
  END IF;
  IF TG_OP <> 'UPDATE' OR said[2] IS NOT NULL THEN
    INSERT INTO audit_log (actor, action, before, after, reference)
    VALUES (current_actor(), TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '_added' WHEN 'UPDATE' THEN '_changed' ELSE '_removed' END,
            said[1], said[2], coalesce(new_row, old_row) ->> TG_ARGV[1]);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_safety_stock()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, before, after, reference)
  VALUES (current_actor(), 'safety_stock_set', OLD.safety_stock::text, NEW.safety_stock::text, NEW.sku || ' ' || NEW.warehouse);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_session_end()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  person text := (SELECT p.role || ':' || p.name FROM staff p WHERE p.name = OLD.name);
BEGIN
  INSERT INTO audit_log (actor, action, reference)
  VALUES (current_actor(), CASE WHEN current_actor() = person THEN 'signed_out' ELSE 'session_ended' END, OLD.name);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_staff()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
  VALUES (current_actor(), CASE WHEN TG_OP = 'INSERT' THEN 'staff_added' WHEN TG_OP = 'DELETE' THEN 'staff_deleted'
                         WHEN (old_row ->> 'active')::boolean AND NOT (new_row ->> 'active')::boolean THEN 'staff_removed'
                         WHEN changed && ARRAY['password_hash', 'data_key', 'totp_enc'] THEN 'staff_reset'
                         WHEN changed <@ ARRAY['totp_step', 'signed_in_at']
                          AND (new_row ->> 'totp_step')::bigint > (old_row ->> 'totp_step')::bigint THEN 'staff_code_used'
                         ELSE 'staff_changed' END,
          said[1], said[2], coalesce(new_row, old_row) ->> 'name');
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION begin_order()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status <> 'received' OR NEW.event_seq <> 1 THEN
    RAISE EXCEPTION 'an order begins as received' USING ERRCODE = 'OM003';
  END IF;
  INSERT INTO order_events (order_no, seq, type, to_status, actor)
    VALUES (NEW.order_no, 1, 'order_placed', 'received', NEW.placed_by);
  INSERT INTO workflow_requests (kind, subject, trace, rank)
    VALUES ('start_order', NEW.order_no, NEW.trace,
            extract(epoch FROM clock_timestamp()) - priority_start_head_start_s(NEW.priority));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION begin_order_change()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  here orders%ROWTYPE;
  booked boolean;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF is_awaiting_change_payment(NEW.order_no) THEN
    RAISE EXCEPTION 'change_in_progress' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  booked := CASE WHEN EXISTS (SELECT FROM change_payments s WHERE s.order_no = NEW.order_no
                                 AND s.change_no = NEW.change_no AND s.status = 'applied')
    THEN EXISTS (SELECT FROM shipments s WHERE s.order_no = NEW.order_no AND s.status NOT IN ('cancelled', 'booking'))
    ELSE is_booked(NEW.order_no) END;
  IF here.cancelling IS NOT NULL OR here.status NOT IN ('received', 'pending_payment', 'paid', 'preparing')
     OR (NEW.what && ARRAY['address', 'lines', 'delivery_slot'] AND (here.status = 'preparing' OR booked))
     OR ('lines' = ANY (NEW.what) AND here.status IN ('received', 'pending_payment') AND is_paying(NEW.order_no)) THEN
    RAISE EXCEPTION 'too_late_to_change' USING ERRCODE = 'OM012', DETAIL = here.status;
  END IF;
  IF NEW.total_before_minor <> here.total_minor THEN
    RAISE EXCEPTION 'a change begins at the order''s total' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_inspections()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (SELECT sum(f.quantity) FROM return_inspections f
       WHERE f.return_id = NEW.return_id AND f.line_no = NEW.line_no AND f.stage = NEW.stage)
     IS DISTINCT FROM (SELECT n.quantity FROM return_lines n
                        WHERE n.return_id = NEW.return_id AND n.line_no = NEW.line_no) THEN
    RAISE EXCEPTION 'what was found is all that was on the return' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_refund_whole()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  whole refunds%ROWTYPE;
  named bigint;
  shipping bigint;
  parts bigint;
BEGIN
  SELECT * INTO whole FROM refunds WHERE refund_id = NEW.refund_id;
  SELECT sum(amount_minor), sum(shipping_minor) INTO named, shipping FROM refund_lines WHERE refund_id = NEW.refund_id;
  SELECT sum(amount_minor) INTO parts FROM refund_allocations WHERE refund_id = NEW.refund_id;
  IF (named, shipping, parts) IS DISTINCT FROM (whole.amount_minor, whole.shipping_minor, whole.amount_minor) THEN
    RAISE EXCEPTION 'a refund is the sum of its lines and of its parts' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION difference_until(of_order text, asked_no integer)
  RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN takes_no_money(s.order_no) THEN 'infinity' ELSE greatest(s.until, (
           SELECT max(h.closed_at + greatest(s.until - greatest(h.put_on_at, s.created_at), interval '1 minute'))
             FROM holds h WHERE h.order_no = s.order_no AND h.closed_at > s.created_at AND 'pending_payment' = ANY (h.stops))) END
    FROM change_payments s WHERE s.order_no = of_order AND s.payment_no = asked_no
$$;

CREATE OR REPLACE FUNCTION due_subject(asked_order_no text, asked_step text)
  RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE asked_step
    WHEN 'refund' THEN (SELECT f.refund_id FROM refunds f WHERE f.order_no = asked_order_no AND f.status = 'approved'
                         ORDER BY f.refund_no LIMIT 1)
    WHEN 'guarantee' THEN (SELECT g.return_id FROM guarantees g
                            WHERE g.order_no = asked_order_no AND guarantee_is_due(g.return_id)
                            ORDER BY g.status IN ('dropped', 'declined'), g.created_at LIMIT 1)
    WHEN 'supplement' THEN (SELECT u.payment_no::text FROM change_payments u
                             WHERE u.order_no = asked_order_no AND u.status = 'awaiting_payment' LIMIT 1)
    WHEN 'return_payment' THEN (SELECT CASE WHEN o.cancelling IS NULL THEN 'stray' ELSE 'all' END
                                  FROM orders o WHERE o.order_no = asked_order_no)
  END
$$;

CREATE OR REPLACE FUNCTION clear_retrying_steps()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM retrying_steps WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION release_refund_amount()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor - p.amount_minor
    FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND t.payment_id = p.payment_id;
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor - n.amount_minor, refunded_quantity = l.refunded_quantity - n.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor - n.shipping_minor
    FROM refund_lines n WHERE n.refund_id = NEW.refund_id AND l.order_no = NEW.order_no AND l.line_no = n.line_no;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION given_alone_minor(person text, asked_currency text, but_order_no text DEFAULT NULL::text)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH today AS (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS began)
  SELECT (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r, today
           WHERE person_of(r.asked_by) = person AND r.created_at >= today.began AND r.origin = 'support'
             AND r.approval_id IS NULL AND r.currency = asked_currency AND r.status NOT IN ('refused', 'overtaken'))::bigint
       + (SELECT coalesce(sum(s.moved_minor), 0) FROM (
            SELECT max(r.moved_minor) AS moved_minor FROM resolutions r JOIN orders o USING (order_no)
              JOIN parked_steps p USING (order_no, park_no), today
             WHERE person_of(r.actor) = person AND r.created_at >= today.began AND r.moved_minor > 0
               AND r.approval_id IS NULL AND o.currency = asked_currency
               AND (p.resolution_id = r.resolution_id OR p.resolved_at IS NULL AND p.order_no IS DISTINCT FROM but_order_no)
             GROUP BY p.order_no, p.park_no) s)::bigint
       + (SELECT coalesce(sum(a.moved_minor), 0) FROM staff_actions a JOIN orders o USING (order_no), today
           WHERE person_of(a.actor) = person AND a.created_at >= today.began AND a.moved_minor > 0
             AND a.approval_id IS NULL AND o.currency = asked_currency)::bigint
       + (SELECT coalesce(sum(added_minor(p.order_no, p.step, j.action, p.amount_minor)), 0)
            FROM support_jobs j JOIN support_job_items i USING (job_id) JOIN orders o USING (order_no)
            JOIN parked_steps p ON p.order_no = i.order_no AND p.resolved_at IS NULL
           WHERE person_of(j.actor) = person AND j.state = 'running' AND i.state = 'open' AND j.approval_id IS NULL
             AND o.currency = asked_currency AND o.order_no IS DISTINCT FROM but_order_no
             AND NOT EXISTS (SELECT FROM resolutions r WHERE r.resolution_id = i.resolution_id))::bigint
$$;

CREATE OR REPLACE FUNCTION given_minor(asked_order_no text, but_park_no integer DEFAULT NULL::integer)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r
           WHERE r.order_no = asked_order_no AND r.status IN ('approved', 'succeeded') AND r.origin <> 'amendment')::bigint
       + (SELECT coalesce(sum(s.moved_minor), 0) FROM (
            SELECT max(r.moved_minor) AS moved_minor FROM resolutions r JOIN parked_steps p USING (order_no, park_no)
             WHERE r.order_no = asked_order_no AND r.moved_minor > 0 AND p.park_no IS DISTINCT FROM but_park_no
               AND (p.resolved_at IS NULL OR p.resolution_id = r.resolution_id) GROUP BY p.park_no) s)::bigint
       + (SELECT coalesce(sum(a.moved_minor), 0) FROM staff_actions a WHERE a.order_no = asked_order_no AND a.moved_minor > 0)::bigint
$$;

CREATE OR REPLACE FUNCTION guard_refund()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'updated_at') THEN
    RAISE EXCEPTION 'a refund''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM refund_transitions m WHERE m.from_status = OLD.status AND m.to_status = NEW.status) THEN
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002',
      DETAIL = 'a refund that is ' || OLD.status || ' does not become ' || NEW.status;
  END IF;
  IF OLD.status = 'overtaken' AND (NOT EXISTS (
          SELECT FROM refunds_overtaken o JOIN disputes d ON d.payment_id = o.dispute_id
           WHERE o.refund_id = NEW.refund_id AND d.status = 'won')
       OR EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no
                     AND (o.cancelling IS NOT NULL OR o.status = 'cancelled'))
       OR (NEW.status = 'approved') IS DISTINCT FROM (NEW.approval_id IS NULL OR EXISTS (
            SELECT FROM approvals a WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved'))) THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  IF (CASE NEW.status
        WHEN 'awaiting_approval' THEN OLD.status = 'overtaken'
        WHEN 'approved' THEN CASE OLD.status
               WHEN 'overtaken' THEN true
               WHEN 'succeeded' THEN EXISTS (SELECT FROM payments m WHERE m.order_no = NEW.order_no
                      AND m.refund_id = NEW.refund_id AND is_reversed(m.payment_id, m.order_no))
                  AND EXISTS (SELECT FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
                      SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                         AND m.status = 'succeeded'))
               ELSE EXISTS (SELECT FROM approvals a
                             WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved') END
        WHEN 'refused' THEN EXISTS (SELECT FROM approvals a
               WHERE a.approval_id = NEW.approval_id AND (a.decision = 'refused' OR a.expires_at <= now()))
        WHEN 'overtaken' THEN NOT EXISTS (SELECT FROM payments p WHERE p.refund_id = NEW.refund_id AND p.status <> 'failed')
               AND ((OLD.status = 'awaiting_approval' AND EXISTS (
                      SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.cancelling IS NOT NULL))
                 OR EXISTS (SELECT FROM inbox i WHERE i.order_no = NEW.order_no AND i.kind = 'payment'
                               AND i.processed_at IS NULL AND i.fact ->> 'kind' IN ('refund', 'dispute')))
        WHEN 'succeeded' THEN NOT EXISTS (SELECT FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND NOT EXISTS (
               SELECT FROM payments m WHERE m.refund_id = p.refund_id AND m.parent_id = p.payment_id
                  AND m.status = 'succeeded' AND m.amount_minor = p.amount_minor))
      END) IS NOT TRUE THEN
    RAISE EXCEPTION 'refund_not_%', NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION guard_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (to_jsonb(NEW) - 'status' - 'code' - 'updated_at') <> (to_jsonb(OLD) - 'status' - 'code' - 'updated_at')
     OR OLD.status <> 'awaiting_payment' THEN
    RAISE EXCEPTION 'a change that waits for its payment ends once' USING ERRCODE = 'OM018';
  END IF;
  IF NEW.status = 'applied' AND NOT EXISTS (
       SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.change_payment_no = NEW.payment_no
          AND p.kind = 'capture' AND p.purpose = 'supplement' AND p.status = 'succeeded'
          AND (p.amount_minor, p.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'a change is paid before it is applied' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION skip_while_change_pending()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE rev integer;
BEGIN
  SELECT address_rev INTO rev FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF rev <> NEW.address_rev OR is_awaiting_change_payment(NEW.order_no) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION require_inspected_units()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.idempotency_key <> NEW.reference || '/' || NEW.kind || '/' || NEW.sku OR EXISTS (
       SELECT FROM (SELECT coalesce(sum(m.quantity), 0) AS shelved,
                           coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'return_restock'), 0) AS on_sale
                      FROM stock_movements m
                     WHERE m.idempotency_key IN (NEW.reference || '/return_restock/' || NEW.sku,
                                                 NEW.reference || '/quarantine_in/' || NEW.sku)) moved,
                   (SELECT coalesce(sum(f.quantity), 0) AS came,
                           coalesce(sum(f.quantity) FILTER (WHERE f.condition = 'as_new'), 0) AS as_new
                      FROM return_inspections f JOIN return_lines l USING (return_id, line_no)
                     WHERE f.return_id = NEW.reference AND l.order_no IS NOT DISTINCT FROM NEW.order_no AND l.sku = NEW.sku
                       AND f.stage = 'inspected' AND f.condition IN ('as_new', 'damaged')) found
        WHERE moved.shelved > found.came OR moved.on_sale > found.as_new) THEN
    RAISE EXCEPTION 'more goes on a shelf than came back' USING ERRCODE = 'OM174', DETAIL = NEW.reference;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION require_refund_due()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM refunds r JOIN refund_allocations p USING (refund_id)
                  WHERE r.refund_id = NEW.refund_id AND r.status IN ('approved', 'succeeded')
                    AND p.payment_id = NEW.parent_id AND p.amount_minor = NEW.amount_minor) THEN
    RAISE EXCEPTION 'refund_not_due' USING ERRCODE = 'OM004';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION require_change_awaiting_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) AND NOT EXISTS (
       SELECT FROM change_payments s WHERE s.order_no = NEW.order_no AND s.status = 'awaiting_payment'
          AND s.payment_no = NEW.change_payment_no
          AND (s.amount_minor, s.currency) = (NEW.amount_minor, NEW.currency)) THEN
    RAISE EXCEPTION 'no change waits for this payment' USING ERRCODE = 'OM018';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION invoice_change_payment(s change_payments)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = s.order_no FOR UPDATE;
  first := first_invoice(s.order_no);
  IF first.document_no IS NULL OR s.amount_minor > uninvoiced_minor(s.order_no) THEN
    RETURN;
  END IF;
  said := sums_of_lines(lines_of_change_payment(s), 0);
  INSERT INTO documents (kind, series, order_no, supplement_no, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('invoice', 'INV', s.order_no, s.payment_no, first.time_zone, 'system', s.currency, s.amount_minor,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (s.order_no, 0, 'invoice_issued', jsonb_build_object('document_no', made, 'total_minor', s.amount_minor,
          'supplement_to', first.document_no), 'system');
END $$;

CREATE OR REPLACE FUNCTION is_awaiting_change_payment(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM change_payments s WHERE s.order_no = of_order AND s.status = 'awaiting_payment')
$$;

CREATE OR REPLACE FUNCTION issue_missing_invoices(of_order text, by_actor text)
  RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  missing integer;
  made    text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = of_order FOR UPDATE;
  FOR missing IN SELECT w.payment_no FROM change_payments_without_invoice(of_order) w LOOP
    PERFORM invoice_change_payment(s) FROM change_payments s WHERE s.order_no = of_order AND s.payment_no = missing;
    SELECT d.document_no INTO made FROM documents d WHERE d.order_no = of_order AND d.supplement_no = missing;
    IF made IS NOT NULL THEN
      INSERT INTO audit_log (actor, action, order_no, reference) VALUES (by_actor, 'invoice_made_up', of_order, made);
      RETURN NEXT made;
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION missing_documents(of_order text)
  RETURNS TABLE(kind text, reference text, amount_minor bigint, currency text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT 'supplement', w.payment_no::text, w.amount_minor, w.currency FROM change_payments_without_invoice(of_order) w
  UNION ALL
  SELECT 'claim', g.return_id, g.claim_minor, g.currency FROM guarantees g
   WHERE g.order_no = of_order AND g.status = 'claimed' AND (first_invoice(of_order)).document_no IS NOT NULL
     AND NOT EXISTS (SELECT FROM documents d WHERE d.return_id = g.return_id)
  UNION ALL
  SELECT 'loss', d.payment_id::text, lost_minor(d.payment_id), o.currency FROM disputes d JOIN orders o USING (order_no)
   WHERE d.order_no = of_order AND d.status = 'lost' AND o.status <> 'cancelled' AND lost_minor(d.payment_id) > 0
     AND (first_invoice(of_order)).document_no IS NOT NULL
     AND NOT EXISTS (SELECT FROM documents n WHERE n.dispute_id = d.payment_id)
$$;

CREATE OR REPLACE FUNCTION money_to_return(asked_order_no text, everything boolean)
  RETURNS TABLE(payment_id bigint, kind text, purpose text, amount_minor bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  WITH held AS (
    SELECT p.payment_id, 'refund' AS kind, p.purpose, t.captured_minor - given_back_minor(p.order_no, p.payment_id) AS left_minor
      FROM payments p JOIN payment_totals t USING (payment_id)
     WHERE p.order_no = asked_order_no AND p.kind = 'capture' AND p.status = 'succeeded'
       AND (everything OR p.purpose = 'stray')
       AND t.captured_minor > given_back_minor(p.order_no, p.payment_id)
    UNION ALL
    SELECT a.payment_id, 'void', a.purpose, a.amount_minor
      FROM payments a JOIN orders o USING (order_no)
     WHERE a.order_no = asked_order_no AND a.kind = 'authorise' AND a.status = 'succeeded' AND a.purpose <> 'guarantee'
       AND NOT EXISTS (SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                          AND v.status = 'succeeded' AND v.kind IN ('void', 'capture'))
       AND (everything OR (
             NOT (a.purpose = 'supplement' AND is_awaiting_change_payment(a.order_no))
         AND (a.purpose = 'stray'
              OR (a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = asked_order_no), 0))
                 IS NOT FALSE
              OR EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id
                            AND c.kind = 'capture' AND c.status = 'failed')
              OR o.status NOT IN ('received', 'pending_payment'))))),
  known AS (
    SELECT h.*, EXISTS (SELECT FROM payments q WHERE q.order_no = asked_order_no AND q.parent_id = h.payment_id
                           AND q.kind = h.kind AND q.status = 'pending') AS on_its_way FROM held h)
  SELECT k.payment_id, k.kind, k.purpose, k.left_minor FROM known k
   WHERE everything OR NOT k.on_its_way OR (SELECT bool_and(a.on_its_way) FROM known a)
$$;

CREATE OR REPLACE FUNCTION number_document()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  following bigint;
  of_lines  bigint;
  of_tax    bigint;
  lines     bigint;
  whole     bigint;
BEGIN
  SELECT coalesce(sum((l ->> 'total_minor')::bigint), 0), coalesce(sum((l ->> 'tax_minor')::bigint), 0), count(*),
         count((l ->> 'total_minor')::bigint + (l ->> 'tax_minor')::bigint) INTO of_lines, of_tax, lines, whole
    FROM jsonb_array_elements(NEW.content -> 'lines') l;
  -- Only a credit note may be of nothing but the shipping charge.
  IF of_lines + (NEW.content ->> 'shipping_minor')::bigint IS DISTINCT FROM NEW.total_minor
     OR of_tax <> NEW.tax_minor OR lines <> whole OR (lines = 0 AND NEW.kind = 'invoice') THEN
    RAISE EXCEPTION 'document_does_not_add_up' USING ERRCODE = 'OM014';
  END IF;
  PERFORM FROM orders o WHERE o.order_no = NEW.order_no FOR UPDATE;
  IF NEW.kind = 'invoice' AND NEW.return_id IS NULL AND NEW.total_minor > uninvoiced_minor(NEW.order_no) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'less was captured';
  END IF;
  IF NEW.supplement_no IS NOT NULL AND NOT EXISTS (
      SELECT FROM change_payments s
       WHERE s.order_no = NEW.order_no AND s.payment_no = NEW.supplement_no AND s.status = 'applied'
         AND (s.amount_minor, s.currency) = (NEW.total_minor, NEW.currency)
         AND (first_invoice(NEW.order_no)).document_no IS NOT NULL) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'nothing like it was paid on top of an invoice';
  END IF;
  IF NEW.return_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM guarantees g
       WHERE g.return_id = NEW.return_id AND g.order_no = NEW.order_no AND g.status = 'claimed'
         AND (g.claim_minor, g.currency) = (NEW.total_minor, NEW.currency)
         AND (first_invoice(NEW.order_no)).document_no IS NOT NULL) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'no such guarantee was claimed';
  END IF;
  IF NEW.kind = 'credit_note' AND NOT (CASE
      WHEN NEW.dispute_id IS NOT NULL
      THEN NEW.total_minor = lost_minor(NEW.dispute_id)
           AND EXISTS (SELECT FROM disputes d WHERE d.payment_id = NEW.dispute_id AND d.order_no = NEW.order_no)
      WHEN NEW.refund_id IS NULL
      THEN EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.status = 'cancelled')
      ELSE EXISTS (SELECT FROM refunds r WHERE r.refund_id = NEW.refund_id AND r.status = 'succeeded'
                      AND r.amount_minor = NEW.total_minor) END) THEN
    RAISE EXCEPTION 'not_creditable' USING ERRCODE = 'OM014', DETAIL = 'no such money went back';
  END IF;
  -- One lock for both series: a transaction that issues of each waits for nobody who waits for it.
  PERFORM pg_advisory_xact_lock(hashtext('documents'));
  NEW.issued_at := clock_timestamp();
  NEW.year := extract(year FROM NEW.issued_at AT TIME ZONE NEW.time_zone);
  INSERT INTO document_series AS s VALUES (NEW.series, NEW.year, 1)
    ON CONFLICT (series, year) DO UPDATE SET last_number = s.last_number + 1
    RETURNING last_number INTO following;
  IF NEW.number <> following THEN
    RAISE EXCEPTION 'document_number_gap' USING ERRCODE = 'OM014', DETAIL = 'the next number is ' || following;
  END IF;
  NEW.number := following;
  NEW.document_no := NEW.series || '-' || NEW.year || '-'
                     || lpad(NEW.number::text, greatest(6, length(NEW.number::text)), '0');
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION cancel_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE change_payments SET status = 'undone', updated_at = now(),
         code = CASE WHEN NEW.cancelling IS NULL THEN 'label_printed' ELSE 'order_cancelled' END
   WHERE order_no = NEW.order_no AND status = 'awaiting_payment';
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION release_for_change_payment(s change_payments, goods text, units bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE allocations a SET quantity = CASE WHEN a.quantity = units THEN a.quantity ELSE a.quantity - units END,
                           state = CASE WHEN a.quantity = units THEN 'released' ELSE a.state END
   WHERE a.order_no = s.order_no AND a.sku = goods AND a.warehouse = s.warehouse AND a.state = 'reserved';
  IF FOUND THEN
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    VALUES (s.order_no || '/supplement/' || s.payment_no || '/release/' || goods, 'release', goods, s.warehouse,
            units, 0, -units, s.order_no, 'system');
  END IF;
END $$;

CREATE OR REPLACE FUNCTION reserve_refund_amount_again()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals t SET promised_minor = t.promised_minor + p.amount_minor
    FROM refund_allocations p WHERE p.refund_id = NEW.refund_id AND t.payment_id = p.payment_id;
  UPDATE order_lines l
     SET refunded_minor = l.refunded_minor + n.amount_minor, refunded_quantity = l.refunded_quantity + n.quantity,
         refunded_shipping_minor = l.refunded_shipping_minor + n.shipping_minor
    FROM refund_lines n WHERE n.refund_id = NEW.refund_id AND l.order_no = NEW.order_no AND l.line_no = n.line_no;
  UPDATE approvals a SET expires_at = now() + (a.expires_at - a.asked_at)
   WHERE a.approval_id = NEW.approval_id AND a.decision IS NULL;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION require_unpaid_within(customer text, most bigint)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  unpaid bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('unpaid units'), hashtext(customer));
  SELECT coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN order_lines l USING (order_no)
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.placed_by LIKE 'customer:%';
  SELECT unpaid + coalesce(sum(h.quantity), 0) INTO unpaid
    FROM change_payments s JOIN orders o USING (order_no)
    CROSS JOIN LATERAL jsonb_to_recordset(s.held) AS h (sku text, quantity bigint)
   WHERE s.status = 'awaiting_payment' AND s.actor LIKE 'customer:%' AND o.customer_id = customer AND h.quantity > 0;
  SELECT unpaid + coalesce(sum(l.quantity - l.cancelled_quantity), 0) INTO unpaid
    FROM orders o JOIN returns r ON r.return_id = o.exchange_return JOIN order_lines l ON l.order_no = o.order_no
   WHERE o.customer_id = customer AND o.status IN ('received', 'pending_payment') AND o.type = 'exchange'
     AND o.total_minor > 0 AND o.placed_by NOT LIKE 'customer:%' AND r.requested_by LIKE 'customer:%';
  SELECT unpaid + coalesce(sum(w.units), 0) INTO unpaid
    FROM returns r JOIN exchanges e USING (return_id)
    CROSS JOIN LATERAL (SELECT sum(x.quantity) AS units, sum(x.quantity * x.unit_price_minor) AS worth_minor
                          FROM exchange_lines x WHERE x.return_id = r.return_id) AS w
    CROSS JOIN LATERAL (SELECT sum(b.quantity * l.unit_price_minor) AS worth_minor
                          FROM return_lines b JOIN order_lines l USING (order_no, line_no)
                         WHERE b.return_id = r.return_id) AS back
   WHERE r.requested_by = 'customer:' || customer AND r.resolution = 'exchange' AND e.status = 'wanted'
     AND r.status IN ('requested', 'approved', 'in_transit', 'received', 'inspected')
     AND w.worth_minor > back.worth_minor;
  IF unpaid > most THEN
    RAISE EXCEPTION 'more than % units in unpaid orders of one customer', most USING ERRCODE = 'OM175';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION invoice_applied_change()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM invoice_change_payment(NEW);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  IF left(SQLSTATE, 2) NOT IN ('21', '22', '23', 'OM') THEN
    RAISE;
  END IF;
  RAISE WARNING 'order % supplement %: no invoice (%)', NEW.order_no, NEW.payment_no, SQLSTATE;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION settle_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE open_one change_payments%ROWTYPE;
BEGIN
  PERFORM FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  SELECT * INTO open_one FROM change_payments s
   WHERE s.order_no = NEW.order_no AND s.payment_no = NEW.change_payment_no
     AND s.status = 'awaiting_payment';
  IF NEW.status = 'failed' AND open_one.order_no IS NOT NULL THEN
    UPDATE change_payments SET status = 'undone', code = coalesce(NEW.error_code, 'declined'), updated_at = now()
     WHERE order_no = NEW.order_no AND payment_no = open_one.payment_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' AND open_one.order_no IS NOT NULL THEN
    UPDATE change_payments SET status = 'applied', updated_at = now()
     WHERE order_no = NEW.order_no AND payment_no = open_one.payment_no;
  ELSIF NEW.status = 'succeeded' AND NEW.kind = 'capture' THEN
    -- Nothing waits for it any more: the order's workflow gives it back.
    UPDATE payments SET purpose = 'stray' WHERE payment_id = NEW.payment_id;
    INSERT INTO order_events (order_no, seq, type, data, actor)
    VALUES (NEW.order_no, 0, 'payment_returned', jsonb_build_object('amount_minor', NEW.amount_minor), 'system');
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION undo_change_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  piece record;
  waits jsonb := '{}';
BEGIN
  FOR piece IN SELECT h.sku, h.quantity FROM jsonb_to_recordset(NEW.held) AS h (sku text, quantity bigint)
                WHERE h.quantity > 0 ORDER BY h.sku LOOP
    PERFORM release_for_change_payment(NEW, piece.sku, piece.quantity);
  END LOOP;
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.status = 'paid' AND o.cancelling IS NULL) THEN
    waits := '{"waiting": {"what": "carrier", "until": null, "next": "the carrier is booked"}}';
  END IF;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (NEW.order_no, 0, 'change_undone',
          waits || jsonb_build_object('code', NEW.code, 'amount_minor', NEW.amount_minor), 'system');
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION signal_backorders()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || NEW.sku, 0));
  INSERT INTO workflow_requests (kind, subject, name, rank)
  SELECT 'signal_order', fitting.order_no, 'stock_arrived', extract(epoch FROM clock_timestamp()) - fitting.head_start_s
    FROM (SELECT first.order_no, first.head_start_s,
                 sum(first.units) OVER (ORDER BY first.rank, first.order_no) - first.units AS taken_before
            FROM (SELECT o.order_no, n.units, priority_head_start_s(o.priority) AS head_start_s,
                         extract(epoch FROM o.created_at) - priority_head_start_s(o.priority) AS rank
                    FROM orders o, LATERAL (
                           SELECT sum(l.quantity - l.cancelled_quantity) AS units FROM order_lines l
                            WHERE l.order_no = o.order_no AND l.sku = NEW.sku
                              AND l.quantity > l.cancelled_quantity) n
                   WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND n.units > 0
                   ORDER BY rank, o.order_no LIMIT 1000) first
           WHERE fits_somewhere(first.order_no)) fitting
   WHERE fitting.taken_before < (SELECT sum(s.available) FROM stock_levels s WHERE s.sku = NEW.sku);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION signal_return_of_exchange()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_return', e.return_id, 'return_changed', jsonb_build_object('order_no', r.order_no, 'refund', NEW.status)
    FROM exchange_refund_links e JOIN returns r USING (return_id) WHERE e.refund_id = NEW.refund_id;
  RETURN NULL;
END $$;


-- Functions with the old names that the previous version calls; acting() is for statements that began before this.
CREATE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT amount_moved_by(asked_order_no, step, action, amount_minor)
$$;
CREATE FUNCTION head_start_s(priority smallint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN priority_head_start_s(priority);
CREATE FUNCTION start_head_s(priority smallint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN priority_start_head_start_s(priority);
CREATE FUNCTION is_awaiting_supplement(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT is_awaiting_change_payment(of_order)
$$;
CREATE OR REPLACE FUNCTION supplements_without_invoice(of_order text)
  RETURNS TABLE(supplement_no integer, amount_minor bigint, currency text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT w.payment_no, w.amount_minor, w.currency FROM change_payments_without_invoice(of_order) w
$$;
CREATE FUNCTION hear_fact_again(fact_id bigint, by_actor text)
  RETURNS boolean LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT retry_inbox_event(fact_id, by_actor)
$$;
CREATE FUNCTION set_fact_aside(fact_id bigint, by_actor text)
  RETURNS boolean LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT dismiss_inbox_event(fact_id, by_actor)
$$;
CREATE FUNCTION acting() RETURNS text LANGUAGE sql STABLE
RETURN current_actor();
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION moved_minor, head_start_s, start_head_s, is_awaiting_supplement, supplements_without_invoice,
  hear_fact_again, set_fact_aside, change_payments_without_invoice TO oms_app;

-- Views with the old names, with the rights of their tables.
CREATE VIEW order_supplements WITH (security_invoker = true) AS SELECT order_no, payment_no AS supplement_no, change_no,
  actor, what, lines, held, warehouse, before_enc, after_enc, ship_to_enc, place, note_enc, total_before_minor,
  total_after_minor, amount_minor, currency, method, token, status, code, until, created_at, updated_at, slot_from,
  slot_to FROM change_payments;
GRANT SELECT ON order_supplements TO oms_app;
GRANT INSERT (actor, after_enc, amount_minor, before_enc, change_no, currency, held, lines, method, note_enc, order_no,
  place, ship_to_enc, slot_from, slot_to, supplement_no, token, total_after_minor, total_before_minor, until, warehouse,
  what) ON order_supplements TO oms_app;
GRANT UPDATE (code, status, updated_at) ON order_supplements TO oms_app;
CREATE VIEW order_acts WITH (security_invoker = true) AS SELECT act_id, order_no, action, detail, actor, reason_enc,
  value_enc, approval_id, created_at, moved_minor FROM staff_actions;
GRANT SELECT ON order_acts TO oms_app;
GRANT INSERT (act_id, action, actor, approval_id, detail, moved_minor, order_no, reason_enc, value_enc) ON order_acts
  TO oms_app;
CREATE VIEW activity_acts WITH (security_invoker = true) AS SELECT act_id, order_no, activity, action, timeout_s, actor,
  reason_enc, created_at FROM activity_actions;
GRANT SELECT ON activity_acts TO oms_app;
GRANT INSERT (act_id, action, activity, actor, order_no, reason_enc, timeout_s) ON activity_acts TO oms_app;
CREATE VIEW workflow_acts WITH (security_invoker = true) AS SELECT act_id, action, order_no, run_id, batch_id, total,
  actor, data_key, reason_enc, created_at FROM workflow_resets;
GRANT SELECT ON workflow_acts TO oms_app;
GRANT INSERT (act_id, action, actor, batch_id, data_key, order_no, reason_enc, run_id, total) ON workflow_acts
  TO oms_app;
CREATE VIEW failing_steps WITH (security_invoker = true) AS SELECT order_no, activity, step, error, provider, attempt,
  max_attempts, event_seq, since, failed_at, next_try_at, paused FROM retrying_steps;
GRANT SELECT ON failing_steps TO oms_app;
GRANT INSERT (activity, attempt, error, event_seq, max_attempts, next_try_at, order_no, provider, step) ON failing_steps
  TO oms_app;
GRANT UPDATE (attempt, error, event_seq, failed_at, max_attempts, next_try_at, paused, provider, step) ON failing_steps
  TO oms_app;
GRANT DELETE ON failing_steps TO oms_app;
CREATE VIEW book_checks WITH (security_invoker = true) AS SELECT code AS question, begun_at, answered_at,
  violations AS wrong, timeouts AS unanswered FROM consistency_checks;
GRANT SELECT ON book_checks TO oms_app;
GRANT INSERT (question) ON book_checks TO oms_app;
GRANT UPDATE (answered_at, begun_at, unanswered, wrong) ON book_checks TO oms_app;
CREATE VIEW notices WITH (security_invoker = true) AS SELECT alert_id AS notice_id, cause, kind, facts, count, most,
  amounts, oldest_at, since, seen_at, over_at FROM alerts;
GRANT SELECT ON notices TO oms_app;
GRANT INSERT (amounts, cause, count, facts, kind, most, oldest_at) ON notices TO oms_app;
GRANT UPDATE (amounts, count, facts, most, oldest_at, over_at, seen_at) ON notices TO oms_app;
GRANT DELETE ON notices TO oms_app;
CREATE VIEW notice_channels WITH (security_invoker = true) AS SELECT channel_id, kind, name, language, causes,
  target_enc, data_key, active, created_by, created_at, removed_by, busy_until FROM alert_channels;
GRANT SELECT ON notice_channels TO oms_app;
GRANT INSERT (causes, channel_id, created_by, data_key, kind, language, name, target_enc) ON notice_channels TO oms_app;
GRANT UPDATE (active, busy_until, data_key, removed_by, target_enc) ON notice_channels TO oms_app;
CREATE VIEW notice_deliveries WITH (security_invoker = true) AS SELECT delivery_id, alert_id AS notice_id, channel_id,
  number, phase, state, tries, next_try_at, last_error, created_at, done_at FROM alert_deliveries;
GRANT SELECT ON notice_deliveries TO oms_app;
GRANT INSERT (channel_id, notice_id, number, phase) ON notice_deliveries TO oms_app;
GRANT UPDATE (done_at, last_error, next_try_at, state, tries) ON notice_deliveries TO oms_app;
CREATE VIEW portal_asks WITH (security_invoker = true) AS SELECT asked_by, asks, since FROM sign_in_requests;
GRANT SELECT ON portal_asks TO oms_app;
GRANT INSERT (asked_by, asks) ON portal_asks TO oms_app;
GRANT UPDATE (asks, since) ON portal_asks TO oms_app;
GRANT DELETE ON portal_asks TO oms_app;
CREATE VIEW refund_parts WITH (security_invoker = true) AS SELECT refund_id, payment_id, amount_minor
  FROM refund_allocations;
GRANT SELECT ON refund_parts TO oms_app;
GRANT INSERT (amount_minor, payment_id, refund_id) ON refund_parts TO oms_app;
CREATE VIEW refund_moves WITH (security_invoker = true) AS SELECT from_status, to_status FROM refund_transitions;
GRANT SELECT ON refund_moves TO oms_app;
CREATE VIEW return_findings WITH (security_invoker = true) AS SELECT return_id, line_no, stage, condition, quantity
  FROM return_inspections;
GRANT SELECT ON return_findings TO oms_app;
GRANT INSERT (condition, line_no, quantity, return_id, stage) ON return_findings TO oms_app;
CREATE VIEW parcel_contents WITH (security_invoker = true) AS SELECT shipment_id, sku, quantity
  FROM replaced_parcel_lines;
GRANT SELECT ON parcel_contents TO oms_app;
GRANT INSERT (quantity, shipment_id, sku) ON parcel_contents TO oms_app;
CREATE VIEW exchange_refunds WITH (security_invoker = true) AS SELECT refund_id, return_id FROM exchange_refund_links;
GRANT SELECT ON exchange_refunds TO oms_app;
GRANT INSERT (refund_id, return_id) ON exchange_refunds TO oms_app;
