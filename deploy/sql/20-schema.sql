-- Tables, in the schema "audit", all of them audit_owner's.

set role audit_owner;
set search_path = audit, pg_temp;

-- One row for each gateway's journal, and where it stands. Its row lock is what makes a source's
-- records contiguous and unique: whoever adds records holds it, and adds exactly those that follow
-- head_seq. So (source_id, seq) needs no unique index over all partitions of audit_record, which
-- PostgreSQL could not have: such an index must contain the column that partitions.
create table if not exists audit_source (
    id bigint generated always as identity primary key,
    source text not null unique,        -- campaign-gateway/NAME/UUID: the origin of its checkpoints
    writer text not null,               -- the login that brought its first record, and all others
    first_seen timestamptz not null,
    last_seen timestamptz not null,     -- its last sign of life
    first_seq bigint not null,          -- the first record that came
    head_seq bigint not null,           -- the last one: everything from first_seq on is there
    head_hash bytea,                    -- null when that record is not there (audit_accept_gap)
    frontier bytea[],                   -- the Merkle tree over 1 … head_seq (RFC 6962 2.1): the roots
                                        -- of its complete subtrees, the largest first; null as above
    key bytea not null,                 -- that signs its checkpoints (Ed25519)
    checkpoint_size bigint not null,    -- of the last checkpoint: records that it covers
    checkpoint_received timestamptz not null, -- by our clock; the gateway's is in the note
    checkpoint_note text not null,
    conflicts bigint not null default 0
) with (fillfactor = 50);               -- its one row is written with every batch

-- Every record, exactly as in the journal: json, and the hash that stands behind it. All other
-- columns only serve to find it; the record is what counts. Who asks for a team or a number means
-- the whole story of a campaign, so a record that follows a decision (its outcome, who closed it)
-- has the decision's values there.
--
-- A partition holds what came in one month (UTC) by the server's own clock, which no gateway can
-- influence, and which never goes backwards within a source.
create table if not exists audit_record (
    source_id bigint not null,          -- without a foreign key: only audit_put adds records
    seq bigint not null,
    received timestamptz not null,
    time timestamptz not null,          -- as the record says; when it does not, as received
    kind text,
    story text collate "C" not null,    -- the decision's id; a record without one is its own, "#SEQ"
    outcome text,
    campaign_id text,                   -- as the upstream named it
    team text,
    caller text,
    verdict text,
    codes text[] not null,              -- of the refusal, and of violations that refused or did not
    caller_id text,                     -- a phone number, as it is written in the record
    campaign text collate "C",          -- its name
    template text,
    policy_revision text,
    policy_digest text collate "C",
    hash bytea not null,
    json text not null,
    primary key (source_id, seq, received)
) partition by range (received);

-- The words of a text, as they are searched. What PostgreSQL would keep together as an address, a
-- path or a tag is taken apart.
create or replace function _apart(text text) returns text immutable language sql as $$
    select replace(replace(replace(replace(replace(replace(replace(replace(replace(text,
        '.', ' '), '/', ' '), '-', ' '), '_', ' '), ':', ' '), '@', ' '), '+', ' '), '<', ' '), '&', ' ')
$$;
create or replace function audit_words(json text) returns tsvector immutable language sql as -- behind prev
$$ select to_tsvector('simple'::regconfig, audit._apart(substr(json, strpos(json, ',') + 75))) $$;
create or replace function audit_asked_words(text text) returns tsquery immutable language sql as
$$ select plainto_tsquery('simple'::regconfig, audit._apart(text)) $$;

create index if not exists audit_record_time on audit_record (time, source_id, seq);
create index if not exists audit_record_deny on audit_record (time, source_id, seq)
    where verdict = 'deny';
create index if not exists audit_record_rare on audit_record (kind, time)
    where kind not in ('decision', 'outcome', 'checkpoint');
create index if not exists audit_record_story on audit_record (story);
create index if not exists audit_record_outcome on audit_record (outcome, time)
    where outcome is not null;
create index if not exists audit_record_campaign_id on audit_record (campaign_id)
    where campaign_id is not null;
create index if not exists audit_record_team on audit_record (team, time) where team <> '';
create index if not exists audit_record_codes on audit_record using gin (codes);
create index if not exists audit_record_caller_id on audit_record (caller_id, time)
    where caller_id is not null;
create index if not exists audit_record_campaign on audit_record (campaign, time)
    where campaign is not null;
create index if not exists audit_record_template on audit_record (template, time)
    where template is not null;
create index if not exists audit_record_revision on audit_record (policy_revision, time)
    where policy_revision is not null;
create index if not exists audit_record_digest on audit_record (policy_digest)
    where policy_digest is not null;
create index if not exists audit_record_words on audit_record using gin (audit_words(json));

-- A record that came a second time and was different: two journals call themselves by one name. One
-- of them is a copy, or somebody rewrote it. Both lines are kept, nothing else of the batch is.
create table if not exists audit_conflict (
    source_id bigint not null references audit_source,
    seq bigint not null,
    stored_hash bytea not null,         -- of the record that was there first
    other_hash bytea not null,
    stored_line text not null,
    other_line text not null,           -- the other record; or the one behind it, which names it
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    times bigint not null,
    login text not null,                -- who brought the other one, and from where
    address inet,
    primary key (source_id, seq, other_hash)
);

-- The last checkpoint of each hour. These stay when the records of a month are dropped: they still
-- prove what those were, to whoever kept a copy.
create table if not exists audit_checkpoint (
    source_id bigint not null references audit_source,
    hour timestamptz not null,          -- in which it was received
    size bigint not null,
    root bytea not null,
    note text not null,
    primary key (source_id, hour)
);

-- Public keys. A key that was pinned (audit_pin) is known beforehand: then no other key may be the
-- first one of these sources. All others were learnt: the first from the source's first record,
-- the later ones from their predecessors' signatures.
create table if not exists audit_key (
    source text not null,               -- a source, or the beginning of several, as far as a slash
    key bytea not null check (length(key) = 32),
    pinned boolean not null,
    not_before timestamptz not null,
    not_after timestamptz not null default 'infinity',
    from_seq bigint,                    -- of a learnt one: the record that introduced it
    primary key (source, key)
);

-- What `audit verify --central` found.
create table if not exists audit_verification (
    id bigint generated always as identity primary key,
    source_id bigint not null references audit_source,
    time timestamptz not null,
    login text not null,
    from_seq bigint not null,
    upto_seq bigint not null,
    checkpoints bigint not null,
    fine boolean not null,
    sentence text not null
);
create index if not exists audit_verification_source on audit_verification (source_id, id);

-- What a person decided: a gap in a source that cannot be filled any more, another login for it, a
-- month that must stay or was dropped.
create table if not exists audit_act (
    id bigint generated always as identity primary key,
    time timestamptz not null default clock_timestamp(),
    login text not null default session_user,
    act text not null,
    subject text not null,
    reason text not null
);

-- Months that must not be dropped, for as long as they stand here.
create table if not exists audit_hold (
    month date not null check (extract(day from month) = 1),
    reason text not null,
    login text not null default session_user,
    since timestamptz not null default clock_timestamp(),
    primary key (month, reason)
);
