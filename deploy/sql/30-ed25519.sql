-- Signatures: Ed25519 (RFC 8032), tried with the RFC's own vectors.
--
-- Only as far as checking one needs it: PostgreSQL has no such function, and an extension cannot be
-- installed everywhere. Nothing here is secret, so it need not run in constant time. A check takes
-- some 10 ms.
--
--     signature = R (32 bytes), S (32 bytes, little-endian)
--     valid when [S]B = R + [k]A, with k = SHA-512(R, A, message); here: the encoding of
--     [S]B + [k](-A) is R, byte by byte, as OpenSSL asks it
--
-- A point is numeric[4]: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z (RFC 8032 5.1.4). Coordinates
-- are numbers modulo p; they may be negative, as % gives them, until it matters.
--
-- The functions that begin with _ are called by audit_ed25519_is_valid only, within its search_path.

set role audit_owner;
set search_path = audit, pg_temp;

-- 5.1: p = 2^255 - 19, and d = -121665/121666
create or replace function _ed25519_p() returns numeric immutable language sql as
$$ select 57896044618658097711785492504343953926634992332820282019728792003956564819949 $$;
create or replace function _ed25519_d() returns numeric immutable language sql as
$$ select 37095705934669439343138083508754565189542113879843219016388785533085940283555 $$;

-- 5.1.4, the sum of two points; complete, so that it holds for all of them. 16295…1161 is 2d.
create or replace function _ed25519_add(a numeric[], b numeric[]) returns numeric[]
immutable language plpgsql as $$
declare
    p constant numeric := _ed25519_p();
    d2 constant numeric :=
        16295367250680780974490674513165176452449235426866156013048779062215315747161;
    m numeric := (a[2] - a[1]) * (b[2] - b[1]) % p;
    n numeric := (a[2] + a[1]) * (b[2] + b[1]) % p;
    c numeric := a[4] * d2 % p * b[4] % p;
    z numeric := 2 * a[3] * b[3] % p;
    e constant numeric := n - m;
    f constant numeric := z - c;
    g constant numeric := z + c;
    h constant numeric := n + m;
begin
    return array[e * f % p, g * h % p, f * g % p, e * h % p];
end $$;

-- 5.1.4, a point and itself
create or replace function _ed25519_double(a numeric[]) returns numeric[]
immutable language plpgsql as $$
declare
    p constant numeric := _ed25519_p();
    x constant numeric := a[1];
    y constant numeric := a[2];
    z constant numeric := a[3];
    xx constant numeric := x * x % p;
    yy constant numeric := y * y % p;
    h constant numeric := xx + yy;
    e constant numeric := h - (x + y) * (x + y) % p;
    g constant numeric := xx - yy;
    f constant numeric := 2 * z * z % p + g;
begin
    return array[e * f % p, g * h % p, f * g % p, e * h % p];
end $$;

-- value ^ (2^252 - 3), which square roots (5.1.3) and inverses need
create or replace function _ed25519_power(value numeric) returns numeric
immutable language plpgsql as $$
declare
    p constant numeric := _ed25519_p();
    result numeric := value;
    ones numeric;           -- value ^ (2^n - 1)
begin
    result := value * value % p * value % p;                    -- 2^2 - 1
    for i in 1..3 loop                                          -- 2^5 - 1
        result := result * result % p * value % p;
    end loop;
    for doubling in 0..2 loop                                   -- 2^10, 2^20, 2^40 - 1
        ones := result;
        for i in 1..5 << doubling loop
            result := result * result % p;
        end loop;
        result := result * ones % p;
    end loop;
    ones := result;                                             -- 2^40 - 1
    for times in 1..5 loop                                      -- 2^240 - 1
        for i in 1..40 loop
            result := result * result % p;
        end loop;
        result := result * ones % p;
    end loop;
    for i in 1..10 loop                                         -- 2^250 - 1
        result := result * result % p * value % p;
    end loop;
    result := result * result % p;                              -- 2^252 - 3
    result := result * result % p * value % p;
    return result;
end $$;

create or replace function _ed25519_number(bytes bytea) returns numeric
immutable language plpgsql as $$
declare
    result numeric := 0;
begin
    for i in reverse length(bytes) - 1 .. 0 loop
        result := result * 256 + get_byte(bytes, i);
    end loop;
    return result;
end $$;

-- The number's digits to the base 16, the lowest first: 64 of them
create or replace function _ed25519_digits(value numeric) returns integer[]
immutable language plpgsql as $$
declare
    rest numeric := value;
    part bigint;
    result integer[] := '{}';
begin
    for i in 1..8 loop
        part := (rest % 4294967296)::bigint;
        rest := div(rest, 4294967296);
        for j in 0..7 loop
            result := result || (part >> 4 * j & 15)::integer;
        end loop;
    end loop;
    return result;
end $$;

-- 5.1.3: the point that 32 bytes stand for, or null when they stand for none
create or replace function _ed25519_point(bytes bytea) returns numeric[]
immutable language plpgsql as $$
declare
    p constant numeric := _ed25519_p();
    root_of_minus_one constant numeric :=
        19681161376707505956807079304988542015446066515923890162744021073123829784752;
    odd constant integer := get_byte(bytes, 31) >> 7;
    y constant numeric := _ed25519_number(set_byte(bytes, 31, get_byte(bytes, 31) & 127));
    u constant numeric := (y * y - 1) % p;
    v constant numeric := (_ed25519_d() * y % p * y + 1) % p;
    v3 constant numeric := v * v % p * v % p;
    x numeric;
begin
    if y >= p then
        return null;
    end if;
    x := u * v3 % p * _ed25519_power(u * v3 % p * v3 % p * v % p) % p;
    if (v * x % p * x - u) % p <> 0 then
        x := x * root_of_minus_one % p;
        if (v * x % p * x - u) % p <> 0 then
            return null;
        end if;
    end if;
    x := (x + p) % p;
    if x = 0 and odd = 1 then
        return null;
    end if;
    if x % 2 <> odd then
        x := p - x;
    end if;
    return array[x, y, 1, x * y % p];
end $$;

-- 0, 1, 2 … 15 times a point, one behind the other: [n] is at 4n + 1
create or replace function _ed25519_multiples(a numeric[]) returns numeric[]
immutable language plpgsql as $$
declare
    each numeric[] := array[0, 1, 1, 0];
    result numeric[] := each;
begin
    for i in 1..15 loop
        each := _ed25519_add(each, a);
        result := result || each;
    end loop;
    return result;
end $$;

-- 5.1.7. False for everything that is not a signature of this message by this key.
create or replace function audit_ed25519_is_valid(key bytea, message bytea, signature bytea)
returns boolean immutable language plpgsql set search_path = audit, pg_temp as $$
declare
    p constant numeric := _ed25519_p();
    l constant numeric :=
        7237005577332262213973186563042994240857116359379907606001950938285454250989;
    base constant bytea := '\x5866666666666666666666666666666666666666666666666666666666666666';
    r bytea;
    s numeric;
    a numeric[];
    s_digits integer[];
    k_digits integer[];
    of_base numeric[];
    of_a numeric[];
    sum numeric[] := array[0, 1, 1, 0];
    z numeric;
    x numeric;
    y numeric;
begin
    if key is null or message is null or length(key) <> 32 or length(signature) <> 64 then
        return false;
    end if;
    r := substring(signature from 1 for 32);
    s := _ed25519_number(substring(signature from 33));
    a := _ed25519_point(key);
    if s >= l or a is null then
        return false;
    end if;
    s_digits := _ed25519_digits(s);
    k_digits := _ed25519_digits(_ed25519_number(sha512(r || key || message)) % l);
    of_base := _ed25519_multiples(_ed25519_point(base));
    of_a := _ed25519_multiples(array[-a[1], a[2], a[3], -a[4]]);
    for i in reverse 64..1 loop -- both products at once, four bits of each in a turn
        for j in 1..4 loop
            sum := _ed25519_double(sum);
        end loop;
        sum := _ed25519_add(sum, of_base[4 * s_digits[i] + 1 : 4 * s_digits[i] + 4]);
        sum := _ed25519_add(sum, of_a[4 * k_digits[i] + 1 : 4 * k_digits[i] + 4]);
    end loop;
    z := sum[3]; -- z ^ (p - 2) = (z ^ (2^252 - 3)) ^ 8 * z ^ 3
    x := _ed25519_power(z);
    for i in 1..3 loop
        x := x * x % p;
    end loop;
    z := x * z % p * z % p * z % p;
    x := (sum[1] * z % p + p) % p;
    y := (sum[2] * z % p + p) % p;
    return y + x % 2 * 57896044618658097711785492504343953926634992332820282019728792003956564819968
        = _ed25519_number(r);
end $$;

-- 7.1: what must hold, and what must not when a bit is turned over
do $$
declare
    vectors constant bytea[] := array[ -- key, message, signature
        '\xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
        '',
        '\xe5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
        '\x3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
        '\x72',
        '\x92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
        '\xfc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
        '\xaf82',
        '\x6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
    ];
    key bytea;
    message bytea;
    signature bytea;
    turned bytea;
begin
    for i in 0..2 loop
        key := vectors[3 * i + 1];
        message := vectors[3 * i + 2];
        signature := vectors[3 * i + 3];
        if not audit_ed25519_is_valid(key, message, signature) then
            raise 'Ed25519: vector % of RFC 8032 is refused', i + 1;
        end if;
        for bit in 0..511 by 171 loop
            turned := set_bit(signature, bit, 1 - get_bit(signature, bit));
            if audit_ed25519_is_valid(key, message, turned) then
                raise 'Ed25519: vector % of RFC 8032 is accepted with bit % turned', i + 1, bit;
            end if;
        end loop;
        if audit_ed25519_is_valid(key, message || '.', signature) then
            raise 'Ed25519: vector % of RFC 8032 is accepted for another message', i + 1;
        end if;
    end loop;
end $$;
