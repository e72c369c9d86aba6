-- Disputes have the provider's deadline and what is answered with; what a provider told and could not be applied, or is
-- about nothing of ours, is heard again or set aside by a person.
ALTER TABLE disputes
  ADD COLUMN due_at timestamptz,           -- who has not answered by then loses
  ADD COLUMN evidence_enc bytea,           -- sealed under the customer's key
  ADD COLUMN answered_at timestamptz,
  ADD COLUMN answered_by text;

CREATE OR REPLACE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE moves text[] := ARRAY['status', 'closed_at', 'due_at', 'evidence_enc', 'answered_at', 'answered_by'];
BEGIN
  IF OLD.status <> 'open' OR (to_jsonb(NEW) - moves) <> (to_jsonb(OLD) - moves) THEN
    RAISE EXCEPTION 'a dispute ends once, and its facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION audit_dispute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (NEW.answered_by, 'dispute_answered', NEW.order_no, NEW.payment_id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER dispute_answer_audited AFTER UPDATE OF answered_at ON disputes FOR EACH ROW
  WHEN (NEW.answered_at IS NOT NULL) EXECUTE FUNCTION audit_dispute();

CREATE OR REPLACE FUNCTION keep_processed() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.outcome IN ('early', 'unapplied')
     AND pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'what was dealt with does not come in again' USING ERRCODE = 'OM003';
END $$;

-- Once the program is corrected a fact that it could not apply is tried again; false when it is dealt with already.
CREATE FUNCTION hear_fact_again(fact_id bigint, by_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE heard inbox%ROWTYPE;
BEGIN
  UPDATE inbox SET processed_at = NULL, outcome = NULL, reason = NULL
   WHERE inbox_id = fact_id AND outcome = 'unapplied' RETURNING * INTO heard;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_order', heard.order_no, CASE heard.kind WHEN 'payment' THEN 'payment_notified' ELSE 'carrier_reported' END,
          jsonb_build_object('inbox_id', heard.inbox_id));
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (by_actor, 'fact_heard_again', heard.order_no, fact_id::text);
  RETURN true;
END $$;

-- A person has looked at it: it is kept, and told of no more.
CREATE FUNCTION set_fact_aside(fact_id bigint, by_actor text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE left_out inbox%ROWTYPE;
BEGIN
  UPDATE inbox SET processed_at = coalesce(processed_at, now()), outcome = 'set_aside'
   WHERE inbox_id = fact_id
     AND (outcome IN ('unapplied', 'early') OR (order_no IS NULL AND processed_at IS NULL)) RETURNING * INTO left_out;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (by_actor, 'fact_set_aside', left_out.order_no, fact_id::text);
  RETURN true;
END $$;

GRANT INSERT (due_at) ON disputes TO oms_app;
GRANT UPDATE (due_at, evidence_enc, answered_at, answered_by) ON disputes TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hear_fact_again, set_fact_aside TO oms_app;
