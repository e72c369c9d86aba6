-- A delivery slot is a day at most, and the day on which clocks go back has 25 hours. The API measures the rest.
ALTER TABLE orders DROP CONSTRAINT order_delivery_slot,
  ADD CONSTRAINT order_delivery_slot CHECK (
    (slot_from IS NULL) = (slot_to IS NULL) AND slot_to - slot_from BETWEEN interval '1 h' AND interval '25 h') NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT order_delivery_slot;
ALTER TABLE order_supplements DROP CONSTRAINT order_supplement_slot,
  ADD CONSTRAINT order_supplement_slot CHECK (
    (slot_from IS NULL) = (slot_to IS NULL) AND slot_to - slot_from BETWEEN interval '1 h' AND interval '25 h');
