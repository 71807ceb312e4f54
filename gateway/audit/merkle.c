#include "audit/merkle.h"

bool merkle_leaf(const uint8_t record_hash[DIGEST_BYTES], uint8_t out[DIGEST_BYTES])
{
    char bytes[1 + DIGEST_BYTES] = {0x00};
    memcpy(bytes + 1, record_hash, DIGEST_BYTES);
    return digest_bytes((struct str){bytes, sizeof(bytes)}, out);
}

bool merkle_node(const uint8_t left[DIGEST_BYTES], const uint8_t right[DIGEST_BYTES],
                 uint8_t out[DIGEST_BYTES])
{
    char bytes[1 + 2 * DIGEST_BYTES] = {0x01};
    memcpy(bytes + 1, left, DIGEST_BYTES);
    memcpy(bytes + 1 + DIGEST_BYTES, right, DIGEST_BYTES);
    return digest_bytes((struct str){bytes, sizeof(bytes)}, out);
}

/* As adding one to a binary number: what carries is joined with what stood there. */
bool merkle_add_seen(struct merkle *tree, const uint8_t record_hash[DIGEST_BYTES],
                     merkle_seen *seen, void *arg)
{
    uint8_t node[DIGEST_BYTES];
    size_t level = 0;
    if (!merkle_leaf(record_hash, node))
        return false;
    for (; tree->size >> level & 1; level++) {
        if (seen)
            seen(arg, level, tree->size >> level, node);
        if (!merkle_node(tree->nodes[level], node, node))
            return false;
    }
    if (seen)
        seen(arg, level, tree->size >> level, node);
    memcpy(tree->nodes[level], node, DIGEST_BYTES);
    tree->size++;
    return true;
}

bool merkle_add(struct merkle *tree, const uint8_t record_hash[DIGEST_BYTES])
{
    return merkle_add_seen(tree, record_hash, NULL, NULL);
}

bool merkle_rest(const struct merkle *tree, size_t level, uint8_t out[DIGEST_BYTES])
{
    bool found = false;
    for (size_t i = 0; i < level; i++) {
        if (!(tree->size >> i & 1))
            continue;
        if (!found)
            memcpy(out, tree->nodes[i], DIGEST_BYTES);
        else if (!merkle_node(tree->nodes[i], out, out))
            return false;
        found = true;
    }
    return found;
}

bool merkle_root(const struct merkle *tree, uint8_t out[DIGEST_BYTES])
{
    if (tree->size == 0)
        return digest_bytes((struct str){"", 0}, out);
    return merkle_rest(tree, MERKLE_LEVELS, out);
}
