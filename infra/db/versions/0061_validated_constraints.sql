-- Rows from before these constraints hold them too. Each statement reads its table beside whoever writes to it.
ALTER TABLE payments VALIDATE CONSTRAINT payments_kind_check;
ALTER TABLE payments VALIDATE CONSTRAINT reversals_are_told;
ALTER TABLE resolutions VALIDATE CONSTRAINT resolutions_amount;
