-- Stock: transfers, purchase orders, counts, cases
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after stock_locations.sql.

-- A transfer of goods between two warehouses. What was sent and has not arrived is on no level.
CREATE TABLE stock_transfers (
  transfer_id  text PRIMARY KEY,
  source       text NOT NULL REFERENCES warehouses (code),
  target       text NOT NULL REFERENCES warehouses (code),
  reference    text NOT NULL,
  status       text NOT NULL DEFAULT 'requested',
  due_at       timestamptz,  -- when it is late
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  shipped_at   timestamptz,
  closed_at    timestamptz,
  reminded_at  timestamptz,  -- when its case was opened
  CONSTRAINT stock_transfers_once UNIQUE (reference),
  CONSTRAINT stock_transfers_two_places CHECK (source <> target),
  CONSTRAINT stock_transfers_status CHECK (status IN ('requested', 'shipped', 'received', 'cancelled'))
);
CREATE INDEX stock_transfers_newest ON stock_transfers (requested_at DESC, transfer_id DESC);
CREATE INDEX stock_transfers_open ON stock_transfers (transfer_id) WHERE status IN ('requested', 'shipped');

CREATE TRIGGER transfer_audited AFTER INSERT OR UPDATE ON stock_transfers
  FOR EACH ROW EXECUTE FUNCTION audit_row('transfer', 'transfer_id', 'source target reference status due_at');

-- Refuses a status that does not follow from the one before.
CREATE FUNCTION guard_transfer() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
     (('requested', 'shipped'), ('requested', 'cancelled'), ('shipped', 'received')) THEN
    RAISE EXCEPTION 'a transfer does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER transfer_guard BEFORE UPDATE OF status ON stock_transfers FOR EACH ROW EXECUTE FUNCTION guard_transfer();

-- Requests a signal to the workflow of a transfer; the signal says only where to read.
CREATE FUNCTION signal_transfer()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name) VALUES ('signal_transfer', NEW.transfer_id, 'transfer_changed');
  RETURN NULL;
END $$;

CREATE TRIGGER transfer_signals AFTER INSERT OR UPDATE OF status ON stock_transfers
  FOR EACH ROW EXECUTE FUNCTION signal_transfer();

-- The SKUs of a transfer, with what left, arrived and was written off.
CREATE TABLE stock_transfer_lines (
  transfer_id text NOT NULL REFERENCES stock_transfers,
  sku         text NOT NULL REFERENCES products,
  requested   bigint NOT NULL CHECK (requested > 0),
  shipped     bigint NOT NULL DEFAULT 0,
  received    bigint NOT NULL DEFAULT 0,
  lost        bigint NOT NULL DEFAULT 0,
  CONSTRAINT stock_transfer_lines_pkey PRIMARY KEY (transfer_id, sku),
  CONSTRAINT transfer_shipped_is_requested CHECK (shipped BETWEEN 0 AND requested),
  CONSTRAINT transfer_received_is_shipped CHECK (received >= 0 AND lost >= 0 AND (received + lost) <= shipped)
);

-- Which movements belong to a transfer. Append-only; the lines count them.
CREATE TABLE stock_transfer_movements (
  movement_id bigint PRIMARY KEY REFERENCES stock_movements,
  transfer_id text NOT NULL REFERENCES stock_transfers
);
CREATE INDEX stock_transfer_movements_transfer ON stock_transfer_movements (transfer_id);

-- Counts a movement on its transfer's line; refuses one of another warehouse or SKU.
CREATE FUNCTION apply_transfer_movement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE stock_transfer_lines l
     SET shipped = l.shipped + CASE m.kind WHEN 'transfer_out' THEN m.quantity ELSE 0 END,
         received = l.received + CASE m.kind WHEN 'transfer_in' THEN m.quantity ELSE 0 END
    FROM stock_movements m, stock_transfers t
   WHERE m.movement_id = NEW.movement_id AND t.transfer_id = NEW.transfer_id
     AND l.transfer_id = t.transfer_id AND l.sku = m.sku
     AND (m.kind = 'transfer_out' AND m.warehouse = t.source
          OR m.kind = 'transfer_in' AND m.warehouse IN (t.source, t.target));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the movement is not one of this transfer' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER transfer_movement_applies AFTER INSERT ON stock_transfer_movements
  FOR EACH ROW EXECUTE FUNCTION apply_transfer_movement();

CREATE TRIGGER transfer_movements_append_only BEFORE DELETE OR UPDATE ON stock_transfer_movements
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What was ordered from a supplier: it is incoming until it is received or cancelled.
CREATE TABLE purchase_orders (
  number      text PRIMARY KEY CHECK (length(number) BETWEEN 1 AND 64),
  supplier    text NOT NULL,
  warehouse   text NOT NULL REFERENCES warehouses (code),
  expected_on date NOT NULL,
  status      text NOT NULL DEFAULT 'open',
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  version     bigint NOT NULL DEFAULT 1,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT purchase_orders_status CHECK (status IN ('open', 'received', 'cancelled'))
);
CREATE INDEX purchase_orders_newest ON purchase_orders (created_at DESC, number DESC);

CREATE TRIGGER purchase_order_audited AFTER INSERT OR UPDATE ON purchase_orders
  FOR EACH ROW EXECUTE FUNCTION audit_row('purchase_order', 'number', 'supplier warehouse expected_on status');

-- A cancelled purchase order stays so, and none changes its warehouse.
CREATE FUNCTION guard_purchase_order()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'cancelled' OR NEW.warehouse <> OLD.warehouse THEN
    RAISE EXCEPTION 'a cancelled purchase order stays so, and none changes its warehouse' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER purchase_order_guard BEFORE UPDATE ON purchase_orders
  FOR EACH ROW EXECUTE FUNCTION guard_purchase_order();

CREATE TRIGGER purchase_order_versioned BEFORE UPDATE ON purchase_orders FOR EACH ROW EXECUTE FUNCTION next_version();

-- The SKUs of a purchase order. What is open is part of stock_levels.incoming.
CREATE TABLE purchase_order_lines (
  number       text NOT NULL REFERENCES purchase_orders,
  sku          text NOT NULL REFERENCES products,
  quantity     bigint NOT NULL CHECK (quantity > 0),
  received     bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
  -- how much more than ordered may arrive
  over_percent integer NOT NULL DEFAULT 0 CHECK (over_percent BETWEEN 0 AND 100),
  cancelled    boolean NOT NULL DEFAULT false,
  open         bigint GENERATED ALWAYS AS (
CASE
    WHEN cancelled THEN 0::bigint
    ELSE GREATEST(quantity - received, 0::bigint)
END) STORED,
  CONSTRAINT purchase_order_lines_pkey PRIMARY KEY (number, sku),
  CONSTRAINT purchase_line_over_delivered CHECK (received <= (quantity + quantity * over_percent / 100))
);
CREATE INDEX purchase_order_lines_open ON purchase_order_lines (sku) WHERE open > 0;

-- Keeps what is incoming at a warehouse equal to the open units of purchase orders.
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

CREATE TRIGGER purchase_line_applies AFTER INSERT OR UPDATE ON purchase_order_lines
  FOR EACH ROW EXECUTE FUNCTION apply_purchase_line();

CREATE TRIGGER purchase_line_audited AFTER INSERT OR UPDATE ON purchase_order_lines
  FOR EACH ROW EXECUTE FUNCTION audit_row('purchase_line', 'number', 'sku quantity cancelled');

-- Which receipts belong to a purchase order. Append-only; the lines count them.
CREATE TABLE purchase_receipts (
  movement_id bigint PRIMARY KEY REFERENCES stock_movements,
  number      text NOT NULL REFERENCES purchase_orders
);
CREATE INDEX purchase_receipts_number ON purchase_receipts (number);

-- Counts a receipt on its purchase order's line; refuses one of another warehouse or SKU.
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

CREATE TRIGGER purchase_receipt_applies AFTER INSERT ON purchase_receipts
  FOR EACH ROW EXECUTE FUNCTION apply_purchase_receipt();

CREATE TRIGGER purchase_receipts_append_only BEFORE DELETE OR UPDATE ON purchase_receipts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What people counted in a warehouse.
CREATE TABLE stock_counts (
  count_id   text PRIMARY KEY,
  warehouse  text NOT NULL REFERENCES warehouses (code),
  reference  text NOT NULL,
  status     text NOT NULL,
  counted_by text NOT NULL,
  counted_at timestamptz NOT NULL DEFAULT now(),
  decided_by text,  -- the other person, where the differences were above the limit
  posted_at  timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT stock_counts_once UNIQUE (reference),
  CONSTRAINT stock_counts_posted CHECK ((status = 'posted') = (posted_at IS NOT NULL)),
  CONSTRAINT stock_counts_status CHECK (status IN ('awaiting_approval', 'short', 'posted', 'refused')),
  CONSTRAINT stock_counts_second_person CHECK (person_of(decided_by) <> person_of(counted_by))
);
CREATE INDEX stock_counts_newest ON stock_counts (created_at DESC, count_id DESC);

CREATE TRIGGER stock_count_audited AFTER INSERT OR UPDATE ON stock_counts
  FOR EACH ROW EXECUTE FUNCTION audit_row('stock_count', 'count_id', 'warehouse reference status decided_by');

-- A count that is posted or refused stays so.
CREATE FUNCTION guard_stock_count() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what is posted or refused stays so' USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER stock_count_guard BEFORE UPDATE ON stock_counts
  FOR EACH ROW WHEN (OLD.status IN ('posted', 'refused')) EXECUTE FUNCTION guard_stock_count();

-- What was counted of a SKU, and what the ledger had at the moment of counting.
CREATE TABLE stock_count_lines (
  count_id    text NOT NULL REFERENCES stock_counts,
  sku         text NOT NULL REFERENCES products,
  location    text NOT NULL DEFAULT '',  -- empty: all locations of the warehouse
  counted     bigint NOT NULL CHECK (counted >= 0),
  expected    bigint NOT NULL,
  difference  bigint GENERATED ALWAYS AS (counted - expected) STORED,
  movement_id bigint REFERENCES stock_movements,
  CONSTRAINT stock_count_lines_pkey PRIMARY KEY (count_id, sku, location)
);

-- A difference in stock that a person clears up.
CREATE TABLE stock_cases (
  case_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL,
  subject     text NOT NULL,  -- what it is about; of one kind and subject one case is open at most
  state       text NOT NULL DEFAULT 'open',
  warehouse   text REFERENCES warehouses (code),
  sku         text REFERENCES products,
  quantity    bigint CHECK (quantity >= 0),
  transfer_id text REFERENCES stock_transfers,
  orders      text[] NOT NULL DEFAULT '{}'::text[],
  owner       text,  -- the name of the member of staff who clears it up
  opened_by   text NOT NULL,
  opened_at   timestamptz NOT NULL DEFAULT now(),
  resolution  text,
  reason      text,
  resolved_by text,
  resolved_at timestamptz,
  count_id    text,
  CONSTRAINT stock_cases_resolved CHECK ((state = 'resolved') = (resolution IS NOT NULL)
      AND (state = 'resolved') = (resolved_by IS NOT NULL) AND (state = 'resolved') = (resolved_at IS NOT NULL)),
  CONSTRAINT stock_cases_state CHECK (state IN ('open', 'resolved'))
);
ALTER TABLE stock_cases ADD CONSTRAINT stock_cases_count FOREIGN KEY (count_id)
  REFERENCES stock_counts (count_id) NOT VALID;
CREATE INDEX stock_cases_newest ON stock_cases (state, case_id);
CREATE UNIQUE INDEX stock_cases_once ON stock_cases (kind, subject) WHERE state = 'open';

CREATE TRIGGER stock_case_audited AFTER INSERT OR UPDATE ON stock_cases
  FOR EACH ROW EXECUTE FUNCTION audit_row('stock_case', 'case_id', 'kind subject owner state resolution reason');

-- A case that is resolved stays so.
CREATE FUNCTION guard_stock_case() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what is resolved stays resolved' USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER stock_case_guard BEFORE UPDATE ON stock_cases
  FOR EACH ROW WHEN (OLD.state = 'resolved') EXECUTE FUNCTION guard_stock_case();

-- Rights

GRANT SELECT ON purchase_order_lines, purchase_orders, purchase_receipts, stock_cases, stock_count_lines, stock_counts,
  stock_transfer_lines, stock_transfer_movements, stock_transfers TO oms_app;
GRANT INSERT (number, over_percent, quantity, sku) ON purchase_order_lines TO oms_app;
GRANT UPDATE (cancelled, over_percent, quantity) ON purchase_order_lines TO oms_app;
GRANT INSERT (created_by, expected_on, number, supplier, warehouse) ON purchase_orders TO oms_app;
GRANT UPDATE (expected_on, status, supplier) ON purchase_orders TO oms_app;
GRANT INSERT (movement_id, number) ON purchase_receipts TO oms_app;
GRANT INSERT (count_id, kind, opened_by, orders, quantity, sku, subject, transfer_id, warehouse) ON stock_cases
  TO oms_app;
GRANT UPDATE (owner, reason, resolution, resolved_at, resolved_by, state) ON stock_cases TO oms_app;
GRANT INSERT (count_id, counted, expected, location, sku) ON stock_count_lines TO oms_app;
GRANT UPDATE (movement_id) ON stock_count_lines TO oms_app;
GRANT INSERT (count_id, counted_at, counted_by, reference, status, warehouse) ON stock_counts TO oms_app;
GRANT UPDATE (decided_by, posted_at, status) ON stock_counts TO oms_app;
GRANT INSERT (requested, sku, transfer_id) ON stock_transfer_lines TO oms_app;
GRANT UPDATE (lost) ON stock_transfer_lines TO oms_app;
GRANT INSERT (movement_id, transfer_id) ON stock_transfer_movements TO oms_app;
GRANT INSERT (due_at, reference, requested_by, source, target, transfer_id) ON stock_transfers TO oms_app;
GRANT UPDATE (closed_at, due_at, reminded_at, shipped_at, status) ON stock_transfers TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_purchase_line(), apply_purchase_receipt(), apply_transfer_movement(),
  guard_purchase_order(), guard_stock_case(), guard_stock_count(), guard_transfer(), signal_transfer() FROM PUBLIC;
