#include "audit/promise.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SEQ_DIGITS 20
#define RECEIPT_BYTES (SEQ_DIGITS + 1 + DIGEST_HEX + 1 + SEQ_DIGITS)

/* The first bytes of a file in the directory; false when there are fewer. */
static bool read_front(const char *directory, const char *name, char *bytes, size_t count)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, bytes, count);
    close(fd);
    return got == (ssize_t)count;
}

/* Both numbers must be there, so that one that is being written is not believed. */
static bool parse_receipt(struct str text, struct chain_head *ret)
{
    struct chain_head head;
    uint64_t again;
    if (!str_to_u64(str_slice(text, 0, SEQ_DIGITS), &head.seq) ||
        !digest_from_hex(str_slice(text, SEQ_DIGITS + 1, SEQ_DIGITS + 1 + DIGEST_HEX), head.hash) ||
        !str_to_u64(str_slice(text, RECEIPT_BYTES - SEQ_DIGITS, RECEIPT_BYTES), &again) ||
        again != head.seq)
        return false;
    *ret = head;
    return true;
}

struct promise promise_read(const char *directory)
{
    struct promise promise = {.receipt_place = "the file 'receipt' beside it"};
    char durable[SEQ_DIGITS], receipt[RECEIPT_BYTES];
    if (read_front(directory, "durable", durable, sizeof(durable)) &&
        !str_to_u64((struct str){durable, sizeof(durable)}, &promise.durable_seq))
        promise.durable_seq = 0;
    if (read_front(directory, "receipt", receipt, sizeof(receipt)) &&
        !parse_receipt((struct str){receipt, sizeof(receipt)}, &promise.receipt))
        promise.receipt.seq = 0;
    return promise;
}

struct promise promise_of(const char *const *directories, size_t directory_count)
{
    struct promise furthest = {0};
    for (size_t i = 0; i < directory_count; i++) {
        struct promise promise = promise_read(directories[i]);
        if (promise.durable_seq > furthest.durable_seq)
            furthest.durable_seq = promise.durable_seq;
        if (promise.receipt.seq > furthest.receipt.seq)
            furthest.receipt = promise.receipt;
    }
    return furthest;
}
