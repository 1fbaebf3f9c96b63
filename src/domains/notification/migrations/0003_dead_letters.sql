-- Deliveries that failed for good, newest first: few among many that arrived.
create index deliveries_dead on deliveries (updated_at desc, id desc) where state = 'dead';
