-- A part of an order that one warehouse ships, with lines and a status of its own. The first one of an order is created
-- with the reservation of its stock, whatever version of the product reserves; its status follows from its parcel.
CREATE TABLE fulfilments (
  fulfilment_id text PRIMARY KEY,
  order_no      text NOT NULL REFERENCES orders,
  number        integer NOT NULL CHECK (number BETWEEN 1 AND 99),
  warehouse     text NOT NULL REFERENCES warehouses (code),
  status        text NOT NULL CHECK (status IN ('planned', 'reserved', 'booked', 'picking', 'packed', 'shipped',
    'delivered', 'failed', 'cancelled')),
  promised_to   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT fulfilments_number UNIQUE (order_no, number)
);
CREATE INDEX fulfilments_open ON fulfilments (warehouse, status, fulfilment_id)
  WHERE status NOT IN ('delivered', 'cancelled');

CREATE TABLE fulfilment_lines (
  order_no text NOT NULL,
  number   integer NOT NULL,
  line_no  integer NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_no, number, line_no),
  FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no, number),
  FOREIGN KEY (order_no, line_no) REFERENCES order_lines (order_no, line_no)
);

-- What was there before is the first fulfilment's.
ALTER TABLE shipments ADD COLUMN fulfilment_no integer NOT NULL DEFAULT 1;
ALTER TABLE allocations ADD COLUMN fulfilment_no integer NOT NULL DEFAULT 1;

CREATE FUNCTION create_fulfilment() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.data ->> 'warehouse' IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)
  VALUES (NEW.order_no || '-F1', NEW.order_no, 1, NEW.data ->> 'warehouse', 'reserved') ON CONFLICT DO NOTHING;
  IF FOUND THEN
    INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
    SELECT l.order_no, 1, l.line_no, l.quantity - l.cancelled_quantity FROM order_lines l
     WHERE l.order_no = NEW.order_no AND l.quantity > l.cancelled_quantity;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER stock_reserved_fulfils AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'stock_reserved') EXECUTE FUNCTION create_fulfilment();

CREATE FUNCTION cancel_fulfilments() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilments SET status = 'cancelled', updated_at = now()
   WHERE order_no = NEW.order_no AND status NOT IN ('delivered', 'cancelled');
  RETURN NULL;
END $$;
CREATE TRIGGER order_cancelled_fulfils AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.to_status = 'cancelled') EXECUTE FUNCTION cancel_fulfilments();

-- What the warehouse did (picking, packed) stands until the parcel has left.
CREATE FUNCTION refresh_fulfilment() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilments f SET status = n.status, updated_at = now()
    FROM (SELECT CASE WHEN NEW.replaced_at IS NOT NULL THEN 'reserved'
                      ELSE CASE NEW.status WHEN 'booked' THEN 'booked' WHEN 'delivered' THEN 'delivered'
                        WHEN 'cancelled' THEN 'reserved' WHEN 'lost' THEN 'failed' WHEN 'refused' THEN 'failed'
                        ELSE 'shipped' END END AS status) n
   WHERE f.order_no = NEW.order_no AND f.number = NEW.fulfilment_no AND f.status NOT IN (n.status, 'cancelled')
     AND NOT (n.status = 'booked' AND f.status IN ('picking', 'packed'));
  RETURN NULL;
END $$;
CREATE TRIGGER parcel_recorded_fulfils AFTER INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status <> 'booking') EXECUTE FUNCTION refresh_fulfilment();
CREATE TRIGGER parcel_moved_fulfils AFTER UPDATE OF status, replaced_at ON shipments
  FOR EACH ROW WHEN (OLD.replaced_at IS NULL AND (NEW.status <> OLD.status OR NEW.replaced_at IS NOT NULL))
  EXECUTE FUNCTION refresh_fulfilment();

-- An order that ships in one part ships all that is left of its lines.
CREATE FUNCTION follow_changed_line() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE units bigint;
BEGIN
  IF (SELECT count(*) <> 1 FROM fulfilments f WHERE f.order_no = NEW.order_no) THEN
    RETURN NULL;
  END IF;
  SELECT l.quantity - l.cancelled_quantity INTO units FROM order_lines l
   WHERE l.order_no = NEW.order_no AND l.line_no = NEW.line_no;
  IF units > 0 THEN
    INSERT INTO fulfilment_lines (order_no, number, line_no, quantity) VALUES (NEW.order_no, 1, NEW.line_no, units)
    ON CONFLICT (order_no, number, line_no) DO UPDATE SET quantity = excluded.quantity;
  ELSE
    DELETE FROM fulfilment_lines WHERE order_no = NEW.order_no AND line_no = NEW.line_no;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER changed_line_fulfils AFTER INSERT ON order_change_lines
  FOR EACH ROW EXECUTE FUNCTION follow_changed_line();

GRANT SELECT ON fulfilments, fulfilment_lines TO oms_app;
GRANT INSERT (fulfilment_id, number, order_no, promised_to, status, warehouse) ON fulfilments TO oms_app;
GRANT UPDATE (promised_to, status, updated_at, warehouse) ON fulfilments TO oms_app;
GRANT INSERT (line_no, number, order_no, quantity) ON fulfilment_lines TO oms_app;
GRANT UPDATE (quantity) ON fulfilment_lines TO oms_app;
GRANT INSERT (fulfilment_no), UPDATE (fulfilment_no) ON allocations TO oms_app;
GRANT INSERT (fulfilment_no) ON shipments TO oms_app;
REVOKE EXECUTE ON FUNCTION cancel_fulfilments(), create_fulfilment(), follow_changed_line(), refresh_fulfilment()
  FROM PUBLIC;
