-- A claimed guarantee is paid for goods: an invoice beside the order's first. What a lost dispute took is not paid after
-- all: a credit note. Both are issued in the transaction that says so, or with the first invoice where that comes later.

CREATE FUNCTION first_invoice(of_order text) RETURNS documents STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d FROM documents d
   WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.supplement_no IS NULL AND d.return_id IS NULL
$$;

-- As before; a claim is paid beside the order.
CREATE OR REPLACE FUNCTION uninvoiced_minor(of_order text) RETURNS bigint STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(t.captured_minor), 0) FROM payments p JOIN payment_totals t USING (payment_id)
           WHERE p.order_no = of_order AND p.kind = 'capture' AND p.purpose IN ('order', 'supplement'))::bigint
         - (SELECT coalesce(sum(d.total_minor), 0) FROM documents d
             WHERE d.order_no = of_order AND d.kind = 'invoice' AND d.return_id IS NULL)::bigint
$$;

CREATE OR REPLACE FUNCTION invoice_of_line(of_order text, of_line text) RETURNS text STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.document_no FROM documents d
   WHERE d.order_no = of_order AND d.kind = 'invoice'
     AND CASE WHEN of_line IS NULL THEN d.supplement_no IS NULL AND d.return_id IS NULL
              ELSE EXISTS (SELECT FROM jsonb_array_elements(d.content -> 'lines') l WHERE l ->> 'line_no' = of_line) END
$$;

-- What a lost dispute took of the order's money, less what credit notes have already of refunds that gave way to it.
CREATE FUNCTION lost_minor(of_dispute bigint) RETURNS bigint STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce((
    SELECT greatest(p.amount_minor - coalesce((
             SELECT sum(r.amount_minor) FROM refunds_overtaken x JOIN refunds r USING (refund_id)
              WHERE x.dispute_id = d.payment_id AND r.status = 'overtaken'
                AND EXISTS (SELECT FROM documents n WHERE n.refund_id = r.refund_id)), 0), 0)
      FROM disputes d JOIN payments p USING (payment_id) JOIN payments c ON c.payment_id = p.parent_id
     WHERE d.payment_id = of_dispute AND d.status = 'lost' AND c.purpose <> 'stray'), 0)::bigint
$$;

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
  IF NEW.kind = 'invoice' AND NEW.return_id IS NULL AND NEW.total_minor > uninvoiced_minor(NEW.order_no) THEN
    RAISE EXCEPTION 'not_invoiceable' USING ERRCODE = 'OM014', DETAIL = 'less was captured';
  END IF;
  IF NEW.supplement_no IS NOT NULL AND NOT EXISTS (
      SELECT FROM order_supplements s
       WHERE s.order_no = NEW.order_no AND s.supplement_no = NEW.supplement_no AND s.status = 'applied'
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

-- What lines come to, as every document has it.
CREATE FUNCTION sums_of_lines(lines jsonb, shipping bigint) RETURNS jsonb IMMUTABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT jsonb_build_object('lines', coalesce(lines, '[]'), 'items_minor', coalesce(sum(l.items), 0),
           'discount_minor', coalesce(sum(l.discount), 0), 'shipping_minor', shipping,
           'tax_added_minor', coalesce(sum(l.total - l.items + l.discount), 0), 'tax_minor', coalesce(sum(l.tax), 0),
           'total_minor', coalesce(sum(l.total), 0) + shipping)
    FROM (SELECT quantity * unit_price_minor AS items, discount_minor AS discount, tax_minor AS tax, total_minor AS total
            FROM jsonb_to_recordset(lines) AS l (quantity bigint, unit_price_minor bigint, discount_minor bigint,
                 tax_minor bigint, total_minor bigint)) l
$$;

-- As before, of the order's first invoice.
CREATE OR REPLACE FUNCTION invoice_supplement(s order_supplements) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = s.order_no FOR UPDATE;
  first := first_invoice(s.order_no);
  IF first.document_no IS NULL OR s.amount_minor > uninvoiced_minor(s.order_no) THEN
    RETURN;
  END IF;
  said := sums_of_lines(lines_of_supplement(s), 0);
  INSERT INTO documents (kind, series, order_no, supplement_no, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('invoice', 'INV', s.order_no, s.supplement_no, first.time_zone, 'system', s.currency, s.amount_minor,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (s.order_no, 0, 'invoice_issued', jsonb_build_object('document_no', made, 'total_minor', s.amount_minor,
          'supplement_to', first.document_no), 'system');
END $$;

-- The goods that went out in exchange, for what the claim pays of them. The rest of their price was paid otherwise: with
-- goods that came, or as the new order's difference. Taxed as the goods that they were given for. Their numbers are no
-- numbers of the order's own lines.
CREATE FUNCTION lines_of_claim(g guarantees) RETURNS jsonb STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  WITH sold AS (
    SELECT 1000000 * r.return_no + l.line_no AS line_no, l.sku, l.name, l.quantity, l.unit_price_minor,
           l.exchanged_minor AS worth, sum(l.exchanged_minor) OVER (ORDER BY l.line_no) AS worth_to
      FROM returns r JOIN exchanges e USING (return_id) JOIN order_lines l ON l.order_no = e.new_order_no
     WHERE r.return_id = g.return_id AND l.exchanged_minor > 0
  ), whole AS (
    SELECT (SELECT sum(worth) FROM sold) AS worth, sum(o.tax_minor) AS tax, sum(o.tax_added_minor) > 0 AS on_top,
           greatest(sum(o.paid_minor - o.shipping_minor), 1) AS paid
      FROM order_lines o
     WHERE o.order_no = g.order_no
       AND (EXISTS (SELECT FROM return_lines b WHERE b.return_id = g.return_id AND b.line_no = o.line_no)
            OR NOT EXISTS (SELECT FROM return_lines b WHERE b.return_id = g.return_id))
  ), parts AS (
    SELECT sold.*, div(g.claim_minor * sold.worth_to, w.worth)
                   - div(g.claim_minor * (sold.worth_to - sold.worth), w.worth) AS total
      FROM sold, whole w
  ), taxed AS (
    SELECT parts.*, w.on_top, least(div(parts.total * w.tax, w.paid), parts.total) AS tax FROM parts, whole w
  )
  SELECT jsonb_agg(jsonb_build_object('line_no', line_no, 'sku', sku, 'name', name, 'quantity', quantity,
           'unit_price_minor', unit_price_minor, 'tax_minor', tax, 'total_minor', total, 'discount_minor',
           quantity * unit_price_minor + CASE WHEN on_top THEN tax ELSE 0 END - total) ORDER BY line_no)
    FROM taxed
$$;

-- The claim's invoice; nothing where the order has none yet, or the claim has its own.
CREATE FUNCTION invoice_claim(g guarantees) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = g.order_no FOR UPDATE;
  first := first_invoice(g.order_no);
  IF first.document_no IS NULL OR EXISTS (SELECT FROM documents d WHERE d.return_id = g.return_id) THEN
    RETURN NULL;
  END IF;
  said := sums_of_lines(lines_of_claim(g), 0);
  INSERT INTO documents (kind, series, order_no, return_id, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('invoice', 'INV', g.order_no, g.return_id, first.time_zone, 'system', g.currency, g.claim_minor,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (g.order_no, 0, 'invoice_issued', jsonb_build_object('document_no', made, 'total_minor', g.claim_minor,
          'supplement_to', first.document_no, 'return_id', g.return_id), 'system');
  RETURN made;
END $$;

-- Money without pieces, in proportion to what is left of each line and of the shipping charge: of the claim's invoice
-- where the money was a claim and that has room, else of all. Tax goes back with its part of the line.
CREATE FUNCTION lines_of_loss(of_order text, of_claim text, lost bigint) RETURNS jsonb STABLE LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
  WITH gone AS (
    SELECT l ->> 'line_no' AS line_no, sum((l ->> 'total_minor')::bigint) AS total, sum((l ->> 'tax_minor')::bigint) AS tax
      FROM documents n, jsonb_array_elements(n.content -> 'lines') l
     WHERE n.order_no = of_order AND n.kind = 'credit_note' GROUP BY l ->> 'line_no'
  ), sold AS (
    SELECT d.return_id, (l ->> 'line_no')::bigint AS line_no, l ->> 'sku' AS sku, l ->> 'name' AS name,
           (l ->> 'total_minor')::bigint AS total, (l ->> 'tax_minor')::bigint AS tax,
           (l ->> 'total_minor')::bigint + (l ->> 'discount_minor')::bigint
             > (l ->> 'quantity')::bigint * (l ->> 'unit_price_minor')::bigint AS on_top,
           coalesce(g.total, 0) AS gone, coalesce(g.tax, 0) AS tax_gone
      FROM documents d CROSS JOIN jsonb_array_elements(d.content -> 'lines') l
      LEFT JOIN gone g ON g.line_no = l ->> 'line_no'
     WHERE d.order_no = of_order AND d.kind = 'invoice'
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, sum((d.content ->> 'shipping_minor')::bigint) FILTER (WHERE d.kind = 'invoice'), 0, false,
           coalesce(sum((d.content ->> 'shipping_minor')::bigint) FILTER (WHERE d.kind = 'credit_note'), 0), 0
      FROM documents d WHERE d.order_no = of_order
  ), room AS (
    SELECT sold.*, greatest(sold.total - sold.gone, 0) AS room FROM sold
  ), pool AS (
    SELECT room.*, sum(room.room) OVER (ORDER BY room.line_no NULLS LAST) AS room_to, sum(room.room) OVER () AS whole
      FROM room
     WHERE room.room > 0 AND (room.return_id = of_claim
            OR (SELECT coalesce(sum(c.room), 0) FROM room c WHERE c.return_id = of_claim) < lost)
  ), parts AS (
    SELECT pool.*, div(lost * room_to, whole) - div(lost * (room_to - room), whole) AS part FROM pool WHERE lost <= whole
  ), taxed AS (
    SELECT parts.*, least(greatest(div(tax * (gone + part) + total - 1, total) - tax_gone,
                                   tax - tax_gone - (total - gone - part), 0), tax - tax_gone, part) AS part_tax
      FROM parts WHERE part > 0
  )
  SELECT sums_of_lines(
           jsonb_agg(jsonb_build_object('line_no', line_no, 'sku', sku, 'name', name, 'quantity', 0,
             'unit_price_minor', 0, 'discount_minor', CASE WHEN on_top THEN part_tax ELSE 0 END - part,
             'tax_minor', part_tax, 'total_minor', part) ORDER BY line_no) FILTER (WHERE line_no IS NOT NULL),
           coalesce(sum(part) FILTER (WHERE line_no IS NULL), 0)::bigint)
    FROM taxed
$$;

-- The credit note of what a lost dispute took. Of a cancelled order what is left is credited whole, when it is asked for.
CREATE FUNCTION credit_loss(d disputes) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first  documents%ROWTYPE;
  lost   bigint := lost_minor(d.payment_id);
  said   jsonb;
  made   text;
BEGIN
  PERFORM FROM orders o WHERE o.order_no = d.order_no FOR UPDATE;
  first := first_invoice(d.order_no);
  IF first.document_no IS NULL OR lost = 0 OR EXISTS (SELECT FROM documents n WHERE n.dispute_id = d.payment_id)
     OR EXISTS (SELECT FROM orders o WHERE o.order_no = d.order_no AND o.status = 'cancelled') THEN
    RETURN NULL;
  END IF;
  said := lines_of_loss(d.order_no, (SELECT split_part(c.idempotency_key, '/', 3) FROM payments p
                                       JOIN payments c ON c.payment_id = p.parent_id
                                      WHERE p.payment_id = d.payment_id AND c.purpose = 'guarantee'), lost);
  INSERT INTO documents (kind, series, order_no, dispute_id, time_zone, issued_by, currency, total_minor, tax_minor,
                         content, billed_to_enc)
  VALUES ('credit_note', 'CN', d.order_no, d.payment_id, first.time_zone, 'system', first.currency, lost,
          (said ->> 'tax_minor')::bigint, jsonb_build_object('seller', first.content -> 'seller') || said,
          first.billed_to_enc)
  RETURNING document_no INTO made;
  INSERT INTO order_events (order_no, seq, type, data, actor)
  VALUES (d.order_no, 0, 'credit_note_issued', jsonb_build_object('document_no', made, 'total_minor', lost,
          'dispute_id', d.payment_id), 'system');
  RETURN made;
END $$;

-- What an invoiced order's documents lack: what was paid on top, claims, lost disputes.
CREATE FUNCTION missing_documents(of_order text)
  RETURNS TABLE (kind text, reference text, amount_minor bigint, currency text) STABLE LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT 'supplement', w.supplement_no::text, w.amount_minor, w.currency FROM supplements_without_invoice(of_order) w
  UNION ALL
  SELECT 'claim', g.return_id, g.claim_minor, g.currency FROM guarantees g
   WHERE g.order_no = of_order AND g.status = 'claimed' AND (first_invoice(of_order)).document_no IS NOT NULL
     AND NOT EXISTS (SELECT FROM documents d WHERE d.return_id = g.return_id)
  UNION ALL
  SELECT 'loss', d.payment_id::text, lost_minor(d.payment_id), o.currency FROM disputes d JOIN orders o USING (order_no)
   WHERE d.order_no = of_order AND d.status = 'lost' AND o.status <> 'cancelled' AND lost_minor(d.payment_id) > 0
     AND (first_invoice(of_order)).document_no IS NOT NULL
     AND NOT EXISTS (SELECT FROM documents n WHERE n.dispute_id = d.payment_id)
$$;

CREATE FUNCTION issue_further_document(of_kind text, of_reference text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE made text;
BEGIN
  IF of_kind = 'claim' THEN
    SELECT invoice_claim(g) INTO made FROM guarantees g WHERE g.return_id = of_reference;
  ELSE
    SELECT credit_loss(d) INTO made FROM disputes d WHERE d.payment_id = of_reference::bigint;
  END IF;
  RETURN made;
END $$;

-- What a rule refuses is left out and found by the ledger check, the money is recorded; what a repeat cures undoes the
-- transaction.
CREATE FUNCTION issue_further_documents(of_order text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE missing record;
BEGIN
  FOR missing IN SELECT m.kind, m.reference FROM missing_documents(of_order) m WHERE m.kind <> 'supplement' LOOP
    BEGIN
      PERFORM issue_further_document(missing.kind, missing.reference);
    EXCEPTION WHEN OTHERS THEN
      IF left(SQLSTATE, 2) NOT IN ('21', '22', '23', 'OM') THEN
        RAISE;
      END IF;
      RAISE WARNING 'order % % %: no document (%)', of_order, missing.kind, missing.reference, SQLSTATE;
    END;
  END LOOP;
END $$;

-- At the end of the transaction: the numbers' lock is the last that it takes.
CREATE FUNCTION has_further_documents() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM issue_further_documents(NEW.order_no);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER claim_invoiced AFTER UPDATE ON guarantees DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'claimed' AND OLD.status <> 'claimed') EXECUTE FUNCTION has_further_documents();
CREATE CONSTRAINT TRIGGER loss_credited AFTER UPDATE ON disputes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'lost' AND OLD.status <> 'lost') EXECUTE FUNCTION has_further_documents();
CREATE CONSTRAINT TRIGGER first_invoice_followed AFTER INSERT ON documents DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind = 'invoice' AND NEW.supplement_no IS NULL AND NEW.return_id IS NULL)
  EXECUTE FUNCTION has_further_documents();

-- A person makes up for all that is missing.
CREATE FUNCTION issue_missing_documents(of_order text, by_actor text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  missing record;
  made    text;
BEGIN
  RETURN QUERY SELECT i FROM issue_missing_invoices(of_order, by_actor) i;
  FOR missing IN SELECT m.kind, m.reference FROM missing_documents(of_order) m WHERE m.kind <> 'supplement' LOOP
    made := issue_further_document(missing.kind, missing.reference);
    IF made IS NOT NULL THEN
      INSERT INTO audit_log (actor, action, order_no, reference)
      VALUES (by_actor, CASE missing.kind WHEN 'claim' THEN 'invoice_made_up' ELSE 'credit_note_made_up' END, of_order, made);
      RETURN NEXT made;
    END IF;
  END LOOP;
END $$;

-- Claims and losses of before.
SELECT issue_further_documents(o.order_no)
  FROM (SELECT order_no FROM guarantees WHERE status = 'claimed' UNION SELECT order_no FROM disputes WHERE status = 'lost') o;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lost_minor, missing_documents, issue_missing_documents TO oms_app;
