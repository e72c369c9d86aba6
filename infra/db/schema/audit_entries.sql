-- Audit: the functions of the triggers that write entries of the audit log
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after audit.sql.

-- A row before and after, as JSON: all of the named fields of a new row, else those that changed.
CREATE FUNCTION audit_fields(old_row jsonb, new_row jsonb, fields text[]) RETURNS text[] LANGUAGE sql STABLE
RETURN (SELECT ARRAY[CASE WHEN (audit_fields.old_row IS NOT NULL) THEN (jsonb_object_agg(f.f,
  (audit_fields.old_row -> f.f)))::text ELSE NULL::text END, (jsonb_object_agg(f.f,
  (audit_fields.new_row -> f.f)))::text] AS "array" FROM unnest(audit_fields.fields) f(f)
  WHERE ((audit_fields.old_row IS NULL) OR ((audit_fields.old_row -> f.f) IS DISTINCT
  FROM (audit_fields.new_row -> f.f))));

-- Writes an entry for a changed row. Arguments: what the row is, the column that names it, the columns that count.
CREATE FUNCTION audit_row()
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

-- Writes the entry for an order event, in the same transaction: no code can forget it.
CREATE FUNCTION audit_event()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, before, after, reference)
  VALUES (NEW.actor, NEW.type, NEW.order_no, NEW.from_status, NEW.to_status, NEW.seq::text);
  RETURN NULL;
END $$;

-- Writes the entry for a change of an order by staff.
CREATE FUNCTION audit_staff_action()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'order_' || NEW.action, NEW.order_no, NEW.detail, NEW.act_id);
  RETURN NULL;
END $$;

-- Writes the entry for an action of staff on a running activity.
CREATE FUNCTION audit_activity_action()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'activity_' || NEW.action, NEW.order_no, concat_ws(' ', NEW.activity, NEW.timeout_s || ' s'), NEW.act_id);
  RETURN NULL;
END $$;

-- Writes the entry for a reset of workflows.
CREATE FUNCTION audit_workflow_reset()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'workflow_' || NEW.action, NEW.order_no, NEW.total || ' workflows', coalesce(NEW.batch_id, NEW.act_id));
  RETURN NULL;
END $$;

-- Writes the entry for the resolution of a parked step.
CREATE FUNCTION audit_resolution()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (NEW.actor, 'resolve_' || NEW.action, NEW.order_no, NEW.resolution_id);
  RETURN NULL;
END $$;

-- Writes the entry for a request for approval and for its decision.
CREATE FUNCTION audit_approval()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit_log (actor, action, order_no, after, reference)
    VALUES (NEW.asked_by, 'approval_asked', NEW.order_no,
            NEW.kind || ' ' || NEW.action || ' ' || NEW.orders || ' ' || NEW.amount_minor, NEW.approval_id);
  ELSE
    INSERT INTO audit_log (actor, action, order_no, before, after, reference)
    VALUES (NEW.decided_by, 'approval_' || NEW.decision, NEW.order_no, NEW.asked_by, NEW.kind || ' ' || NEW.action, NEW.approval_id);
  END IF;
  RETURN NULL;
END $$;

-- Writes the entry for a bulk job: its start, stop and end.
CREATE FUNCTION audit_job()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit_log (actor, action, after, reference)
    VALUES (NEW.actor, 'bulk_' || NEW.action, NEW.total || ' orders', NEW.job_id);
  ELSE
    INSERT INTO audit_log (actor, action, before, after, reference)
    VALUES (coalesce(NEW.stopped_by, 'system'), 'bulk_' || NEW.state, OLD.state, NEW.state, NEW.job_id);
  END IF;
  RETURN NULL;
END $$;

-- Writes the entry for a payment that staff requested for a customer.
CREATE FUNCTION audit_payment_request()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'payment_asked', NEW.order_no, NEW.method, NEW.request_id);
  RETURN NULL;
END $$;

-- Writes the entry for the answer to a dispute.
CREATE FUNCTION audit_dispute()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (NEW.answered_by, CASE WHEN NEW.accepted_at IS NULL THEN 'dispute_answered' ELSE 'dispute_accepted' END,
          NEW.order_no, NEW.payment_id::text);
  RETURN NULL;
END $$;

-- Writes the entry for a stock movement by staff.
CREATE FUNCTION audit_stock()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after, reference)
  VALUES (NEW.actor, 'stock_' || NEW.kind, NEW.sku || ' ' || NEW.warehouse || ' ' || NEW.quantity, NEW.movement_id::text);
  RETURN NULL;
END $$;

-- Writes the entry for a change of safety stock. Reservations change levels all the time and are left out.
CREATE FUNCTION audit_safety_stock()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, before, after, reference)
  VALUES (current_actor(), 'safety_stock_set', OLD.safety_stock::text, NEW.safety_stock::text, NEW.sku || ' ' || NEW.warehouse);
  RETURN NULL;
END $$;

-- Writes the entry when staff have a message to a customer sent again.
CREATE FUNCTION audit_message()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, before, after, reference)
  VALUES (NEW.asked_by, 'message_sent_again', NEW.order_no, OLD.state, NEW.state, NEW.message_id);
  RETURN NULL;
END $$;

-- Writes the entry for a new, changed or removed channel of alerts.
CREATE FUNCTION audit_alert_channel()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after, reference)
  VALUES (CASE WHEN TG_OP = 'INSERT' THEN NEW.created_by ELSE NEW.removed_by END,
          CASE WHEN TG_OP = 'INSERT' THEN 'notice_channel_added' ELSE 'notice_channel_removed' END,
          NEW.kind, NEW.channel_id);
  RETURN NULL;
END $$;

-- Writes the entry for a change of a member of staff. A column that is not known to be harmless is hidden.
CREATE FUNCTION audit_staff()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  shown   text[] := ARRAY['name', 'role', 'active', 'totp_set', 'totp_step', 'created_at', 'signed_in_at'];
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  changed text[] := ARRAY(SELECT f FROM jsonb_object_keys(coalesce(new_row, old_row)) f
                           WHERE old_row IS NULL OR new_row IS NULL OR old_row -> f IS DISTINCT FROM new_row -> f);
  own     boolean := person_of(current_actor()) = coalesce(new_row, old_row) ->> 'name';
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
                         WHEN changed = ARRAY['password_hash'] AND own THEN 'staff_password_changed'
                         WHEN changed = ARRAY['recovery_codes'] AND jsonb_array_length(new_row -> 'recovery_codes')
                          < jsonb_array_length(old_row -> 'recovery_codes') THEN 'staff_recovery_code_used'
                         WHEN changed = ARRAY['recovery_codes'] THEN 'staff_recovery_codes_made'
                         WHEN 'data_key' = ANY (changed) THEN 'staff_reset'
                         WHEN changed && ARRAY['totp_enc', 'totp_set'] AND (own OR 'totp_set' = ANY (changed))
                         THEN 'staff_second_factor_changed'
                         WHEN changed && ARRAY['password_hash', 'data_key', 'totp_enc'] THEN 'staff_reset'
                         WHEN changed <@ ARRAY['totp_step', 'signed_in_at']
                          AND (new_row ->> 'totp_step')::bigint > (old_row ->> 'totp_step')::bigint THEN 'staff_code_used'
                         ELSE 'staff_changed' END,
          said[1], said[2], coalesce(new_row, old_row) ->> 'name');
  RETURN NULL;
END $$;

-- Writes the entry for a sign-in to the console.
CREATE FUNCTION audit_sign_in()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after)
  SELECT p.role || ':' || p.name, 'signed_in', NEW.address FROM staff p WHERE p.name = NEW.name;
  RETURN NULL;
END $$;

-- Writes the entry for the end of a session: signed out, or ended by somebody else.
CREATE FUNCTION audit_session_end()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  person text := (SELECT p.role || ':' || p.name FROM staff p WHERE p.name = OLD.name);
BEGIN
  INSERT INTO audit_log (actor, action, reference)
  VALUES (current_actor(), CASE WHEN current_actor() = person THEN 'signed_out' ELSE 'session_ended' END, OLD.name);
  RETURN NULL;
END $$;

-- Writes the entry when a name is locked out. Only names of members of staff: other text may be a password.
CREATE FUNCTION audit_lockout()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after, reference)
  SELECT 'system', 'sign_in_locked', NEW.failures || ' attempts', p.name FROM staff p WHERE p.name = NEW.name;
  RETURN NULL;
END $$;

-- Rights

REVOKE EXECUTE ON FUNCTION audit_activity_action(), audit_alert_channel(), audit_approval(), audit_dispute(),
  audit_event(), audit_fields(jsonb, jsonb, text[]), audit_job(), audit_lockout(), audit_message(),
  audit_payment_request(), audit_resolution(), audit_row(), audit_safety_stock(), audit_session_end(), audit_sign_in(),
  audit_staff(), audit_staff_action(), audit_stock(), audit_workflow_reset() FROM PUBLIC;
