-- A transfer of goods between two warehouses. What was sent and has not arrived is on no level.
CREATE TABLE stock_transfers (
  transfer_id  text PRIMARY KEY,
  source       text NOT NULL REFERENCES warehouses (code),
  target       text NOT NULL REFERENCES warehouses (code),
  reference    text NOT NULL,
  status       text NOT NULL DEFAULT 'requested',
  due_at       timestamptz,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  shipped_at   timestamptz,
  closed_at    timestamptz,
  reminded_at  timestamptz,
  CONSTRAINT stock_transfers_status CHECK (status IN ('requested', 'shipped', 'received', 'cancelled')),
  CONSTRAINT stock_transfers_two_places CHECK (source <> target),
  CONSTRAINT stock_transfers_once UNIQUE (reference)
);
CREATE INDEX stock_transfers_newest ON stock_transfers (requested_at DESC, transfer_id DESC);
CREATE INDEX stock_transfers_open ON stock_transfers (transfer_id) WHERE status IN ('requested', 'shipped');

CREATE TABLE stock_transfer_lines (
  transfer_id text NOT NULL REFERENCES stock_transfers,
  sku         text NOT NULL REFERENCES products,
  requested   bigint NOT NULL CHECK (requested > 0),
  shipped     bigint NOT NULL DEFAULT 0,
  received    bigint NOT NULL DEFAULT 0,
  lost        bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (transfer_id, sku),
  CONSTRAINT transfer_shipped_is_requested CHECK (shipped BETWEEN 0 AND requested),
  CONSTRAINT transfer_received_is_shipped CHECK (received >= 0 AND lost >= 0 AND received + lost <= shipped)
);

-- Which movements belong to a transfer: its lines count them.
CREATE TABLE stock_transfer_movements (
  movement_id bigint PRIMARY KEY REFERENCES stock_movements,
  transfer_id text NOT NULL REFERENCES stock_transfers
);
CREATE INDEX stock_transfer_movements_transfer ON stock_transfer_movements (transfer_id);

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
REVOKE EXECUTE ON FUNCTION apply_transfer_movement() FROM PUBLIC;
CREATE TRIGGER transfer_movement_applies AFTER INSERT ON stock_transfer_movements
  FOR EACH ROW EXECUTE FUNCTION apply_transfer_movement();
CREATE TRIGGER transfer_movements_append_only BEFORE DELETE OR UPDATE ON stock_transfer_movements
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE FUNCTION guard_transfer() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
     (('requested', 'shipped'), ('requested', 'cancelled'), ('shipped', 'received')) THEN
    RAISE EXCEPTION 'a transfer does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_transfer() FROM PUBLIC;
CREATE TRIGGER transfer_guard BEFORE UPDATE OF status ON stock_transfers
  FOR EACH ROW EXECUTE FUNCTION guard_transfer();
CREATE TRIGGER transfer_audited AFTER INSERT OR UPDATE ON stock_transfers
  FOR EACH ROW EXECUTE FUNCTION audit_row('transfer', 'transfer_id', 'source target reference status due_at');

-- A difference in stock that a person clears up.
CREATE TABLE stock_cases (
  case_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL,
  subject     text NOT NULL,
  state       text NOT NULL DEFAULT 'open',
  warehouse   text REFERENCES warehouses (code),
  sku         text REFERENCES products,
  quantity    bigint CHECK (quantity >= 0),
  transfer_id text REFERENCES stock_transfers,
  orders      text[] NOT NULL DEFAULT '{}',
  owner       text,
  opened_by   text NOT NULL,
  opened_at   timestamptz NOT NULL DEFAULT now(),
  resolution  text,
  reason      text,
  resolved_by text,
  resolved_at timestamptz,
  CONSTRAINT stock_cases_state CHECK (state IN ('open', 'resolved')),
  CONSTRAINT stock_cases_resolved CHECK (
    (state = 'resolved') = (resolution IS NOT NULL) AND (state = 'resolved') = (resolved_by IS NOT NULL)
    AND (state = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE UNIQUE INDEX stock_cases_once ON stock_cases (kind, subject) WHERE state = 'open';
CREATE INDEX stock_cases_newest ON stock_cases (state, case_id);
CREATE FUNCTION guard_stock_case() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'what is resolved stays resolved' USING ERRCODE = 'OM003';
END $$;
REVOKE EXECUTE ON FUNCTION guard_stock_case() FROM PUBLIC;
CREATE TRIGGER stock_case_guard BEFORE UPDATE ON stock_cases
  FOR EACH ROW WHEN (OLD.state = 'resolved') EXECUTE FUNCTION guard_stock_case();
CREATE TRIGGER stock_case_audited AFTER INSERT OR UPDATE ON stock_cases
  FOR EACH ROW EXECUTE FUNCTION audit_row('stock_case', 'case_id', 'kind subject owner state resolution reason');

GRANT SELECT ON stock_cases, stock_transfer_lines, stock_transfer_movements, stock_transfers TO oms_app;
GRANT INSERT (due_at, reference, requested_by, source, target, transfer_id) ON stock_transfers TO oms_app;
GRANT UPDATE (closed_at, due_at, reminded_at, shipped_at, status) ON stock_transfers TO oms_app;
GRANT INSERT (requested, sku, transfer_id) ON stock_transfer_lines TO oms_app;
GRANT UPDATE (lost) ON stock_transfer_lines TO oms_app;
GRANT INSERT (movement_id, transfer_id) ON stock_transfer_movements TO oms_app;
GRANT INSERT (kind, opened_by, orders, quantity, sku, subject, transfer_id, warehouse) ON stock_cases TO oms_app;
GRANT UPDATE (owner, reason, resolution, resolved_at, resolved_by, state) ON stock_cases TO oms_app;
