-- What each fulfilment has reserved. Two parts of an order may hold the same product at the same warehouse, which the
-- key of allocations does not allow: (order_no, sku, warehouse), by which the previous version writes.
CREATE TABLE reservations (
  order_no      text NOT NULL REFERENCES orders,
  sku           text NOT NULL,
  warehouse     text NOT NULL,
  fulfilment_no integer NOT NULL,
  quantity      bigint NOT NULL CHECK (quantity > 0),
  state         text NOT NULL CHECK (state IN ('reserved', 'released', 'shipped')),
  CONSTRAINT reservations_pkey PRIMARY KEY (order_no, sku, warehouse, fulfilment_no)
);
CREATE INDEX reservations_held ON reservations (sku, warehouse) WHERE state = 'reserved';

CREATE FUNCTION refuse_released() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'stock that was released is not shipped' USING ERRCODE = 'OM003';
END $$;
CREATE TRIGGER reservation_is_held BEFORE UPDATE ON reservations
  FOR EACH ROW WHEN (OLD.state = 'released' AND NEW.state = 'shipped') EXECUTE FUNCTION refuse_released();

-- The row of an allocation is what all parts have reserved there; if none has, what they have shipped.
CREATE FUNCTION sum_reservations() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO allocations AS a (order_no, sku, warehouse, quantity, state, fulfilment_no)
  SELECT NEW.order_no, NEW.sku, NEW.warehouse, sum(r.quantity), r.state, min(r.fulfilment_no) FROM reservations r
   WHERE r.order_no = NEW.order_no AND r.sku = NEW.sku AND r.warehouse = NEW.warehouse
   GROUP BY r.state ORDER BY array_position(ARRAY['reserved', 'shipped', 'released'], r.state) LIMIT 1
  ON CONFLICT (order_no, sku, warehouse) DO UPDATE
    SET quantity = excluded.quantity, state = excluded.state, fulfilment_no = excluded.fulfilment_no
    WHERE (a.quantity, a.state, a.fulfilment_no) <> (excluded.quantity, excluded.state, excluded.fulfilment_no);
  RETURN NULL;
END $$;
CREATE TRIGGER reservation_summed AFTER INSERT OR UPDATE ON reservations
  FOR EACH ROW EXECUTE FUNCTION sum_reservations();

-- What a process of the previous version writes is what one part has reserved. It does not know which of several is
-- meant: it tries again until a process of this version does the step.
CREATE FUNCTION follow_allocation() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE standing record;
BEGIN
  SELECT r.state, sum(r.quantity) AS units, count(*) AS parts INTO standing FROM reservations r
   WHERE r.order_no = NEW.order_no AND r.sku = NEW.sku AND r.warehouse = NEW.warehouse
   GROUP BY r.state ORDER BY array_position(ARRAY['reserved', 'shipped', 'released'], r.state) LIMIT 1;
  IF FOUND AND standing.state = NEW.state AND standing.units = NEW.quantity THEN
    RETURN NULL;
  END IF;
  IF FOUND AND standing.state = 'reserved' AND standing.parts > 1 THEN
    RAISE EXCEPTION 'several parts of the order hold this stock' USING ERRCODE = 'OM003';
  END IF;
  INSERT INTO reservations (order_no, sku, warehouse, fulfilment_no, quantity, state)
  VALUES (NEW.order_no, NEW.sku, NEW.warehouse, NEW.fulfilment_no, NEW.quantity, NEW.state)
  ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE
    SET quantity = excluded.quantity, state = excluded.state;
  RETURN NULL;
END $$;
CREATE TRIGGER allocation_followed AFTER INSERT OR UPDATE ON allocations
  FOR EACH ROW EXECUTE FUNCTION follow_allocation();

GRANT SELECT ON reservations TO oms_app;
GRANT INSERT (fulfilment_no, order_no, quantity, sku, state, warehouse), UPDATE (quantity, state) ON reservations
  TO oms_app;
REVOKE EXECUTE ON FUNCTION follow_allocation(), refuse_released(), sum_reservations() FROM PUBLIC;
