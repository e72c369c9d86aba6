-- How a product is supplied: from stock, made once it is ordered, or as a code or a service without a parcel.
ALTER TABLE products ADD COLUMN kind text NOT NULL DEFAULT 'physical';
ALTER TABLE products ADD COLUMN lead_time_days smallint;
ALTER TABLE products ADD COLUMN delivered_by text NOT NULL DEFAULT 'code';
ALTER TABLE products ADD COLUMN confirmed_after_days smallint;
ALTER TABLE products ADD COLUMN presale_deposit_minor bigint;
ALTER TABLE products ADD COLUMN presale_balance_due timestamptz;
ALTER TABLE products ADD COLUMN presale_ships_from timestamptz;
ALTER TABLE products ADD CONSTRAINT product_kind CHECK (kind IN ('physical', 'virtual', 'made_to_order')) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_lead_time CHECK (lead_time_days BETWEEN 1 AND 365) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_delivered_by CHECK (delivered_by IN ('code', 'confirmation')) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_confirmed_after CHECK (confirmed_after_days BETWEEN 0 AND 365) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_presale
  CHECK (num_nonnulls(presale_deposit_minor, presale_balance_due, presale_ships_from) IN (0, 3)
     AND presale_deposit_minor > 0 AND presale_deposit_minor < price_minor) NOT VALID;
GRANT INSERT (kind, lead_time_days, delivered_by, confirmed_after_days,
              presale_deposit_minor, presale_balance_due, presale_ships_from),
      UPDATE (kind, lead_time_days, delivered_by, confirmed_after_days,
              presale_deposit_minor, presale_balance_due, presale_ships_from) ON products TO oms_app;
DROP TRIGGER product_audited ON products;
CREATE TRIGGER product_audited AFTER INSERT OR UPDATE ON products
  FOR EACH ROW EXECUTE FUNCTION audit_row('product', 'sku',
    'name names price_minor currency active weight_g barcode tax_category category picture_id kind lead_time_days delivered_by confirmed_after_days presale_deposit_minor presale_balance_due presale_ships_from');

-- Orders read how their lines are supplied from the product, so that does not change once it was ordered.
CREATE FUNCTION keep_supply_of_ordered() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM order_lines l WHERE l.sku = NEW.sku) THEN
    RAISE EXCEPTION 'product % was ordered: its kind stays', NEW.sku USING ERRCODE = 'OM193';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION keep_supply_of_ordered() FROM PUBLIC;
CREATE TRIGGER product_supply_kept BEFORE UPDATE OF kind, delivered_by ON products
  FOR EACH ROW WHEN (NEW.kind <> OLD.kind OR NEW.delivered_by <> OLD.delivered_by)
  EXECUTE FUNCTION keep_supply_of_ordered();

ALTER TABLE orders DROP CONSTRAINT orders_type_check;
ALTER TABLE orders ADD CONSTRAINT orders_type
  CHECK (type IN ('standard', 'exchange', 'presale', 'virtual', 'made_to_order', 'b2b')) NOT VALID;

-- What a fulfilment is: a parcel from stock, a parcel whose goods are made first, codes, or a service.
ALTER TABLE fulfilments ADD COLUMN kind text NOT NULL DEFAULT 'parcel';
ALTER TABLE fulfilments ADD CONSTRAINT fulfilment_kind
  CHECK (kind IN ('parcel', 'production', 'codes', 'service')) NOT VALID;
GRANT INSERT (kind) ON fulfilments TO oms_app;
