-- Approvals: actions that need a second person
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after orders.sql.

-- A request to a second person, and the decision.
CREATE TABLE approvals (
  approval_id  text PRIMARY KEY,
  kind         text NOT NULL CHECK (kind IN ('resolve', 'bulk', 'adjust', 'refund')),
  order_no     text REFERENCES orders,  -- NULL for a bulk job
  action       text NOT NULL,  -- what is to be done: a resolution of a step, or an event of the lifecycle
  orders       integer NOT NULL CHECK (orders > 0),
  -- of all its orders; of several currencies, added as they are
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  currency     char(3),
  data_key     bytea,  -- wrapped; encrypts the request and the words of both; NULL: the customer's key does
  wish_enc     bytea NOT NULL,
  asked_by     text NOT NULL,
  asked_at     timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  decision     text CHECK (decision IN ('approved', 'refused')),
  decided_by   text,
  decided_at   timestamptz,
  words_enc    bytea,
  done_at      timestamptz,  -- when the order took the action up, or the bulk job began
  park_no      integer,
  CONSTRAINT approvals_check CHECK ((kind = 'bulk') = (order_no IS NULL)),
  CONSTRAINT approvals_check1 CHECK (order_no IS NOT NULL OR data_key IS NOT NULL),
  CONSTRAINT approvals_check2 CHECK ((decision IS NULL) = (decided_by IS NULL)
      AND (decision IS NULL) = (decided_at IS NULL)),
  CONSTRAINT approvals_check3 CHECK (done_at IS NULL OR COALESCE(decision, '') = 'approved')
);
ALTER TABLE approvals ADD CONSTRAINT second_person CHECK (person_of(decided_by) <> person_of(asked_by)) NOT VALID;
CREATE INDEX approvals_open ON approvals (asked_at, approval_id) WHERE decision IS NULL;
CREATE INDEX approvals_order ON approvals (order_no, asked_at DESC) WHERE order_no IS NOT NULL;
-- More triggers in support.sql: approval_aims.

CREATE TRIGGER approval_asked_audited AFTER INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION audit_approval();

CREATE TRIGGER approval_decided_audited AFTER UPDATE OF decision ON approvals
  FOR EACH ROW WHEN (OLD.decision IS NULL AND NEW.decision IS NOT NULL) EXECUTE FUNCTION audit_approval();

-- A decision is final, and an expired request takes none.
CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON approvals
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

-- An action with an approval must be the one that was approved: the same action, step and amount at most.
CREATE FUNCTION require_approval()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE act jsonb := to_jsonb(NEW);
BEGIN
  IF NOT EXISTS (SELECT FROM approvals a WHERE a.approval_id = NEW.approval_id AND a.decision = 'approved'
                    AND (a.order_no = NEW.order_no OR a.kind = 'bulk')
                    AND a.action = coalesce(act ->> 'detail', NEW.action)
                    AND (a.kind <> 'resolve' OR a.park_no IS NULL
                         OR (a.park_no = (act ->> 'park_no')::integer AND a.amount_minor >= (act ->> 'amount_minor')::bigint))) THEN
    RAISE EXCEPTION 'not approved' USING ERRCODE = 'OM007';
  END IF;
  RETURN NEW;
END $$;

-- What giving up the part that is parked refunds at most: what was paid for its units, as far as it is not given back.
CREATE FUNCTION part_at_stake_minor(asked_order_no text)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT greatest(0, least(
    (SELECT coalesce(sum(ceil(l.paid_minor::numeric * n.quantity / l.quantity)), 0)::bigint
       FROM parked_steps p JOIN fulfilments f ON (f.order_no, f.fulfilment_id) = (p.order_no, p.subject)
       JOIN fulfilment_lines n ON (n.order_no, n.number) = (f.order_no, f.number)
       JOIN order_lines l ON (l.order_no, l.line_no) = (n.order_no, n.line_no)
      WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL AND l.quantity > 0),
    (SELECT coalesce(sum(t.captured_minor - t.refunded_minor - t.promised_minor - t.disputed_minor), 0)::bigint
       FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no)))
$$;

-- What was already given of an order: refunds, store credit and resolutions. The step `but_park_no` is left out.
CREATE FUNCTION given_minor(asked_order_no text, but_park_no integer DEFAULT NULL::integer)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r
           WHERE r.order_no = asked_order_no AND r.status IN ('approved', 'succeeded') AND r.origin <> 'amendment')::bigint
       + (SELECT coalesce(sum(s.moved_minor), 0) FROM (
            SELECT max(r.moved_minor) AS moved_minor FROM resolutions r JOIN parked_steps p USING (order_no, park_no)
             WHERE r.order_no = asked_order_no AND r.moved_minor > 0 AND p.park_no IS DISTINCT FROM but_park_no
               AND (p.resolved_at IS NULL OR p.resolution_id = r.resolution_id AND r.action <> 'give_up') GROUP BY p.park_no) s)::bigint
       + (SELECT coalesce(sum(a.moved_minor), 0) FROM staff_actions a WHERE a.order_no = asked_order_no AND a.moved_minor > 0)::bigint
$$;

-- What one person has given today (UTC) without a second person, running bulk jobs included. The open step of
-- `but_order_no` is left out: this request replaces it.
CREATE FUNCTION given_alone_minor(person text, asked_currency text, but_order_no text DEFAULT NULL::text)
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
               AND (p.resolution_id = r.resolution_id AND r.action <> 'give_up' OR p.resolved_at IS NULL AND p.order_no IS DISTINCT FROM but_order_no)
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

-- Rights

GRANT SELECT ON approvals TO oms_app;
GRANT INSERT (action, amount_minor, approval_id, asked_by, currency, data_key, expires_at, kind, order_no, orders,
  park_no, wish_enc) ON approvals TO oms_app;
GRANT UPDATE (decided_at, decided_by, decision, done_at, words_enc) ON approvals TO oms_app;
REVOKE EXECUTE ON FUNCTION given_alone_minor(text, text, text), given_minor(text, integer), guard_approval(),
  part_at_stake_minor(text), require_approval() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION given_alone_minor(text, text, text), given_minor(text, integer), part_at_stake_minor(text)
  TO oms_app;
