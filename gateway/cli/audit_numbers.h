/*
 * A phone number as the record has it: its hash under every key there is.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "cli/audit_place.h"

struct audit_numbers {
    struct argument_list key_directories; /* filled by arguments_read */
    struct hash_key *keys;                /* filled by audit_numbers_read_keys */
    size_t key_count;
};

#define AUDIT_NUMBERS_OPTIONS(numbers)                                                             \
    {                                                                                              \
        .name = "keys-directory", .value = "DIR", .list = &(numbers)->key_directories              \
    }

#define AUDIT_NUMBERS_HELP                                                                         \
    "      --keys-directory DIR  the keys that hide phone numbers, where they do not lie in the\n" \
    "                        journal's directory; again for those of other gateways\n"

/*
 * Reads the keys: those that were named, otherwise the configuration's, or those beside the
 * journal. No key at all is no error: numbers may be in the clear. False with `err` when a
 * directory or key cannot be read; the others are then there all the same.
 */
MUST_USE bool audit_numbers_read_keys(struct audit_numbers *numbers,
                                      const struct audit_place *place, struct arena *arena,
                                      struct error *err);

/*
 * What a number may stand as: in *ret_texts as it was given, as +DIGITS, and its hashes
 * (hmac:KEY:HEX); in *ret_words the words that occur wherever it stands, its digits and the hashes'
 * hex. In the arena; either may be NULL. False with `err`: it has no digit, or memory is out.
 */
struct audit_number {
    struct str *texts, *words;
    size_t text_count, word_count;
    struct str *hashes; /* for the record of the look-up */
    size_t hash_count;
};
MUST_USE bool audit_numbers_hash(const struct audit_numbers *numbers, struct str number,
                                 struct arena *arena, struct audit_number *ret, struct error *err);
