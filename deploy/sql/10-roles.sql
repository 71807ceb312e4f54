-- Roles. Nobody can log in as one of these; for each gateway, and each person, make a login:
--
--     create role gateway_billing login in role audit_ship;
--     create role officer login in role audit_read;
--     create role nightly login in role audit_verify;
--
-- audit_owner   owns everything, and does what 50-maintenance.sql offers
-- audit_ship    may call audit_put and audit_upto: it can add records, and not read, change or
--               delete a single one
-- audit_read    may read everything and change nothing
-- audit_verify  the same, and may note that it verified a source

do $$
declare
    name text;
begin
    foreach name in array array['audit_owner', 'audit_ship', 'audit_read', 'audit_verify'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I', name);
        end if;
    end loop;
    if not pg_has_role(current_user, 'audit_owner', 'member') then
        execute format('grant audit_owner to %I', current_user); -- to set role, below
    end if;
    if current_setting('server_encoding') <> 'UTF8' then
        raise 'the database''s encoding is %, and records are UTF-8; make another one with: '
            'createdb --encoding=UTF8 --template=template0 NAME', current_setting('server_encoding');
    end if;
end $$;

grant audit_read to audit_verify;
create schema if not exists audit authorization audit_owner;
