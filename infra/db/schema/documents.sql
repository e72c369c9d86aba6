-- Documents: invoices and credit notes
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after support.sql.

-- The newest number of each series and year. Given out in the document's own transaction, so that a rollback leaves no
-- gap.
CREATE TABLE document_series (
  series      text NOT NULL CHECK (series IN ('INV', 'CN')),
  year        integer NOT NULL CHECK (year BETWEEN 2000 AND 9999),
  last_number bigint NOT NULL CHECK (last_number > 0),
  CONSTRAINT document_series_pkey PRIMARY KEY (series, year)
);

-- Numbers are given out by documents only, one after the other.
CREATE FUNCTION guard_document_series()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF pg_trigger_depth() >= 2 AND TG_OP = 'INSERT' AND NEW.last_number = 1 THEN
    RETURN NEW;
  ELSIF pg_trigger_depth() >= 2 AND TG_OP = 'UPDATE' AND NEW.last_number = OLD.last_number + 1 THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'numbers are given out by documents, one after the other' USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER document_series_guard BEFORE INSERT OR DELETE OR UPDATE ON document_series
  FOR EACH ROW EXECUTE FUNCTION guard_document_series();

CREATE TRIGGER document_series_not_emptied BEFORE TRUNCATE ON document_series
  FOR EACH STATEMENT EXECUTE FUNCTION guard_document_series();

-- An invoice or a credit note as it was issued. Append-only.
CREATE TABLE documents (
  document_no   text PRIMARY KEY,  -- SERIES-YEAR-NUMBER
  kind          text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  series        text NOT NULL,
  year          integer NOT NULL,  -- of the day of issue, in the seller's time zone
  number        bigint NOT NULL CHECK (number > 0),
  order_no      text NOT NULL REFERENCES orders,
  refund_id     text,  -- of a credit note; NULL: what was left when the order was cancelled
  issued_at     timestamptz NOT NULL,
  time_zone     text NOT NULL,  -- the seller's
  issued_by     text NOT NULL,
  currency      char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  total_minor   bigint NOT NULL CHECK (total_minor > 0),
  tax_minor     bigint NOT NULL,
  content       jsonb NOT NULL,  -- seller, lines and amounts as they were; nothing personal
  billed_to_enc bytea NOT NULL,  -- encrypted under the customer's key; empty after erasure
  supplement_no integer,  -- of a further invoice: the change that it is for
  return_id     text,  -- of an invoice: the return whose guarantee was claimed
  dispute_id    bigint,  -- of a credit note: the dispute that was lost
  CONSTRAINT document_number_once UNIQUE (series, year, number),
  CONSTRAINT document_of_a_change_payment_of_its_order FOREIGN KEY (order_no, supplement_no)
      REFERENCES change_payments (order_no, payment_no),
  CONSTRAINT document_of_a_refund_of_its_order FOREIGN KEY (refund_id, order_no) REFERENCES refunds (refund_id,
      order_no),
  CONSTRAINT document_of_its_claim FOREIGN KEY (return_id) REFERENCES guarantees (return_id),
  CONSTRAINT document_of_its_dispute FOREIGN KEY (dispute_id) REFERENCES disputes (payment_id),
  CONSTRAINT document_no_of_its_number CHECK (document_no = ((((series || '-') || year) || '-') || lpad(number::text,
      GREATEST(6, length(number::text)), '0'))),
  CONSTRAINT document_of_a_change_payment CHECK (kind = 'invoice' OR supplement_no IS NULL),
  CONSTRAINT document_of_a_refund CHECK (kind = 'credit_note' OR refund_id IS NULL),
  CONSTRAINT document_series_of_its_kind CHECK (series =
  CASE kind
      WHEN 'invoice' THEN 'INV'
      ELSE 'CN'
  END),
  CONSTRAINT documents_check CHECK (tax_minor BETWEEN 0 AND total_minor),
  CONSTRAINT document_of_a_claim CHECK (return_id IS NULL OR kind = 'invoice' AND supplement_no IS NULL),
  CONSTRAINT document_of_a_dispute CHECK (dispute_id IS NULL OR kind = 'credit_note' AND refund_id IS NULL)
);
CREATE UNIQUE INDEX documents_one_credit_note ON documents (refund_id) WHERE refund_id IS NOT NULL;
CREATE UNIQUE INDEX documents_one_first_invoice ON documents (order_no) WHERE kind = 'invoice' AND supplement_no IS NULL
  AND return_id IS NULL;
CREATE UNIQUE INDEX documents_one_of_change_payment ON documents (order_no, supplement_no)
  WHERE supplement_no IS NOT NULL;
CREATE UNIQUE INDEX documents_one_of_claim ON documents (return_id) WHERE return_id IS NOT NULL;
CREATE UNIQUE INDEX documents_one_of_dispute ON documents (dispute_id) WHERE dispute_id IS NOT NULL;
CREATE UNIQUE INDEX documents_one_rest ON documents (order_no) WHERE kind = 'credit_note' AND refund_id IS NULL
  AND dispute_id IS NULL;
CREATE INDEX documents_order ON documents (order_no, issued_at);
-- More triggers in documents_further.sql: first_invoice_followed.

-- Keeps the totals. A credit note needs the invoices of its lines.
CREATE FUNCTION count_document()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER document_counted AFTER INSERT ON documents FOR EACH ROW EXECUTE FUNCTION count_document();

-- Numbers a document without gaps. All invoices of an order together cover no more than was captured; the order's row
-- is locked first.
CREATE FUNCTION number_document()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
  IF NEW.kind = 'invoice' AND NEW.return_id IS NULL AND NEW.total_minor > uninvoiced_minor(NEW.order_no) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'less was captured';
  END IF;
  IF NEW.supplement_no IS NOT NULL AND NOT EXISTS (
      SELECT FROM change_payments s
       WHERE s.order_no = NEW.order_no AND s.payment_no = NEW.supplement_no AND s.status = 'applied'
         AND (s.amount_minor, s.currency) = (NEW.total_minor, NEW.currency)
         AND (first_invoice(NEW.order_no)).document_no IS NOT NULL) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'nothing like it was paid on top of an invoice';
  END IF;
  IF NEW.return_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM guarantees g
       WHERE g.return_id = NEW.return_id AND g.order_no = NEW.order_no AND g.status = 'claimed'
         AND (g.claim_minor, g.currency) = (NEW.total_minor, NEW.currency)
         AND (first_invoice(NEW.order_no)).document_no IS NOT NULL) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'no such guarantee was claimed';
  END IF;
  IF NEW.kind = 'credit_note' AND NOT (CASE
      WHEN NEW.dispute_id IS NOT NULL
      THEN NEW.total_minor = lost_minor(NEW.dispute_id)
           AND EXISTS (SELECT FROM disputes d WHERE d.payment_id = NEW.dispute_id AND d.order_no = NEW.order_no)
      WHEN NEW.refund_id IS NULL
      THEN EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.status = 'cancelled')
      ELSE EXISTS (SELECT FROM refunds r WHERE r.refund_id = NEW.refund_id AND r.status = 'succeeded'
                      AND r.amount_minor = NEW.total_minor) END) THEN
    RAISE EXCEPTION 'not_creditable' USING ERRCODE = 'OM014', DETAIL = 'no such money went back';
  END IF;
  -- One lock for both series: a transaction that issues of each waits for nobody who waits for it.
  PERFORM pg_advisory_xact_lock(hashtext('documents'));
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

CREATE TRIGGER document_numbered BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION number_document();

CREATE TRIGGER documents_append_only BEFORE DELETE OR UPDATE ON documents FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TRIGGER documents_not_emptied BEFORE TRUNCATE ON documents FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- What was invoiced and credited of an order. Stored for its constraints only: the documents are the truth.
CREATE TABLE document_totals (
  order_no           text PRIMARY KEY REFERENCES orders,
  currency           char(3) NOT NULL,
  invoiced_minor     bigint NOT NULL CHECK (invoiced_minor > 0),
  credited_minor     bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
  invoiced_tax_minor bigint NOT NULL CHECK (invoiced_tax_minor >= 0),
  credited_tax_minor bigint NOT NULL DEFAULT 0 CHECK (credited_tax_minor >= 0),
  CONSTRAINT credit_notes_within_invoice CHECK (credited_minor <= invoiced_minor
      AND credited_tax_minor <= invoiced_tax_minor)
);

-- What was credited of each invoice. Stored for its constraints only.
CREATE TABLE invoice_totals (
  document_no        text PRIMARY KEY REFERENCES documents,
  total_minor        bigint NOT NULL,
  tax_minor          bigint NOT NULL,
  credited_minor     bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
  credited_tax_minor bigint NOT NULL DEFAULT 0 CHECK (credited_tax_minor >= 0),
  CONSTRAINT credit_notes_within_their_invoice CHECK (credited_minor <= total_minor AND credited_tax_minor <= tax_minor)
);

-- Which invoices a credit note reduces, and by how much.
CREATE TABLE credit_note_parts (
  credit_note_no text NOT NULL REFERENCES documents (document_no),
  invoice_no     text NOT NULL REFERENCES documents (document_no),
  total_minor    bigint NOT NULL CHECK (total_minor >= 0),
  tax_minor      bigint NOT NULL,
  CONSTRAINT credit_note_parts_pkey PRIMARY KEY (credit_note_no, invoice_no),
  CONSTRAINT credit_note_parts_check CHECK (tax_minor BETWEEN 0 AND total_minor)
);

CREATE TRIGGER credit_note_parts_append_only BEFORE DELETE OR UPDATE ON credit_note_parts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TRIGGER credit_note_parts_not_emptied BEFORE TRUNCATE ON credit_note_parts
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- The first invoice of an order.
CREATE FUNCTION first_invoice(of_order text)
  RETURNS documents LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d FROM documents d
   WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.supplement_no IS NULL AND d.return_id IS NULL
$$;

-- What lines and a shipping charge come to, in the form that every document has.
CREATE FUNCTION sums_of_lines(lines jsonb, shipping bigint)
  RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT jsonb_build_object('lines', coalesce(lines, '[]'), 'items_minor', coalesce(sum(l.items), 0),
           'discount_minor', coalesce(sum(l.discount), 0), 'shipping_minor', shipping,
           'tax_added_minor', coalesce(sum(l.total - l.items + l.discount), 0), 'tax_minor', coalesce(sum(l.tax), 0),
           'total_minor', coalesce(sum(l.total), 0) + shipping)
    FROM (SELECT quantity * unit_price_minor AS items, discount_minor AS discount, tax_minor AS tax, total_minor AS total
            FROM jsonb_to_recordset(lines) AS l (quantity bigint, unit_price_minor bigint, discount_minor bigint,
                 tax_minor bigint, total_minor bigint)) l
$$;

-- The invoice that a line is on. No line is on two; the shipping charge is on the first.
CREATE FUNCTION invoice_of_line(of_order text, of_line text)
  RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.document_no FROM documents d
   WHERE d.order_no = of_order AND d.kind = 'invoice'
     AND CASE WHEN of_line IS NULL THEN d.supplement_no IS NULL AND d.return_id IS NULL
              ELSE EXISTS (SELECT FROM jsonb_array_elements(d.content -> 'lines') l WHERE l ->> 'line_no' = of_line) END
$$;

-- What was captured for an order and is on none of its invoices.
CREATE FUNCTION uninvoiced_minor(of_order text)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(t.captured_minor), 0) FROM payments p JOIN payment_totals t USING (payment_id)
           WHERE p.order_no = of_order AND p.kind = 'capture' AND p.purpose IN ('order', 'supplement'))::bigint
         - (SELECT coalesce(sum(d.total_minor), 0) FROM documents d
             WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.return_id IS NULL)::bigint
$$;

-- Rights

GRANT SELECT ON credit_note_parts, document_series, document_totals, documents, invoice_totals TO oms_app;
GRANT INSERT (billed_to_enc, content, currency, issued_by, kind, order_no, refund_id, series, tax_minor, time_zone,
  total_minor) ON documents TO oms_app;
REVOKE EXECUTE ON FUNCTION count_document(), first_invoice(text), guard_document_series(), invoice_of_line(text, text),
  number_document(), sums_of_lines(jsonb, bigint), uninvoiced_minor(text) FROM PUBLIC;
