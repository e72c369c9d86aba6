-- Money that is given adds up: by order, and by person and day. And a person is one name, however it is written.

-- The name behind the role, without regard to case; '' where it is the system.
CREATE FUNCTION person_of(actor text) RETURNS text IMMUTABLE LANGUAGE sql
  RETURN CASE WHEN strpos(actor, ':') = 0 THEN '' ELSE lower(btrim(substr(actor, strpos(actor, ':') + 1))) END;

-- What was decided before this rule stays as it is.
ALTER TABLE approvals DROP CONSTRAINT second_person,
  ADD CONSTRAINT second_person CHECK (person_of(decided_by) <> person_of(asked_by)) NOT VALID;

-- What an act on a stuck step moves beside what refunds say, and at which step it is aimed; set by the trigger.
ALTER TABLE resolutions
  ADD COLUMN park_no     integer,
  ADD COLUMN moved_minor bigint NOT NULL DEFAULT 0 CHECK (moved_minor >= 0);
CREATE INDEX resolutions_moving ON resolutions (order_no) WHERE moved_minor > 0;
CREATE INDEX resolutions_alone ON resolutions (person_of(actor), created_at) WHERE moved_minor > 0 AND approval_id IS NULL;
-- What staff's choice for a lost parcel gives back.
ALTER TABLE order_acts ADD COLUMN moved_minor bigint NOT NULL DEFAULT 0 CHECK (moved_minor >= 0);
CREATE INDEX order_acts_alone ON order_acts (person_of(actor), created_at) WHERE moved_minor > 0 AND approval_id IS NULL;
CREATE INDEX refunds_alone ON refunds (person_of(asked_by), created_at) WHERE origin = 'support' AND approval_id IS NULL;

CREATE FUNCTION open_park(asked_order_no text) RETURNS integer STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT park_no FROM parked_steps WHERE order_no = asked_order_no AND resolved_at IS NULL
$$;

-- What of `moved_minor` is not counted yet: a refund counts from when it was decided, and what an undoing gives back was
-- decided with it.
CREATE FUNCTION added_minor(asked_order_no text, step text, action text, amount_minor bigint) RETURNS bigint
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
        OR EXISTS (SELECT FROM order_acts a WHERE a.order_no = asked_order_no AND a.moved_minor > 0)) THEN 0
    ELSE moved_minor(asked_order_no, step, action, amount_minor) END
$$;

-- What was given of an order. Of several acts aimed at one step one resolves it; those at `but_park_no` are left out.
CREATE FUNCTION given_minor(asked_order_no text, but_park_no integer DEFAULT NULL) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r
           WHERE r.order_no = asked_order_no AND r.status IN ('approved', 'succeeded') AND r.origin <> 'amendment')::bigint
       + (SELECT coalesce(sum(s.moved_minor), 0) FROM (
            SELECT max(r.moved_minor) AS moved_minor FROM resolutions r JOIN parked_steps p USING (order_no, park_no)
             WHERE r.order_no = asked_order_no AND r.moved_minor > 0 AND p.park_no IS DISTINCT FROM but_park_no
               AND (p.resolved_at IS NULL OR p.resolution_id = r.resolution_id) GROUP BY p.park_no) s)::bigint
       + (SELECT coalesce(sum(a.moved_minor), 0) FROM order_acts a WHERE a.order_no = asked_order_no AND a.moved_minor > 0)::bigint
$$;

-- What a person has given today (UTC) by his own judgement and without a second person, bulk acts that still run included.
-- What he asked of the open step of `but_order_no` is left out: he asks for it again.
CREATE FUNCTION given_alone_minor(person text, asked_currency text, but_order_no text DEFAULT NULL) RETURNS bigint
  STABLE LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
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
       + (SELECT coalesce(sum(a.moved_minor), 0) FROM order_acts a JOIN orders o USING (order_no), today
           WHERE person_of(a.actor) = person AND a.created_at >= today.began AND a.moved_minor > 0
             AND a.approval_id IS NULL AND o.currency = asked_currency)::bigint
       + (SELECT coalesce(sum(added_minor(p.order_no, p.step, j.action, p.amount_minor)), 0)
            FROM support_jobs j JOIN support_job_items i USING (job_id) JOIN orders o USING (order_no)
            JOIN parked_steps p ON p.order_no = i.order_no AND p.resolved_at IS NULL
           WHERE person_of(j.actor) = person AND j.state = 'running' AND i.state = 'open' AND j.approval_id IS NULL
             AND o.currency = asked_currency AND o.order_no IS DISTINCT FROM but_order_no
             AND NOT EXISTS (SELECT FROM resolutions r WHERE r.resolution_id = i.resolution_id))::bigint
$$;

CREATE FUNCTION aim_resolution() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.park_no := NULL;
  NEW.moved_minor := 0;
  SELECT p.park_no, added_minor(p.order_no, p.step, NEW.action, p.amount_minor) INTO NEW.park_no, NEW.moved_minor
    FROM parked_steps p WHERE p.order_no = NEW.order_no AND p.resolved_at IS NULL;
  NEW.moved_minor := coalesce(NEW.moved_minor, 0);
  RETURN NEW;
END $$;
CREATE TRIGGER resolution_aims BEFORE INSERT ON resolutions FOR EACH ROW EXECUTE FUNCTION aim_resolution();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_of, open_park, added_minor, given_minor, given_alone_minor TO oms_app;
