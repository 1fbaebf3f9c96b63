-- What a message is about, a JSON array; and what it is told together with. Null: nothing.
alter table dispatches add column subjects text;
alter table dispatches add column collapse_key text;
alter table notifications add column subjects text;
alter table notifications add column collapse_key text;
-- The rows of one inbox that belong together, newest first.
create index notifications_collapse on notifications (user_id, collapse_key, created_at desc, id desc) where collapse_key is not null;
