/*
 *     body -> json_read -> tree -> walk along the table of fields -> campaign + violations
 *
 * The table at the end is the seed's "Body Parameters", in its order. The walk reports what is
 * missing, of the wrong type or unknown; each leaf has a small function that judges its value.
 */
#include "campaign/decode.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/zones.h"
#include "campaign/daytime.h"
#include "campaign/encoding.h"

/* The seed counts characters; its host is JavaScript, so UTF-16 code units (kore-api.md A6 #14). */
#define LIMIT_NAME_UNITS 48
#define LIMIT_DESCRIPTION_UNITS 256
#define LIMIT_LIST_NAME_UNITS 256
#define LIMIT_TEMPLATE_UNITS 256
#define LIMIT_CONTACT_LISTS 10 /* [CAMP]: per campaign */
#define LIMIT_BLOCKS (WEEKDAYS * 16)

struct decoder {
    const struct decode_options *options;
    struct arena *arena;
    struct campaign *campaign;
    struct violations *violations;
};

struct field;
struct path;
typedef void decode_fn(struct decoder *d, const struct path *path, const struct json_value *value);

struct field {
    const char *key;
    enum json_kind kind;
    bool required;
    decode_fn *decode;           /* judges and keeps a value of the right kind */
    const struct field *members; /* of an object, instead of `decode` */
    size_t member_count;
    const char *hint; /* ends the sentence about a missing or mistyped field */
};

static void walk(struct decoder *d, const struct path *path, const struct json_value *object,
                 const struct field *fields, size_t count);

/* ---- where we are ---- */

/* A place in the body; rendered as an RFC 6901 pointer only when there is something to report. */
struct path {
    const struct path *parent; /* NULL: this is the body itself */
    struct str key;            /* of a member; no data for an element */
    size_t index;              /* of an element */
};

static struct path member_of(const struct path *parent, struct str key)
{
    return (struct path){.parent = parent, .key = key};
}

static struct path element_of(const struct path *parent, size_t index)
{
    return (struct path){.parent = parent, .index = index};
}

/* One character of a key, escaped as RFC 6901 says; controls do not get onto a terminal. */
static void put_character(struct buf *out, struct str character)
{
    if (utf8_control_at(character, false) == 0)
        buf_append(out, STR("\xef\xbf\xbd")); /* U+FFFD */
    else if (character.data[0] == '~')
        buf_append(out, STR("~0"));
    else if (character.data[0] == '/')
        buf_append(out, STR("~1"));
    else
        buf_append(out, character);
}

/* A client's key may be long and full of anything: it is cut, between characters, and shows it. */
static void put_token(struct buf *out, struct str key)
{
    for (size_t i = 0, length; i < key.len; i += length) {
        length = utf8_length(str_slice(key, i, key.len));
        if (i + length > LIMIT_ECHO_BYTES) {
            buf_append(out, STR("\xe2\x80\xa6")); /* an ellipsis */
            return;
        }
        put_character(out, str_slice(key, i, i + length));
    }
}

static void put_path(struct buf *out, const struct path *path)
{
    if (!path->parent)
        return;
    put_path(out, path->parent);
    buf_append_byte(out, '/');
    if (path->key.data)
        put_token(out, path->key);
    else
        buf_format(out, "%zu", path->index);
}

static struct str pointer_text(struct decoder *d, const struct path *path)
{
    struct buf text;
    buf_init(&text, 16 * LIMIT_ECHO_BYTES);
    put_path(&text, path);
    struct str pointer = arena_copy(d->arena, buf_str(&text));
    if (text.failed || !pointer.data)
        d->violations->truncated = true;
    buf_release(&text);
    return pointer;
}

/* Adds a violation; the sentence goes on behind the pointer: "/name" + "is missing". */
static void report(struct decoder *d, enum violation_code code, const struct path *path,
                   const char *format, ...) PRINTF_LIKE(4, 5);

static void report(struct decoder *d, enum violation_code code, const struct path *path,
                   const char *format, ...)
{
    if (d->violations->truncated)
        return; /* nothing more can be kept: 20,000 unknown keys must not cost 20,000 sentences */
    struct str pointer = pointer_text(d, path);
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vformat(d->arena, format, args);
    va_end(args);
    if (sentence.data)
        violations_add(d->violations, code, pointer, "%.*s %.*s", STR_ARGS(pointer),
                       STR_ARGS(sentence));
    else
        d->violations->truncated = true;
}

/*
 * A value that cannot be personal data, for a sentence: in quotes when it is short and printable
 * ASCII, as all accepted values are. Anything else is only described, since sentences also reach
 * terminals, and since what looks like a space (U+202F in "9:00 AM") would not be seen in quotes.
 */
static const char *quoted(struct decoder *d, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e)
            return "a text with characters outside printable ASCII";
    }
    if (value.len > LIMIT_ECHO_BYTES)
        return "a long text";
    struct str text = arena_format(d->arena, "'%.*s'", STR_ARGS(value));
    return text.data ? text.data : "a text";
}

/* Empty, too long, control characters: what every free text is asked. */
static bool check_text(struct decoder *d, const struct path *path, struct str text,
                       size_t max_units)
{
    if (utf8_is_blank(text)) {
        report(d, VIOLATION_FIELD_EMPTY, path, "must not be empty or only spaces");
        return false;
    }
    if (utf8_control_at(text, false) < text.len) {
        report(d, VIOLATION_FIELD_CONTROL, path, "must not hold control characters");
        return false;
    }
    size_t units = utf8_utf16_units(text);
    if (units > max_units) {
        report(d, VIOLATION_FIELD_TOO_LONG, path,
               "is %zu characters long (counted as UTF-16); at most %zu are allowed", units,
               max_units);
        return false;
    }
    return true;
}

/* ---- leaves ---- */

static void decode_name(struct decoder *d, const struct path *path, const struct json_value *value)
{
    if (check_text(d, path, json_string(value), LIMIT_NAME_UNITS))
        d->campaign->name = json_string(value);
}

static void decode_description(struct decoder *d, const struct path *path,
                               const struct json_value *value)
{
    if (check_text(d, path, json_string(value), LIMIT_DESCRIPTION_UNITS))
        d->campaign->description = json_string(value);
}

static bool list_holds(const struct str *items, size_t count, struct str item)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(items[i], item))
            return true;
    }
    return false;
}

static void decode_contact_list(struct decoder *d, const struct path *path,
                                const struct json_value *value)
{
    struct campaign *campaign = d->campaign;
    if (json_kind(value) != JSON_KIND_STRING) {
        report(d, VIOLATION_FIELD_TYPE, path,
               "must be a string, the name of a contact list, not %s",
               json_kind_name(json_kind(value)));
        return;
    }
    struct str name = json_string(value);
    if (!check_text(d, path, name, LIMIT_LIST_NAME_UNITS))
        return;
    if (list_holds(campaign->contact_lists, campaign->contact_list_count, name)) {
        report(d, VIOLATION_LIST_DUPLICATE, path, "names a contact list that is named before");
        return;
    }
    campaign->contact_lists[campaign->contact_list_count++] = name;
}

static void decode_contact_lists(struct decoder *d, const struct path *path,
                                 const struct json_value *value)
{
    size_t count = json_count(value);
    if (count == 0) {
        report(d, VIOLATION_FIELD_EMPTY, path, "must name at least one contact list");
        return;
    }
    if (count > LIMIT_CONTACT_LISTS) {
        report(d, VIOLATION_LIST_TOO_LONG, path,
               "names %zu contact lists; a campaign may have at most %d", count,
               LIMIT_CONTACT_LISTS);
        return;
    }
    d->campaign->contact_lists = arena_zalloc(d->arena, count, sizeof(struct str));
    if (!d->campaign->contact_lists) {
        d->violations->truncated = true;
        return;
    }
    size_t index = 0;
    for (const struct json_value *each = json_first(value); each; each = json_next(each))
        decode_contact_list(d, &(struct path){path, {0}, index++}, each);
}

static void decode_dnc_list(struct decoder *d, const struct path *path,
                            const struct json_value *value)
{
    if (check_text(d, path, json_string(value), LIMIT_NAME_UNITS))
        d->campaign->dnc_list = json_string(value);
}

static void decode_campaign_type(struct decoder *d, const struct path *path,
                                 const struct json_value *value)
{
    if (!str_equal(json_string(value), STR("sms"))) {
        report(d, VIOLATION_FIELD_VALUE, path,
               "is %s; on this route it must be 'sms', as in the query",
               quoted(d, json_string(value)));
        return;
    }
    d->campaign->campaign_type = json_string(value);
}

static void decode_priority(struct decoder *d, const struct path *path,
                            const struct json_value *value)
{
    struct str text = json_string(value);
    if (text.len != 1 || text.data[0] < '1' || text.data[0] > '5') {
        report(d, VIOLATION_FIELD_VALUE, path,
               "is %s; it must be one of '1', '2', '3', '4', '5' (highest)", quoted(d, text));
        return;
    }
    d->campaign->priority = text.data[0] - '0';
}

/* `advanced` campaigns have no message but a flow (kore-api.md A2): another body, not this one. */
static void decode_format(struct decoder *d, const struct path *path,
                          const struct json_value *value)
{
    if (!str_equal(json_string(value), STR("simple"))) {
        report(d, VIOLATION_FIELD_VALUE, path,
               "is %s; a campaign with a template must have the format 'simple'",
               quoted(d, json_string(value)));
        return;
    }
    d->campaign->format = json_string(value);
}

static void decode_template_name(struct decoder *d, const struct path *path,
                                 const struct json_value *value)
{
    if (check_text(d, path, json_string(value), LIMIT_TEMPLATE_UNITS))
        d->campaign->template_name = json_string(value);
}

static void decode_message(struct decoder *d, const struct path *path,
                           const struct json_value *value)
{
    size_t offset;
    enum message_fault fault =
        message_decode(json_string(value), d->arena, &d->campaign->message, &offset);
    if (fault == MESSAGE_MEMORY)
        d->violations->truncated = true;
    else if (fault == MESSAGE_UTF8 || fault == MESSAGE_CONTROL)
        report(d, VIOLATION_MESSAGE_ENCODING, path,
               "%s, at byte %zu of the decoded text; it must be the percent-encoded "
               "base64 of the template's text in UTF-8",
               message_fault_text(fault), offset);
    else if (fault != MESSAGE_OK)
        report(d, VIOLATION_MESSAGE_ENCODING, path,
               "%s, at position %zu; it must be the percent-encoded base64 of the "
               "template's text in UTF-8",
               message_fault_text(fault), offset);
}

/* ITU-T E.164: up to 15 digits, no leading zero; fewer than 7 are no subscriber's number. */
static bool is_e164(struct str text)
{
    if (text.len < 8 || text.len > 16 || text.data[0] != '+' || text.data[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return true;
}

static void decode_caller_id(struct decoder *d, const struct path *path,
                             const struct json_value *value)
{
    struct str text = json_string(value);
    if (is_e164(text) || list_holds(d->options->sender_ids, d->options->sender_id_count, text))
        d->campaign->caller_id = text;
    else
        report(d, VIOLATION_PHONE_NUMBER, path,
               "must be a number in E.164 form (+ and 7 to 15 digits, such as +14155550100) or a "
               "configured sender ID; masked digits are not accepted");
}

static void decode_frequency(struct decoder *d, const struct path *path,
                             const struct json_value *value)
{
    struct str text = json_string(value);
    for (enum frequency each = FREQUENCY_WEEKLY; each <= FREQUENCY_CUSTOM; each++) {
        if (str_equal(text, str_from(frequency_text(each)))) {
            d->campaign->frequency = each;
            return;
        }
    }
    report(d, VIOLATION_FIELD_VALUE, path,
           "is %s; it must be 'WEEKLY', 'DAILY' or 'CUSTOM', in capitals", quoted(d, text));
}

static void decode_timezone(struct decoder *d, const struct path *path,
                            const struct json_value *value)
{
    struct str text = json_string(value), canonical;
    if (zone_canonical(text, &canonical))
        d->campaign->timezone = text;
    else
        report(d, VIOLATION_TIMEZONE_UNKNOWN, path,
               "is %s; it must be an IANA time zone, written exactly as there, such "
               "as 'Asia/Kolkata'; offsets and abbreviations are not accepted",
               quoted(d, text));
}

/* ---- the days of the calling hours ---- */

/* A string member of a block; false, reported, when there is none. */
static bool block_text(struct decoder *d, const struct path *path, const struct json_value *value,
                       const char *example, struct str *ret)
{
    if (value && json_kind(value) == JSON_KIND_STRING) {
        *ret = json_string(value);
        return true;
    }
    if (!value)
        report(d, VIOLATION_FIELD_MISSING, path, "is missing; a block needs it, such as '%s'",
               example);
    else
        report(d, VIOLATION_FIELD_TYPE, path, "must be a string such as '%s', not %s", example,
               json_kind_name(json_kind(value)));
    return false;
}

static bool block_day(struct decoder *d, const struct path *path, const struct json_value *block,
                      enum weekday *ret)
{
    struct path where = member_of(path, STR("day"));
    struct str text;
    if (!block_text(d, &where, json_member(block, where.key), "MO", &text))
        return false;
    if (weekday_parse(text, ret))
        return true;
    report(d, VIOLATION_DAY_UNKNOWN, &where,
           "is %s; it must be one of MO, TU, WE, TH, FR, SA, SU, in capitals", quoted(d, text));
    return false;
}

static bool block_time(struct decoder *d, const struct path *path, const struct json_value *block,
                       const char *key, const char *example, struct str *ret_text, int *ret_min)
{
    struct path where = member_of(path, str_from(key));
    if (!block_text(d, &where, json_member(block, where.key), example, ret_text))
        return false;
    if (daytime_parse(*ret_text, ret_min))
        return true;
    report(d, VIOLATION_TIME_FORMAT, &where,
           "is %s; a time is written H:MM AM or H:MM PM, such as '9:00 AM' or '12:30 PM'",
           quoted(d, *ret_text));
    return false;
}

static void add_block(struct decoder *d, struct calling_block block)
{
    d->campaign->blocks[d->campaign->block_count++] = block;
}

/* The evening, and the next day's morning. */
static void add_across_midnight(struct decoder *d, struct calling_block block)
{
    int end_min = block.end_min;
    block.end_min = MINUTES_PER_DAY;
    add_block(d, block);
    block.day = (block.day + 1) % WEEKDAYS;
    block.start_min = 0;
    block.end_min = end_min;
    add_block(d, block);
}

static void refuse_order(struct decoder *d, const struct path *path,
                         const struct calling_block *block)
{
    report(d, VIOLATION_WINDOW_ORDER, path,
           "starts at %.*s and ends at %.*s; a block must end after it starts, on the same "
           "day (12:00 AM is the day's beginning; its last time is 11:59 PM)",
           STR_ARGS(block->start_text), STR_ARGS(block->end_text));
}

/* A block whose times are understood, and perhaps its day. */
static void place_block(struct decoder *d, const struct path *path, bool day_known,
                        struct calling_block *block)
{
    enum decode_midnight midnight = d->options->midnight;
    if (midnight != MIDNIGHT_REJECT && block->end_min == 0 && block->start_min > 0)
        block->end_min = MINUTES_PER_DAY;
    bool ordered = block->start_min < block->end_min;
    bool crosses = midnight == MIDNIGHT_SPLIT && block->start_min > block->end_min;
    if (!ordered && !crosses)
        refuse_order(d, path, block);
    else if (day_known)
        (ordered ? add_block : add_across_midnight)(d, *block);
}

static const struct field block_fields[] = {
    {"day", JSON_KIND_STRING, true, NULL, NULL, 0, ""},
    {"start", JSON_KIND_STRING, true, NULL, NULL, 0, ""},
    {"end", JSON_KIND_STRING, true, NULL, NULL, 0, ""},
};

static void check_unknown(struct decoder *d, const struct path *path,
                          const struct json_value *object, const struct field *fields,
                          size_t count);

static void decode_block(struct decoder *d, const struct path *path, const struct json_value *value)
{
    if (json_kind(value) != JSON_KIND_OBJECT) {
        report(d, VIOLATION_FIELD_TYPE, path, "must be an object with day, start and end, not %s",
               json_kind_name(json_kind(value)));
        return;
    }
    struct calling_block block = {.index = path->index};
    bool day_known = block_day(d, path, value, &block.day);
    bool start_known =
        block_time(d, path, value, "start", "9:00 AM", &block.start_text, &block.start_min);
    bool end_known = block_time(d, path, value, "end", "6:00 PM", &block.end_text, &block.end_min);
    if (start_known && end_known)
        place_block(d, path, day_known, &block);
    check_unknown(d, path, value, block_fields, COUNT_OF(block_fields));
}

/* Touching blocks are fine; each overlap is told at the later block, naming the earlier one. */
static void check_overlaps(struct decoder *d, const struct path *path)
{
    const struct campaign *campaign = d->campaign;
    for (size_t i = 1; i < campaign->block_count; i++) {
        const struct calling_block *later = &campaign->blocks[i];
        for (size_t k = 0; k < i; k++) {
            const struct calling_block *earlier = &campaign->blocks[k];
            if (later->day != earlier->day || later->start_min >= earlier->end_min ||
                earlier->start_min >= later->end_min)
                continue;
            struct path where = element_of(path, later->index);
            report(d, VIOLATION_WINDOW_OVERLAP, &where,
                   "overlaps block %zu of the same day, %s %.*s - %.*s", earlier->index,
                   weekday_code(earlier->day), STR_ARGS(earlier->start_text),
                   STR_ARGS(earlier->end_text));
            break;
        }
    }
}

static void decode_days(struct decoder *d, const struct path *path, const struct json_value *value)
{
    size_t count = json_count(value);
    if (count == 0) {
        report(d, VIOLATION_FIELD_EMPTY, path,
               "must hold at least one block of day, start and end");
        return;
    }
    if (count > LIMIT_BLOCKS) {
        report(d, VIOLATION_LIST_TOO_LONG, path, "holds %zu blocks; at most %d are accepted", count,
               LIMIT_BLOCKS);
        return;
    }
    size_t most = d->options->midnight == MIDNIGHT_SPLIT ? 2 * count : count;
    d->campaign->blocks = arena_zalloc(d->arena, most, sizeof(*d->campaign->blocks));
    if (!d->campaign->blocks) {
        d->violations->truncated = true;
        return;
    }
    size_t index = 0;
    for (const struct json_value *each = json_first(value); each; each = json_next(each), index++)
        decode_block(d, &(struct path){path, {0}, index}, each);
    check_overlaps(d, path);
}

static void decode_scheduling(struct decoder *d, const struct path *path,
                              const struct json_value *value)
{
    (void)path;
    d->campaign->has_schedule = true;
    d->campaign->scheduling_enabled = json_bool(value);
}

/* ---- the contract ---- */

#define LEAF(key, kind, decode, hint)                                                              \
    {                                                                                              \
        key, JSON_KIND_##kind, true, decode, NULL, 0, hint                                         \
    }
#define OBJECT(key, required, members, hint)                                                       \
    {                                                                                              \
        key, JSON_KIND_OBJECT, required, NULL, members, COUNT_OF(members), hint                    \
    }

static const struct field dnc_fields[] = {
    LEAF("name", STRING, decode_dnc_list, "the name of a do-not-call list"),
};

static const struct field message_fields[] = {
    LEAF("template_name", STRING, decode_template_name, "the name of an approved template"),
    LEAF("message", STRING, decode_message, "the template's text in base64"),
};

static const struct field caller_id_fields[] = {
    LEAF("phoneNumber", STRING, decode_caller_id, "the sender, such as \"+14155550100\""),
};

static const struct field calling_hours_fields[] = {
    LEAF("frequency", STRING, decode_frequency, "\"WEEKLY\", \"DAILY\" or \"CUSTOM\""),
    LEAF("timezone", STRING, decode_timezone, "an IANA time zone such as \"Asia/Kolkata\""),
    LEAF("days", ARRAY, decode_days, "a list of blocks with day, start and end"),
};

static const struct field dialing_fields[] = {
    OBJECT("callerId", true, caller_id_fields, "it holds phoneNumber"),
    OBJECT("callingHours", true, calling_hours_fields, "it holds frequency, timezone and days"),
};

static const struct field schedule_fields[] = {
    LEAF("isSchedulingEnabled", BOOL, decode_scheduling, "true or false"),
};

static const struct field root_fields[] = {
    LEAF("name", STRING, decode_name, "the campaign's name, at most 48 characters"),
    LEAF("description", STRING, decode_description, "its purpose, at most 256 characters"),
    LEAF("contactLists", ARRAY, decode_contact_lists, "a list of 1 to 10 contact list names"),
    OBJECT("dncLists", false, dnc_fields, "it holds the name of one do-not-call list"),
    LEAF("campaignType", STRING, decode_campaign_type, "\"sms\""),
    LEAF("priority", STRING, decode_priority, "\"1\" to \"5\", in quotes"),
    LEAF("format", STRING, decode_format, "\"simple\""),
    OBJECT("message", true, message_fields, "it holds template_name and message"),
    OBJECT("dialingStrategy", true, dialing_fields, "it holds callerId and callingHours"),
    OBJECT("schedule", false, schedule_fields, "it holds isSchedulingEnabled"),
};

/* ---- the walk ---- */

static void decode_field(struct decoder *d, const struct path *path, const struct json_value *value,
                         const struct field *field)
{
    if (!value && field->required)
        report(d, VIOLATION_FIELD_MISSING, path, "is missing; it must be %s: %s",
               json_kind_name(field->kind), field->hint);
    else if (value && json_kind(value) != field->kind)
        report(d, VIOLATION_FIELD_TYPE, path, "must be %s, not %s: %s", json_kind_name(field->kind),
               json_kind_name(json_kind(value)), field->hint);
    else if (value && field->members)
        walk(d, path, value, field->members, field->member_count);
    else if (value)
        field->decode(d, path, value);
}

static bool is_known(struct str key, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(key, str_from(fields[i].key)))
            return true;
    }
    return false;
}

static void check_unknown(struct decoder *d, const struct path *path,
                          const struct json_value *object, const struct field *fields, size_t count)
{
    for (const struct json_value *each = json_first(object); each; each = json_next(each)) {
        /* The API's own table writes data.dncLists, which is where answers have it. A list given
         * there would scrub nobody, so it is refused even where unknown fields are allowed. */
        bool data = !path->parent && str_equal(json_key(each), STR("data"));
        if ((d->options->allow_unknown_fields && !data) || is_known(json_key(each), fields, count))
            continue;
        struct path where = member_of(path, json_key(each));
        report(d, VIOLATION_FIELD_UNKNOWN, &where, "%s",
               data ? "is not part of a request; write dncLists and format at the top level"
                    : "is not a field of this API; remove it");
    }
}

static void walk(struct decoder *d, const struct path *path, const struct json_value *object,
                 const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct path where = member_of(path, str_from(fields[i].key));
        decode_field(d, &where, json_member(object, where.key), &fields[i]);
    }
    check_unknown(d, path, object, fields, count);
}

enum decode_result campaign_decode(struct str body, const struct decode_options *options,
                                   struct arena *arena, struct campaign *campaign,
                                   struct violations *violations, struct json_fault *fault)
{
    *campaign = (struct campaign){0};
    const struct json_value *root = json_read(body, arena, fault);
    if (!root)
        return DECODE_NOT_JSON;
    struct decoder d = {options, arena, campaign, violations};
    if (json_kind(root) == JSON_KIND_OBJECT)
        walk(&d, &(struct path){0}, root, root_fields, COUNT_OF(root_fields));
    else
        violations_add(violations, VIOLATION_BODY_NOT_OBJECT, STR(""),
                       "the body must be a JSON object, not %s", json_kind_name(json_kind(root)));
    return DECODE_DONE;
}
