-- What was sent to a customer can be read again exactly as it was sent: the sealed text of a message about an order
-- stays when the message is sent or given up. A code to sign in is forgotten as before.
ALTER TABLE messages DROP CONSTRAINT words_go_with_the_end;
ALTER TABLE messages ADD CONSTRAINT sign_in_words_go_with_the_end
  CHECK (order_no IS NOT NULL OR state = 'open' OR body_enc IS NULL) NOT VALID;
ALTER TABLE messages ADD COLUMN earlier_body_enc bytea[] NOT NULL DEFAULT '{}';

-- A message that is written anew keeps the text that it had, whichever version of the product asks for it.
CREATE FUNCTION keep_earlier_words() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  NEW.earlier_body_enc := array_append(OLD.earlier_body_enc, OLD.body_enc);
  NEW.body_enc := NULL;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION keep_earlier_words() FROM PUBLIC;

CREATE TRIGGER message_written_anew BEFORE UPDATE OF to_enc ON messages
  FOR EACH ROW WHEN (OLD.body_enc IS NOT NULL AND NEW.to_enc IS NULL) EXECUTE FUNCTION keep_earlier_words();
