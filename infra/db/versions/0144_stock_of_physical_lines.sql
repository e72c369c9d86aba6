-- What is made to order and what is virtual comes from no stock: orders wait for their physical lines alone.
CREATE OR REPLACE FUNCTION fits_together(wanted_by text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT sum(s.available) FROM stock_levels s JOIN warehouses w ON w.code = s.warehouse
              WHERE s.sku = l.sku AND w.active), 0))
$$;

CREATE OR REPLACE FUNCTION fits_somewhere(wanted_by text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM warehouses w WHERE w.active AND NOT EXISTS (
    SELECT FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT s.available FROM stock_levels s WHERE s.sku = l.sku AND s.warehouse = w.code), 0)))
$$;

CREATE OR REPLACE FUNCTION fits_partly(wanted_by text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM order_lines l JOIN products p USING (sku) JOIN stock_levels s USING (sku)
      JOIN warehouses w ON w.code = s.warehouse
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' AND s.available > 0
       AND w.active)
$$;
