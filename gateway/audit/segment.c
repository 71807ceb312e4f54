#include "audit/segment.h"

#include <stdio.h>

#include "base/limits.h"

#define FRAME_BYTES 180 /* seq, prev, braces, TAB, hash and LF around the members */

bool chain_append(struct chain_head *head, struct str members, struct buf *out)
{
    const size_t start = out->len;
    struct chain_head next = {.seq = head->seq + 1};
    char hex[DIGEST_HEX_SIZE];
    if (members.len > LIMIT_RECORD_BYTES || !buf_reserve(out, members.len + FRAME_BYTES)) {
        out->failed = false;
        return false;
    }
    digest_to_hex(head->hash, hex);
    buf_format(out, "{\"seq\":%llu,\"prev\":\"%s\",", (unsigned long long)next.seq, hex);
    buf_append(out, members);
    buf_append_byte(out, '}');
    if (!digest_bytes(str_slice(buf_str(out), start, out->len), next.hash)) {
        out->len = start;
        return false;
    }
    digest_to_hex(next.hash, hex);
    buf_append_byte(out, '\t');
    buf_append(out, str_from(hex));
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

/* Our own lines have seq and prev first, as chain_append writes them. */
static bool parse_front(struct str json, uint64_t *seq, uint8_t prev[DIGEST_BYTES])
{
    struct str digits, rest;
    return skip(&json, STR("{\"seq\":")) && str_cut(json, ',', &digits, &rest) && digits.len > 0 &&
           digits.data[0] != '0' && str_to_u64(digits, seq) && skip(&rest, STR("\"prev\":\"")) &&
           rest.len > DIGEST_HEX && rest.data[DIGEST_HEX] == '"' &&
           digest_from_hex(str_slice(rest, 0, DIGEST_HEX), prev);
}

const char *chain_check(struct chain_head *head, struct str line, struct str *ret_json)
{
    struct chain_head next = {0};
    uint8_t prev[DIGEST_BYTES], written[DIGEST_BYTES];
    if (line.len < DIGEST_HEX + 1 || line.data[line.len - DIGEST_HEX - 1] != '\t')
        return "the line is not a record: it has no TAB and hash at its end";
    struct str json = str_slice(line, 0, line.len - DIGEST_HEX - 1);
    if (!digest_from_hex(str_slice(line, line.len - DIGEST_HEX, line.len), written))
        return "the hash at the line's end is not one";
    if (!digest_bytes(json, next.hash) || memcmp(next.hash, written, DIGEST_BYTES) != 0)
        return "the record was altered: it does not have the hash that stands behind it";
    if (!parse_front(json, &next.seq, prev))
        return "the record does not begin with its number and the hash before it";
    if (head->seq > 0 && next.seq != head->seq + 1)
        return "the record does not have the number that follows";
    if ((head->seq > 0 || next.seq == 1) && memcmp(prev, head->hash, DIGEST_BYTES) != 0)
        return "the record does not follow the one before: it names another hash";
    *head = next;
    *ret_json = json;
    return NULL;
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
