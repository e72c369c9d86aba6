-- Freight: estimated, booked, billed; carriers' bills and their differences
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_terms.sql.

-- What a carrier billed: a file that is compared with what was booked.
CREATE TABLE carrier_bills (
  bill_id     text PRIMARY KEY,
  carrier     text NOT NULL,
  bill_no     text NOT NULL,
  currency    char(3) NOT NULL,
  file_name   text NOT NULL,
  file_digest bytea NOT NULL,
  encoding    text NOT NULL,
  state       text NOT NULL DEFAULT 'comparing',
  total       bigint NOT NULL DEFAULT 0,
  last_line   bigint NOT NULL DEFAULT 0,  -- of the file; a row can have several lines
  compared    bigint NOT NULL DEFAULT 0,  -- rows so far
  compared_to bigint NOT NULL DEFAULT 0,  -- the last line of those
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CONSTRAINT carrier_bill_file_once UNIQUE (carrier, file_digest),
  CONSTRAINT carrier_bill_once UNIQUE (carrier, bill_no),
  CONSTRAINT carrier_bill_carrier CHECK (length(carrier) BETWEEN 1 AND 64),
  CONSTRAINT carrier_bill_no CHECK (length(bill_no) BETWEEN 1 AND 64),
  CONSTRAINT carrier_bill_finished CHECK ((state = 'compared') = (finished_at IS NOT NULL)),
  CONSTRAINT carrier_bill_state CHECK (state IN ('comparing', 'compared')),
  CONSTRAINT carrier_bill_progress CHECK (compared >= 0 AND compared <= total AND compared_to <= last_line)
);
CREATE INDEX carrier_bills_comparing ON carrier_bills (created_at) WHERE state = 'comparing';

CREATE TRIGGER carrier_bill_audited AFTER INSERT ON carrier_bills
  FOR EACH ROW EXECUTE FUNCTION audit_row('carrier_bill', 'bill_id', 'carrier bill_no currency');

-- Lines of a bill as they were read. Append-only; without a foreign key, as a bill has a million lines.
CREATE TABLE carrier_bill_lines (
  bill_id      text NOT NULL,
  line         bigint NOT NULL,  -- of the file, on which the row ends
  tracking_no  text NOT NULL,
  amount_minor bigint,  -- NULL: cannot be read
  currency     char(3) NOT NULL,
  CONSTRAINT carrier_bill_lines_pkey PRIMARY KEY (bill_id, line)
);

CREATE TRIGGER carrier_bill_lines_append_only BEFORE DELETE OR UPDATE ON carrier_bill_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Lines of bills that a person accepts or disputes.
CREATE TABLE freight_differences (
  difference_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bill_id         text NOT NULL REFERENCES carrier_bills,
  line            bigint NOT NULL,
  kind            text NOT NULL,
  state           text NOT NULL DEFAULT 'open',
  tracking_no     text NOT NULL,
  order_no        text REFERENCES orders,
  fulfilment_no   integer,
  shipment_id     text REFERENCES shipments,
  booked_minor    bigint,
  booked_currency char(3),
  billed_minor    bigint,
  currency        char(3) NOT NULL,
  owner           text,
  reason          text,
  decided_by      text,
  decided_at      timestamptz,
  CONSTRAINT freight_difference_once UNIQUE (bill_id, line),
  CONSTRAINT freight_difference_kind CHECK (kind IN ('amount', 'not_booked', 'cancelled_parcel', 'unknown_parcel',
      'billed_twice', 'billed_before', 'other_currency', 'negative_amount', 'unreadable')),
  CONSTRAINT freight_difference_decided CHECK ((state = 'open') = (decided_by IS NULL)
      AND (state = 'open') = (decided_at IS NULL) AND (state = 'open') = (reason IS NULL)),
  CONSTRAINT freight_difference_state CHECK (state IN ('open', 'accepted', 'disputed', 'credited')),
  CONSTRAINT freight_difference_amount CHECK (billed_minor IS NOT NULL OR kind = 'unreadable'),
  CONSTRAINT freight_difference_owner CHECK (length(owner) BETWEEN 1 AND 64)
);
CREATE INDEX freight_differences_order ON freight_differences (order_no) WHERE order_no IS NOT NULL;
CREATE INDEX freight_differences_state ON freight_differences (state, difference_id);

CREATE TRIGGER freight_difference_audited AFTER UPDATE OF state, owner, reason ON freight_differences
  FOR EACH ROW EXECUTE FUNCTION audit_row('freight_difference', 'difference_id', 'state owner reason');

-- A difference is accepted or disputed, and a disputed one accepted or credited, once.
CREATE FUNCTION guard_freight_difference()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (OLD.state, NEW.state) NOT IN (('open', 'accepted'), ('open', 'disputed'), ('disputed', 'accepted'),
      ('disputed', 'credited')) THEN
    RAISE EXCEPTION 'a difference is accepted or disputed once' USING ERRCODE = 'OM201';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER freight_difference_decided_once BEFORE UPDATE OF state ON freight_differences
  FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION guard_freight_difference();

-- The ledger of freight. Append-only; what a decision about a difference adds names it.
CREATE TABLE freight_entries (
  entry_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind            text NOT NULL,
  order_no        text,
  fulfilment_no   integer,
  shipment_id     text,
  amount_minor    bigint NOT NULL,
  currency        char(3) NOT NULL,
  profile_version integer,  -- whose rates an estimate was made by
  bill_id         text,
  bill_line       bigint,
  difference_id   bigint REFERENCES freight_differences,  -- the decision that added it; then the amount may be negative
  created_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT freight_entry_kind CHECK (kind IN ('estimated', 'booked', 'billed')),
  CONSTRAINT freight_entry_source CHECK ((kind = 'billed') = (bill_id IS NOT NULL)
      AND (bill_id IS NULL) = (bill_line IS NULL) AND (kind = 'billed' OR difference_id IS NULL)
      AND (kind = 'estimated') = (profile_version IS NOT NULL)),
  CONSTRAINT freight_entry_amount CHECK (amount_minor >= 0 OR difference_id IS NOT NULL),
  CONSTRAINT freight_entry_parcel CHECK (difference_id IS NOT NULL OR order_no IS NOT NULL AND fulfilment_no IS NOT NULL
      AND (kind = 'estimated') = (shipment_id IS NULL))
);
CREATE UNIQUE INDEX freight_billed_once ON freight_entries (shipment_id) WHERE kind = 'billed'
  AND difference_id IS NULL;
CREATE UNIQUE INDEX freight_booked_once ON freight_entries (shipment_id) WHERE kind = 'booked';
CREATE UNIQUE INDEX freight_decided_once ON freight_entries (difference_id) WHERE difference_id IS NOT NULL;
CREATE INDEX freight_entries_order ON freight_entries (order_no);
CREATE UNIQUE INDEX freight_estimated_once ON freight_entries (order_no, fulfilment_no) WHERE kind = 'estimated';

CREATE TRIGGER freight_entries_append_only BEFORE DELETE OR UPDATE ON freight_entries
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Writes what a parcel costs to the ledger when its carrier is booked.
CREATE FUNCTION record_booked_freight()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO freight_entries (kind, order_no, fulfilment_no, shipment_id, amount_minor, currency)
  VALUES ('booked', NEW.order_no, NEW.fulfilment_no, NEW.shipment_id, NEW.cost_minor, NEW.cost_currency)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

-- Writes what sourcing estimated, by the rates of a profile. The default profile has no rates.
CREATE FUNCTION record_estimated_freight()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO freight_entries (kind, order_no, fulfilment_no, amount_minor, currency, profile_version)
  SELECT 'estimated', o.order_no, s.number, s.minor, o.currency, NEW.version
    FROM orders o, LATERAL (
      SELECT c.number, CAST(coalesce(c.share ->> 'freight_minor', CASE jsonb_array_length(NEW.decision -> 'chosen')
                              WHEN 1 THEN NEW.decision ->> 'freight_minor' END) AS bigint) AS minor
        FROM jsonb_array_elements(NEW.decision -> 'chosen') WITH ORDINALITY c (share, number)) s
   WHERE o.order_no = NEW.order_no AND s.minor >= 0
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

-- Of tables in earlier files

CREATE TRIGGER decision_estimates_freight AFTER INSERT ON sourcing_decisions
  FOR EACH ROW WHEN (NEW.version IS NOT NULL) EXECUTE FUNCTION record_estimated_freight();
CREATE TRIGGER parcel_cost_booked AFTER UPDATE OF cost_minor ON shipments
  FOR EACH ROW WHEN (OLD.cost_minor IS NULL AND NEW.cost_minor >= 0 AND NEW.cost_currency IS NOT NULL)
  EXECUTE FUNCTION record_booked_freight();

-- Rights

GRANT SELECT ON carrier_bill_lines, carrier_bills, freight_differences, freight_entries TO oms_app;
GRANT INSERT (amount_minor, bill_id, currency, line, tracking_no) ON carrier_bill_lines TO oms_app;
GRANT INSERT (bill_id, bill_no, carrier, created_by, currency, encoding, file_digest, file_name) ON carrier_bills
  TO oms_app;
GRANT UPDATE (compared, compared_to, finished_at, last_line, state, total) ON carrier_bills TO oms_app;
GRANT INSERT (bill_id, billed_minor, booked_currency, booked_minor, currency, fulfilment_no, kind, line, order_no,
  shipment_id, tracking_no) ON freight_differences TO oms_app;
GRANT UPDATE (decided_at, decided_by, owner, reason, state) ON freight_differences TO oms_app;
GRANT INSERT (amount_minor, bill_id, bill_line, currency, difference_id, fulfilment_no, kind, order_no, shipment_id)
  ON freight_entries TO oms_app;
REVOKE EXECUTE ON FUNCTION guard_freight_difference(), record_booked_freight(), record_estimated_freight() FROM PUBLIC;
