-- What people and nightly jobs do, as members of audit_owner; how the sources are.
--
-- Whatever changes what gateways may bring, or what is kept, is written down in audit_act, with the
-- login that did it. As in 40-functions.sql, they run with their owner's rights.

set role audit_owner;
set search_path = audit, pg_temp;

create or replace function _note_act(act text, subject text, reason text) returns void
language plpgsql as $$
begin
    if coalesce(btrim(reason), '') = '' then
        raise invalid_parameter_value using message = format('%s needs a reason, which is kept', act);
    end if;
    insert into audit_act (act, subject, reason) values (act, subject, reason);
end $$;

-- ---- months ----

-- Makes this month's partition and those of the next ones. A month that nobody made is made by the
-- first batch in it.
create or replace function audit_make_months(ahead integer default 2) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    for i in 0 .. ahead loop
        perform _make_month(clock_timestamp() + i * interval '1 month');
    end loop;
end $$;

create or replace function _month_name(month date) returns text immutable language sql as
$$ select 'audit_record_' || to_char(month, 'YYYY_MM') $$;

-- A legal hold: the month's records stay, whatever the retention says, until each reason for it has
-- been taken back.
create or replace function audit_hold_month(month date, reason text) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    perform _note_act('audit_hold_month', month::text, reason);
    insert into audit_hold (month, reason) values (month, reason);
end $$;

create or replace function audit_release_month(of_month date, of_reason text, why text) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    perform _note_act('audit_release_month', of_month::text || ': ' || of_reason, why);
    delete from audit_hold where month = of_month and reason = of_reason;
    if not found then
        raise no_data_found using message = format('%s is not held for that reason; see audit_hold', of_month);
    end if;
end $$;

-- Deletes the records that came in one month, given as its first day. Not this one or the last, nor
-- while it is held. Sources, checkpoints and conflicts stay.
create or replace function audit_drop_month(month date, reason text) returns bigint
language plpgsql security definer set search_path = audit, pg_temp as $$
declare
    name constant text := _month_name(month);
    records bigint;
begin
    if to_regclass('audit.' || name) is null or extract(day from month) <> 1 then
        raise no_data_found using message = format(
            'there are no records of the month %s; name it by its first day', month);
    elsif month + interval '2 months' > clock_timestamp() at time zone 'UTC' then
        raise object_not_in_prerequisite_state using message = format(
            '%s is this month or the last one; it is too young to be dropped', month);
    end if;
    lock table audit_hold in share mode;    -- nobody holds it in this moment
    if exists (select from audit_hold h where h.month = audit_drop_month.month) then
        raise object_not_in_prerequisite_state using message = format('%s is held: %s', month,
            (select string_agg(h.reason, '; ') from audit_hold h where h.month = audit_drop_month.month));
    end if;
    execute format('select count(*) from %I', name) into records;
    perform _note_act('audit_drop_month', format('%s: %s records', month, records), reason);
    execute format('alter table audit_record detach partition %I', name);
    execute format('drop table %I', name);
    return records;
end $$;

-- ---- sources ----

-- Another login brings a source's records from now on.
create or replace function audit_hand_over(origin text, login text, reason text) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    perform _note_act('audit_hand_over', origin || ' to ' || login, reason);
    update audit_source set writer = login where source = origin;
    if not found then
        raise no_data_found using message = format('there is no source %s', origin);
    end if;
end $$;

-- The records from the next one up to before `next_seq` will not come any more: the gateway deleted
-- them after this database had confirmed them, and then this database lost them. next_seq is the
-- first record of a segment that the gateway still has; it brings all that is needed to go on.
create or replace function audit_accept_gap(origin text, next_seq bigint, reason text) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
declare
    head bigint;
begin
    select head_seq into head from audit_source where source = origin for update;
    if head is null or next_seq <= head + 1 then
        raise invalid_parameter_value using message = format(
            'the source %s stands at %s: there is no gap before %s', origin, head, next_seq);
    end if;
    perform _note_act('audit_accept_gap', format('%s: %s to %s', origin, head + 1, next_seq - 1), reason);
    update audit_source set head_seq = next_seq - 1, head_hash = null, frontier = null
        where source = origin;
end $$;

-- Somebody looked at a source's conflicts. They stay in audit_conflict; the source is no longer shown
-- as forked, until another one comes.
create or replace function audit_settle_conflicts(origin text, reason text) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    perform _note_act('audit_settle_conflicts', origin, reason);
    update audit_source set conflicts = 0 where source = origin;
    if not found then
        raise no_data_found using message = format('there is no source %s', origin);
    end if;
end $$;

-- Says beforehand which key may begin a source, or any source below a name: `campaign-gateway` stands
-- for all of them, `campaign-gateway/billing-0` for every journal of that gateway. `key` is the public
-- key in hex, as `campaign-gateway audit key` shows it.
create or replace function audit_pin(source text, key text, not_before timestamptz default now(),
    not_after timestamptz default 'infinity') returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    perform _note_act('audit_pin', source, format('%s from %s to %s', key, not_before, not_after));
    insert into audit_key (source, key, pinned, not_before, not_after)
        values (source, _as_hash(key), true, not_before, not_after)
        on conflict on constraint audit_key_pkey do update
        set pinned = true, not_before = excluded.not_before, not_after = excluded.not_after;
end $$;

-- ---- how they are ----

-- Notes that, and how, records of a source were verified.
create or replace function audit_note_verification(origin text, from_seq bigint, upto_seq bigint,
    checkpoints bigint, fine boolean, sentence text) returns void
language plpgsql security definer set search_path = audit, pg_temp as $$
begin
    insert into audit_verification (source_id, time, login, from_seq, upto_seq, checkpoints, fine, sentence)
        select id, clock_timestamp(), session_user, from_seq, upto_seq, checkpoints, fine, sentence
        from audit_source where source = origin;
    if not found then
        raise no_data_found using message = format('there is no source %s', origin);
    end if;
end $$;

-- Each source, and whether somebody must look at it. A gateway that is well gives a sign of life every
-- ten minutes at the latest, and signs a checkpoint as often.
create or replace view audit_sources_health as
select s.source, s.writer, s.last_seen, s.head_seq, s.checkpoint_size, s.checkpoint_received, s.conflicts,
    v.upto_seq as verified_upto, v.time as verified_at,
    case
        when s.conflicts > 0 then 'forked'
        when not v.fine then 'broken'
        when s.last_seen < now() - interval '15 minutes' then 'silent'
        when s.checkpoint_received < now() - interval '15 minutes' then 'unsigned'
        else 'fine'
    end as state,
    date_trunc('second', now() - s.last_seen) as silent_for
from audit_source s
left join lateral (
    select * from audit_verification where source_id = s.id order by id desc limit 1
) v on true;
