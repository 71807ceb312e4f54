#include "audit/segment.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "audit/digest.h"
#include "base/limits.h"

#define FRAME_BYTES 160 /* seq, prev, braces, TAB, hash and LF around the members */

struct chain_head chain_start(void)
{
    struct chain_head head = {0};
    memset(head.hash, '0', SEGMENT_HASH_HEX);
    return head;
}

bool chain_append(struct chain_head *head, struct str members, struct buf *out)
{
    const size_t start = out->len;
    struct chain_head next = {.seq = head->seq + 1};
    if (members.len > LIMIT_RECORD_BYTES || !buf_reserve(out, members.len + FRAME_BYTES)) {
        out->failed = false;
        return false;
    }
    buf_format(out, "{\"seq\":%llu,\"prev\":\"%s\",", (unsigned long long)next.seq, head->hash);
    buf_append(out, members);
    buf_append_byte(out, '}');
    if (!digest_hex(str_slice(buf_str(out), start, out->len), next.hash)) {
        out->len = start;
        return false;
    }
    buf_append_byte(out, '\t');
    buf_append(out, str_from(next.hash));
    buf_append_byte(out, '\n');
    *head = next;
    return true;
}

/* Takes `prefix` off the front of *text. */
static bool skip(struct str *text, struct str prefix)
{
    if (!str_starts(*text, prefix))
        return false;
    *text = str_slice(*text, prefix.len, text->len);
    return true;
}

static bool parse_front(struct str json, uint64_t *seq, struct str *prev)
{
    struct str digits, rest;
    if (!skip(&json, STR("{\"seq\":")) || !str_cut(json, ',', &digits, &rest) ||
        !str_to_u64(digits, seq) || !skip(&rest, STR("\"prev\":\"")) ||
        rest.len < SEGMENT_HASH_HEX + 1)
        return false;
    *prev = str_slice(rest, 0, SEGMENT_HASH_HEX);
    return rest.data[SEGMENT_HASH_HEX] == '"';
}

bool chain_check(struct chain_head *head, struct str line)
{
    if (line.len < SEGMENT_HASH_HEX + 1)
        return false;
    struct str json = str_slice(line, 0, line.len - SEGMENT_HASH_HEX - 1);
    struct str hash = str_slice(line, line.len - SEGMENT_HASH_HEX, line.len);
    struct chain_head next = {0};
    struct str prev;
    if (line.data[json.len] != '\t' || !digest_hex(json, next.hash) ||
        !str_equal(str_from(next.hash), hash) || !parse_front(json, &next.seq, &prev))
        return false;
    bool first = head->seq == 0;
    if (!first && (next.seq != head->seq + 1 || !str_equal(prev, str_from(head->hash))))
        return false;
    *head = next;
    return true;
}

void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_SIZE])
{
    (void)snprintf(out, SEGMENT_NAME_SIZE, "%020llu.jsonl", (unsigned long long)first_seq);
}

bool segment_parse_name(const char *name, uint64_t *ret_first_seq)
{
    struct str text = str_from(name);
    return text.len == 26 && str_ends(text, STR(".jsonl")) &&
           str_to_u64(str_slice(text, 0, 20), ret_first_seq);
}

bool segment_scan(int fd, struct chain_head *head, uint64_t *good_bytes, uint64_t *records,
                  struct error *err)
{
    *good_bytes = 0;
    *records = 0;
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_set(err, "%s", strerrordesc_np(errno));
    if (info.st_size == 0)
        return true;
    char *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return error_set(err, "%s", strerrordesc_np(errno));
    struct str rest = {map, (size_t)info.st_size}, line;
    while (str_cut(rest, '\n', &line, &rest) && chain_check(head, line)) {
        *good_bytes += line.len + 1;
        *records += 1;
    }
    munmap(map, (size_t)info.st_size);
    return true;
}
