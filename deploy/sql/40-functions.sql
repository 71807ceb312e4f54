-- The doors for gateways: audit_put brings records, audit_upto asks how far they came.
--
-- Both answer with a receipt: everything up to this record is stored, without a gap. The receipt
-- holds once the transaction is committed, which includes the standbys that must have it.
--
-- They run with their owner's rights (security definer) and a fixed search_path, so that a gateway's
-- login needs no right to any table. Functions that begin with _ are called by these only.

set role audit_owner;
set search_path = audit, pg_temp;

-- ---- small things ----

-- The commit of this transaction waits for the disk, and for standbys when there are any, whatever
-- the login's own settings say.
create or replace function _commit_durably() returns void language plpgsql as $$
begin
    if current_setting('synchronous_commit') in ('off', 'local') then
        perform set_config('synchronous_commit', 'on', true);
    end if;
end $$;

-- What cannot be read must not keep a record out: it is stored all the same, and not found by it.
create or replace function _as_jsonb(text text) returns jsonb immutable language plpgsql as $$
begin
    return replace(text, '\u0000', '\ufffd')::jsonb;
exception when data_exception or program_limit_exceeded then
    return '{}';
end $$;

-- An instant as our records have it; PostgreSQL would also take "infinity" and "tomorrow"
create or replace function _as_time(text text) returns timestamptz stable language plpgsql as $$
begin
    return case when text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z$' then text::timestamptz end;
exception when data_exception then
    return null;
end $$;

create or replace function _as_bytes(base64 text) returns bytea immutable language plpgsql as $$
begin
    return decode(base64, 'base64');
exception when data_exception then
    return null;
end $$;

-- The text at a path. Cut, because an index cannot hold a longer one, and no record may be kept out
create or replace function _text(doc jsonb, path text[]) returns text immutable language sql as
$$ select left(doc #>> path, 500) $$;

-- 32 bytes from their 64 lower-case digits, or null
create or replace function _as_hash(hex text) returns bytea immutable language sql as
$$ select case when hex ~ '^[0-9a-f]{64}$' then decode(hex, 'hex') end $$;

-- ---- the Merkle tree (RFC 6962 2.1) ----
-- Its frontier: the roots of the complete subtrees that `size` leaves make, the largest first.

-- The frontier with one more leaf: as adding one to a binary number
create or replace function _tree_add(frontier bytea[], size bigint, hash bytea) returns bytea[]
immutable language plpgsql as $$
declare
    node bytea := sha256('\x00' || hash);
    kept integer := cardinality(frontier);
begin
    while size & 1 = 1 loop
        node := sha256('\x01' || frontier[kept] || node);
        kept := kept - 1;
        size := size >> 1;
    end loop;
    return frontier[1:kept] || node;
end $$;

create or replace function _tree_root(frontier bytea[]) returns bytea
immutable language plpgsql as $$
declare
    root bytea := coalesce(frontier[cardinality(frontier)], sha256(''));
begin
    for i in reverse cardinality(frontier) - 1 .. 1 loop
        root := sha256('\x01' || frontier[i] || root);
    end loop;
    return root;
end $$;

-- The frontier as the record says that begins a source; null when it cannot be one of that size
create or replace function _tree_read(nodes jsonb, size bigint) returns bytea[]
immutable language plpgsql as $$
declare
    frontier bytea[];
begin
    if jsonb_typeof(nodes) = 'array' then
        frontier := array(select _as_hash(node)
            from jsonb_array_elements_text(nodes) with ordinality as each (node, place)
            order by place);
    end if;
    return case when cardinality(frontier) = length(replace(size::bit(64)::text, '0', ''))
        and array_position(frontier, null) is null then frontier end;
end $$;

-- ---- checkpoints (C2SP signed-note, tlog-checkpoint) ----

-- Whether `key` signed the note in its origin's name: exactly one of its lines claims that it did.
-- A line is "— NAME BASE64", with the first 4 bytes of SHA-256(NAME, LF, 1, key) before the
-- signature; lines of others, such as witnesses, do not matter.
create or replace function _note_is_signed_by(note text, key bytea) returns boolean
immutable language plpgsql as $$
declare
    body constant text := split_part(note, E'\n\n', 1) || E'\n';
    front constant text := '— ' || split_part(note, E'\n', 1) || ' ';
    key_hash constant bytea :=
        sha256(convert_to(split_part(note, E'\n', 1), 'UTF8') || '\x0a01' || key);
    line text;
    signed bytea;
    signature bytea;
    claims integer := 0;
begin
    foreach line in array string_to_array(split_part(note, E'\n\n', 2), E'\n') loop
        continue when not starts_with(line, front);
        signed := _as_bytes(substr(line, length(front) + 1));
        continue when substring(signed from 1 for 4) is distinct from substring(key_hash from 1 for 4);
        signature := substring(signed from 5);
        claims := claims + 1;
    end loop;
    return claims = 1 and audit_ed25519_is_valid(key, convert_to(body, 'UTF8'), signature);
end $$;

-- What is wrong with a note about the first `size` records, its signature aside; or null.
create or replace function _note_flaw(note text, source text, size bigint, root bytea, successor text)
returns text immutable language plpgsql as $$
declare
    lines constant text[] := string_to_array(split_part(note, E'\n\n', 1), E'\n');
begin
    return case
        when note is null or cardinality(lines) not in (4, 5) or not starts_with(lines[4], 'time ') then
            'its note is not a checkpoint'
        when lines[1] <> source then
            'its note is of another source'
        when lines[2] <> size::text then
            format('its note covers %s records, and %s came before it', left(lines[2], 20), size)
        when lines[3] is distinct from encode(root, 'base64') then
            'the records before it are not those that were signed: its note has another root'
        when lines[5] is distinct from 'successor ' || successor then
            'its note does not name the key that follows'
    end;
end $$;

-- What is wrong with the key that begins a source, or is to follow another one; or null.
create or replace function _key_flaw(of_source text, wanted bytea, begins boolean) returns text
stable language plpgsql as $$
declare
    pins integer;       -- of this source
    these integer;      -- of this key
    valid integer;      -- that are valid today
begin
    select count(*), count(*) filter (where key = wanted),
            count(*) filter (where key = wanted and clock_timestamp() between not_before and not_after)
        into pins, these, valid
        from audit_key
        where pinned and (source = of_source or starts_with(of_source, source || '/'));
    return case
        when wanted is null then 'it names no key'
        when begins and pins > 0 and these = 0 then
            'its key is none of those that are pinned for this source; see audit_pin'
        when these > 0 and valid = 0 then
            'its key is pinned for another time than today; see audit_pin'
    end;
end $$;

-- ---- a batch, line by line ----

-- Reads a record that carries a note: "segment", "checkpoint" or "key". s becomes what the source is
-- then, and `flaw` what is wrong, or null; the note's signature is not looked at. The record that
-- begins a source brings its frontier, and its first key.
create or replace function _read_note(inout s audit_source, kind text, doc jsonb, out flaw text)
language plpgsql as $$
declare
    named constant bytea := _as_hash(doc ->> 'key');
    is_first constant boolean := s.key is null;
begin
    s.frontier := coalesce(s.frontier, _tree_read(doc -> 'frontier', s.head_seq));
    s.key := coalesce(s.key, named);
    flaw := case
        when kind = 'segment' and doc ->> 'source' is distinct from s.source then
            'it is of another source'
        when kind = 'segment' and named is distinct from s.key then
            'the key before did not introduce the key that it names'
        when s.frontier is null then
            'its frontier is not one'
        when kind <> 'checkpoint' then
            _key_flaw(s.source, named, is_first)
    end;
    flaw := coalesce(flaw, _note_flaw(doc ->> 'note', s.source, s.head_seq, _tree_root(s.frontier),
        case when kind = 'key' then doc ->> 'key' end));
    s.checkpoint_size := s.head_seq;
    s.checkpoint_note := doc ->> 'note';
end $$;

-- Walks along new lines, as far as they are fine: each record is whole, has the number that follows
-- and names the one before; each note says what came, and is signed. s becomes what the source is
-- behind them. `fine` counts them, and `flaw` says what is wrong with the one that follows.
--
-- A signature vouches for every byte before it, earlier notes included. So only the last one of a
-- batch is checked, which makes up for a long silence in minutes instead of hours; when it is wrong,
-- the batch is walked again with `each_note` to find the first that is. The note that ends a key's
-- time is always checked.
create or replace function _walk(inout s audit_source, lines text[], each_note boolean,
    out fine integer, out hashes bytea[], out docs jsonb[], out keys bytea[], out key_seqs bigint[],
    out flaw text, out other_link bytea, out unsigned boolean)
language plpgsql as $$
declare
    line text;
    json text;
    hash bytea;
    front text;
    kind text;
    doc jsonb;
    with_note record;
    at_once boolean;
    unchecked boolean := false;
begin
    hashes := '{}'; docs := '{}'; keys := '{}'; key_seqs := '{}'; fine := 0; unsigned := false;
    foreach line in array lines loop
        json := left(line, -65);
        hash := sha256(convert_to(json, 'UTF8'));
        front := '{"seq":' || s.head_seq + 1 || ',"prev":"';
        if line <> json || E'\t' || encode(hash, 'hex') then
            flaw := 'it was altered: it does not have the hash that stands behind it';
        elsif not starts_with(json, front) then
            flaw := 'it does not begin with its number';
        elsif not starts_with(json, front || encode(s.head_hash, 'hex') || '",') then
            other_link := _as_hash(substr(json, length(front) + 1, 64));
            flaw := 'it names another record before it than the one that is stored';
        end if;
        exit when flaw is not null;

        doc := _as_jsonb(json);
        kind := doc ->> 'kind';
        if kind in ('segment', 'checkpoint', 'key') or s.frontier is null then
            if s.frontier is null and kind is distinct from 'segment' then
                flaw := 'a source begins with a record of the kind "segment"';
                exit;
            end if;
            at_once := each_note or s.frontier is null or kind = 'key';
            with_note := _read_note(s, kind, doc);
            flaw := with_note.flaw;
            if flaw is null and at_once and not _note_is_signed_by(
                    (with_note.s).checkpoint_note, (with_note.s).key) then
                flaw := 'its note is not signed by the source''s key';
            end if;
            exit when flaw is not null;
            unchecked := not at_once;
            s := with_note.s;
            if kind = 'key' then
                s.key := _as_hash(doc ->> 'key');
                keys := keys || s.key;
                key_seqs := key_seqs || s.head_seq + 1;
            end if;
        end if;

        s.frontier := _tree_add(s.frontier, s.head_seq, hash);
        s.head_seq := s.head_seq + 1;
        s.head_hash := hash;
        hashes := hashes || hash;
        docs := docs || doc;
        fine := fine + 1;
    end loop;
    unsigned := unchecked and not _note_is_signed_by(s.checkpoint_note, s.key);
end $$;

-- ---- months ----

-- Makes the partition of the month (UTC) in which `at` lies, unless it is there. Its bounds are written
-- with numeric zones: what an abbreviation means, the login's own settings would say.
create or replace function _make_month(at timestamptz) returns void language plpgsql
set datestyle = 'ISO' as $$
declare
    start constant timestamp := date_trunc('month', at at time zone 'UTC');
    name constant text := 'audit_record_' || to_char(start, 'YYYY_MM');
begin
    if to_regclass('audit.' || name) is not null then
        return;
    end if;
    -- One at a time. Attaching a table that was made beside does not lock out those who insert into
    -- other months, which "create table … partition of" would.
    perform pg_advisory_xact_lock(hashtext('audit_record: months'));
    if not exists (select from pg_class -- to_regclass may still remember that it was not there
            where relname = name and relnamespace = 'audit'::regnamespace) then
        execute format('create table %I (like audit_record including defaults including constraints)', name);
        execute format('alter table audit_record attach partition %I for values from (%L) to (%L)', name,
            start at time zone 'UTC', (start + interval '1 month') at time zone 'UTC');
    end if;
end $$;

-- ---- the doors ----

-- The source's row, locked until the end of the transaction; only its name when it is new
create or replace function _source(origin text) returns audit_source language plpgsql as $$
declare
    s audit_source;
begin
    select * into s from audit_source where source = origin for update;
    s.source := origin;
    if s.writer <> session_user then
        raise insufficient_privilege using message = format(
            'the source %s is shipped by the login %s, not by %s; if that changed, let an owner call '
            'audit_hand_over', origin, s.writer, session_user);
    end if;
    return s;
end $$;

-- The first of the lines that are stored already, but with other bytes; null: there is none. What is
-- not kept any more cannot be compared.
create or replace function _first_clash(s audit_source, first_seq bigint, lines text[]) returns integer
stable language plpgsql as $$
begin
    return (select min(place)::integer
    from unnest(lines) with ordinality as each (line, place)
    join audit_record r on r.source_id = s.id and r.seq = first_seq + place - 1
        and r.seq between first_seq and first_seq + cardinality(lines) - 1
    where line <> r.json || E'\t' || encode(r.hash, 'hex'));
end $$;

create or replace function _note_conflict(s audit_source, at_seq bigint, other bytea, line text)
returns void language plpgsql as $$
declare
    now constant timestamptz := clock_timestamp();
    most constant bigint := 1000;   -- of one source; more show nothing new
begin
    update audit_source set conflicts = conflicts + 1 where id = s.id;
    insert into audit_conflict
        select s.id, at_seq, r.hash, other, r.json || E'\t' || encode(r.hash, 'hex'), line, now, now, 1,
            session_user, inet_client_addr()
        from audit_record r
        where r.source_id = s.id and r.seq = at_seq and s.conflicts < most
    on conflict (source_id, seq, other_hash) do update
        set times = audit_conflict.times + 1, last_seen = now, login = session_user,
            address = inet_client_addr();
end $$;

-- For each record the one that says what it is about: for those that follow a decision, in the same
-- batch or a later one, the decision; otherwise itself
create or replace function _subjects(of_source bigint, docs jsonb[]) returns jsonb[]
language plpgsql as $$
begin
    if not exists (select from unnest(docs) doc where doc ? 'id' and doc ->> 'kind' <> 'decision') then
        return docs;
    end if;
    return array(
        select coalesce(here.decision, before.decision, doc)
        from unnest(docs) with ordinality as each (doc, place)
        left join (
            select distinct on (decision ->> 'id') decision from unnest(docs) decision
            where decision ->> 'kind' = 'decision'
        ) here on decision ->> 'id' = doc ->> 'id'
        left join lateral ( -- by the story alone: on an empty table another index looks as good
            select _as_jsonb(json) as decision from (
                select * from audit_record where story = _text(doc, '{id}') offset 0
            ) same where source_id = of_source and kind = 'decision' limit 1
        ) before on here.decision is null
        order by place);
end $$;

-- The codes of a decision: of the refusal, and of violations that refused, were reported or waived
create or replace function _codes(doc jsonb) returns text[] immutable language plpgsql as $$
declare
    codes text[] := '{}';
begin
    if doc ? 'code' then
        codes := codes || _text(doc, '{code}');
    end if;
    if doc ?| array['violations', 'reported', 'waived'] then
        codes := codes || array(
            select _text(violation, '{code}') from
                (values ('$.violations[*]'), ('$.reported[*]'), ('$.waived[*]')) as lists (path),
                jsonb_path_query(doc, path::jsonpath) violation);
    end if;
    return array_remove(codes, null);
end $$;

create or replace function _store(s audit_source, first_new bigint, lines text[], hashes bytea[],
    docs jsonb[], at timestamptz) returns void language plpgsql as $$
begin
    insert into audit_record (source_id, seq, received, time, kind, story, outcome, campaign_id, team,
        caller, verdict, codes, caller_id, campaign, template, policy_revision, policy_digest, hash, json)
    select s.id, first_new + place - 1, at, coalesce(_as_time(doc ->> 'time'), at),
        _text(doc, '{kind}'), coalesce(_text(doc, '{id}'), '#' || first_new + place - 1),
        _text(doc, '{outcome}'), _text(doc, '{upstream,campaign_id}'), _text(subject, '{team}'),
        _text(subject, '{caller}'), _text(subject, '{verdict}'), _codes(subject),
        _text(subject, '{campaign,caller_id}'), _text(subject, '{campaign,name}'),
        _text(subject, '{campaign,template}'), _text(subject, '{policy,revision}'),
        _text(subject, '{policy,digest}'), hash, left(line, -65)
    from unnest(lines, hashes, docs, _subjects(s.id, docs)) with ordinality
        as each (line, hash, doc, subject, place);
end $$;

create or replace function _check_batch(origin text, first_seq bigint, lines text[]) returns void
language plpgsql as $$
declare
    most constant integer := 1000;
begin
    if origin is null or octet_length(origin) not between 1 and 256 or first_seq is null or first_seq < 1
        or array_ndims(lines) is distinct from 1 or array_lower(lines, 1) <> 1
        or cardinality(lines) > most or array_position(lines, null) is not null then
        raise invalid_parameter_value using message = format(
            'a batch has a source, the number of its first record, and 1 to %s lines', most);
    end if;
end $$;

-- A source that begins with this record: with the first one, or later when that is gone
create or replace function _begin(s audit_source, seq bigint, line text) returns audit_source
language plpgsql as $$
declare
    named constant bytea := _as_hash(substring(line from '^{"seq":\d+,"prev":"([0-9a-f]{64})"'));
begin
    s.first_seq := seq;
    s.head_seq := seq - 1;
    s.head_hash := coalesce(case when seq > 1 then named end, decode(repeat('00', 32), 'hex'));
    return s;
end $$;

-- Writes where the source stands now; its id is the answer
create or replace function _store_source(s audit_source, at timestamptz) returns bigint
language plpgsql as $$
begin
    if s.id is not null then
        update audit_source set last_seen = at, head_seq = s.head_seq, head_hash = s.head_hash,
            frontier = s.frontier, key = s.key, checkpoint_size = s.checkpoint_size,
            checkpoint_received = case when checkpoint_note = s.checkpoint_note
                then checkpoint_received else at end,
            checkpoint_note = s.checkpoint_note
            where id = s.id;
        return s.id;
    end if;
    insert into audit_source (source, writer, first_seen, last_seen, first_seq, head_seq, head_hash,
            frontier, key, checkpoint_size, checkpoint_received, checkpoint_note)
        values (s.source, session_user, at, at, s.first_seq, s.head_seq, s.head_hash, s.frontier, s.key,
            s.checkpoint_size, at, s.checkpoint_note)
        on conflict (source) do nothing returning id into s.id;
    if s.id is null then
        raise serialization_failure using message = format('the source %s began twice at once', s.source);
    end if;
    perform _store_key(s.source, s.key, s.first_seq, at);
    return s.id;
end $$;

create or replace function _store_key(of_source text, new_key bytea, at_seq bigint, at timestamptz)
returns void language plpgsql as $$
begin
    insert into audit_key (source, key, pinned, not_before, from_seq)
    values (of_source, new_key, false, at, at_seq) on conflict (source, key) do nothing;
end $$;

create or replace function _store_checkpoint(s audit_source, at timestamptz) returns void
language plpgsql as $$
begin
    insert into audit_checkpoint (source_id, hour, size, root, note)
    values (s.id, date_trunc('hour', at, 'UTC'), s.checkpoint_size,
        decode(split_part(s.checkpoint_note, E'\n', 3), 'base64'), s.checkpoint_note)
    on conflict (source_id, hour) do update
        set size = excluded.size, root = excluded.root, note = excluded.note;
end $$;

-- Stores the lines that follow what is there, and answers with the receipt. What is there already, byte for byte, is ignored, so a
-- batch may come again. `verdict` tells of the line behind the stored ones, and `reason` why:
--
--     stored     there is none
--     fork       another record has its number; both are in audit_conflict
--     invalid    it is not what its hash, number or checkpoint says
--
-- A batch that leaves a gap is an error. Whatever the verdict: everything as far as upto is stored.
create or replace function audit_put(origin text, first_seq bigint, lines text[],
    out upto bigint, out head text, out verdict text, out reason text)
language plpgsql security definer
set search_path = audit, pg_temp set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    s audit_source;
    walk record;
    at timestamptz;
    known integer;      -- of the lines: those that are stored already
    clash integer;      -- of these, the first that is stored with other bytes
    new_lines text[];
begin
    perform _commit_durably();
    perform _check_batch(origin, first_seq, lines);
    s := _source(origin);
    if s.id is null then
        s := _begin(s, first_seq, lines[1]);
    elsif first_seq > s.head_seq + 1 then
        raise invalid_parameter_value using message = format(
            'the next record of %s is %s, not %s', origin, s.head_seq + 1, first_seq);
    end if;

    known := least(s.head_seq + 1 - first_seq, cardinality(lines));
    if known > 0 then
        clash := _first_clash(s, first_seq, lines[1:known]);
    end if;
    new_lines := case when clash is null then lines[known + 1:] else '{}' end;
    if s.frontier is null then
        s := _begin(s, s.head_seq + 1, new_lines[1]);
    end if;
    walk := _walk(s, new_lines, false);
    if walk.unsigned then
        walk := _walk(s, new_lines, true);
    end if;

    at := greatest(clock_timestamp(), s.last_seen);
    if walk.fine > 0 then
        s := walk.s;
        s.id := _store_source(s, at);
        perform _make_month(at);
        perform _store(s, first_seq + known, new_lines[1:walk.fine], walk.hashes, walk.docs, at);
        perform _store_checkpoint(s, at);
        perform _store_key(origin, key, seq, at) from unnest(walk.keys, walk.key_seqs) as each (key, seq);
    else
        update audit_source set last_seen = at where id = s.id;
    end if;

    upto := case when s.id is null then 0 else s.head_seq end;
    head := case when upto = 0 then repeat('0', 64) else encode(s.head_hash, 'hex') end;
    verdict := 'stored';
    if clash is not null then
        verdict := 'fork';
        reason := format('record %s of %s is stored already, and is another one', first_seq + clash - 1, origin);
        perform _note_conflict(s, first_seq + clash - 1, sha256(convert_to(left(lines[clash], -65), 'UTF8')),
            lines[clash]);
    elsif walk.other_link is not null and s.id is not null then
        verdict := 'fork';
        reason := format('record %s of %s: %s', s.head_seq + 1, origin, walk.flaw);
        perform _note_conflict(s, upto, walk.other_link, new_lines[walk.fine + 1]);
    elsif walk.flaw is not null then
        verdict := 'invalid';
        reason := format('record %s of %s: %s', s.head_seq + 1, origin, walk.flaw);
    end if;
end $$;

-- How far a source has come: 0 when it is not known. `head` is the hash of that record, or 64 zeros
-- when it is not there (audit_accept_gap). To ask is a sign of life, which is written down;
-- so the answer is a receipt, too: it waits for whatever an earlier commit may still be waiting for.
create or replace function audit_upto(origin text, out upto bigint, out head text)
language plpgsql security definer
set search_path = audit, pg_temp set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    s constant audit_source := _source(origin);
begin
    perform _commit_durably();
    update audit_source set last_seen = greatest(clock_timestamp(), last_seen) where id = s.id;
    upto := coalesce(s.head_seq, 0);
    head := coalesce(encode(s.head_hash, 'hex'), repeat('0', 64));
end $$;
