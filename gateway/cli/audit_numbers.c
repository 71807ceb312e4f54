#include "cli/audit_numbers.h"

#include <unistd.h>

#include "audit/numbers.h"
#include "audit/privacy.h"

#define LIMIT_KEYS 1024 /* of all months and gateways together */

/* ---- keys ---- */

static void take_key(void *arg, const struct hash_key *key)
{
    struct audit_numbers *numbers = arg;
    for (size_t i = 0; i < numbers->key_count; i++) {
        if (strcmp(numbers->keys[i].id, key->id) == 0)
            return; /* gateways that share their keys */
    }
    if (numbers->key_count < LIMIT_KEYS)
        numbers->keys[numbers->key_count++] = *key;
}

/* Where nobody said that keys are, there may be none. */
static bool read_if_any(struct audit_numbers *numbers, const char *directory, struct error *err)
{
    return access(directory, F_OK) != 0 || hash_keys_each(directory, take_key, numbers, err);
}

static bool read_beside(struct audit_numbers *numbers, const char *directory, struct arena *arena,
                        struct error *err)
{
    struct str path = arena_format(arena, "%s/hash-keys", directory);
    return path.data ? read_if_any(numbers, path.data, err) : error_set(err, "out of memory");
}

bool audit_numbers_read_keys(struct audit_numbers *numbers, const struct audit_place *place,
                             struct arena *arena, struct error *err)
{
    const struct argument_list *named = &numbers->key_directories;
    struct error ignored; /* the first is told */
    bool fine = true;
    numbers->keys = arena_zalloc(arena, LIMIT_KEYS, sizeof(*numbers->keys));
    if (!numbers->keys)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < named->count; i++)
        fine = hash_keys_each(named->items[i], take_key, numbers, fine ? err : &ignored) && fine;
    if (named->count == 0 && place->config)
        fine = read_if_any(numbers, place->config->audit.hash_keys.value.data, err);
    for (size_t i = 0; named->count == 0 && i < place->directory_list.count; i++)
        fine = read_beside(numbers, place->directory_list.items[i], arena, fine ? err : &ignored) &&
               fine;
    return fine;
}

/* ---- one number ---- */

/* What stands behind the last colon: words are parted there. */
static struct str hex_of(struct str hash)
{
    return str_slice(hash, hash.len - DIGEST_HEX, hash.len);
}

static bool put_hash(const struct hash_key *key, struct str number, struct arena *arena,
                     struct audit_number *ret)
{
    char text[PRIVACY_HASH_SIZE];
    if (!privacy_hash_number(key, number, text))
        return false;
    struct str hash = arena_copy(arena, str_from(text));
    ret->hashes[ret->hash_count++] = ret->texts[ret->text_count++] = hash;
    ret->words[ret->word_count++] = hash.data ? hex_of(hash) : hash;
    return hash.data != NULL;
}

/* A sender's name has no digits, and stands in the record as it is. */
static bool put_clear(struct str number, struct arena *arena, struct audit_number *ret)
{
    struct number read;
    ret->texts[ret->text_count++] = number;
    if (!number_read(number, &read))
        return true;
    struct str plus =
        arena_format(arena, "+%.*s", (int)read.digit_count, (const char *)read.digits);
    ret->texts[ret->text_count++] = plus;
    ret->words[ret->word_count++] = str_slice(plus, 1, plus.len);
    return plus.data != NULL;
}

bool audit_numbers_hash(const struct audit_numbers *numbers, struct str number, struct arena *arena,
                        struct audit_number *ret, struct error *err)
{
    struct number read;
    const size_t most = numbers->key_count + 2;
    *ret = (struct audit_number){.texts = arena_zalloc(arena, most, sizeof(struct str)),
                                 .words = arena_zalloc(arena, most, sizeof(struct str)),
                                 .hashes = arena_zalloc(arena, most, sizeof(struct str))};
    bool fine = ret->texts && ret->words && ret->hashes && put_clear(number, arena, ret);
    for (size_t i = 0; fine && i < numbers->key_count && number_read(number, &read); i++)
        fine = put_hash(&numbers->keys[i], number, arena, ret);
    return fine || error_set(err, "out of memory");
}
