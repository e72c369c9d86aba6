-- Shipping: parcels, labels, tracking
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_store_credit.sql.

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
  CONSTRAINT shipments_carrier_carrier_ref_key UNIQUE (carrier, carrier_ref),
  CONSTRAINT shipments_check CHECK ((status IN ('booking', 'cancelled')) OR tracking_no IS NOT NULL)
);
CREATE UNIQUE INDEX shipments_one_live ON shipments (order_no) WHERE status <> 'cancelled' AND replaced_at IS NULL;
CREATE INDEX shipments_order ON shipments (order_no);
CREATE INDEX shipments_tracking ON shipments (tracking_no);
CREATE INDEX shipments_twice ON shipments (updated_at) WHERE replaced_at IS NOT NULL AND status = 'delivered';

CREATE TRIGGER booking_checks_changes BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status = 'booking') EXECUTE FUNCTION skip_while_change_pending();

CREATE TRIGGER booking_checks_holds BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status = 'booking') EXECUTE FUNCTION skip_while_on_hold();

CREATE TRIGGER manual_parcel_checks_holds BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status <> 'booking') EXECUTE FUNCTION require_no_hold();

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

-- Writes the warehouse of a second parcel to the order.
CREATE FUNCTION refresh_order_warehouse()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE orders SET warehouse = NEW.data ->> 'warehouse' WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;

-- Of tables in earlier files

CREATE TRIGGER parcel_replaced_elsewhere AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'parcel_replaced') EXECUTE FUNCTION refresh_order_warehouse();

-- Rights

GRANT SELECT ON replaced_parcel_lines, shipment_labels, shipment_scans, shipments TO oms_app;
GRANT INSERT (quantity, shipment_id, sku) ON replaced_parcel_lines TO oms_app;
GRANT INSERT (content_enc, format, shipment_id) ON shipment_labels TO oms_app;
GRANT INSERT (carrier, event_id, occurred_at, shipment_id, status) ON shipment_scans TO oms_app;
GRANT INSERT (address_rev, carrier, idempotency_key, order_no, shipment_id, status, tracking_no, tries, warehouse)
  ON shipments TO oms_app;
GRANT UPDATE (came_back_at, carrier_ref, cost_currency, cost_minor, replaced_at, status, tracking_no, tries, updated_at)
  ON shipments TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_replaced_parcel(), refresh_order_warehouse() FROM PUBLIC;
