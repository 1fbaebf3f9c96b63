-- Which of several receivers of one delivery (browsers of a user) have taken it: another try leaves them out.
create table delivery_targets (
  delivery_id text not null references deliveries (id) on delete cascade,
  target text not null,
  primary key (delivery_id, target)
);
