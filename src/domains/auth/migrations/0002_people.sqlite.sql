-- An API key's own limit of requests, in place of the one for every principal: both or neither.
alter table applications add column rate_per_second bigint;
alter table applications add column rate_burst bigint;
create index applications_created_by on applications (created_by);
-- The role that was made for one API key alone, and goes with it.
alter table roles add column application_id text references applications (id) on delete cascade;
create index roles_application on roles (application_id);
update roles set application_id = (select application_id from application_roles where role_id = roles.id)
where not is_system and name like 'key: %' and (select count(*) from application_roles where role_id = roles.id) = 1;
-- What was written down stays as it was.
create trigger audit_log_keeps_rows before delete on audit_log begin select raise(abort, 'the audit log is append-only'); end;
create trigger audit_log_keeps_words before update on audit_log begin select raise(abort, 'the audit log is append-only'); end;
