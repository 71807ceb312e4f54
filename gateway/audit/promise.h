/*
 * What stands beside a journal about how far it goes: DIRECTORY/durable, by the gateway, and
 * DIRECTORY/receipt, by `audit ship`; see journal.h. Neither is signed, so they prove nothing; but
 * a journal that ends before them has lost records.
 */
#pragma once

#include "audit/segment.h"

struct promise {
    uint64_t durable_seq;      /* 0: nothing is said */
    struct chain_head receipt; /* the record that the central database confirmed; seq 0: none */
    const char *receipt_place; /* who says so, for sentences */
};

/* Of one directory. What cannot be read says nothing. */
struct promise promise_read(const char *directory);

/* Of all of a journal's directories: the furthest of each. */
struct promise promise_of(const char *const *directories, size_t directory_count);
