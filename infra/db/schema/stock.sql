-- Stock: warehouses, levels, movements, allocations
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after orders_changes.sql.

-- Where stock is kept and parcels are sent from.
CREATE TABLE warehouses (
  code           text PRIMARY KEY CHECK (length(code) BETWEEN 1 AND 32),
  name           text NOT NULL,
  country        char(2) NOT NULL,
  province       text NOT NULL,
  city           text NOT NULL,
  priority       integer NOT NULL DEFAULT 100,
  is_default     boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL DEFAULT now(),
  version        bigint NOT NULL DEFAULT 1,
  updated_at     timestamptz NOT NULL DEFAULT now(),
  district       text NOT NULL DEFAULT '',
  line1          text NOT NULL DEFAULT '',
  postcode       text NOT NULL DEFAULT '',
  contact_name   text NOT NULL DEFAULT '',
  phone          text NOT NULL DEFAULT '',
  active         boolean NOT NULL DEFAULT true,
  kind           text NOT NULL DEFAULT 'warehouse',
  lead_time_days smallint NOT NULL DEFAULT 0  -- of a supplier: it ships so many days after the next cut-off
);
ALTER TABLE warehouses ADD CONSTRAINT warehouses_default_is_own CHECK (NOT is_default OR kind = 'warehouse') NOT VALID;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_address_is_bounded CHECK (length(district) <= 200
  AND length(line1) <= 200 AND length(postcode) <= 200 AND length(contact_name) <= 200
  AND length(phone) <= 200) NOT VALID;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_default_is_active CHECK (active OR NOT is_default) NOT VALID;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_kind CHECK (kind IN ('warehouse', 'supplier')) NOT VALID;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_lead_time CHECK (lead_time_days >= 0
  AND lead_time_days <= 90) NOT VALID;
CREATE UNIQUE INDEX warehouses_one_default ON warehouses (is_default) WHERE is_default;

CREATE TRIGGER supplier_audited AFTER INSERT OR UPDATE ON warehouses
  FOR EACH ROW WHEN (NEW.kind = 'supplier') EXECUTE FUNCTION audit_row('supplier', 'code', 'lead_time_days');

CREATE TRIGGER warehouse_audited AFTER INSERT OR UPDATE ON warehouses
  FOR EACH ROW
  EXECUTE FUNCTION audit_row('warehouse', 'code',
    'name country province city district line1 postcode contact_name phone priority is_default active');

CREATE TRIGGER warehouse_versioned BEFORE UPDATE ON warehouses
  FOR EACH ROW WHEN (NEW.* IS DISTINCT FROM OLD.*) EXECUTE FUNCTION next_version();

-- How many units of a product a warehouse has. Changed by stock_movements only.
CREATE TABLE stock_levels (
  sku          text NOT NULL REFERENCES products,
  warehouse    text NOT NULL REFERENCES warehouses (code),
  on_hand      bigint NOT NULL DEFAULT 0,
  reserved     bigint NOT NULL DEFAULT 0,
  incoming     bigint NOT NULL DEFAULT 0,
  safety_stock bigint NOT NULL DEFAULT 0,
  available    bigint GENERATED ALWAYS AS (GREATEST(on_hand - reserved - safety_stock, 0::bigint)) STORED,
  quarantined  bigint NOT NULL DEFAULT 0,  -- not part of on_hand
  placed       bigint NOT NULL DEFAULT 0,  -- units at all locations; the rest of on_hand is in the default location
  CONSTRAINT stock_levels_pkey PRIMARY KEY (sku, warehouse),
  CONSTRAINT stock_on_hand_not_negative CHECK (on_hand >= 0),
  CONSTRAINT stock_not_oversold CHECK (reserved <= on_hand),
  CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
  CONSTRAINT stock_incoming_not_negative CHECK (incoming >= 0),
  CONSTRAINT stock_safety_not_negative CHECK (safety_stock >= 0),
  CONSTRAINT stock_quarantined_not_negative CHECK (quarantined >= 0),
  CONSTRAINT stock_placed_within_on_hand CHECK (placed BETWEEN 0 AND on_hand)
) WITH (fillfactor = 60);

CREATE TRIGGER safety_stock_audited AFTER UPDATE OF safety_stock ON stock_levels
  FOR EACH ROW WHEN (NEW.safety_stock <> OLD.safety_stock) EXECUTE FUNCTION audit_safety_stock();

-- Refuses a change of a level that does not come from a movement.
CREATE FUNCTION guard_stock_level() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF pg_trigger_depth() < 2 AND (
       TG_OP = 'INSERT' AND (NEW.on_hand <> 0 OR NEW.reserved <> 0 OR NEW.quarantined <> 0)
    OR TG_OP = 'UPDATE' AND (NEW.on_hand <> OLD.on_hand OR NEW.reserved <> OLD.reserved
                             OR NEW.quarantined <> OLD.quarantined)) THEN
    RAISE EXCEPTION 'a level moves only through stock_movements' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.placed > NEW.on_hand AND TG_OP = 'UPDATE' AND NEW.on_hand >= 0 AND NEW.placed = OLD.placed THEN
    PERFORM take_from_locations(NEW.sku, NEW.warehouse, NEW.placed - NEW.on_hand);
    NEW.placed := NEW.on_hand;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER stock_level_guard BEFORE INSERT OR UPDATE ON stock_levels
  FOR EACH ROW EXECUTE FUNCTION guard_stock_level();

-- Wakes the orders and planned fulfilments that wait longest for a product, as many as its new units can serve. A lock
-- makes an order that records its shortage at the same moment visible.
CREATE FUNCTION signal_backorders()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  waiting record;
  units_left numeric;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || NEW.sku, 0));
  SELECT sum(s.available) INTO units_left FROM stock_levels s WHERE s.sku = NEW.sku;
  FOR waiting IN
    SELECT o.order_no, n.units, priority_head_start_s(o.priority) AS head_start_s,
           extract(epoch FROM o.created_at) - priority_head_start_s(o.priority) AS rank,
           o.ship_complete, CAST(NULL AS integer) AS number
      FROM orders o, LATERAL (
             SELECT sum(l.quantity - l.cancelled_quantity) AS units FROM order_lines l
              WHERE l.order_no = o.order_no AND l.sku = NEW.sku AND l.quantity > l.cancelled_quantity) n
     WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND n.units > 0
    UNION ALL
    SELECT o.order_no, n.units, priority_head_start_s(o.priority),
           extract(epoch FROM o.created_at) - priority_head_start_s(o.priority), true, f.number
      FROM fulfilments f JOIN orders o USING (order_no), LATERAL (
             SELECT sum(p.quantity) AS units FROM fulfilment_lines p JOIN order_lines l USING (order_no, line_no)
              WHERE p.order_no = f.order_no AND p.number = f.number AND l.sku = NEW.sku) n
     WHERE f.status = 'planned' AND o.status IN ('paid', 'preparing') AND n.units > 0
     ORDER BY rank, order_no LIMIT 1000
  LOOP
    EXIT WHEN units_left <= 0;
    CONTINUE WHEN NOT CASE WHEN waiting.number IS NOT NULL THEN part_fits(waiting.order_no, waiting.number)
                           ELSE NOT waiting.ship_complete OR fits_together(waiting.order_no) END;
    INSERT INTO workflow_requests (kind, subject, name, rank)
    VALUES ('signal_order', waiting.order_no, 'stock_arrived',
            extract(epoch FROM clock_timestamp()) - waiting.head_start_s);
    units_left := units_left - waiting.units;
  END LOOP;
  RETURN NULL;
END $$;

CREATE TRIGGER stock_level_signals AFTER UPDATE ON stock_levels
  FOR EACH ROW WHEN (NEW.available > OLD.available) EXECUTE FUNCTION signal_backorders();

-- Every change of a level. Append-only; levels equal the sum of their movements.
CREATE TABLE stock_movements (
  movement_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  idempotency_key   text NOT NULL,
  kind              text NOT NULL,
  sku               text NOT NULL,
  warehouse         text NOT NULL,
  quantity          bigint NOT NULL CHECK (quantity <> 0),
  on_hand_delta     bigint NOT NULL,
  reserved_delta    bigint NOT NULL,
  order_no          text,
  reference         text,
  actor             text NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  quarantined_delta bigint NOT NULL DEFAULT 0,
  duplicate         boolean NOT NULL DEFAULT false,
  location          text,  -- where the units were put, if a person named a location
  CONSTRAINT one_movement_per_key UNIQUE (idempotency_key),
  CONSTRAINT movement_deltas CHECK (
  CASE kind
      WHEN 'receipt' THEN quantity > 0 AND on_hand_delta = quantity AND reserved_delta = 0 AND quarantined_delta = 0
      WHEN 'adjustment' THEN on_hand_delta = quantity AND reserved_delta = 0 AND quarantined_delta = 0
      WHEN 'reserve' THEN quantity > 0 AND on_hand_delta = 0 AND reserved_delta = quantity AND quarantined_delta = 0
          AND order_no IS NOT NULL
      WHEN 'release' THEN quantity > 0 AND on_hand_delta = 0 AND reserved_delta = -quantity AND quarantined_delta = 0
          AND order_no IS NOT NULL
      WHEN 'ship' THEN quantity > 0 AND on_hand_delta = -quantity AND reserved_delta = -quantity
          AND quarantined_delta = 0 AND order_no IS NOT NULL
      WHEN 'transfer_out' THEN quantity > 0 AND on_hand_delta = -quantity AND reserved_delta = 0
          AND quarantined_delta = 0
      WHEN 'transfer_in' THEN quantity > 0 AND on_hand_delta = quantity AND reserved_delta = 0 AND quarantined_delta = 0
      WHEN 'return_restock' THEN quantity > 0 AND on_hand_delta = quantity AND reserved_delta = 0
          AND quarantined_delta = 0 AND order_no IS NOT NULL
      WHEN 'quarantine_in' THEN quantity > 0 AND on_hand_delta = 0 AND reserved_delta = 0
          AND quarantined_delta = quantity
      WHEN 'quarantine_release' THEN quantity > 0 AND on_hand_delta = quantity AND reserved_delta = 0
          AND quarantined_delta = -quantity
      WHEN 'scrap' THEN quantity > 0 AND on_hand_delta = 0 AND reserved_delta = 0 AND quarantined_delta = -quantity
      ELSE false
  END),
  CONSTRAINT only_receipts_repeat CHECK (NOT duplicate OR kind = 'receipt')
);
CREATE UNIQUE INDEX receipt_once ON stock_movements (reference, sku, warehouse) WHERE kind = 'receipt'
  AND NOT duplicate;
CREATE INDEX stock_movements_by_people ON stock_movements (sku, movement_id) WHERE kind NOT IN ('reserve', 'release',
  'ship');
CREATE INDEX stock_movements_level ON stock_movements (sku, warehouse);
-- More triggers in after_sales.sql: return_stock_checks_inspection.

CREATE TRIGGER stock_audited AFTER INSERT ON stock_movements
  FOR EACH ROW WHEN (NEW.kind IN ('receipt', 'adjustment', 'transfer_out', 'transfer_in', 'return_restock',
    'quarantine_in', 'quarantine_release', 'scrap'))
  EXECUTE FUNCTION audit_stock();

-- Applies a movement to its level; refuses a reservation of more than is available.
CREATE FUNCTION apply_stock_movement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE stock_levels
     SET on_hand = on_hand + NEW.on_hand_delta, reserved = reserved + NEW.reserved_delta,
         quarantined = quarantined + NEW.quarantined_delta
   WHERE sku = NEW.sku AND warehouse = NEW.warehouse AND (NEW.kind <> 'reserve' OR available >= NEW.quantity);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'stock_short' USING ERRCODE = 'OM001', DETAIL = NEW.sku || ' at ' || NEW.warehouse;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER stock_movement_applies AFTER INSERT ON stock_movements
  FOR EACH ROW EXECUTE FUNCTION apply_stock_movement();

-- An inactive warehouse reserves nothing and receives nothing; what it has can be shipped, counted and moved.
CREATE FUNCTION require_active_warehouse()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM warehouses w WHERE w.code = NEW.warehouse AND NOT w.active) THEN
    IF NEW.kind = 'reserve' THEN
      RAISE EXCEPTION 'stock_short' USING ERRCODE = 'OM001', DETAIL = NEW.sku || ' at ' || NEW.warehouse;
    END IF;
    RAISE EXCEPTION 'the warehouse % is inactive', NEW.warehouse USING ERRCODE = 'OM191';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER stock_movement_needs_active_warehouse BEFORE INSERT ON stock_movements
  FOR EACH ROW WHEN (NEW.kind IN ('receipt', 'reserve', 'transfer_in')) EXECUTE FUNCTION require_active_warehouse();

CREATE TRIGGER stock_movements_append_only BEFORE DELETE OR UPDATE ON stock_movements
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- The stock that a fulfilment of an order has reserved, and in which warehouse.
CREATE TABLE reservations (
  order_no      text NOT NULL REFERENCES orders,
  sku           text NOT NULL,
  warehouse     text NOT NULL,
  fulfilment_no integer NOT NULL,  -- number of the fulfilment that they are for
  quantity      bigint NOT NULL CHECK (quantity > 0),
  state         text NOT NULL CHECK (state IN ('reserved', 'released', 'shipped')),
  CONSTRAINT reservations_pkey PRIMARY KEY (order_no, sku, warehouse, fulfilment_no)
);
CREATE INDEX reservations_held ON reservations (sku, warehouse) WHERE state = 'reserved';
-- More triggers in backorders.sql: stock_of_reserved_part.

-- Stock that was released is not shipped: it is reserved again first.
CREATE FUNCTION refuse_released() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'stock that was released is not shipped' USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER reservation_is_held BEFORE UPDATE ON reservations
  FOR EACH ROW WHEN (OLD.state = 'released' AND NEW.state = 'shipped') EXECUTE FUNCTION refuse_released();

-- For processes of the previous version: the row of an allocation is what all parts have reserved there; if none has,
-- what they have shipped.
CREATE FUNCTION sum_reservations()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- The sum of an order's reservations of a product in a warehouse, which processes of the previous version read and
-- write.
CREATE TABLE allocations (
  order_no      text NOT NULL REFERENCES orders,
  sku           text NOT NULL,
  warehouse     text NOT NULL,
  quantity      bigint NOT NULL CHECK (quantity > 0),
  state         text NOT NULL CHECK (state IN ('reserved', 'released', 'shipped')),
  fulfilment_no integer NOT NULL DEFAULT 1,  -- the smallest number of a fulfilment that has a share in them
  CONSTRAINT allocations_pkey PRIMARY KEY (order_no, sku, warehouse)
);
CREATE INDEX allocations_held ON allocations (sku, warehouse) WHERE state = 'reserved';

-- What a process of the previous version writes is what one part has reserved. Where several have, it does not know
-- which is meant: it is refused, and a process of this version does the step.
CREATE FUNCTION follow_allocation()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- True where all warehouses together have everything that is left of the order's lines.
CREATE FUNCTION fits_together(wanted_by text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT sum(s.available) FROM stock_levels s JOIN warehouses w ON w.code = s.warehouse
              WHERE s.sku = l.sku AND w.active), 0))
$$;

-- True where one active warehouse has everything that is left of the order's lines.
CREATE FUNCTION fits_somewhere(wanted_by text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM warehouses w WHERE w.active AND NOT EXISTS (
    SELECT FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT s.available FROM stock_levels s WHERE s.sku = l.sku AND s.warehouse = w.code), 0)))
$$;

-- Rights

GRANT SELECT ON allocations, reservations, stock_levels, stock_movements, warehouses TO oms_app;
GRANT INSERT (fulfilment_no, order_no, quantity, sku, state, warehouse) ON allocations TO oms_app;
GRANT UPDATE (fulfilment_no, quantity, state) ON allocations TO oms_app;
GRANT INSERT (fulfilment_no, order_no, quantity, sku, state, warehouse) ON reservations TO oms_app;
GRANT UPDATE (quantity, state) ON reservations TO oms_app;
GRANT INSERT (sku, warehouse) ON stock_levels TO oms_app;
GRANT UPDATE (safety_stock) ON stock_levels TO oms_app;
GRANT INSERT (actor, duplicate, idempotency_key, kind, location, on_hand_delta, order_no, quantity, quarantined_delta,
  reference, reserved_delta, sku, warehouse) ON stock_movements TO oms_app;
GRANT INSERT (city, code, contact_name, country, district, is_default, kind, lead_time_days, line1, name, phone,
  postcode, priority, province) ON warehouses TO oms_app;
GRANT UPDATE (active, city, contact_name, country, district, is_default, lead_time_days, line1, name, phone, postcode,
  priority, province) ON warehouses TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_stock_movement(), fits_somewhere(text), fits_together(text), follow_allocation(),
  guard_stock_level(), refuse_released(), require_active_warehouse(), signal_backorders(), sum_reservations()
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fits_somewhere(text), fits_together(text) TO oms_app;
