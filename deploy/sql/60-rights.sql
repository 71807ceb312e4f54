-- Rights: who may call and read what.

set role audit_owner;
set search_path = audit, pg_temp;

revoke all on all tables in schema audit from public;
revoke all on all functions in schema audit from public;

grant usage on schema audit to audit_ship, audit_read;

grant execute on function audit_put(text, bigint, text[]), audit_upto(text) to audit_ship;

grant select on all tables in schema audit to audit_read;
grant execute on function audit_words(text), audit_asked_words(text), _apart(text) to audit_read;

grant execute on function audit_note_verification(text, bigint, bigint, bigint, boolean, text)
    to audit_verify;

do $$ begin perform audit_make_months(); end $$;
