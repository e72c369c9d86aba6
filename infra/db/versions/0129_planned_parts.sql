-- With `ship_complete` false, what is there ships, and the rest is a planned fulfilment that waits for stock.
ALTER TABLE orders ADD COLUMN ship_complete boolean NOT NULL DEFAULT true;
GRANT INSERT (ship_complete) ON orders TO oms_app;

-- Never more of a line ships than was ordered and not cancelled. Of an order that does not ship complete, units that are
-- fulfilled, planned or in a fulfilment that was given up, and those that a change took off, are all that was ordered.
CREATE OR REPLACE FUNCTION check_fulfilled_quantity()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_order text := CASE TG_OP WHEN 'DELETE' THEN OLD.order_no ELSE NEW.order_no END;
BEGIN
  IF EXISTS (SELECT FROM fulfilments f WHERE f.order_no = of_order AND f.number > 1) AND EXISTS (
       SELECT FROM orders o JOIN order_lines l USING (order_no), LATERAL (
              SELECT coalesce(sum(n.quantity), 0) AS all_units,
                     coalesce(sum(n.quantity) FILTER (WHERE f.status <> 'cancelled'), 0) AS units
                FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
               WHERE n.order_no = l.order_no AND n.line_no = l.line_no) parts
        WHERE o.order_no = of_order
          AND CASE WHEN o.ship_complete THEN parts.units > l.quantity - l.cancelled_quantity
                   ELSE parts.all_units <> l.quantity - l.cancelled_quantity END) THEN
    RAISE EXCEPTION 'the fulfilments of a line are not what was ordered of it' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fulfilled_after_change AFTER UPDATE OF quantity ON fulfilment_lines
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.quantity <> OLD.quantity)
  EXECUTE FUNCTION check_fulfilled_quantity();
CREATE CONSTRAINT TRIGGER fulfilled_after_removal AFTER DELETE ON fulfilment_lines
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_fulfilled_quantity();
CREATE CONSTRAINT TRIGGER line_fulfilled_after_change AFTER UPDATE OF quantity, cancelled_quantity ON order_lines
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.quantity - NEW.cancelled_quantity <> OLD.quantity - OLD.cancelled_quantity)
  EXECUTE FUNCTION check_fulfilled_quantity();

-- A planned fulfilment holds no stock.
CREATE FUNCTION require_no_stock_of_planned() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_number integer := CAST(coalesce(to_jsonb(NEW) ->> 'fulfilment_no', to_jsonb(NEW) ->> 'number') AS integer);
BEGIN
  IF EXISTS (SELECT FROM fulfilments f JOIN reservations r ON r.order_no = f.order_no AND r.fulfilment_no = f.number
              WHERE f.order_no = NEW.order_no AND f.number = of_number AND f.status = 'planned'
                AND r.state = 'reserved') THEN
    RAISE EXCEPTION 'a planned fulfilment holds no stock' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION require_no_stock_of_planned() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER planned_without_stock AFTER INSERT OR UPDATE OF status ON fulfilments
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'planned')
  EXECUTE FUNCTION require_no_stock_of_planned();
CREATE CONSTRAINT TRIGGER stock_of_reserved_part AFTER INSERT OR UPDATE OF state ON reservations
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'reserved' AND NEW.fulfilment_no > 1)
  EXECUTE FUNCTION require_no_stock_of_planned();

-- Some of it ships where anything of it is there.
CREATE FUNCTION fits_partly(wanted_by text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM order_lines l JOIN stock_levels s USING (sku) JOIN warehouses w ON w.code = s.warehouse
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND s.available > 0 AND w.active)
$$;
REVOKE EXECUTE ON FUNCTION fits_partly(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fits_partly(text) TO oms_app;

CREATE FUNCTION part_fits(of_order text, of_number integer)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
     WHERE n.order_no = of_order AND n.number = of_number GROUP BY l.sku
    HAVING sum(n.quantity) > coalesce((
             SELECT sum(s.available) FROM stock_levels s JOIN warehouses w ON w.code = s.warehouse
              WHERE s.sku = l.sku AND w.active), 0))
$$;
REVOKE EXECUTE ON FUNCTION part_fits(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION part_fits(text, integer) TO oms_app;

-- Orders that wait for all of their goods, and planned fulfilments of those that have the rest, in one queue.
CREATE OR REPLACE FUNCTION signal_backorders()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || NEW.sku, 0));
  INSERT INTO workflow_requests (kind, subject, name, rank)
  SELECT 'signal_order', fitting.order_no, 'stock_arrived', extract(epoch FROM clock_timestamp()) - fitting.head_start_s
    FROM (SELECT first.order_no, first.head_start_s,
                 sum(first.units) OVER (ORDER BY first.rank, first.order_no) - first.units AS taken_before
            FROM (SELECT o.order_no, n.units, priority_head_start_s(o.priority) AS head_start_s,
                         extract(epoch FROM o.created_at) - priority_head_start_s(o.priority) AS rank,
                         o.ship_complete, CAST(NULL AS integer) AS number
                    FROM orders o, LATERAL (
                           SELECT sum(l.quantity - l.cancelled_quantity) AS units FROM order_lines l
                            WHERE l.order_no = o.order_no AND l.sku = NEW.sku
                              AND l.quantity > l.cancelled_quantity) n
                   WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND n.units > 0
                  UNION ALL
                  SELECT o.order_no, n.units, priority_head_start_s(o.priority),
                         extract(epoch FROM o.created_at) - priority_head_start_s(o.priority), true, f.number
                    FROM fulfilments f JOIN orders o USING (order_no), LATERAL (
                           SELECT sum(p.quantity) AS units
                             FROM fulfilment_lines p JOIN order_lines l USING (order_no, line_no)
                            WHERE p.order_no = f.order_no AND p.number = f.number AND l.sku = NEW.sku) n
                   WHERE f.status = 'planned' AND o.status IN ('paid', 'preparing') AND n.units > 0
                   ORDER BY rank, order_no LIMIT 1000) first
           WHERE CASE WHEN first.number IS NOT NULL THEN part_fits(first.order_no, first.number)
                      ELSE NOT first.ship_complete OR fits_together(first.order_no) END) fitting
   WHERE fitting.taken_before < (SELECT sum(s.available) FROM stock_levels s WHERE s.sku = NEW.sku);
  RETURN NULL;
END $$;

-- What a planned fulfilment waits for is not reserved.
CREATE OR REPLACE FUNCTION check_order_change()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.total_minor <> NEW.total_after_minor)
     AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_no = NEW.order_no AND c.change_no > NEW.change_no) THEN
    RAISE EXCEPTION 'a change ends at another total than it says' USING ERRCODE = 'OM003';
  END IF;
  IF EXISTS (SELECT FROM allocations a WHERE a.order_no = NEW.order_no AND a.state = 'reserved') AND EXISTS (
       SELECT FROM (SELECT l.sku, sum(l.quantity - l.cancelled_quantity - planned.units) AS units
                      FROM order_lines l, LATERAL (
                             SELECT coalesce(sum(n.quantity), 0) AS units
                               FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
                              WHERE n.order_no = l.order_no AND n.line_no = l.line_no AND f.status = 'planned') planned
                     WHERE l.order_no = NEW.order_no GROUP BY l.sku) wanted
         FULL JOIN (SELECT sku, sum(quantity) AS units FROM allocations
                     WHERE order_no = NEW.order_no AND state = 'reserved' GROUP BY sku) held USING (sku)
        WHERE coalesce(wanted.units, 0) <> coalesce(held.units, 0)) THEN
    RAISE EXCEPTION 'an order holds what its lines want' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
