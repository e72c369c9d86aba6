-- An act on a stuck step is an act on that step and on what it is about, and moves what it was said to move.

-- What the step is about: a refund, a return, the number of a change that waits for its difference; of money that goes
-- back, whether it is all of the order's or only the surplus.
ALTER TABLE parked_steps ADD COLUMN subject text;
ALTER TABLE approvals ADD COLUMN park_no integer;
ALTER TABLE support_job_items ADD COLUMN park_no integer;
-- What the act moves in all, as it was agreed (NULL: kept before this rule); `moved_minor` is what was not counted before.
ALTER TABLE resolutions ADD COLUMN amount_minor bigint,
  ADD CONSTRAINT resolutions_amount CHECK (amount_minor >= 0) NOT VALID;

-- Something is to be asked of a provider for it: what is due, or what became of one that nobody wants any more.
CREATE FUNCTION guarantee_is_due(asked_return_id text) RETURNS boolean STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM guarantees g WHERE g.return_id = asked_return_id
       AND (g.status IN ('wanted', 'release_due', 'claim_due')
            OR (g.status IN ('dropped', 'declined') AND EXISTS (
                  SELECT FROM payments p WHERE p.order_no = g.order_no AND p.purpose = 'guarantee'
                     AND p.kind = 'authorise' AND p.status <> 'failed'
                     AND split_part(p.idempotency_key, '/', 3) = g.return_id))))
$$;

-- What a step is about where the workflow does not say: what it takes up next.
CREATE FUNCTION due_subject(asked_order_no text, asked_step text) RETURNS text STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE asked_step
    WHEN 'refund' THEN (SELECT f.refund_id FROM refunds f WHERE f.order_no = asked_order_no AND f.status = 'approved'
                         ORDER BY f.refund_no LIMIT 1)
    WHEN 'guarantee' THEN (SELECT g.return_id FROM guarantees g
                            WHERE g.order_no = asked_order_no AND guarantee_is_due(g.return_id)
                            ORDER BY g.status IN ('dropped', 'declined'), g.created_at LIMIT 1)
    WHEN 'supplement' THEN (SELECT u.supplement_no::text FROM order_supplements u
                             WHERE u.order_no = asked_order_no AND u.status = 'awaiting_payment' LIMIT 1)
    WHEN 'return_payment' THEN (SELECT CASE WHEN o.cancelling IS NULL THEN 'stray' ELSE 'all' END
                                  FROM orders o WHERE o.order_no = asked_order_no)
  END
$$;

-- Payments that are given back, each with what is left of it: a capture is refunded, an authorisation is voided. Without
-- `everything` only money that is not the order's; what its provider is still to decide is on its way, unless that is all
-- there is. A guarantee is a step of its own.
CREATE FUNCTION money_to_return(asked_order_no text, everything boolean)
  RETURNS TABLE (payment_id bigint, kind text, purpose text, amount_minor bigint) STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
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
             NOT (a.purpose = 'supplement' AND is_awaiting_supplement(a.order_no))
         AND (a.attempt < coalesce((SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = asked_order_no), 0)
              OR EXISTS (SELECT FROM payments c WHERE c.order_no = a.order_no AND c.parent_id = a.payment_id
                            AND c.kind = 'capture' AND c.status = 'failed')
              OR o.status NOT IN ('received', 'pending_payment'))))),
  known AS (
    SELECT h.*, EXISTS (SELECT FROM payments q WHERE q.order_no = asked_order_no AND q.parent_id = h.payment_id
                           AND q.kind = h.kind AND q.status = 'pending') AS on_its_way FROM held h)
  SELECT k.payment_id, k.kind, k.purpose, k.left_minor FROM known k
   WHERE everything OR NOT k.on_its_way OR (SELECT bool_and(a.on_its_way) FROM known a)
$$;

-- The money that a stuck step is about.
CREATE FUNCTION at_stake_minor(asked_order_no text, asked_step text, asked_subject text) RETURNS bigint STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(CASE asked_step
    WHEN 'refund' THEN (SELECT coalesce(sum(x.amount_minor), 0) FROM refund_parts x JOIN refunds r USING (refund_id)
                         WHERE r.refund_id = asked_subject AND r.order_no = asked_order_no AND r.status = 'approved'
                           AND NOT EXISTS (SELECT FROM payments m WHERE m.refund_id = x.refund_id
                                              AND m.parent_id = x.payment_id AND m.status = 'succeeded'))::bigint
    WHEN 'guarantee' THEN (SELECT CASE WHEN guarantee_is_due(g.return_id)
                                       THEN CASE g.status WHEN 'claim_due' THEN g.claim_minor ELSE g.amount_minor END
                                       ELSE 0 END
                             FROM guarantees g WHERE g.return_id = asked_subject AND g.order_no = asked_order_no)
    WHEN 'supplement' THEN (SELECT u.amount_minor FROM order_supplements u
                             WHERE u.order_no = asked_order_no AND u.supplement_no::text = asked_subject)
    WHEN 'return_payment' THEN (SELECT coalesce(sum(m.amount_minor), 0)
                                  FROM money_to_return(asked_order_no, asked_subject = 'all') m)::bigint
  END, (SELECT o.total_minor FROM orders o WHERE o.order_no = asked_order_no))
$$;

-- The world has done what the step was to do, or nobody wants it any more: no person is needed.
CREATE FUNCTION parked_is_over(asked_step text, asked_subject text) RETURNS boolean STABLE LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN asked_subject IS NULL THEN false
              WHEN asked_step = 'refund' THEN NOT EXISTS (
                   SELECT FROM refunds r WHERE r.refund_id = asked_subject AND r.status = 'approved')
              WHEN asked_step = 'guarantee' THEN NOT guarantee_is_due(asked_subject)
              ELSE false END
$$;

-- As before; of a skipped step what it is about, as it is now where that is more than when it got stuck.
CREATE OR REPLACE FUNCTION moved_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN action = 'skip' AND step = 'capture' THEN amount_minor
              WHEN action = 'skip' AND step IN ('return_payment', 'refund', 'guarantee')
                THEN greatest(amount_minor, at_stake_minor(asked_order_no, step, (SELECT p.subject FROM parked_steps p
                                WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL)))
              ELSE 0 END
$$;

-- As before; surplus money was not decided with any undoing.
CREATE OR REPLACE FUNCTION added_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE
    WHEN action = 'compensate' THEN greatest(0, moved_minor(asked_order_no, step, action, amount_minor) - coalesce((
           SELECT sum(t.promised_minor) FROM payments p JOIN payment_totals t USING (payment_id)
            WHERE p.order_no = asked_order_no), 0)::bigint + coalesce((
           SELECT sum(r.amount_minor) FROM refunds r
            WHERE r.order_no = asked_order_no AND r.status = 'awaiting_approval'), 0)::bigint)
    WHEN step = 'refund' THEN 0
    WHEN step = 'return_payment' AND (
           EXISTS (SELECT FROM resolutions r WHERE r.order_no = asked_order_no AND r.action = 'compensate' AND r.moved_minor > 0)
        OR EXISTS (SELECT FROM order_acts a WHERE a.order_no = asked_order_no AND a.moved_minor > 0))
      AND NOT EXISTS (SELECT FROM parked_steps p WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL
                         AND p.subject = 'stray') THEN 0
    ELSE moved_minor(asked_order_no, step, action, amount_minor) END
$$;

-- ── steps that are stuck now, and what waits for them ───────────────────────────────────────────────────────
UPDATE parked_steps SET subject = due_subject(order_no, step) WHERE resolved_at IS NULL;
UPDATE approvals a SET park_no = p.park_no FROM parked_steps p
 WHERE a.kind = 'resolve' AND a.done_at IS NULL AND p.order_no = a.order_no AND p.resolved_at IS NULL AND p.since <= a.asked_at;
UPDATE support_job_items i SET park_no = p.park_no FROM parked_steps p, support_jobs j
 WHERE i.state = 'open' AND j.job_id = i.job_id AND p.order_no = i.order_no AND p.resolved_at IS NULL AND p.since <= j.created_at;

CREATE FUNCTION name_subject() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.subject := coalesce(NEW.subject, due_subject(NEW.order_no, NEW.step));
  RETURN NEW;
END $$;
CREATE TRIGGER parked_step_subject BEFORE INSERT ON parked_steps FOR EACH ROW WHEN (NEW.resolved_at IS NULL)
  EXECUTE FUNCTION name_subject();

-- ── one act, one step ───────────────────────────────────────────────────────────────────────────────────────
UPDATE parked_steps p SET resolution_id = NULL
 WHERE EXISTS (SELECT FROM parked_steps e WHERE e.resolution_id = p.resolution_id
                  AND (e.order_no, e.park_no) < (p.order_no, p.park_no));
CREATE UNIQUE INDEX parked_steps_one_resolution ON parked_steps (resolution_id) WHERE resolution_id IS NOT NULL;

-- One that was kept before acts had a step resolves what is open.
CREATE FUNCTION guard_parked_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.resolution_id IS NOT NULL OR NOT EXISTS (
       SELECT FROM resolutions r WHERE r.resolution_id = NEW.resolution_id AND r.order_no = NEW.order_no
          AND coalesce(r.park_no, NEW.park_no) = NEW.park_no) THEN
    RAISE EXCEPTION 'the act is not of this step' USING ERRCODE = 'OM176';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER parked_step_guard BEFORE UPDATE OF resolution_id ON parked_steps FOR EACH ROW
  WHEN (NEW.resolution_id IS NOT NULL AND NEW.resolution_id IS DISTINCT FROM OLD.resolution_id)
  EXECUTE FUNCTION guard_parked_step();

-- Who names no step means the one that is open. A repeat finds its own row.
CREATE OR REPLACE FUNCTION aim_resolution() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE meant integer := NEW.park_no;
BEGIN
  IF EXISTS (SELECT FROM resolutions r WHERE r.resolution_id = NEW.resolution_id) THEN
    RETURN NEW;
  END IF;
  NEW.park_no := NULL;
  SELECT p.park_no, moved_minor(p.order_no, p.step, NEW.action, p.amount_minor),
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

-- A second person's yes is for one act on one step, and for so much.
CREATE OR REPLACE FUNCTION require_approval() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE FUNCTION aim_at_open_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.park_no := coalesce(NEW.park_no, open_park(NEW.order_no));
  RETURN NEW;
END $$;
CREATE TRIGGER approval_aims BEFORE INSERT ON approvals FOR EACH ROW WHEN (NEW.kind = 'resolve')
  EXECUTE FUNCTION aim_at_open_step();
CREATE TRIGGER job_item_aims BEFORE INSERT ON support_job_items FOR EACH ROW EXECUTE FUNCTION aim_at_open_step();

GRANT INSERT (subject) ON parked_steps TO oms_app;
GRANT INSERT (park_no) ON approvals TO oms_app;
GRANT INSERT (park_no) ON resolutions TO oms_app;
GRANT INSERT (park_no) ON support_job_items TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guarantee_is_due, due_subject, money_to_return, at_stake_minor, parked_is_over, moved_minor,
  added_minor TO oms_app;
