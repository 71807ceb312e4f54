#include "identity/callers.h"

#include "base/clock.h"
#include "base/yaml_read.h"

struct caller_entry {
    struct str team;
    struct str name; /* for logs and records */
    int64_t expires_unix_ms;
    uint8_t key_tail[CALLER_KEY_BYTES / 2]; /* of a key: the half that is not looked up */
};

struct compiler {
    struct arena *arena;
    struct error *err;
    const struct strset *teams;
    struct callers *callers;
};

static bool out_of_memory(struct compiler *c)
{
    return error_set(c->err, "out of memory while reading the callers");
}

/* ---- one entry ---- */

static bool expect(struct compiler *c, const struct yaml_node *node, enum yaml_kind kind,
                   const char *what)
{
    if (node->kind == kind && !yaml_is_null(node))
        return true;
    return yaml_error(node, c->err, "%s must be %s, not %s", what, yaml_kind_name(kind),
                      yaml_is_null(node) ? "nothing" : yaml_kind_name(node->kind));
}

/* Every key is one of `known` and holds a text that is not empty. */
static bool check_keys(struct compiler *c, const struct yaml_node *entry, const char *const *known,
                       size_t count)
{
    for (const struct yaml_node *each = entry->first; each; each = each->next) {
        size_t i = 0;
        while (i < count && !str_equal(each->key, str_from(known[i])))
            i++;
        if (i == count)
            return yaml_key_error(each, c->err, "unknown key '%.*s' of a caller",
                                  STR_ARGS(each->key));
        if (!expect(c, each, YAML_SCALAR, known[i]))
            return false;
        if (each->text.len == 0 || memchr(each->text.data, '\n', each->text.len))
            return yaml_error(each, c->err, "'%s' must be one line and not empty", known[i]);
    }
    return true;
}

static const struct yaml_node *require(struct compiler *c, const struct yaml_node *entry,
                                       const char *key)
{
    const struct yaml_node *node = yaml_member(entry, str_from(key));
    if (!node)
        yaml_error(entry, c->err, "the caller has no '%s'", key);
    return node;
}

static struct caller_entry *new_entry(struct compiler *c, const struct yaml_node *node,
                                      struct str name)
{
    const struct yaml_node *team = require(c, node, "team");
    if (!team)
        return NULL;
    if (!strset_has(c->teams, team->text)) {
        yaml_error(team, c->err, "the policy knows no team '%.*s'", STR_ARGS(team->text));
        return NULL;
    }
    struct caller_entry *entry = arena_zalloc(c->arena, 1, sizeof(*entry));
    if (!entry || !name.data) {
        (void)out_of_memory(c);
        return NULL;
    }
    *entry = (struct caller_entry){team->text, name, INT64_MAX, {0}};
    return entry;
}

/* ---- certificates ---- */

static const struct {
    const char *key, *prefix;
} kinds[] = {{"uri", "uri:"}, {"dns", "dns:"}, {"common_name", "cn:"}};

static bool read_certificate(struct compiler *c, const struct yaml_node *node)
{
    static const char *const known[] = {"uri", "dns", "common_name", "team"};
    const struct yaml_node *name = NULL;
    const char *prefix = "";
    size_t given = 0;
    if (!check_keys(c, node, known, COUNT_OF(known)))
        return false;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct yaml_node *found = yaml_member(node, str_from(kinds[i].key));
        if (!found)
            continue;
        name = found;
        prefix = kinds[i].prefix;
        given++;
    }
    if (given != 1)
        return yaml_error(node, c->err,
                          "a certificate is named by exactly one of uri, dns and common_name");
    struct str full = arena_format(c->arena, "%s%.*s", prefix, STR_ARGS(name->text));
    const struct caller_entry *entry = new_entry(c, node, full);
    if (!entry)
        return false;
    if (strset_add(&c->callers->names, full, entry) == STRSET_PRESENT)
        return yaml_error(name, c->err, "'%.*s' is given twice", STR_ARGS(name->text));
    return true;
}

/* ---- API keys ---- */

static bool parse_hex(struct str text, uint8_t *out)
{
    if (text.len != 2 * (size_t)CALLER_KEY_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_key_digest(struct compiler *c, const struct yaml_node *node,
                            struct caller_entry *entry)
{
    static const uint8_t nothing[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14};
    const struct yaml_node *hex = require(c, node, "sha256");
    uint8_t digest[CALLER_KEY_BYTES];
    if (!hex)
        return false;
    if (!parse_hex(hex->text, digest))
        return yaml_error(hex, c->err,
                          "'sha256' must be the 64 hex digits that "
                          "`printf %%s \"$KEY\" | sha256sum` prints");
    if (memcmp(digest, nothing, sizeof(nothing)) == 0)
        return yaml_error(hex, c->err,
                          "this is the SHA-256 of an empty text; was $KEY set when it was made?");
    memcpy(entry->key_tail, digest + CALLER_KEY_BYTES / 2, CALLER_KEY_BYTES / 2);
    struct str head = arena_copy(c->arena, (struct str){(char *)digest, CALLER_KEY_BYTES / 2});
    if (!head.data)
        return out_of_memory(c);
    if (strset_add(&c->callers->keys, head, entry) == STRSET_PRESENT)
        return yaml_error(hex, c->err, "this key is given twice");
    return true;
}

static bool read_key(struct compiler *c, const struct yaml_node *node)
{
    static const char *const known[] = {"id", "team", "sha256", "expires"};
    const struct yaml_node *id, *expires = yaml_member(node, STR("expires"));
    if (!check_keys(c, node, known, COUNT_OF(known)) || !(id = require(c, node, "id")))
        return false;
    struct str name = arena_format(c->arena, "key:%.*s", STR_ARGS(id->text));
    struct caller_entry *entry = new_entry(c, node, name);
    if (!entry || !read_key_digest(c, node, entry))
        return false;
    /* no certificate's name begins with "key:", so ids can stand among names to be told apart */
    if (strset_add(&c->callers->names, name, entry) == STRSET_PRESENT)
        return yaml_error(id, c->err,
                          "the id '%.*s' is given twice; records could not tell the "
                          "keys apart",
                          STR_ARGS(id->text));
    if (expires && !clock_parse_day_end(expires->text, &entry->expires_unix_ms))
        return yaml_error(expires, c->err, "'%.*s' is not a day such as 2027-03-31",
                          STR_ARGS(expires->text));
    return true;
}

/* ---- the file ---- */

static const struct {
    struct str key;
    bool (*read)(struct compiler *c, const struct yaml_node *node);
} sections[] = {
    {STR("certificates"), read_certificate},
    {STR("api_keys"), read_key},
};

static bool read_section(struct compiler *c, const struct yaml_node *node)
{
    size_t i = 0;
    while (i < COUNT_OF(sections) && !str_equal(node->key, sections[i].key))
        i++;
    if (i == COUNT_OF(sections))
        return yaml_key_error(node, c->err,
                              "unknown key '%.*s'; callers are certificates and api_keys",
                              STR_ARGS(node->key));
    if (!expect(c, node, YAML_SEQUENCE, sections[i].key.data))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!expect(c, each, YAML_MAPPING, "a caller") || !sections[i].read(c, each))
            return false;
    }
    return true;
}

static size_t count_of(const struct yaml_node *root, size_t section)
{
    const struct yaml_node *node = yaml_member(root, sections[section].key);
    return node ? node->count : 0;
}

const struct callers *callers_compile(const char *file, struct str text, const struct strset *teams,
                                      struct arena *arena, struct error *err)
{
    struct compiler c = {.arena = arena, .err = err, .teams = teams};
    const struct yaml_node *root = yaml_read(file, text, arena, err);
    if (!root || !expect(&c, root, YAML_MAPPING, "a file of callers"))
        return NULL;
    c.callers = arena_zalloc(arena, 1, sizeof(*c.callers));
    if (!c.callers ||
        !strset_init(&c.callers->names, arena, count_of(root, 0) + count_of(root, 1)) ||
        !strset_init(&c.callers->keys, arena, count_of(root, 1))) {
        (void)out_of_memory(&c);
        return NULL;
    }
    for (const struct yaml_node *each = root->first; each; each = each->next) {
        if (!read_section(&c, each))
            return NULL;
    }
    return c.callers;
}

int64_t callers_next_expiry(const struct callers *callers, int64_t now_unix_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < callers->keys.capacity; i++) {
        const struct caller_entry *entry = callers->keys.slots[i].value;
        if (entry && entry->expires_unix_ms > now_unix_ms && entry->expires_unix_ms < next_ms)
            next_ms = entry->expires_unix_ms;
    }
    return next_ms;
}

/* ---- finding ---- */

/* Same time whatever differs, so that nothing of a stored digest can be learned byte by byte. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t count)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < count; i++)
        difference = difference | (a[i] ^ b[i]);
    return difference == 0;
}

static const struct caller_entry *find_key(const struct callers *callers, const uint8_t *sha256)
{
    const size_t half = CALLER_KEY_BYTES / 2;
    const struct caller_entry *entry =
        strset_get(&callers->keys, (struct str){(const char *)sha256, half});
    return entry && same_bytes(entry->key_tail, sha256 + half, half) ? entry : NULL;
}

/* A second finding must say the same team as the first. */
static bool agree(const struct caller_entry *entry, struct caller *ret)
{
    if (!ret->team.len)
        *ret = (struct caller){entry->team, entry->name};
    return str_equal(ret->team, entry->team);
}

static enum caller_answer find_by_key(const struct callers *callers,
                                      const struct caller_evidence *evidence, struct caller *ret)
{
    const struct caller_entry *entry = find_key(callers, evidence->key_sha256);
    if (!entry)
        return CALLER_KEY_UNKNOWN;
    if (evidence->now_unix_ms >= entry->expires_unix_ms) {
        ret->name = entry->name;
        return CALLER_KEY_EXPIRED;
    }
    return agree(entry, ret) ? CALLER_KNOWN : CALLER_AMBIGUOUS;
}

static enum caller_answer find_by_names(const struct callers *callers, struct str names,
                                        struct caller *ret)
{
    for (struct str name, rest = names; str_cut(rest, '\n', &name, &rest);) {
        if (!ret->name.len)
            ret->name = name; /* whoever it is, unless a name with a team follows */
        const struct caller_entry *entry = strset_get(&callers->names, name);
        if (entry && !agree(entry, ret))
            return CALLER_AMBIGUOUS;
    }
    return ret->team.len ? CALLER_KNOWN : CALLER_NO_TEAM;
}

/*
 * A key that is shown must be good whatever the certificate says. A certificate without a team is
 * no obstacle to a good key: meshes give every workload a certificate.
 */
enum caller_answer callers_find(const struct callers *callers,
                                const struct caller_evidence *evidence, struct caller *ret)
{
    *ret = (struct caller){0};
    enum caller_answer answer = CALLER_ABSENT;
    if (evidence->has_certificate)
        answer = find_by_names(callers, evidence->names, ret);
    if (evidence->key_sha256 && answer != CALLER_AMBIGUOUS)
        answer = find_by_key(callers, evidence, ret);
    if (answer != CALLER_KNOWN)
        ret->team = (struct str){0};
    return answer;
}
