#include "cli/test_file.h"

#include "base/clock.h"
#include "base/limits.h"
#include "policy/nearest.h"
#include "policy_files.h"

struct reader {
    struct arena *arena;
    struct problems *problems;
    struct error err;
    struct test_file *file;
    struct str text;      /* the whole file */
    struct test_case all; /* what the tests inherit */
    bool all_at;
    struct test_case *test; /* being read; &all at the top */
    struct str *texts;      /* the list being read */
    size_t text_count;
    bool has_at, has_expect;
};

/* ---- sentences ---- */

/* Puts the sentence on the list; returns false. */
static bool note(struct reader *r)
{
    return problems_add(r->problems, &r->err);
}

static bool out_of_memory(struct reader *r)
{
    return error_set(&r->err, "%s: out of memory", r->file->path);
}

static bool expect(struct reader *r, const struct yaml_node *node, enum yaml_kind kind,
                   const char *what)
{
    if (node->kind == kind && !yaml_is_null(node))
        return true;
    return yaml_error(node, &r->err, "%s must be %s, not %s", what, yaml_kind_name(kind),
                      yaml_is_null(node) ? "nothing" : yaml_kind_name(node->kind));
}

static struct str suggestion(struct reader *r, struct str word, struct str (*known)(size_t index),
                             size_t count)
{
    struct str near = nearest_word(word, known, count);
    return near.len ? arena_format(r->arena, "; did you mean '%.*s'?", STR_ARGS(near)) : near;
}

/* ---- mappings with known keys ---- */

struct key {
    const char *name;
    bool (*read)(struct reader *r, const struct yaml_node *node);
};

static bool read_key(struct reader *r, const struct yaml_node *node, const char *what,
                     const struct key *keys, size_t count)
{
    struct str names = STR("");
    for (size_t i = 0; i < count; i++) {
        if (str_equal(node->key, str_from(keys[i].name)))
            return keys[i].read(r, node);
        names = arena_format(r->arena, "%.*s %s", STR_ARGS(names), keys[i].name);
    }
    return yaml_key_error(node, &r->err, "unknown key '%.*s'; %s has:%.*s", SHOW_ARGS(node->key),
                          what, STR_ARGS(names));
}

static bool read_mapping(struct reader *r, const struct yaml_node *node, const char *what,
                         const struct key *keys, size_t count)
{
    bool fine = expect(r, node, YAML_MAPPING, what) || note(r);
    for (const struct yaml_node *each = fine ? node->first : NULL; each; each = each->next)
        fine = (read_key(r, each, what, keys, count) || note(r)) && fine;
    return fine;
}

/* Each text of a list, or of one alone. */
static bool read_each(struct reader *r, const struct yaml_node *node, const char *what,
                      bool (*read)(struct reader *r, const struct yaml_node *node))
{
    bool fine = true;
    if (node->kind == YAML_SCALAR && !yaml_is_null(node))
        return read(r, node);
    if (!expect(r, node, YAML_SEQUENCE, what))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine =
            ((expect(r, each, YAML_SCALAR, "an entry of this list") && read(r, each)) || note(r)) &&
            fine;
    return fine;
}

/* ---- words that are known ---- */

static struct str code_name(size_t index)
{
    return str_from(violation_code_text((enum violation_code)index));
}

static bool mark_code(struct reader *r, const struct yaml_node *node, bool codes[VIOLATION_COUNT])
{
    for (size_t i = 0; i < VIOLATION_COUNT; i++) {
        if (!str_equal(node->text, code_name(i)))
            continue;
        codes[i] = true;
        return true;
    }
    struct str hint = suggestion(r, node->text, code_name, VIOLATION_COUNT);
    return yaml_error(node, &r->err, "there is no code '%.*s'%.*s", SHOW_ARGS(node->text),
                      STR_ARGS(hint.len ? hint : STR("; policies/README.md lists them")));
}

static struct str rule_name(size_t index)
{
    return policy_rule_name((enum policy_rule)index);
}

static bool read_rule(struct reader *r, const struct yaml_node *node)
{
    enum policy_rule rule;
    if (policy_rule_parse(node->text, &rule)) {
        r->test->rules[rule] = true;
        return true;
    }
    struct str hint = suggestion(r, node->text, rule_name, POLICY_RULES);
    return yaml_error(node, &r->err, "there is no rule '%.*s'%.*s", SHOW_ARGS(node->text),
                      STR_ARGS(hint));
}

static bool read_code(struct reader *r, const struct yaml_node *node)
{
    return mark_code(r, node, r->test->codes);
}

static bool read_reported_code(struct reader *r, const struct yaml_node *node)
{
    return mark_code(r, node, r->test->reported);
}

/* ---- what stands at the top or in a test ---- */

static bool read_base(struct reader *r, const struct yaml_node *node)
{
    if (!expect(r, node, YAML_SCALAR, "base"))
        return false;
    r->test->base = policy_files_path(str_from(r->file->path), node->text, r->arena);
    r->test->base_place = node;
    return r->test->base.data || out_of_memory(r);
}

static bool read_team(struct reader *r, const struct yaml_node *node)
{
    r->test->team = node;
    return expect(r, node, YAML_SCALAR, "team");
}

static bool read_at(struct reader *r, const struct yaml_node *node)
{
    r->has_at = true;
    if (!expect(r, node, YAML_SCALAR, "at"))
        return false;
    return clock_parse_utc(node->text, &r->test->at_unix_ms) ||
           yaml_error(node, &r->err,
                      "'%.*s' is not a time, such as 2026-11-24T10:00:00+05:30 or "
                      "2026-11-24T04:30:00Z",
                      SHOW_ARGS(node->text));
}

/* ---- tests ---- */

static bool read_name(struct reader *r, const struct yaml_node *node)
{
    if (!expect(r, node, YAML_SCALAR, "name"))
        return false;
    r->test->name = node->text;
    r->test->place = node;
    return node->text.len > 0 || yaml_error(node, &r->err, "a test's name says what it shows");
}

static bool read_patch(struct reader *r, const struct yaml_node *node)
{
    r->test->patch = node;
    return expect(r, node, YAML_MAPPING, "patch");
}

static bool read_text(struct reader *r, const struct yaml_node *node)
{
    r->test->text = node;
    return expect(r, node, YAML_SCALAR, "text");
}

static bool read_expect(struct reader *r, const struct yaml_node *node)
{
    r->has_expect = true;
    if (node->kind == YAML_SCALAR && str_equal(node->text, STR("allow")))
        return true;
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        return yaml_error(node, &r->err, "write allow when nothing refuses");
    return read_each(r, node, "expect", read_code);
}

static bool read_rules(struct reader *r, const struct yaml_node *node)
{
    r->test->compares_rules = true;
    return read_each(r, node, "rules", read_rule);
}

static bool read_reported(struct reader *r, const struct yaml_node *node)
{
    r->test->compares_reported = true;
    return read_each(r, node, "reported", read_reported_code);
}

static bool keep_text(struct reader *r, const struct yaml_node *node)
{
    r->texts[r->text_count++] = node->text;
    return true;
}

static bool read_texts(struct reader *r, const struct yaml_node *node, const char *what,
                       const struct str **ret, size_t *ret_count)
{
    r->texts = arena_zalloc(r->arena, node->count + 1, sizeof(*r->texts));
    r->text_count = 0;
    if (!r->texts)
        return out_of_memory(r);
    bool fine = read_each(r, node, what, keep_text);
    *ret = r->texts;
    *ret_count = r->text_count;
    return fine;
}

static bool read_exceptions(struct reader *r, const struct yaml_node *node)
{
    r->test->compares_exceptions = true;
    return read_texts(r, node, "exceptions", &r->test->exceptions, &r->test->exception_count);
}

static const struct key test_keys[] = {
    {"name", read_name},         {"base", read_base},
    {"team", read_team},         {"at", read_at},
    {"patch", read_patch},       {"text", read_text},
    {"expect", read_expect},     {"rules", read_rules},
    {"reported", read_reported}, {"exceptions", read_exceptions},
};

/* A test means the same tomorrow, so it says when it is judged. */
static bool is_complete(struct reader *r, const struct yaml_node *node)
{
    if (!r->test->place)
        return yaml_error(node, &r->err, "a test needs a 'name'");
    if (!r->has_expect)
        return yaml_error(node, &r->err,
                          "a test needs an 'expect': allow, or the codes that refuse");
    if (!r->test->base_place)
        return yaml_error(
            node, &r->err,
            "a test needs a 'base', the campaign that it changes; it may stand at the "
            "top, for all tests");
    return r->has_at || yaml_error(node, &r->err,
                                   "a test needs an 'at', the moment at which it is judged; it may "
                                   "stand at the top, for all tests");
}

static bool read_test(struct reader *r, const struct yaml_node *node, struct test_case *test)
{
    *test = r->all;
    r->test = test;
    r->has_at = r->all_at;
    r->has_expect = false;
    return read_mapping(r, node, "a test", test_keys, COUNT_OF(test_keys)) &&
           (is_complete(r, node) || note(r));
}

static bool read_tests(struct reader *r, const struct yaml_node *node)
{
    bool fine = true;
    struct test_case *tests = arena_zalloc(r->arena, node->count + 1, sizeof(*tests));
    if (!expect(r, node, YAML_SEQUENCE, "tests"))
        return false;
    if (!tests)
        return out_of_memory(r);
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine = read_test(r, each, &tests[r->file->case_count++]) && fine;
    r->file->cases = tests;
    return fine;
}

/* ---- the policy ---- */

static bool read_policy_path(struct reader *r, const struct yaml_node *node)
{
    struct test_policy_path *path = &r->file->policies[r->file->policy_count];
    path->path = policy_files_path(str_from(r->file->path), node->text, r->arena);
    path->place = node;
    r->file->policy_count++;
    return path->path.data || out_of_memory(r);
}

static bool read_policy(struct reader *r, const struct yaml_node *node)
{
    r->file->policies = arena_zalloc(r->arena, node->count + 1, sizeof(*r->file->policies));
    return r->file->policies ? read_each(r, node, "policy", read_policy_path) : out_of_memory(r);
}

/* Bytes of the line break that `rest` begins with, as YAML counts lines; 0 when there is none. */
static size_t line_break(struct str rest)
{
    static const char *const breaks[] = {"\r\n",     "\n",           "\r",
                                         "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < COUNT_OF(breaks); i++) {
        if (str_starts(rest, str_from(breaks[i])))
            return strlen(breaks[i]);
    }
    return 0;
}

/* Where a line begins; lines count from 1. */
static size_t line_start(struct str text, size_t line)
{
    size_t at = 0;
    while (line > 1 && at < text.len) {
        size_t length = line_break(str_slice(text, at, text.len));
        line -= length > 0;
        at += length ? length : 1;
    }
    return at;
}

/*
 * The part of the file that is this mapping, everything before it blanked out, so that what the
 * compiler says of it has the right line and column. That works for what is written in lines; what
 * is written in braces does not end where a line ends.
 */
static bool read_with(struct reader *r, const struct yaml_node *node)
{
    const struct yaml_node *root = r->file->root;
    bool in_lines = root->line == root->first->key_line;
    if (!expect(r, node, YAML_MAPPING, "with"))
        return false;
    if (!in_lines || root->column != root->first->key_column)
        return yaml_error(node, &r->err, "'with' needs a file that is not in braces itself");
    size_t end = node->next ? line_start(r->text, node->next->key_line) : r->text.len;
    struct str copy = arena_copy(r->arena, str_slice(r->text, 0, end));
    if (!copy.data)
        return out_of_memory(r);
    size_t start = line_start(r->text, node->line) + node->column - 1;
    char *text = (char *)copy.data;
    for (size_t i = 0, length; i < start && i < end; i += length ? length : 1) {
        length = line_break(str_slice(r->text, i, end));
        if (!length)
            text[i] = ' ';
    }
    r->file->with = copy;
    return true;
}

static bool read_sender_ids(struct reader *r, const struct yaml_node *node)
{
    return read_texts(r, node, "sender_ids", &r->file->sender_ids, &r->file->sender_id_count);
}

/* ---- the file ---- */

static bool read_later(struct reader *r, const struct yaml_node *node)
{
    (void)r, (void)node;
    return true;
}

static const struct key file_keys[] = {
    {"policy", read_policy}, {"with", read_with}, {"base", read_base},
    {"team", read_team},     {"at", read_at},     {"sender_ids", read_sender_ids},
    {"tests", read_later}, /* when all of the defaults are known */
};

static bool read_root(struct reader *r, const struct yaml_node *root)
{
    r->file->root = root;
    r->test = &r->all;
    if (!read_mapping(r, root, "a file of tests", file_keys, COUNT_OF(file_keys)))
        return false;
    r->all_at = r->has_at;
    const struct yaml_node *tests = yaml_member(root, STR("tests"));
    if (!r->file->policy_count && !r->file->with.len)
        return yaml_error(root, &r->err, "a file of tests needs a 'policy': what is tested") ||
               note(r);
    if (!tests)
        return yaml_error(root, &r->err, "a file of tests needs 'tests', a list") || note(r);
    return read_tests(r, tests) || note(r);
}

struct test_file *test_file_read(const char *path, struct str text, struct arena *arena,
                                 struct problems *problems)
{
    struct reader r = {.arena = arena, .problems = problems, .err = {.text = ""}, .text = text};
    size_t before = problems->count;
    r.file = arena_zalloc(arena, 1, sizeof(*r.file));
    if (!r.file) {
        error_set(&r.err, "%s: out of memory", path);
        (void)note(&r);
        return NULL;
    }
    r.file->path = path;
    const struct yaml_node *root = yaml_read(path, text, arena, &r.err);
    bool fine = root ? read_root(&r, root) : note(&r);
    return fine && problems->count == before ? r.file : NULL;
}
