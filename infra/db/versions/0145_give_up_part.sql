-- A part that its supplier refused is given up: its money goes back, and the order goes on without it.
ALTER TABLE resolutions DROP CONSTRAINT resolutions_action_check,
  ADD CONSTRAINT resolutions_action_check
  CHECK (action IN ('retry', 'skip', 'amend', 'compensate', 'give_up')) NOT VALID;

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
REVOKE EXECUTE ON FUNCTION part_at_stake_minor(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION part_at_stake_minor(text) TO oms_app;

CREATE OR REPLACE FUNCTION amount_moved_by(asked_order_no text, step text, action text, amount_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN action = 'compensate' AND step = 'supplement' THEN 0
              WHEN action = 'give_up' THEN part_at_stake_minor(asked_order_no)
              WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN (action = 'skip' AND step IN ('capture', 'return_payment', 'refund', 'guarantee'))
                OR (action = 'amend' AND step = 'refund')
                THEN greatest(amount_minor, at_stake_minor(asked_order_no, step, (SELECT p.subject FROM parked_steps p
                                WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL)))
              ELSE 0 END
$$;

CREATE OR REPLACE FUNCTION refuse_parked_outcome()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM support_jobs j WHERE j.job_id = NEW.job_id
                AND j.action NOT IN ('retry', 'skip', 'amend', 'compensate', 'give_up')) THEN
    RAISE EXCEPTION 'a job over chosen orders asks for no parked step' USING ERRCODE = 'OM192';
  END IF;
  RETURN NEW;
END $$;

-- The refund of a part counts itself, so the decision counts only until it is carried out.
CREATE OR REPLACE FUNCTION given_minor(asked_order_no text, but_park_no integer DEFAULT NULL::integer)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r
           WHERE r.order_no = asked_order_no AND r.status IN ('approved', 'succeeded') AND r.origin <> 'amendment')::bigint
       + (SELECT coalesce(sum(s.moved_minor), 0) FROM (
            SELECT max(r.moved_minor) AS moved_minor FROM resolutions r JOIN parked_steps p USING (order_no, park_no)
             WHERE r.order_no = asked_order_no AND r.moved_minor > 0 AND p.park_no IS DISTINCT FROM but_park_no
               AND (p.resolved_at IS NULL OR p.resolution_id = r.resolution_id AND r.action <> 'give_up') GROUP BY p.park_no) s)::bigint
       + (SELECT coalesce(sum(a.moved_minor), 0) FROM staff_actions a WHERE a.order_no = asked_order_no AND a.moved_minor > 0)::bigint
$$;

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
