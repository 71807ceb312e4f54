/*
 * The rules about the template and the text of the message. The text itself is never quoted: it
 * may hold personal data. What is quoted comes from the policy, or is a host or a placeholder.
 */
#include "base/limits.h"
#include "policy/check.h"
#include "policy/pattern.h"

#define TEXT_POINTER STR("/message/message")
#define TEMPLATE_POINTER STR("/message/template_name")

/* ---- templates ---- */

enum version_answer {
    VERSION_FITS,
    VERSION_DIFFERS,
    VERSION_NOT_VALID, /* the text is this version's, but not today */
    VERSION_UNDECIDED,
};

static enum version_answer ask_version(const struct question *q,
                                       const struct template_version *version)
{
    const struct policy_context *context = q->subject->context;
    int64_t now = context->now_unix_ms;
    bool same = version->sha256.len && str_equal(version->sha256, context->message_sha256);
    if (version->pattern) {
        enum pattern_answer answer =
            pattern_match(version->pattern, q->campaign->message, q->violations->arena);
        if (answer == PATTERN_UNDECIDED)
            return VERSION_UNDECIDED;
        same = answer == PATTERN_FITS;
    }
    if (!same)
        return VERSION_DIFFERS;
    return version->valid_from_ms <= now && now < version->valid_until_ms ? VERSION_FITS
                                                                          : VERSION_NOT_VALID;
}

/* The best answer of all versions; VERSION_FITS when any text will do. */
static enum version_answer ask_versions(const struct question *q,
                                        const struct template_entry *entry)
{
    enum version_answer best = entry->version_count ? VERSION_DIFFERS : VERSION_FITS;
    for (size_t i = 0; i < entry->version_count && best != VERSION_FITS; i++) {
        enum version_answer answer = ask_version(q, &entry->versions[i]);
        if (answer != VERSION_DIFFERS)
            best = answer;
    }
    return best;
}

#define APPROVED_TEXT_BYTES 480 /* three SMS; what is longer is looked up in the registry */

/* The only text that would do today; NULL when there are several, or when only its digest is known.
 */
static const struct template_version *only_text(const struct question *q,
                                                const struct template_entry *entry)
{
    const struct template_version *only = NULL;
    int64_t now = q->subject->context->now_unix_ms;
    for (size_t i = 0; i < entry->version_count; i++) {
        const struct template_version *version = &entry->versions[i];
        if (now < version->valid_from_ms || now >= version->valid_until_ms)
            continue;
        if (only || !version->pattern)
            return NULL;
        only = version;
    }
    return only && only->text.len <= APPROVED_TEXT_BYTES ? only : NULL;
}

/* ', which is: "{amount} is due" with {amount} up to 8 digits', or nothing. */
static struct str approved_text(const struct question *q, const struct template_entry *entry)
{
    struct arena *arena = q->violations->arena;
    const struct template_version *version = only_text(q, entry);
    if (!version)
        return STR("");
    struct str text = arena_format(arena, ", which is: \"%.*s\"", STR_ARGS(version->text));
    for (size_t i = 0; i < version->slot_count; i++) {
        const struct pattern_slot *slot = &version->slots[i];
        text =
            arena_format(arena, "%.*s%s{%.*s} up to %d %s", STR_ARGS(text), i ? ", " : " with ",
                         STR_ARGS(slot->name), slot->most, slot->digits ? "digits" : "characters");
    }
    return text;
}

/* The digest lets people compare with the registry where the text itself is not known. */
static void refuse_text(const struct question *q, const struct template_entry *entry)
{
    struct str sha256 = q->subject->context->message_sha256;
    violations_add_rule(q->violations, VIOLATION_TEMPLATE_BODY_MISMATCH, TEXT_POINTER, &q->source,
                        "the message is not an approved text of the template '%.*s' %.*s (its "
                        "SHA-256 is %.*s); send the approved text unchanged%.*s, or have this one "
                        "approved",
                        SHOW_ARGS(entry->name), STR_ARGS(question_whose(q)), STR_ARGS(sha256),
                        STR_ARGS(approved_text(q, entry)));
}

static void refuse_version(const struct question *q, const struct template_entry *entry,
                           enum version_answer answer)
{
    if (answer == VERSION_NOT_VALID)
        violations_add_rule(q->violations, VIOLATION_TEMPLATE_EXPIRED, TEXT_POINTER, &q->source,
                            "this text of the template '%.*s' is approved %.*s, but not for today; "
                            "use the version that is valid now%.*s",
                            SHOW_ARGS(entry->name), STR_ARGS(question_whose(q)),
                            STR_ARGS(approved_text(q, entry)));
    else if (answer == VERSION_UNDECIDED)
        violations_add_rule(q->violations, VIOLATION_TEMPLATE_BODY_MISMATCH, TEXT_POINTER,
                            &q->source,
                            "whether the message is an approved text of the template '%.*s' took "
                            "too long to find out; shorten it",
                            SHOW_ARGS(entry->name));
    else
        refuse_text(q, entry);
}

void check_templates(const struct question *q, const struct template_registry *registry)
{
    struct str name = q->campaign->template_name;
    const struct template_entry *entry = strset_get(&registry->by_name, name);
    if (!entry) {
        violations_add_rule(q->violations, VIOLATION_TEMPLATE_UNKNOWN, TEMPLATE_POINTER, &q->source,
                            "the template '%.*s' is not approved %.*s; approved: %.*s",
                            SHOW_ARGS(name), STR_ARGS(question_whose(q)),
                            STR_ARGS(registry->listed));
        return;
    }
    if (entry->retired) {
        violations_add_rule(q->violations, VIOLATION_TEMPLATE_EXPIRED, TEMPLATE_POINTER, &q->source,
                            "the template '%.*s' is retired %.*s; approved: %.*s", SHOW_ARGS(name),
                            STR_ARGS(question_whose(q)), STR_ARGS(registry->listed));
        return;
    }
    if (!q->subject->has[PART_MESSAGE])
        return; /* it broke the contract */
    enum version_answer answer = ask_versions(q, entry);
    if (answer != VERSION_FITS)
        refuse_version(q, entry, answer);
}

/* ---- words ---- */

/* NULL (and a lost answer) when memory is out. */
static const struct folded *folded_text(const struct question *q)
{
    const struct folded *text = reading_fold(q->subject->reading);
    if (!text)
        violations_lose(q->violations);
    return text;
}

void check_banned_words(const struct question *q, const struct phrase_list *banned)
{
    size_t position = 0;
    const struct folded *text = folded_text(q);
    const struct phrase *found = text ? phrases_find(banned->phrases, text, &position) : NULL;
    if (found)
        violations_add_rule(q->violations, VIOLATION_BANNED_CONTENT, TEXT_POINTER, &q->source,
                            "the message holds '%.*s' at word %zu, which must not be written %.*s; "
                            "case, look and invisible characters do not matter",
                            SHOW_ARGS(found->text), position + 1, STR_ARGS(question_whose(q)));
}

static bool has_any(const struct question *q, const struct phrase_list *wanted)
{
    size_t position;
    const struct folded *text = folded_text(q);
    return !text || phrases_find(wanted->phrases, text, &position) != NULL;
}

void check_opt_out(const struct question *q, const struct phrase_list *wanted)
{
    if (!has_any(q, wanted))
        violations_add_rule(q->violations, VIOLATION_OPT_OUT_MISSING, TEXT_POINTER, &q->source,
                            "a %s message must tell how to opt out %.*s; add one of: %.*s",
                            message_class_text(q->subject->class), STR_ARGS(question_whose(q)),
                            STR_ARGS(wanted->listed));
}

void check_sender_identity(const struct question *q, const struct phrase_list *wanted)
{
    if (!has_any(q, wanted))
        violations_add_rule(q->violations, VIOLATION_BRAND_MISSING, TEXT_POINTER, &q->source,
                            "the message must say who sends it %.*s; add one of: %.*s",
                            STR_ARGS(question_whose(q)), STR_ARGS(wanted->listed));
}

/* ---- urls ---- */

/* The host itself, or one below a listed "*.": each label cut off in turn is looked up. */
static bool is_listed(const struct url_rules *rules, struct str host)
{
    if (strset_has(&rules->hosts, host))
        return true;
    if (!link_host_is_plain(host))
        return false;
    for (size_t dot = str_find(host, '.'); dot < host.len; dot = str_find(host, '.')) {
        host = str_slice(host, dot + 1, host.len);
        if (strset_has(&rules->below, host))
            return true;
    }
    return false;
}

static bool has_scheme(const struct url_rules *rules, struct str scheme)
{
    for (size_t i = 0; i < rules->scheme_count; i++) {
        if (str_equal(rules->schemes[i], scheme))
            return true;
    }
    return false;
}

/* Why a link is not allowed, or NULL. A host that is listed in so many words may be anything. */
static const char *reason_against(const struct url_rules *rules, const struct link *link)
{
    if (link->has_userinfo)
        return "it has a user name before its host, which hides where it leads";
    if (link->is_address)
        return "it leads to an address instead of a name";
    if (!rules->shorteners && link_is_shortener(link->host))
        return "it is shortened, which hides where it leads; write it out";
    if (!is_listed(rules, link->host))
        return link->is_international ? "its host has foreign letters and is not listed"
                                      : "its host is not listed";
    if (link->scheme.len && !has_scheme(rules, link->scheme))
        return "its scheme is not listed";
    return NULL; /* without a scheme the phone chooses one */
}

/* "acme.com, *.acme.com, by https", or "no link at all". */
static struct str allowed_links(const struct question *q, const struct url_rules *rules)
{
    struct arena *arena = q->violations->arena;
    struct str schemes = STR("");
    for (size_t i = 0; i < rules->scheme_count; i++)
        schemes = arena_format(arena, "%.*s%s%.*s", STR_ARGS(schemes), i ? " or " : "",
                               STR_ARGS(rules->schemes[i]));
    return rules->count
               ? arena_format(arena, "%.*s, by %.*s", STR_ARGS(rules->listed), STR_ARGS(schemes))
               : rules->listed;
}

/* The host is told and the path is not: it may hold a token of the recipient's. */
void check_urls(const struct question *q, const struct url_rules *rules)
{
    struct reading *r = q->subject->reading;
    if (!reading_links(r))
        violations_lose(q->violations);
    if (r->link_count > LIMIT_LINKS)
        violations_add_rule(q->violations, VIOLATION_URL_NOT_ALLOWED, TEXT_POINTER, &q->source,
                            "the message holds more than %d links; take some out", LIMIT_LINKS);
    for (size_t i = 0; r->has_links && i < r->link_count && !q->violations->truncated; i++) {
        const struct link *link = &r->links[i];
        const char *reason = reason_against(rules, link);
        if (reason)
            violations_add_rule(q->violations, VIOLATION_URL_NOT_ALLOWED, TEXT_POINTER, &q->source,
                                "the link to '%.*s' is not allowed %.*s: %s; allowed: %.*s",
                                SHOW_ARGS(link->host), STR_ARGS(question_whose(q)), reason,
                                STR_ARGS(allowed_links(q, rules)));
    }
}

/* ---- markup ---- */

/* <Address> may be one, though HTML has an element of that name; </Address> is none. */
static bool is_known_placeholder(const struct markup_rules *rules, const struct markup_span *span)
{
    bool bare = span->kind == MARKUP_PLACEHOLDER || span->whole.len == span->name.len + 2;
    return bare && strset_has(&rules->names, span->name);
}

static void refuse_span(const struct question *q, const struct markup_rules *rules,
                        const struct markup_span *span)
{
    if (span->kind == MARKUP_HTML)
        violations_add_rule(q->violations, VIOLATION_HTML_IN_MESSAGE, TEXT_POINTER, &q->source,
                            "the message holds HTML ('%.*s'), which an SMS shows as it is; "
                            "write plain text %.*s",
                            SHOW_ARGS(span->name), STR_ARGS(question_whose(q)));
    else
        violations_add_rule(q->violations, VIOLATION_PLACEHOLDER_NOT_ALLOWED, TEXT_POINTER,
                            &q->source, "the placeholder <%.*s> is not known %.*s; known: %.*s",
                            SHOW_ARGS(span->name), STR_ARGS(question_whose(q)),
                            STR_ARGS(rules->listed));
}

void check_markup(const struct question *q, const struct markup_rules *rules)
{
    struct reading *r = q->subject->reading;
    if (!reading_spans(r))
        violations_lose(q->violations);
    if (r->span_count > LIMIT_MARKUP)
        violations_add_rule(q->violations, VIOLATION_PLACEHOLDER_NOT_ALLOWED, TEXT_POINTER,
                            &q->source, "the message holds more than %d tags and placeholders",
                            LIMIT_MARKUP);
    for (size_t i = 0; r->has_spans && i < r->span_count && !q->violations->truncated; i++) {
        if (!is_known_placeholder(rules, &r->spans[i]))
            refuse_span(q, rules, &r->spans[i]);
    }
}

/* ---- segments ---- */

static void refuse_foreign(const struct question *q, const struct segments *segments)
{
    char name[CHARACTER_NAME_SIZE];
    segments_name_character(segments->foreign, name);
    violations_add_rule(q->violations, VIOLATION_NON_GSM, TEXT_POINTER, &q->source,
                        "%s at character %zu is not in the GSM alphabet, which is required %.*s; "
                        "replace it by a plain one",
                        name, segments->foreign_position, STR_ARGS(question_whose(q)));
}

static void refuse_number(const struct question *q, const struct segment_limits *limits,
                          const struct segments *segments)
{
    char name[CHARACTER_NAME_SIZE];
    struct str because = STR("");
    if (segments->encoding == SEGMENTS_UCS2) {
        segments_name_character(segments->foreign, name);
        because = arena_format(q->violations->arena,
                               ", as %s at character %zu makes it UCS-2 (70 characters, or 67 in "
                               "each of several)",
                               name, segments->foreign_position);
    }
    violations_add_rule(q->violations, VIOLATION_SEGMENTS_EXCEEDED, TEXT_POINTER, &q->source,
                        "the message takes %zu SMS%.*s; at most %d are allowed %.*s",
                        segments->count, STR_ARGS(because), limits->most,
                        STR_ARGS(question_whose(q)));
}

void check_segments(const struct question *q, const struct segment_limits *limits)
{
    struct segments segments =
        reading_segments(q->subject->reading, (size_t)limits->placeholder_characters);
    if (limits->gsm_only && segments.encoding == SEGMENTS_UCS2)
        refuse_foreign(q, &segments);
    if (limits->most && segments.count > (size_t)limits->most)
        refuse_number(q, limits, &segments);
}
