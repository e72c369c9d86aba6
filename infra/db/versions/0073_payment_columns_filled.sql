-- The columns of 0072 for payments that were written before. Each run of the statement fills some of them.
UPDATE payments p
   SET change_payment_no = d.change_payment_no, guarantee_return_id = d.guarantee_return_id
  FROM (SELECT o.payment_id,
               CASE WHEN o.attempt < -1000 AND o.kind IN ('authorise', 'capture') THEN -1000 - o.attempt END
                 AS change_payment_no,
               CASE WHEN o.kind IN ('authorise', 'capture', 'void')
                     AND starts_with(o.idempotency_key, o.order_no || '/guarantee/')
                    THEN split_part(o.idempotency_key, '/', 3) END AS guarantee_return_id
          FROM payments o
         WHERE o.purpose <> 'order' AND o.change_payment_no IS NULL AND o.guarantee_return_id IS NULL
           AND (o.attempt < -1000 AND o.kind IN ('authorise', 'capture')
                OR o.kind IN ('authorise', 'capture', 'void')
                   AND starts_with(o.idempotency_key, o.order_no || '/guarantee/'))
         LIMIT 1000) d
 WHERE p.payment_id = d.payment_id;
