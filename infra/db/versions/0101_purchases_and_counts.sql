-- What was ordered from a supplier: it is incoming until it is received or cancelled.
CREATE TABLE purchase_orders (
  number     text PRIMARY KEY CHECK (length(number) BETWEEN 1 AND 64),
  supplier   text NOT NULL,
  warehouse  text NOT NULL REFERENCES warehouses (code),
  expected_on date NOT NULL,
  status     text NOT NULL DEFAULT 'open',
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  version    bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT purchase_orders_status CHECK (status IN ('open', 'received', 'cancelled'))
);
CREATE INDEX purchase_orders_newest ON purchase_orders (created_at DESC, number DESC);
CREATE TABLE purchase_order_lines (
  number       text NOT NULL REFERENCES purchase_orders,
  sku          text NOT NULL REFERENCES products,
  quantity     bigint NOT NULL CHECK (quantity > 0),
  received     bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
  over_percent integer NOT NULL DEFAULT 0 CHECK (over_percent BETWEEN 0 AND 100),
  cancelled    boolean NOT NULL DEFAULT false,
  open         bigint GENERATED ALWAYS AS (CASE WHEN cancelled THEN 0 ELSE greatest(quantity - received, 0) END) STORED,
  PRIMARY KEY (number, sku),
  CONSTRAINT purchase_line_over_delivered CHECK (received <= quantity + quantity * over_percent / 100)
);
CREATE INDEX purchase_order_lines_open ON purchase_order_lines (sku) WHERE open > 0;

CREATE FUNCTION apply_purchase_line()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE delta bigint := NEW.open - CASE TG_OP WHEN 'INSERT' THEN 0 ELSE OLD.open END;
BEGIN
  IF delta <> 0 THEN
    INSERT INTO stock_levels (sku, warehouse)
    SELECT NEW.sku, p.warehouse FROM purchase_orders p WHERE p.number = NEW.number ON CONFLICT DO NOTHING;
    UPDATE stock_levels l SET incoming = l.incoming + delta
      FROM purchase_orders p WHERE p.number = NEW.number AND l.sku = NEW.sku AND l.warehouse = p.warehouse;
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION apply_purchase_line() FROM PUBLIC;
CREATE TRIGGER purchase_line_applies AFTER INSERT OR UPDATE ON purchase_order_lines
  FOR EACH ROW EXECUTE FUNCTION apply_purchase_line();

-- Which receipts belong to a purchase order: its lines count them.
CREATE TABLE purchase_receipts (
  movement_id bigint PRIMARY KEY REFERENCES stock_movements,
  number      text NOT NULL REFERENCES purchase_orders
);
CREATE INDEX purchase_receipts_number ON purchase_receipts (number);
CREATE FUNCTION apply_purchase_receipt()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE purchase_order_lines l SET received = l.received + m.quantity
    FROM stock_movements m, purchase_orders p
   WHERE m.movement_id = NEW.movement_id AND m.kind = 'receipt' AND p.number = NEW.number AND p.warehouse = m.warehouse
     AND p.status <> 'cancelled' AND l.number = p.number AND l.sku = m.sku;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the receipt is not one of this purchase order' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION apply_purchase_receipt() FROM PUBLIC;
CREATE TRIGGER purchase_receipt_applies AFTER INSERT ON purchase_receipts
  FOR EACH ROW EXECUTE FUNCTION apply_purchase_receipt();
CREATE TRIGGER purchase_receipts_append_only BEFORE DELETE OR UPDATE ON purchase_receipts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE FUNCTION guard_purchase_order() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'cancelled' OR NEW.warehouse <> OLD.warehouse THEN
    RAISE EXCEPTION 'a cancelled purchase order stays so, and none changes its warehouse' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_purchase_order() FROM PUBLIC;
CREATE TRIGGER purchase_order_guard BEFORE UPDATE ON purchase_orders
  FOR EACH ROW EXECUTE FUNCTION guard_purchase_order();
CREATE TRIGGER purchase_order_versioned BEFORE UPDATE ON purchase_orders
  FOR EACH ROW EXECUTE FUNCTION next_version();
CREATE TRIGGER purchase_order_audited AFTER INSERT OR UPDATE ON purchase_orders
  FOR EACH ROW EXECUTE FUNCTION audit_row('purchase_order', 'number', 'supplier warehouse expected_on status');
CREATE TRIGGER purchase_line_audited AFTER INSERT OR UPDATE ON purchase_order_lines
  FOR EACH ROW EXECUTE FUNCTION audit_row('purchase_line', 'number', 'sku quantity cancelled');

-- What people counted in a warehouse, and how it differs from the ledger.
CREATE TABLE stock_counts (
  count_id   text PRIMARY KEY,
  warehouse  text NOT NULL REFERENCES warehouses (code),
  reference  text NOT NULL,
  status     text NOT NULL,
  counted_by text NOT NULL,
  counted_at timestamptz NOT NULL DEFAULT now(),
  decided_by text,
  posted_at  timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT stock_counts_once UNIQUE (reference),
  CONSTRAINT stock_counts_status CHECK (status IN ('awaiting_approval', 'short', 'posted', 'refused')),
  CONSTRAINT stock_counts_second_person CHECK (person_of(decided_by) <> person_of(counted_by)),
  CONSTRAINT stock_counts_posted CHECK ((status = 'posted') = (posted_at IS NOT NULL))
);
CREATE INDEX stock_counts_newest ON stock_counts (created_at DESC, count_id DESC);
CREATE TABLE stock_count_lines (
  count_id    text NOT NULL REFERENCES stock_counts,
  sku         text NOT NULL REFERENCES products,
  location    text NOT NULL DEFAULT '',
  counted     bigint NOT NULL CHECK (counted >= 0),
  expected    bigint NOT NULL,
  difference  bigint GENERATED ALWAYS AS (counted - expected) STORED,
  movement_id bigint REFERENCES stock_movements,
  PRIMARY KEY (count_id, sku, location)
);
CREATE FUNCTION guard_stock_count() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what is posted or refused stays so' USING ERRCODE = 'OM003';
END $$;
REVOKE EXECUTE ON FUNCTION guard_stock_count() FROM PUBLIC;
CREATE TRIGGER stock_count_guard BEFORE UPDATE ON stock_counts
  FOR EACH ROW WHEN (OLD.status IN ('posted', 'refused')) EXECUTE FUNCTION guard_stock_count();
CREATE TRIGGER stock_count_audited AFTER INSERT OR UPDATE ON stock_counts
  FOR EACH ROW EXECUTE FUNCTION audit_row('stock_count', 'count_id', 'warehouse reference status decided_by');
ALTER TABLE stock_cases ADD COLUMN count_id text;
ALTER TABLE stock_cases ADD CONSTRAINT stock_cases_count FOREIGN KEY (count_id) REFERENCES stock_counts NOT VALID;

GRANT SELECT ON purchase_order_lines, purchase_orders, purchase_receipts, stock_count_lines, stock_counts TO oms_app;
GRANT INSERT (created_by, expected_on, number, supplier, warehouse) ON purchase_orders TO oms_app;
GRANT UPDATE (expected_on, status, supplier) ON purchase_orders TO oms_app;
GRANT INSERT (number, over_percent, quantity, sku) ON purchase_order_lines TO oms_app;
GRANT UPDATE (cancelled, over_percent, quantity) ON purchase_order_lines TO oms_app;
GRANT INSERT (movement_id, number) ON purchase_receipts TO oms_app;
GRANT INSERT (count_id, counted_at, counted_by, reference, status, warehouse) ON stock_counts TO oms_app;
GRANT UPDATE (decided_by, posted_at, status) ON stock_counts TO oms_app;
GRANT INSERT (count_id, counted, expected, location, sku) ON stock_count_lines TO oms_app;
GRANT UPDATE (movement_id) ON stock_count_lines TO oms_app;
GRANT INSERT (count_id) ON stock_cases TO oms_app;
