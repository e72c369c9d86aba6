-- A dispute is answered from here: evidence is handed in at the provider, or the dispute is accepted. One answer, in time.
ALTER TABLE disputes
  ADD COLUMN accepted_at  timestamptz,     -- the answer was to give the money up
  ADD COLUMN asking       text,            -- the request that answers it
  ADD COLUMN asking_until timestamptz;     -- until then nobody else answers it; NULL once its provider has the answer

-- As before; what was asked of the provider in time is its answer also where the provider has decided meanwhile.
CREATE OR REPLACE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  moves   text[] := ARRAY['status', 'closed_at', 'due_at', 'evidence_enc', 'answered_at', 'answered_by', 'accepted_at',
                          'asking', 'asking_until'];
  answers text[] := ARRAY['answered_at', 'answered_by', 'accepted_at', 'asking_until'];
BEGIN
  IF (OLD.status <> 'open' AND NOT (OLD.asking IS NOT NULL AND OLD.answered_at IS NULL
                                    AND (to_jsonb(NEW) - answers) = (to_jsonb(OLD) - answers)))
     OR (to_jsonb(NEW) - moves) <> (to_jsonb(OLD) - moves) THEN
    RAISE EXCEPTION 'a dispute ends once, and its facts do not change' USING ERRCODE = 'OM003';
  END IF;
  IF (OLD.answered_at IS NOT NULL AND (NEW.answered_at, NEW.answered_by, NEW.accepted_at, NEW.asking)
          IS DISTINCT FROM (OLD.answered_at, OLD.answered_by, OLD.accepted_at, OLD.asking))
     OR (NEW.accepted_at IS NOT NULL AND NEW.answered_at IS NULL)
     OR (NEW.asking IS NOT NULL AND NEW.asking IS DISTINCT FROM OLD.asking
         AND (OLD.due_at <= now() OR (OLD.asking_until > now()))) THEN
    RAISE EXCEPTION 'a dispute is answered once, and in time' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION audit_dispute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (NEW.answered_by, CASE WHEN NEW.accepted_at IS NULL THEN 'dispute_answered' ELSE 'dispute_accepted' END,
          NEW.order_no, NEW.payment_id::text);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER dispute_answer_audited AFTER UPDATE OF answered_at ON disputes FOR EACH ROW
  WHEN (NEW.answered_at IS NOT NULL AND OLD.answered_at IS NULL) EXECUTE FUNCTION audit_dispute();

GRANT UPDATE (accepted_at, asking, asking_until) ON disputes TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
