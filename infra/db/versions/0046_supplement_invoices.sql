-- What is paid on top of an order that is invoiced already has an invoice of its own, from the transaction that takes it.

ALTER TABLE documents
  ADD COLUMN supplement_no integer,        -- of a further invoice; none: the order's first, or a credit note
  ADD CONSTRAINT document_of_a_supplement CHECK (kind = 'invoice' OR supplement_no IS NULL),
  ADD CONSTRAINT document_of_a_supplement_of_its_order FOREIGN KEY (order_no, supplement_no) REFERENCES order_supplements;
DROP INDEX documents_one_invoice;
CREATE UNIQUE INDEX documents_one_invoice ON documents (order_no) WHERE kind = 'invoice' AND supplement_no IS NULL;
CREATE UNIQUE INDEX documents_one_of_supplement ON documents (order_no, supplement_no) WHERE supplement_no IS NOT NULL;

CREATE TABLE invoice_totals (              -- stored only to carry the constraint; the documents are the truth
  document_no         text PRIMARY KEY REFERENCES documents,
  total_minor         bigint NOT NULL,
  tax_minor           bigint NOT NULL,
  credited_minor      bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
  credited_tax_minor  bigint NOT NULL DEFAULT 0 CHECK (credited_tax_minor >= 0),
  CONSTRAINT credit_notes_within_their_invoice CHECK (
    credited_minor <= total_minor AND credited_tax_minor <= tax_minor)
);
CREATE TABLE credit_note_parts (           -- what a credit note takes back of which invoice
  credit_note_no  text NOT NULL REFERENCES documents,
  invoice_no      text NOT NULL REFERENCES documents,
  total_minor     bigint NOT NULL CHECK (total_minor >= 0),
  tax_minor       bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND total_minor),
  PRIMARY KEY (credit_note_no, invoice_no)
);
CREATE TRIGGER credit_note_parts_append_only BEFORE UPDATE OR DELETE ON credit_note_parts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER credit_note_parts_not_emptied BEFORE TRUNCATE ON credit_note_parts
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- As before; and all invoices of an order together are over money that came for it. The order's row first: of an invoice
-- and a capture at once one sees the other.
CREATE OR REPLACE FUNCTION number_document() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  following bigint;
  of_lines  bigint;
  of_tax    bigint;
  lines     bigint;
  whole     bigint;
BEGIN
  SELECT coalesce(sum((l ->> 'total_minor')::bigint), 0), coalesce(sum((l ->> 'tax_minor')::bigint), 0), count(*),
         count((l ->> 'total_minor')::bigint + (l ->> 'tax_minor')::bigint) INTO of_lines, of_tax, lines, whole
    FROM jsonb_array_elements(NEW.content -> 'lines') l;
  -- Only a credit note may be of nothing but the shipping charge.
  IF of_lines + (NEW.content ->> 'shipping_minor')::bigint IS DISTINCT FROM NEW.total_minor
     OR of_tax <> NEW.tax_minor OR lines <> whole OR (lines = 0 AND NEW.kind = 'invoice') THEN
    RAISE EXCEPTION 'document_does_not_add_up' USING ERRCODE = 'OM014';
  END IF;
  PERFORM FROM orders o WHERE o.order_no = NEW.order_no FOR UPDATE;
  IF NEW.kind = 'invoice' AND NEW.total_minor > uninvoiced_minor(NEW.order_no) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'less was captured';
  END IF;
  IF NEW.supplement_no IS NOT NULL AND NOT EXISTS (
      SELECT FROM order_supplements s JOIN documents d USING (order_no)
       WHERE s.order_no = NEW.order_no AND s.supplement_no = NEW.supplement_no AND s.status = 'applied'
         AND (s.amount_minor, s.currency) = (NEW.total_minor, NEW.currency)
         AND d.kind = 'invoice' AND d.supplement_no IS NULL) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'nothing like it was paid on top of an invoice';
  END IF;
  IF NEW.kind = 'credit_note' AND NOT (CASE WHEN NEW.refund_id IS NULL
      THEN EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.status = 'cancelled')
      ELSE EXISTS (SELECT FROM refunds r WHERE r.refund_id = NEW.refund_id AND r.status = 'succeeded'
                      AND r.amount_minor = NEW.total_minor) END) THEN
    RAISE EXCEPTION 'not_creditable' USING ERRCODE = 'OM014', DETAIL = 'no such money went back';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('documents ' || NEW.series));
  NEW.issued_at := clock_timestamp();
  NEW.year := extract(year FROM NEW.issued_at AT TIME ZONE NEW.time_zone);
  INSERT INTO document_series AS s VALUES (NEW.series, NEW.year, 1)
    ON CONFLICT (series, year) DO UPDATE SET last_number = s.last_number + 1
    RETURNING last_number INTO following;
  IF NEW.number <> following THEN
    RAISE EXCEPTION 'document_number_gap' USING ERRCODE = 'OM014', DETAIL = 'the next number is ' || following;
  END IF;
  NEW.number := following;
  NEW.document_no := NEW.series || '-' || NEW.year || '-'
                     || lpad(NEW.number::text, greatest(6, length(NEW.number::text)), '0');
  RETURN NEW;
END $$;

-- What was captured for the order and is on none of its invoices.
CREATE FUNCTION uninvoiced_minor(of_order text) RETURNS bigint STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(t.captured_minor), 0) FROM payments p JOIN payment_totals t USING (payment_id)
           WHERE p.order_no = of_order AND p.kind = 'capture' AND p.purpose IN ('order', 'supplement'))::bigint
         - (SELECT coalesce(sum(d.total_minor), 0) FROM documents d WHERE d.order_no = of_order AND d.kind = 'invoice')::bigint
$$;

-- No line is on two invoices of its order; the shipping charge is on the first.
CREATE FUNCTION invoice_of_line(of_order text, of_line text) RETURNS text STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.document_no FROM documents d
   WHERE d.order_no = of_order AND d.kind = 'invoice'
     AND CASE WHEN of_line IS NULL THEN d.supplement_no IS NULL
              ELSE EXISTS (SELECT FROM jsonb_array_elements(d.content -> 'lines') l WHERE l ->> 'line_no' = of_line) END
$$;

CREATE OR REPLACE FUNCTION count_document() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.kind = 'invoice' THEN
    INSERT INTO document_totals AS t (order_no, currency, invoiced_minor, invoiced_tax_minor)
    VALUES (NEW.order_no, NEW.currency, NEW.total_minor, NEW.tax_minor)
        ON CONFLICT (order_no) DO UPDATE SET invoiced_minor = t.invoiced_minor + excluded.invoiced_minor,
           invoiced_tax_minor = t.invoiced_tax_minor + excluded.invoiced_tax_minor;
    INSERT INTO invoice_totals (document_no, total_minor, tax_minor)
    VALUES (NEW.document_no, NEW.total_minor, NEW.tax_minor);
    RETURN NULL;
  END IF;
  UPDATE document_totals SET credited_minor = credited_minor + NEW.total_minor,
         credited_tax_minor = credited_tax_minor + NEW.tax_minor
   WHERE order_no = NEW.order_no AND currency = NEW.currency;
  IF NOT FOUND OR EXISTS (SELECT FROM jsonb_array_elements(NEW.content -> 'lines') l
                           WHERE l ->> 'line_no' IS NULL OR invoice_of_line(NEW.order_no, l ->> 'line_no') IS NULL) THEN
    RAISE EXCEPTION 'credit_note_without_invoice' USING ERRCODE = 'OM014';
  END IF;
  INSERT INTO credit_note_parts (credit_note_no, invoice_no, total_minor, tax_minor)
  SELECT NEW.document_no, part.invoice_no, sum(part.total), sum(part.tax)
    FROM (SELECT invoice_of_line(NEW.order_no, l ->> 'line_no') AS invoice_no, (l ->> 'total_minor')::bigint AS total,
                 (l ->> 'tax_minor')::bigint AS tax FROM jsonb_array_elements(NEW.content -> 'lines') l
          UNION ALL
          SELECT invoice_of_line(NEW.order_no, NULL), (NEW.content ->> 'shipping_minor')::bigint, 0
           WHERE (NEW.content ->> 'shipping_minor')::bigint > 0) part
   GROUP BY part.invoice_no;
  UPDATE invoice_totals t SET credited_minor = t.credited_minor + p.total_minor,
         credited_tax_minor = t.credited_tax_minor + p.tax_minor
    FROM credit_note_parts p WHERE p.credit_note_no = NEW.document_no AND t.document_no = p.invoice_no;
  RETURN NULL;
END $$;

-- A change that made the order dearer, as the lines of an invoice: the goods that came in, for what was paid on top. What
-- else they cost the invoices have already, on the lines that gave way: it stands there as a discount. Tax is what the
-- change brought more of it, no more than was paid. Parts add up, each rounded with those before it.
CREATE FUNCTION lines_of_supplement(s order_supplements) RETURNS jsonb STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  WITH sold AS (
    SELECT c.line_no, l.sku, l.name, c.quantity_delta AS quantity, l.unit_price_minor, c.tax_minor AS tax,
           c.items_minor + c.tax_added_minor AS worth, c.tax_added_minor > 0 AS on_top,
           sum(c.items_minor + c.tax_added_minor) OVER o AS worth_to, sum(c.tax_minor) OVER o AS tax_to
      FROM order_change_lines c JOIN order_lines l USING (order_no, line_no)
     WHERE c.order_no = s.order_no AND c.change_no = s.change_no AND c.quantity_delta > 0
    WINDOW o AS (ORDER BY c.line_no)
  ), whole AS (
    SELECT (SELECT sum(worth) FROM sold) AS worth, (SELECT greatest(sum(tax), 1) FROM sold) AS tax,
           greatest(sum(c.tax_minor), 0) AS due
      FROM order_change_lines c WHERE c.order_no = s.order_no AND c.change_no = s.change_no
  ), parts AS (
    SELECT sold.*, div(s.amount_minor * sold.worth_to, w.worth)
                   - div(s.amount_minor * (sold.worth_to - sold.worth), w.worth) AS total,
           div(w.due * sold.tax_to, w.tax) - div(w.due * (sold.tax_to - sold.tax), w.tax) AS due
      FROM sold, whole w
  )
  SELECT jsonb_agg(jsonb_build_object('line_no', line_no, 'sku', sku, 'name', name, 'quantity', quantity,
           'unit_price_minor', unit_price_minor, 'tax_minor', least(due, total), 'total_minor', total, 'discount_minor',
           quantity * unit_price_minor + CASE WHEN on_top THEN least(due, total) ELSE 0 END - total) ORDER BY line_no)
    FROM parts
$$;

-- Billed as the first invoice is. Nothing where there is none: one that is issued later is over everything.
CREATE FUNCTION invoice_supplement(s order_supplements) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  sold   jsonb;
  sums   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = s.order_no FOR UPDATE;
  SELECT * INTO first FROM documents d WHERE d.order_no = s.order_no AND d.kind = 'invoice' AND d.supplement_no IS NULL;
  IF first.document_no IS NULL OR s.amount_minor > uninvoiced_minor(s.order_no) THEN
    RETURN;
  END IF;
  sold := lines_of_supplement(s);
  SELECT jsonb_build_object('items_minor', sum(l.items), 'discount_minor', sum(l.discount),
           'tax_added_minor', sum(l.total - l.items + l.discount), 'shipping_minor', 0, 'tax_minor', sum(l.tax),
           'total_minor', sum(l.total)) INTO sums
    FROM (SELECT quantity * unit_price_minor AS items, discount_minor AS discount, tax_minor AS tax, total_minor AS total
            FROM jsonb_to_recordset(sold) AS l (quantity bigint, unit_price_minor bigint, discount_minor bigint,
                 tax_minor bigint, total_minor bigint)) l;
  INSERT INTO documents (kind, series, order_no, supplement_no, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('invoice', 'INV', s.order_no, s.supplement_no, first.time_zone, 'system', s.currency, s.amount_minor,
          (sums ->> 'tax_minor')::bigint,
          jsonb_build_object('seller', first.content -> 'seller', 'lines', sold) || sums, first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (s.order_no, 0, 'invoice_issued', jsonb_build_object('document_no', made, 'total_minor', s.amount_minor,
          'supplement_to', first.document_no), 'system');
END $$;

-- At the end of the transaction: the numbers' lock is the last that it takes.
CREATE FUNCTION supplement_has_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM invoice_supplement(NEW);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER supplement_invoiced AFTER UPDATE ON order_supplements DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'applied' AND OLD.status <> 'applied') EXECUTE FUNCTION supplement_has_invoice();

-- What was issued before, and what was paid on top of it.
INSERT INTO invoice_totals (document_no, total_minor, tax_minor, credited_minor, credited_tax_minor)
SELECT d.document_no, d.total_minor, d.tax_minor, t.credited_minor, t.credited_tax_minor
  FROM documents d JOIN document_totals t USING (order_no) WHERE d.kind = 'invoice';
INSERT INTO credit_note_parts (credit_note_no, invoice_no, total_minor, tax_minor)
SELECT c.document_no, i.document_no, c.total_minor, c.tax_minor
  FROM documents c JOIN documents i ON i.order_no = c.order_no AND i.kind = 'invoice' WHERE c.kind = 'credit_note';
SELECT invoice_supplement(s) FROM order_supplements s JOIN document_totals USING (order_no) WHERE s.status = 'applied'
 ORDER BY s.updated_at, s.order_no;

GRANT SELECT ON invoice_totals, credit_note_parts TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
