-- Orders: holds
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after approvals.sql.

-- A reason to keep an order in a status, with a deadline and a default outcome.
CREATE TABLE holds (
  order_no         text NOT NULL REFERENCES orders,
  hold_no          integer NOT NULL CHECK (hold_no > 0),
  kind             text NOT NULL CHECK (kind IN ('risk', 'address', 'stock', 'payment', 'manual')),
  stops            text[] NOT NULL CHECK (cardinality(stops) > 0),  -- the statuses in which the order stops
  owner            text NOT NULL CHECK (length(owner) BETWEEN 1 AND 100),  -- a role, or role:name
  default_outcome  text NOT NULL CHECK (default_outcome IN ('release', 'cancel')),
  put_on_by        text NOT NULL,
  reason_enc       bytea NOT NULL,
  put_on_at        timestamptz NOT NULL DEFAULT now(),
  escalate_at      timestamptz NOT NULL,
  until            timestamptz NOT NULL,  -- then the default outcome applies
  escalated_at     timestamptz,
  closed_at        timestamptz,
  closed_by        text,
  outcome          text CHECK (outcome IN ('released', 'expired', 'overtaken')),
  close_reason_enc bytea,
  CONSTRAINT holds_pkey PRIMARY KEY (order_no, hold_no),
  CONSTRAINT holds_check CHECK (until > put_on_at AND escalate_at <= until),
  CONSTRAINT holds_check1 CHECK ((closed_at IS NULL) = (outcome IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL))
);
CREATE UNIQUE INDEX holds_one_open_each ON holds (order_no, kind, (put_on_by = 'system')) WHERE closed_at IS NULL;
CREATE INDEX holds_open ON holds (until, order_no, hold_no) WHERE closed_at IS NULL;

-- A hold needs an order that it can still stop. The order's row is locked first, so that a booking or a payment of the
-- same moment is seen.
CREATE FUNCTION begin_hold()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR UPDATE;
  IF here.cancelling IS NOT NULL OR here.status NOT IN ('received', 'pending_payment', 'paid', 'preparing')
     OR (here.status IN ('paid', 'preparing') AND NOT 'paid' = ANY (NEW.stops))
     OR (here.status = 'preparing' AND NOT has_part_to_hold(NEW.order_no)) THEN
    RAISE EXCEPTION 'too_late_to_hold' USING ERRCODE = 'OM006', DETAIL = here.status;
  END IF;
  NEW.hold_no := (SELECT count(*) + 1 FROM holds h WHERE h.order_no = NEW.order_no);
  RETURN NEW;
END $$;

CREATE TRIGGER hold_begins BEFORE INSERT ON holds FOR EACH ROW EXECUTE FUNCTION begin_hold();

-- A hold is closed once; its facts do not change.
CREATE FUNCTION guard_hold() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a hold that is closed stays closed' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER hold_guard BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION guard_hold();

-- Writes the oldest open hold to the order and tells its workflow.
CREATE FUNCTION refresh_order_hold()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE orders SET hold = (SELECT h.kind FROM holds h WHERE h.order_no = NEW.order_no AND h.closed_at IS NULL
                             ORDER BY h.hold_no LIMIT 1)
   WHERE order_no = NEW.order_no;
  -- What the workflow did itself needs no telling.
  IF coalesce(NEW.closed_by, NEW.put_on_by) <> 'system' THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_order', NEW.order_no, 'hold_changed', jsonb_build_object('hold_no', NEW.hold_no));
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER hold_refreshes_order AFTER INSERT OR UPDATE OF closed_at ON holds
  FOR EACH ROW EXECUTE FUNCTION refresh_order_hold();

-- Refuses the intent to book a parcel or to take money while a hold stops the order, or the parts of it that are not
-- booked. Without an intent no provider is called.
CREATE FUNCTION skip_while_on_hold()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF here.hold IS NOT NULL AND EXISTS (SELECT FROM holds h WHERE h.order_no = NEW.order_no AND h.closed_at IS NULL
       AND (here.status = ANY (h.stops)
            OR TG_TABLE_NAME = 'shipments' AND here.status = 'preparing' AND 'paid' = ANY (h.stops))) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;

-- The same for parcels and payments that staff record manually.
CREATE FUNCTION require_no_hold()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF here.hold IS NOT NULL AND EXISTS (SELECT FROM holds h WHERE h.order_no = NEW.order_no AND h.closed_at IS NULL
       AND (here.status = ANY (h.stops)
            OR TG_TABLE_NAME = 'shipments' AND here.status = 'preparing' AND 'paid' = ANY (h.stops))) THEN
    RAISE EXCEPTION 'order_is_held' USING ERRCODE = 'OM006', DETAIL = here.hold;
  END IF;
  RETURN NEW;
END $$;

-- Closes holds that the order has passed. One that stops booking stands while a part of the order is to be booked.
CREATE FUNCTION close_holds_of_finished_order()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE holds SET closed_at = now(), closed_by = 'system', outcome = 'overtaken'
   WHERE order_no = NEW.order_no AND closed_at IS NULL
     AND NOT (NEW.to_status = 'preparing' AND 'paid' = ANY (stops) AND has_part_to_hold(NEW.order_no));
  RETURN NULL;
END $$;

-- Closes holds once the last part of the order is booked or does not ship.
CREATE FUNCTION close_holds_of_last_part()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE holds h SET closed_at = now(), closed_by = 'system', outcome = 'overtaken'
    FROM orders o
   WHERE o.order_no = NEW.order_no AND o.hold IS NOT NULL AND o.status NOT IN ('received', 'pending_payment', 'paid')
     AND h.order_no = o.order_no AND h.closed_at IS NULL AND NOT has_part_to_hold(o.order_no);
  RETURN NULL;
END $$;

-- True where the order ships in several parts of which one is not booked, and no carrier is being asked for it.
CREATE FUNCTION has_part_to_hold(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM fulfilments f WHERE f.order_no = of_order AND f.number > 1)
     AND EXISTS (SELECT FROM fulfilments f WHERE f.order_no = of_order AND f.status IN ('planned', 'reserved')
                    AND NOT EXISTS (SELECT FROM shipments s WHERE s.order_no = f.order_no
                                       AND s.fulfilment_no = f.number AND s.status <> 'cancelled'
                                       AND s.replaced_at IS NULL))
$$;

-- Of tables in earlier files

CREATE TRIGGER order_event_closes_holds AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.to_status IN ('preparing', 'cancelled')) EXECUTE FUNCTION close_holds_of_finished_order();

-- Rights

GRANT SELECT ON holds TO oms_app;
GRANT INSERT (default_outcome, escalate_at, hold_no, kind, order_no, owner, put_on_by, reason_enc, stops, until)
  ON holds TO oms_app;
GRANT UPDATE (close_reason_enc, closed_at, closed_by, escalated_at, outcome, owner) ON holds TO oms_app;
REVOKE EXECUTE ON FUNCTION begin_hold(), close_holds_of_finished_order(), close_holds_of_last_part(), guard_hold(),
  has_part_to_hold(text), refresh_order_hold(), require_no_hold(), skip_while_on_hold() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_part_to_hold(text) TO oms_app;
