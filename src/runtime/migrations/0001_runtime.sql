-- Jobs: durable work. A row lives from its enqueueing to its success; what failed for good stays a while for people to see.
create table jobs (
  id text not null primary key,
  queue text not null,
  consumer text not null,
  payload text not null,
  priority integer not null,
  state text not null check (state in ('delayed', 'ready', 'held', 'running', 'failed')),
  run_at bigint not null,
  attempts integer not null,
  max_retries integer not null,
  dedupe_id text,
  held_for text,
  lease_until bigint,
  correlation_id text not null,
  last_error text,
  created_at bigint not null,
  updated_at bigint not null
);
-- Claiming takes the most urgent, oldest ready rows; promoting takes the delayed rows that are due; a held row waits for room in what held_for names.
create index jobs_ready on jobs (queue, consumer, priority desc, id) where state = 'ready';
create index jobs_held on jobs (queue, consumer, held_for, priority desc, id) where state = 'held';
create index jobs_delayed on jobs (run_at) where state = 'delayed';
create index jobs_running on jobs (lease_until) where state = 'running';
create index jobs_failed on jobs (updated_at) where state = 'failed';
create unique index jobs_dedupe on jobs (queue, consumer, dedupe_id) where dedupe_id is not null and state <> 'failed';
