-- One send: what is said, and to whom. Deliveries read the message here, so that they outlive what a user does to his inbox.
create table dispatches (
  id text not null primary key,
  sender text not null,
  idempotency_key text,
  body_hash text not null,
  title text not null,
  body text not null,
  action_label text,
  action_url text,
  importance text not null check (importance in ('info', 'warning', 'critical')),
  group_ids text not null,
  state text not null check (state in ('pending', 'done')),
  notified_count bigint not null,
  created_at bigint not null
);
create unique index dispatches_key on dispatches (sender, idempotency_key) where idempotency_key is not null;
create index dispatches_created on dispatches (created_at);

-- The inbox: one row a recipient. Users live in another domain.
create table notifications (
  id text not null primary key,
  user_id text not null,
  title text not null,
  body text not null,
  action_label text,
  action_url text,
  importance text not null check (importance in ('info', 'warning', 'critical')),
  is_read boolean not null,
  group_id text,
  dispatch_id text not null,
  created_at bigint not null
);
create index notifications_inbox on notifications (user_id, created_at desc, id desc);
create index notifications_unread on notifications (user_id) where not is_read;
create index notifications_created on notifications (created_at);

create table notification_groups (
  id text not null primary key,
  name text not null,
  description text not null,
  owner_plugin text not null,
  created_at bigint not null
);
create index notification_groups_owner on notification_groups (owner_plugin);

create table notification_subscriptions (
  user_id text not null,
  group_id text not null references notification_groups (id) on delete cascade,
  subscribed_at bigint not null,
  primary key (user_id, group_id)
);
create index notification_subscriptions_group on notification_subscriptions (group_id, user_id);

-- Which outside sender a name of groups belongs to.
create table notification_owners (
  owner_plugin text not null primary key,
  sender text not null,
  claimed_at bigint not null
);

-- Whether a user wants a channel, and whether it is set up; his settings of it, with their secrets, are records of the settings store.
create table notification_preferences (
  user_id text not null,
  strategy_id text not null,
  enabled boolean not null,
  is_configured boolean not null,
  updated_at bigint not null,
  primary key (user_id, strategy_id)
);
create index notification_preferences_on on notification_preferences (strategy_id, user_id) where enabled and is_configured;

-- The way out of one notification over one channel. Its id is the key that receivers see on every try. notification_id stays when the inbox row goes.
create table deliveries (
  id text not null primary key,
  dispatch_id text not null references dispatches (id) on delete cascade,
  notification_id text not null,
  user_id text not null,
  strategy_id text not null,
  state text not null check (state in ('pending', 'delivered', 'refused', 'dead')),
  attempts integer not null,
  next_at bigint,
  reason text,
  created_at bigint not null,
  updated_at bigint not null,
  unique (notification_id, strategy_id)
);
create index deliveries_dispatch on deliveries (dispatch_id);
create index deliveries_ended on deliveries (updated_at) where state <> 'pending';

create table delivery_attempts (
  id text not null primary key,
  delivery_id text not null references deliveries (id) on delete cascade,
  notification_id text not null,
  strategy_id text not null,
  attempted_at bigint not null,
  status text not null check (status in ('success', 'failure')),
  error_message text,
  duration_ms integer not null
);
create index delivery_attempts_delivery on delivery_attempts (delivery_id);
create index delivery_attempts_notification on delivery_attempts (notification_id);
create index delivery_attempts_at on delivery_attempts (attempted_at);
