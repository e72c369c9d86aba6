-- The lines of an order that goods are given in exchange by stay as they are, whatever the code believes: its discount
-- is what the customer sent back, and units taken off would take his money with them.
CREATE FUNCTION keep_exchange_goods() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.type = 'exchange') THEN
    RAISE EXCEPTION 'exchange_goods_stay' USING ERRCODE = 'OM012', DETAIL = NEW.order_no;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER order_change_keeps_exchange BEFORE INSERT ON order_changes FOR EACH ROW
  WHEN ('lines' = ANY (NEW.what)) EXECUTE FUNCTION keep_exchange_goods();
CREATE TRIGGER supplement_keeps_exchange BEFORE INSERT ON order_supplements FOR EACH ROW
  EXECUTE FUNCTION keep_exchange_goods();
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
