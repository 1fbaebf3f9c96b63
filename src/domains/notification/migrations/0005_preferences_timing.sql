-- When a user is told over a channel: each message by itself, or as one what came in so many minutes; and never in the hours he wants quiet, minutes
-- after midnight by the clock of a zone.
alter table notification_preferences add column digest_minutes bigint not null default 0;
alter table notification_preferences add column quiet_from bigint;
alter table notification_preferences add column quiet_to bigint;
alter table notification_preferences add column quiet_zone text;

-- Deliveries that go out as one message: the first of them gives its id, and collects the others until that message is made.
alter table deliveries add column digest_id text;
alter table deliveries add column collecting boolean not null default false;
create unique index deliveries_collecting on deliveries (user_id, strategy_id) where collecting;
create index deliveries_digest on deliveries (digest_id) where digest_id is not null;
-- What a deleted user had.
create index deliveries_user on deliveries (user_id);

-- A transactional send has no inbox row. What it says is sealed here in place of title and body, until its last delivery has ended; after `expires_at` it is
-- of no use any more.
alter table dispatches add column transactional boolean not null default false;
alter table dispatches add column sealed text;
alter table dispatches add column expires_at bigint;
