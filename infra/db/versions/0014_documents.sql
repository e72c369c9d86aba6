-- Invoices and credit notes, numbered without gaps; and what customers say of their orders.

-- The last number given out, per series and year. Moved by the trigger below alone, in the document's own transaction:
-- what is rolled back gives its number back.
CREATE TABLE document_series (
  series       text NOT NULL CHECK (series IN ('INV', 'CN')),
  year         integer NOT NULL CHECK (year BETWEEN 2000 AND 9999),
  last_number  bigint NOT NULL CHECK (last_number > 0),
  PRIMARY KEY (series, year)
);
CREATE FUNCTION guard_document_series() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() >= 2 AND TG_OP = 'INSERT' AND NEW.last_number = 1 THEN
    RETURN NEW;
  ELSIF pg_trigger_depth() >= 2 AND TG_OP = 'UPDATE' AND NEW.last_number = OLD.last_number + 1 THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'numbers are given out by documents, one after the other' USING ERRCODE = 'OM003';
END $$;
CREATE TRIGGER document_series_guard BEFORE INSERT OR UPDATE OR DELETE ON document_series
  FOR EACH ROW EXECUTE FUNCTION guard_document_series();
CREATE TRIGGER document_series_not_emptied BEFORE TRUNCATE ON document_series
  FOR EACH STATEMENT EXECUTE FUNCTION guard_document_series();

CREATE TABLE documents (
  document_no    text PRIMARY KEY,         -- SERIES-YEAR-NUMBER
  kind           text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  series         text NOT NULL,
  year           integer NOT NULL,         -- of the day of issue where the seller is
  number         bigint NOT NULL CHECK (number > 0),
  order_no       text NOT NULL REFERENCES orders,
  refund_id      text,                     -- of a credit note; none: what was left when the order was cancelled
  issued_at      timestamptz NOT NULL,
  time_zone      text NOT NULL,            -- the seller's
  issued_by      text NOT NULL,
  currency       char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  total_minor    bigint NOT NULL CHECK (total_minor > 0),
  tax_minor      bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND total_minor),
  content        jsonb NOT NULL,           -- seller, lines and amounts as they were; nothing personal
  billed_to_enc  bytea NOT NULL,           -- sealed under the customer's key; empty when he was erased before
  CONSTRAINT document_series_of_its_kind CHECK (series = CASE kind WHEN 'invoice' THEN 'INV' ELSE 'CN' END),
  CONSTRAINT document_no_of_its_number CHECK (
    document_no = series || '-' || year || '-' || lpad(number::text, greatest(6, length(number::text)), '0')),
  CONSTRAINT document_of_a_refund CHECK (kind = 'credit_note' OR refund_id IS NULL),
  CONSTRAINT document_of_a_refund_of_its_order FOREIGN KEY (refund_id, order_no) REFERENCES refunds (refund_id, order_no),
  CONSTRAINT document_number_once UNIQUE (series, year, number)
);
CREATE UNIQUE INDEX documents_one_invoice ON documents (order_no) WHERE kind = 'invoice';
CREATE UNIQUE INDEX documents_one_credit_note ON documents (refund_id) WHERE refund_id IS NOT NULL;
CREATE UNIQUE INDEX documents_one_cancellation ON documents (order_no) WHERE kind = 'credit_note' AND refund_id IS NULL;
CREATE INDEX documents_order ON documents (order_no, issued_at);
CREATE TRIGGER documents_append_only BEFORE UPDATE OR DELETE ON documents
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER documents_not_emptied BEFORE TRUNCATE ON documents
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

CREATE TABLE document_totals (             -- stored only to carry the constraints; the documents are the truth
  order_no            text PRIMARY KEY REFERENCES orders,
  currency            char(3) NOT NULL,
  invoiced_minor      bigint NOT NULL CHECK (invoiced_minor > 0),
  credited_minor      bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
  invoiced_tax_minor  bigint NOT NULL CHECK (invoiced_tax_minor >= 0),
  credited_tax_minor  bigint NOT NULL DEFAULT 0 CHECK (credited_tax_minor >= 0),
  CONSTRAINT credit_notes_within_invoice CHECK (
    credited_minor <= invoiced_minor AND credited_tax_minor <= invoiced_tax_minor)
);

-- A document takes the next number of its series and year, and no other: the lock is held until it is kept, so numbers
-- and times of issue go the same way and no number is skipped. What does not add up is no document.
CREATE FUNCTION number_document() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
  IF NEW.kind = 'invoice' AND NOT EXISTS (
      SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.kind = 'capture' AND p.purpose <> 'stray'
         AND p.status = 'succeeded') THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'nothing was captured';
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
CREATE TRIGGER document_numbered BEFORE INSERT ON documents FOR EACH ROW EXECUTE FUNCTION number_document();

CREATE FUNCTION count_document() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NEW.kind = 'invoice' THEN
    INSERT INTO document_totals (order_no, currency, invoiced_minor, invoiced_tax_minor)
    VALUES (NEW.order_no, NEW.currency, NEW.total_minor, NEW.tax_minor);
  ELSE
    UPDATE document_totals SET credited_minor = credited_minor + NEW.total_minor,
           credited_tax_minor = credited_tax_minor + NEW.tax_minor
     WHERE order_no = NEW.order_no AND currency = NEW.currency;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'credit_note_without_invoice' USING ERRCODE = 'OM014';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER document_counted AFTER INSERT ON documents FOR EACH ROW EXECUTE FUNCTION count_document();

CREATE TABLE feedback (
  feedback_id   text PRIMARY KEY,
  order_no      text NOT NULL REFERENCES orders,
  feedback_no   integer NOT NULL CONSTRAINT feedback_limit CHECK (feedback_no BETWEEN 1 AND 5),
  kind          text NOT NULL CHECK (kind IN ('feedback', 'complaint')),
  rating        smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
  text_enc      bytea NOT NULL,            -- sealed under the customer's key; empty where nothing was written
  given_by      text NOT NULL,
  given_at      timestamptz NOT NULL DEFAULT now(),
  answer_enc    bytea,
  answered_by   text,
  answered_at   timestamptz,
  UNIQUE (order_no, feedback_no),
  CHECK ((answered_at IS NULL) = (answered_by IS NULL) AND (answered_at IS NULL) = (answer_enc IS NULL))
);
CREATE INDEX feedback_newest ON feedback (given_at DESC, feedback_id DESC);
CREATE INDEX feedback_open ON feedback (given_at DESC, feedback_id DESC) WHERE answered_at IS NULL;

CREATE FUNCTION guard_feedback() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.answered_at IS NOT NULL OR (to_jsonb(NEW) - ARRAY['answer_enc', 'answered_by', 'answered_at'])
     <> (to_jsonb(OLD) - ARRAY['answer_enc', 'answered_by', 'answered_at']) THEN
    RAISE EXCEPTION 'feedback is answered once and does not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER feedback_guard BEFORE UPDATE ON feedback FOR EACH ROW EXECUTE FUNCTION guard_feedback();
CREATE TRIGGER feedback_not_removed BEFORE DELETE ON feedback FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT ON document_series, document_totals TO oms_app;
GRANT SELECT, INSERT ON documents, feedback TO oms_app;
GRANT UPDATE (answer_enc, answered_by, answered_at) ON feedback TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
