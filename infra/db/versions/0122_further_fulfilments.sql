ALTER TABLE fulfilments ADD COLUMN placed_at timestamptz;

CREATE FUNCTION date_further_fulfilment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.placed_at := (SELECT o.created_at FROM orders o WHERE o.order_no = NEW.order_no);
  RETURN NEW;
END $$;

CREATE TRIGGER further_fulfilment_dated BEFORE INSERT ON fulfilments
  FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION date_further_fulfilment();

REVOKE EXECUTE ON FUNCTION date_further_fulfilment() FROM PUBLIC;
