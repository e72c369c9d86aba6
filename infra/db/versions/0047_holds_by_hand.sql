-- What a person says has been done is no way past a hold: while it stops the order, no parcel is recorded by hand and no
-- money as taken by hand. (Money that a provider tells of by itself is kept as before.)
CREATE FUNCTION heed_holds_by_hand() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE here orders%ROWTYPE;
BEGIN
  SELECT * INTO here FROM orders WHERE order_no = NEW.order_no FOR KEY SHARE;
  IF here.hold IS NOT NULL AND EXISTS (SELECT FROM holds h WHERE h.order_no = NEW.order_no AND h.closed_at IS NULL
                                          AND here.status = ANY (h.stops)) THEN
    RAISE EXCEPTION 'order_is_held' USING ERRCODE = 'OM006', DETAIL = here.hold;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER parcel_by_hand_heeds_holds BEFORE INSERT ON shipments FOR EACH ROW WHEN (NEW.status <> 'booking')
  EXECUTE FUNCTION heed_holds_by_hand();
CREATE TRIGGER money_by_hand_heeds_holds BEFORE INSERT ON payments FOR EACH ROW
  WHEN (NEW.provider = 'manual' AND NEW.kind = 'capture' AND NEW.purpose = 'order')
  EXECUTE FUNCTION heed_holds_by_hand();

-- A hold that a person put on does not stand in the way of one of the same kind that comes by rule.
CREATE UNIQUE INDEX holds_one_open_each ON holds (order_no, kind, (put_on_by = 'system')) WHERE closed_at IS NULL;
DROP INDEX holds_one_open;

REVOKE EXECUTE ON FUNCTION heed_holds_by_hand FROM PUBLIC;
