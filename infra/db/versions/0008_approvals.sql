-- A second person's yes for acts that move money: asked for by one, decided by another, kept for good.

CREATE TABLE approvals (
  approval_id   text PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('resolve', 'bulk', 'adjust')),
  order_no      text REFERENCES orders,      -- NULL for a bulk act
  action        text NOT NULL,               -- what is to be done: an act on a step, or an event of the lifecycle
  orders        integer NOT NULL CHECK (orders > 0),
  amount_minor  bigint NOT NULL CHECK (amount_minor >= 0),  -- of all its orders; of several currencies, added as they are
  currency      char(3),
  data_key      bytea,                       -- wrapped; seals the wish and the words of both; NULL: the customer's does
  wish_enc      bytea NOT NULL,
  asked_by      text NOT NULL,
  asked_at      timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  decision      text CHECK (decision IN ('approved', 'refused')),
  decided_by    text,
  decided_at    timestamptz,
  words_enc     bytea,
  done_at       timestamptz,                 -- when the act was taken up by the order, or the bulk act begun
  CHECK ((kind = 'bulk') = (order_no IS NULL)),
  CHECK (order_no IS NOT NULL OR data_key IS NOT NULL),
  CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
  CHECK (done_at IS NULL OR coalesce(decision, '') = 'approved'),
  -- A person is the name behind the role: nobody approves for himself by signing in as another role.
  CONSTRAINT second_person CHECK (split_part(decided_by, ':', 2) <> split_part(asked_by, ':', 2))
);
CREATE INDEX approvals_open ON approvals (asked_at, approval_id) WHERE decision IS NULL;
CREATE INDEX approvals_order ON approvals (order_no, asked_at DESC) WHERE order_no IS NOT NULL;

CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.decision IS NOT NULL AND (NEW.decision, NEW.decided_by, NEW.decided_at, NEW.words_enc)
     IS DISTINCT FROM (OLD.decision, OLD.decided_by, OLD.decided_at, OLD.words_enc) THEN
    RAISE EXCEPTION 'what is decided stays decided' USING ERRCODE = 'OM003';
  END IF;
  IF OLD.decision IS NULL AND NEW.decision IS NOT NULL AND OLD.expires_at <= now() THEN
    RAISE EXCEPTION 'approval_lapsed' USING ERRCODE = 'OM007';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approval_guard BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION guard_approval();

CREATE FUNCTION audit_approval() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
CREATE TRIGGER approval_asked_audited AFTER INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION audit_approval();
CREATE TRIGGER approval_decided_audited AFTER UPDATE OF decision ON approvals FOR EACH ROW
  WHEN (OLD.decision IS NULL AND NEW.decision IS NOT NULL) EXECUTE FUNCTION audit_approval();

-- An act that names an approval has a yes for this very order and act.
CREATE FUNCTION require_approval() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM approvals a WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved'
                    AND (a.order_no = NEW.order_no OR a.kind = 'bulk')
                    AND a.action = coalesce(to_jsonb(NEW) ->> 'detail', NEW.action)) THEN
    RAISE EXCEPTION 'not approved' USING ERRCODE = 'OM007';
  END IF;
  RETURN NEW;
END $$;
ALTER TABLE resolutions ADD COLUMN approval_id text REFERENCES approvals;
CREATE TRIGGER resolution_approved BEFORE INSERT ON resolutions FOR EACH ROW WHEN (NEW.approval_id IS NOT NULL)
  EXECUTE FUNCTION require_approval();
ALTER TABLE order_acts ADD CONSTRAINT order_acts_approval FOREIGN KEY (approval_id) REFERENCES approvals;
CREATE TRIGGER order_act_approved BEFORE INSERT ON order_acts FOR EACH ROW WHEN (NEW.approval_id IS NOT NULL)
  EXECUTE FUNCTION require_approval();
-- Recording a payment by hand moves money, whatever its amount: there is no such act without a second person.
ALTER TABLE order_acts ADD CONSTRAINT money_needs_two CHECK (detail <> 'payment_recorded' OR approval_id IS NOT NULL);
ALTER TABLE support_jobs ADD COLUMN approval_id text REFERENCES approvals;

-- What an act on a stuck step moves, in minor units: undoing returns what was captured and is not back yet; skipping a
-- capture or a return records money that somebody moved by hand; nothing else does more than was decided before.
CREATE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = public AS $$
  SELECT CASE WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN action = 'skip' AND step IN ('capture', 'return_payment') THEN amount_minor
              ELSE 0 END
$$;

GRANT SELECT, INSERT ON approvals TO oms_app;
GRANT UPDATE (decision, decided_by, decided_at, words_enc, done_at) ON approvals TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION moved_minor, head_start_s TO oms_app;
