-- A receipt is booked once: the same reference, SKU and warehouse again only where somebody says that it came again.
ALTER TABLE stock_movements ADD COLUMN duplicate boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT only_receipts_repeat CHECK (NOT duplicate OR kind = 'receipt');

-- What was booked several times before stays booked; the first of them is the receipt.
ALTER TABLE stock_movements DISABLE TRIGGER stock_movements_append_only;
UPDATE stock_movements m SET duplicate = true
 WHERE m.kind = 'receipt' AND EXISTS (
   SELECT FROM stock_movements f WHERE f.kind = 'receipt' AND f.movement_id < m.movement_id
      AND (f.reference, f.sku, f.warehouse) = (m.reference, m.sku, m.warehouse));
ALTER TABLE stock_movements ENABLE TRIGGER stock_movements_append_only;

CREATE UNIQUE INDEX receipt_once ON stock_movements (reference, sku, warehouse) WHERE kind = 'receipt' AND NOT duplicate;
