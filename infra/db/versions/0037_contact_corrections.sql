-- Support corrects how an order's customer is reached; the messages say where each went before.
ALTER TABLE order_acts DROP CONSTRAINT order_acts_action_check,
  ADD CONSTRAINT order_acts_action_check CHECK (action IN ('prioritise', 'adjust', 'parcel', 'contact'));
COMMENT ON COLUMN order_acts.detail IS 'the new priority, the event of the lifecycle, reship or refund, or the fields of a contact';

ALTER TABLE messages ADD COLUMN earlier_to_enc bytea[] NOT NULL DEFAULT '{}';  -- each sealed like to_enc
-- A fact that is told anew by another way is a row of its own, asked for by somebody from the beginning.
CREATE TRIGGER message_asked_audited AFTER INSERT ON messages FOR EACH ROW WHEN (NEW.round > 0)
  EXECUTE FUNCTION audit_message();

GRANT INSERT (round, asked_by), UPDATE (earlier_to_enc) ON messages TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
