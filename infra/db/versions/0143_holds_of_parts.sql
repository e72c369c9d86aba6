-- True where the order ships in several parts of which one is not booked, and no carrier is being asked for it.
CREATE FUNCTION has_part_to_hold(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM fulfilments f WHERE f.order_no = of_order AND f.number > 1)
     AND EXISTS (SELECT FROM fulfilments f WHERE f.order_no = of_order AND f.status IN ('planned', 'reserved')
                    AND NOT EXISTS (SELECT FROM shipments s WHERE s.order_no = f.order_no
                                       AND s.fulfilment_no = f.number AND s.status <> 'cancelled'
                                       AND s.replaced_at IS NULL))
$$;
REVOKE EXECUTE ON FUNCTION has_part_to_hold(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_part_to_hold(text) TO oms_app;

CREATE OR REPLACE FUNCTION begin_hold()
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

-- What stops booking stops it for the parts of an order that is being prepared, too; their payments go on.
CREATE OR REPLACE FUNCTION skip_while_on_hold()
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

CREATE OR REPLACE FUNCTION require_no_hold()
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

-- A hold that stops booking stands while a part of the order is to be booked.
CREATE OR REPLACE FUNCTION close_holds_of_finished_order()
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
REVOKE EXECUTE ON FUNCTION close_holds_of_last_part() FROM PUBLIC;
CREATE TRIGGER fulfilment_closes_holds AFTER UPDATE OF status ON fulfilments
  FOR EACH ROW WHEN (OLD.status IN ('planned', 'reserved') AND NEW.status NOT IN ('planned', 'reserved'))
  EXECUTE FUNCTION close_holds_of_last_part();
