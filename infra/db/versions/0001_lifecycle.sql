-- The lifecycle and the posting rules of this revision; what is added to them later comes with a revision of its own.
INSERT INTO order_statuses VALUES
  ('received'), ('pending_payment'), ('paid'), ('preparing'), ('shipped'), ('delivered'), ('completed'), ('cancelled');
INSERT INTO order_transitions VALUES
  ('received', 'stock_reserved', 'pending_payment'), ('received', 'order_cancelled', 'cancelled'),
  ('pending_payment', 'payment_captured', 'paid'), ('pending_payment', 'payment_recorded', 'paid'),
  ('pending_payment', 'order_cancelled', 'cancelled'), ('paid', 'shipment_booked', 'preparing'),
  ('paid', 'shipment_recorded', 'preparing'), ('paid', 'order_cancelled', 'cancelled'),
  ('preparing', 'shipment_picked_up', 'shipped'), ('preparing', 'order_cancelled', 'cancelled'),
  ('shipped', 'shipment_delivered', 'delivered'), ('shipped', 'order_cancelled', 'cancelled'),
  ('delivered', 'return_window_closed', 'completed');
INSERT INTO posting_rules VALUES
  ('authorise', 'authorised:{provider}', 'authorisations:customer'),
  ('void', 'authorisations:customer', 'authorised:{provider}'),
  ('capture', 'receivable:{provider}', 'customer_funds'), ('refund', 'customer_funds', 'receivable:{provider}');
