-- Feedback of customers
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after portal.sql.

-- A customer's opinion or complaint about an order, and the shop's answer.
CREATE TABLE feedback (
  feedback_id text PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  feedback_no integer NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('feedback', 'complaint')),
  rating      smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
  text_enc    bytea NOT NULL,  -- encrypted under the customer's key; empty where nothing was written
  given_by    text NOT NULL,
  given_at    timestamptz NOT NULL DEFAULT now(),
  answer_enc  bytea,
  answered_by text,
  answered_at timestamptz,
  CONSTRAINT feedback_order_no_feedback_no_key UNIQUE (order_no, feedback_no),
  CONSTRAINT feedback_limit CHECK (feedback_no BETWEEN 1 AND 5),
  CONSTRAINT feedback_check CHECK ((answered_at IS NULL) = (answered_by IS NULL)
      AND (answered_at IS NULL) = (answer_enc IS NULL))
);
CREATE INDEX feedback_newest ON feedback (given_at DESC, feedback_id DESC);
CREATE INDEX feedback_open ON feedback (given_at DESC, feedback_id DESC) WHERE answered_at IS NULL;

-- Feedback is answered once and does not change.
CREATE FUNCTION guard_feedback() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.answered_at IS NOT NULL OR (to_jsonb(NEW) - ARRAY['answer_enc', 'answered_by', 'answered_at'])
     <> (to_jsonb(OLD) - ARRAY['answer_enc', 'answered_by', 'answered_at']) THEN
    RAISE EXCEPTION 'feedback is answered once and does not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER feedback_guard BEFORE UPDATE ON feedback FOR EACH ROW EXECUTE FUNCTION guard_feedback();

CREATE TRIGGER feedback_not_removed BEFORE DELETE ON feedback FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Rights

GRANT SELECT ON feedback TO oms_app;
GRANT INSERT (feedback_id, feedback_no, given_by, kind, order_no, rating, text_enc) ON feedback TO oms_app;
GRANT UPDATE (answer_enc, answered_at, answered_by) ON feedback TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_feedback() FROM PUBLIC;
