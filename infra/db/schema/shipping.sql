-- Shipping: fulfilments, parcels, labels, tracking
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_store_credit.sql.

-- A part of an order that one warehouse ships. Its status follows from its parcel.
CREATE TABLE fulfilments (
  fulfilment_id text PRIMARY KEY,
  order_no      text NOT NULL REFERENCES orders,
  number        integer NOT NULL CHECK (number BETWEEN 1 AND 99),  -- 1 and up within the order
  warehouse     text NOT NULL REFERENCES warehouses (code),
  status        text NOT NULL CHECK (status IN ('planned', 'reserved', 'booked', 'picking', 'packed', 'shipped',
      'delivered', 'failed', 'cancelled')),
  promised_to   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  due_at        timestamptz,  -- until when its next step is expected, where an order has several
  placed_at     timestamptz,  -- when the order was placed; of further fulfilments alone (number > 1)
  -- production: a parcel whose goods are made first; codes and services have no parcel
  kind          text NOT NULL DEFAULT 'parcel',
  CONSTRAINT fulfilments_number UNIQUE (order_no, number)
);
ALTER TABLE fulfilments ADD CONSTRAINT fulfilment_kind CHECK (kind IN ('parcel', 'production', 'codes',
  'service')) NOT VALID;
CREATE INDEX fulfilments_further ON fulfilments (warehouse, placed_at DESC, order_no DESC) WHERE number > 1;
CREATE INDEX fulfilments_open ON fulfilments (warehouse, status, fulfilment_id) WHERE status NOT IN ('delivered',
  'cancelled');
CREATE INDEX fulfilments_planned ON fulfilments (order_no, number) WHERE status = 'planned';
CREATE INDEX fulfilments_split ON fulfilments (order_no) WHERE number > 1;
-- More triggers in backorders.sql: planned_without_stock.

CREATE TRIGGER fulfilment_closes_holds AFTER UPDATE OF status ON fulfilments
  FOR EACH ROW WHEN ((OLD.status IN ('planned', 'reserved')) AND (NEW.status NOT IN ('planned', 'reserved')))
  EXECUTE FUNCTION close_holds_of_last_part();

-- Writes when the order was placed to its further fulfilments: lists of orders by warehouse follow it.
CREATE FUNCTION date_further_fulfilment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.placed_at := (SELECT o.created_at FROM orders o WHERE o.order_no = NEW.order_no);
  RETURN NEW;
END $$;

CREATE TRIGGER further_fulfilment_dated BEFORE INSERT ON fulfilments
  FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION date_further_fulfilment();

-- How much of which line of the order a fulfilment has.
CREATE TABLE fulfilment_lines (
  order_no text NOT NULL,
  number   integer NOT NULL,
  line_no  integer NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  picked   bigint NOT NULL DEFAULT 0,  -- sum of its picks: never more than its quantity
  CONSTRAINT fulfilment_lines_pkey PRIMARY KEY (order_no, number, line_no),
  CONSTRAINT fulfilment_lines_order_no_line_no_fkey FOREIGN KEY (order_no, line_no) REFERENCES order_lines (order_no,
      line_no),
  CONSTRAINT fulfilment_lines_order_no_number_fkey FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no,
      number)
);
ALTER TABLE fulfilment_lines ADD CONSTRAINT fulfilment_lines_picked CHECK (picked >= 0
  AND picked <= quantity) NOT VALID;
-- More triggers in backorders.sql: fulfilled_after_change, fulfilled_after_removal, fulfilled_within_line.

-- A parcel of an order, from its booking to its delivery.
CREATE TABLE shipments (
  shipment_id     text PRIMARY KEY,
  order_no        text NOT NULL REFERENCES orders,
  warehouse       text NOT NULL REFERENCES warehouses (code),
  carrier         text NOT NULL,
  status          text NOT NULL CHECK (status IN ('booking', 'booked', 'picked_up', 'in_transit', 'delivered', 'lost',
      'refused', 'cancelled')),
  idempotency_key text NOT NULL UNIQUE,
  carrier_ref     text,
  tracking_no     text,
  address_rev     integer NOT NULL DEFAULT 0,  -- version of the address that the carrier got
  cost_minor      bigint,
  cost_currency   char(3),
  tries           integer NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  replaced_at     timestamptz,  -- another parcel goes out instead of this one
  came_back_at    timestamptz,
  fulfilment_no   integer NOT NULL DEFAULT 1,  -- number of the fulfilment that it is for
  CONSTRAINT shipments_carrier_carrier_ref_key UNIQUE (carrier, carrier_ref)
);
ALTER TABLE shipments ADD CONSTRAINT shipments_tracked CHECK ((status IN ('booking', 'cancelled'))
  OR tracking_no IS NOT NULL OR carrier = 'supplier') NOT VALID;
CREATE UNIQUE INDEX shipments_one_live_each ON shipments (order_no, fulfilment_no) WHERE status <> 'cancelled'
  AND replaced_at IS NULL;
CREATE INDEX shipments_order ON shipments (order_no);
CREATE INDEX shipments_tracking ON shipments (tracking_no);
CREATE INDEX shipments_twice ON shipments (updated_at) WHERE replaced_at IS NOT NULL AND status = 'delivered';
-- More triggers in freight.sql: parcel_cost_booked.

CREATE TRIGGER booking_checks_changes BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status = 'booking') EXECUTE FUNCTION skip_while_change_pending();

CREATE TRIGGER booking_checks_holds BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status = 'booking') EXECUTE FUNCTION skip_while_on_hold();

-- A booking that waited for the order has the warehouse of now.
CREATE FUNCTION book_from_current_warehouse()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.warehouse := coalesce((SELECT f.warehouse FROM fulfilments f
                              WHERE f.order_no = NEW.order_no AND f.number = NEW.fulfilment_no), NEW.warehouse);
  RETURN NEW;
END $$;

CREATE TRIGGER booking_from_current_warehouse BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status = 'booking') EXECUTE FUNCTION book_from_current_warehouse();

CREATE TRIGGER manual_parcel_checks_holds BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status <> 'booking') EXECUTE FUNCTION require_no_hold();

-- From now on the parcel is asked for.
CREATE FUNCTION track_parcel()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO parcel_tracking (shipment_id, next_at) VALUES (NEW.shipment_id, now()) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE TRIGGER parcel_is_tracked AFTER INSERT OR UPDATE OF tracking_no ON shipments
  FOR EACH ROW WHEN (NEW.tracking_no IS NOT NULL AND (NEW.carrier NOT IN ('sandbox', 'ups')))
  EXECUTE FUNCTION track_parcel();

-- Takes the status of a fulfilment from its parcel. What the warehouse did (picking, packed) stands until the parcel
-- has left.
CREATE FUNCTION refresh_fulfilment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER parcel_moved_fulfils AFTER UPDATE OF status, replaced_at ON shipments
  FOR EACH ROW WHEN (OLD.replaced_at IS NULL AND (NEW.status <> OLD.status OR NEW.replaced_at IS NOT NULL))
  EXECUTE FUNCTION refresh_fulfilment();

CREATE TRIGGER parcel_recorded_fulfils AFTER INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status <> 'booking') EXECUTE FUNCTION refresh_fulfilment();

-- Only a lost or refused parcel is replaced, once, and comes back once.
CREATE FUNCTION guard_replaced_parcel()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.replaced_at IS DISTINCT FROM OLD.replaced_at
     AND (OLD.replaced_at IS NOT NULL OR OLD.status NOT IN ('lost', 'refused'))
     OR OLD.came_back_at IS NOT NULL AND NEW.came_back_at IS DISTINCT FROM OLD.came_back_at THEN
    RAISE EXCEPTION 'only what is lost or refused is replaced, and comes back, once' USING ERRCODE = 'OM171';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER replaced_parcel_guard BEFORE UPDATE OF replaced_at, came_back_at ON shipments
  FOR EACH ROW EXECUTE FUNCTION guard_replaced_parcel();

-- The carrier's label. It carries the address, so it is encrypted.
CREATE TABLE shipment_labels (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  format      text NOT NULL,
  content_enc bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- What the carrier reported about a parcel, each report once.
CREATE TABLE shipment_scans (
  carrier     text NOT NULL,
  event_id    text NOT NULL,
  shipment_id text NOT NULL REFERENCES shipments,
  status      text NOT NULL,
  occurred_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shipment_scans_pkey PRIMARY KEY (carrier, event_id)
);
CREATE INDEX shipment_scans_shipment ON shipment_scans (shipment_id, occurred_at);

-- What was in a parcel that was replaced.
CREATE TABLE replaced_parcel_lines (
  shipment_id text NOT NULL REFERENCES shipments,
  sku         text NOT NULL,
  quantity    bigint NOT NULL CHECK (quantity > 0),
  CONSTRAINT replaced_parcel_lines_pkey PRIMARY KEY (shipment_id, sku)
);

CREATE TRIGGER replaced_parcel_lines_append_only BEFORE DELETE OR UPDATE ON replaced_parcel_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Parcels that are asked for, since their carrier reports nothing.
CREATE TABLE parcel_tracking (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  asked       integer NOT NULL DEFAULT 0,
  unchanged   integer NOT NULL DEFAULT 0,  -- so often without news since the last
  next_at     timestamptz,  -- NULL: it is not asked for any more
  last_error  text,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT parcel_tracking_counts CHECK (asked >= 0 AND unchanged >= 0 AND unchanged <= asked)
);
CREATE INDEX parcel_tracking_due ON parcel_tracking (next_at) WHERE next_at IS NOT NULL;

-- Creates the first fulfilment with the reservation of the stock, unless the order was split.
CREATE FUNCTION create_fulfilment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.data ->> 'warehouse' IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, promised_to)
  VALUES (NEW.order_no || '-F1', NEW.order_no, 1, NEW.data ->> 'warehouse', 'reserved',
          CAST(NEW.data ->> 'promised_to' AS timestamptz)) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
    SELECT l.order_no, 1, l.line_no, l.quantity - l.cancelled_quantity FROM order_lines l
     WHERE l.order_no = NEW.order_no AND l.quantity > l.cancelled_quantity;
  END IF;
  RETURN NULL;
END $$;

-- Cancels what is left of a cancelled order.
CREATE FUNCTION cancel_fulfilments()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilments SET status = 'cancelled', updated_at = now()
   WHERE order_no = NEW.order_no AND status NOT IN ('delivered', 'cancelled');
  RETURN NULL;
END $$;

-- An order that ships in one part ships all that is left of its lines.
CREATE FUNCTION follow_changed_line()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Writes the warehouse of a second parcel, or the one that a person chose, to the order.
CREATE FUNCTION refresh_order_warehouse()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE orders SET warehouse = NEW.data ->> 'warehouse'
   WHERE order_no = NEW.order_no AND coalesce(CAST(NEW.data ->> 'fulfilment' AS integer), 1) = 1;
  RETURN NULL;
END $$;

-- Takes units from a line that another fulfilment sends; a fulfilment without lines is cancelled.
CREATE FUNCTION shorten_fulfilment_line(of_order text, of_number integer, of_line integer, units bigint)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilment_lines SET quantity = quantity - units
   WHERE order_no = of_order AND number = of_number AND line_no = of_line AND quantity > units;
  IF NOT FOUND THEN
    DELETE FROM fulfilment_lines
     WHERE order_no = of_order AND number = of_number AND line_no = of_line AND quantity = units AND picked = 0;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the line has fewer units that are not picked' USING ERRCODE = 'OM003';
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM fulfilment_lines WHERE order_no = of_order AND number = of_number) THEN
    UPDATE fulfilments SET status = 'cancelled', updated_at = now() WHERE order_no = of_order AND number = of_number;
  END IF;
END $$;

-- Of tables in earlier files

CREATE TRIGGER first_warehouse_changed AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'warehouse_changed' AND (NEW.data ->> 'number') = '1')
  EXECUTE FUNCTION refresh_order_warehouse();
CREATE TRIGGER order_cancelled_fulfils AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.to_status = 'cancelled') EXECUTE FUNCTION cancel_fulfilments();
CREATE TRIGGER parcel_replaced_elsewhere AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'parcel_replaced') EXECUTE FUNCTION refresh_order_warehouse();
CREATE TRIGGER stock_reserved_fulfils AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'stock_reserved') EXECUTE FUNCTION create_fulfilment();
CREATE TRIGGER changed_line_fulfils AFTER INSERT ON order_change_lines
  FOR EACH ROW EXECUTE FUNCTION follow_changed_line();
ALTER TABLE payments ADD CONSTRAINT capture_of_its_fulfilment FOREIGN KEY (order_no, fulfilment_no)
  REFERENCES fulfilments (order_no, number);

-- Rights

GRANT SELECT ON fulfilment_lines, fulfilments, parcel_tracking, replaced_parcel_lines, shipment_labels, shipment_scans,
  shipments TO oms_app;
GRANT INSERT (line_no, number, order_no, quantity) ON fulfilment_lines TO oms_app;
GRANT UPDATE (quantity) ON fulfilment_lines TO oms_app;
GRANT INSERT (fulfilment_id, kind, number, order_no, promised_to, status, warehouse) ON fulfilments TO oms_app;
GRANT UPDATE (due_at, promised_to, status, updated_at, warehouse) ON fulfilments TO oms_app;
GRANT UPDATE (asked, last_error, next_at, unchanged, updated_at) ON parcel_tracking TO oms_app;
GRANT INSERT (quantity, shipment_id, sku) ON replaced_parcel_lines TO oms_app;
GRANT INSERT (content_enc, format, shipment_id) ON shipment_labels TO oms_app;
GRANT INSERT (carrier, event_id, occurred_at, shipment_id, status) ON shipment_scans TO oms_app;
GRANT INSERT (address_rev, carrier, fulfilment_no, idempotency_key, order_no, shipment_id, status, tracking_no, tries,
  warehouse) ON shipments TO oms_app;
GRANT UPDATE (came_back_at, carrier, carrier_ref, cost_currency, cost_minor, replaced_at, status, tracking_no, tries,
  updated_at) ON shipments TO oms_app;
REVOKE EXECUTE ON FUNCTION book_from_current_warehouse(), cancel_fulfilments(), create_fulfilment(),
  date_further_fulfilment(), follow_changed_line(), guard_replaced_parcel(), refresh_fulfilment(),
  refresh_order_warehouse(), shorten_fulfilment_line(text, integer, integer, bigint), track_parcel() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shorten_fulfilment_line(text, integer, integer, bigint) TO oms_app;
