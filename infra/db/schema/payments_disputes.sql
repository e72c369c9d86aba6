-- Payments: disputes
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments.sql.

-- A payment that the cardholder disputes, and the shop's answer to it.
CREATE TABLE disputes (
  payment_id   bigint PRIMARY KEY,  -- a payment of kind dispute: what the provider took back
  order_no     text NOT NULL,
  reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 100),  -- the provider's code
  status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'won', 'lost')),
  opened_at    timestamptz NOT NULL DEFAULT now(),
  closed_at    timestamptz,
  due_at       timestamptz,  -- without an answer by then the dispute is lost
  evidence_enc bytea,  -- encrypted under the customer's key
  answered_at  timestamptz,
  answered_by  text,
  accepted_at  timestamptz,  -- the answer was to give up the money
  asking       text,  -- the request to the provider that carries the answer
  asking_until timestamptz,
  CONSTRAINT dispute_of_its_order FOREIGN KEY (payment_id, order_no) REFERENCES payments (payment_id, order_no),
  CONSTRAINT disputes_check CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE INDEX disputes_open ON disputes (opened_at) WHERE status = 'open';
CREATE INDEX disputes_order ON disputes (order_no);
-- More triggers in documents_further.sql: loss_credited.

CREATE TRIGGER dispute_answer_audited AFTER UPDATE OF answered_at ON disputes
  FOR EACH ROW WHEN (NEW.answered_at IS NOT NULL AND OLD.answered_at IS NULL) EXECUTE FUNCTION audit_dispute();

-- A dispute is answered once, in time, and ends once. An answer that was sent in time is recorded also after the end.
CREATE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER dispute_guard BEFORE UPDATE ON disputes FOR EACH ROW EXECUTE FUNCTION guard_dispute();

-- Moves the disputed amount in payment_totals.
CREATE FUNCTION post_dispute()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payment_totals
     SET disputed_minor = disputed_minor + CASE NEW.kind WHEN 'dispute' THEN NEW.amount_minor ELSE -NEW.amount_minor END
   WHERE payment_id = NEW.parent_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dispute_without_capture' USING ERRCODE = 'OM004';
  END IF;
  RETURN NULL;
END $$;

-- Of tables in earlier files

CREATE TRIGGER payment_posts_dispute AFTER INSERT ON payments
  FOR EACH ROW WHEN (NEW.kind IN ('dispute', 'dispute_won')) EXECUTE FUNCTION post_dispute();

-- Rights

GRANT SELECT ON disputes TO oms_app;
GRANT INSERT (due_at, order_no, payment_id, reason) ON disputes TO oms_app;
GRANT UPDATE (accepted_at, answered_at, answered_by, asking, asking_until, closed_at, due_at, evidence_enc, status)
  ON disputes TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_dispute(), post_dispute() FROM PUBLIC;
