-- Until when something is expected of a fulfilment: of an order with several, each has a time of its own.
ALTER TABLE fulfilments ADD COLUMN due_at timestamptz;
GRANT UPDATE (due_at) ON fulfilments TO oms_app;

CREATE FUNCTION check_fulfilled_quantity() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (SELECT sum(n.quantity) FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
       WHERE n.order_no = NEW.order_no AND n.line_no = NEW.line_no AND f.status <> 'cancelled')
     > (SELECT l.quantity - l.cancelled_quantity FROM order_lines l
         WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no) THEN
    RAISE EXCEPTION 'more of a line is to be shipped than was ordered' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION check_fulfilled_quantity() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER fulfilled_within_line AFTER INSERT OR UPDATE ON fulfilment_lines
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION check_fulfilled_quantity();

-- An order may be shipped by several warehouses together.
CREATE FUNCTION fits_together(wanted_by text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM order_lines l WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT sum(s.available) FROM stock_levels s JOIN warehouses w ON w.code = s.warehouse
              WHERE s.sku = l.sku AND w.active), 0))
$$;
REVOKE EXECUTE ON FUNCTION fits_together(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fits_together(text) TO oms_app;

CREATE OR REPLACE FUNCTION signal_backorders()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || NEW.sku, 0));
  INSERT INTO workflow_requests (kind, subject, name, rank)
  SELECT 'signal_order', fitting.order_no, 'stock_arrived', extract(epoch FROM clock_timestamp()) - fitting.head_start_s
    FROM (SELECT first.order_no, first.head_start_s,
                 sum(first.units) OVER (ORDER BY first.rank, first.order_no) - first.units AS taken_before
            FROM (SELECT o.order_no, n.units, priority_head_start_s(o.priority) AS head_start_s,
                         extract(epoch FROM o.created_at) - priority_head_start_s(o.priority) AS rank
                    FROM orders o, LATERAL (
                           SELECT sum(l.quantity - l.cancelled_quantity) AS units FROM order_lines l
                            WHERE l.order_no = o.order_no AND l.sku = NEW.sku
                              AND l.quantity > l.cancelled_quantity) n
                   WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND n.units > 0
                   ORDER BY rank, o.order_no LIMIT 1000) first
           WHERE fits_together(first.order_no)) fitting
   WHERE fitting.taken_before < (SELECT sum(s.available) FROM stock_levels s WHERE s.sku = NEW.sku);
  RETURN NULL;
END $$;

-- A parcel's reference is known now: what came too early about it is to be applied.
CREATE FUNCTION reopen_parcel_events(its_order_no text, its_carrier text, its_reference text) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE inbox SET processed_at = NULL, outcome = NULL
   WHERE order_no = its_order_no AND kind = 'shipment' AND provider = its_carrier AND outcome = 'early'
     AND fact ->> 'carrier_ref' = its_reference
$$;
REVOKE EXECUTE ON FUNCTION reopen_parcel_events(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reopen_parcel_events(text, text, text) TO oms_app;

-- A failed booking that waits for support does not count; that of another part of the order does.
CREATE OR REPLACE FUNCTION is_booked(asked_order_no text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM shipments s WHERE s.order_no = asked_order_no AND s.status <> 'cancelled'
                    AND NOT (s.status = 'booking' AND EXISTS (
                      SELECT FROM parked_steps k WHERE k.order_no = asked_order_no AND k.step = 'book'
                         AND k.resolved_at IS NULL
                         AND (coalesce(k.subject, '') = '' OR EXISTS (
                           SELECT FROM fulfilments f WHERE f.fulfilment_id = k.subject
                              AND f.number = s.fulfilment_no)))))
$$;
