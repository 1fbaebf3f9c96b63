-- How processes that share this database keep what they have in memory true (src/runtime/coherence). On SQLite, which has one process, both
-- tables stay empty.
-- A row stands while its process may serve from memory; whoever deletes it has it start over with an empty one.
create table processes (
  member text not null primary key,
  process text not null,
  lease_no bigint not null,
  joined_at bigint not null
);
-- What a change made stale: written with it, deleted when no process can serve the state before it any more.
create table intents (
  id text not null primary key,
  process text not null,
  targets text not null,
  created_at bigint not null
);
-- The processes at work (src/runtime/workers), with or without anything in memory: a row stands while its process beats. On SQLite both tables stay empty.
create table workers (
  process text not null primary key,
  beat bigint not null,
  sharing boolean not null,
  since bigint not null,
  seen_at bigint not null
);
-- Work that is shared out: who does it now. Of an owner without a row it is free.
create table shards (
  kind text not null,
  number integer not null,
  owner text,
  primary key (kind, number)
);
-- The look that took a running job, as long as what comes of it counts: "PROCESS NUMBER". Of a held job, the one that held it.
alter table jobs add column claim text;
-- What is true of the whole installation: `master_key` is a known text, sealed, which a process with another key cannot open.
create table installation (
  name text not null primary key,
  value text not null
);
