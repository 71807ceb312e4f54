#include "reconcile_answer.h"

#include "base/clock.h"
#include "base/json_read.h"
#include "base/limits.h"

#define NOT_JSON "its answer is not JSON as RFC 8259 has it"
#define NO_SUCCESS "its answer does not say \"status\": \"success\""
#define NO_MEMORY "its answer needs too much memory"

static const struct json_value *member(const struct json_value *object, const char *key,
                                       enum json_kind kind)
{
    const struct json_value *value =
        object && json_kind(object) == JSON_KIND_OBJECT ? json_member(object, str_from(key)) : NULL;
    return value && json_kind(value) == kind ? value : NULL;
}

static struct str text(const struct json_value *object, const char *key)
{
    const struct json_value *value = member(object, key, JSON_KIND_STRING);
    return value ? json_string(value) : (struct str){0};
}

static const struct json_value *object(const struct json_value *value, const char *key)
{
    return member(value, key, JSON_KIND_OBJECT);
}

/* `data` of an answer that says that all went well. */
static const char *read_data(struct str body, struct arena *arena, const struct json_value **ret)
{
    struct json_fault fault;
    const struct json_value *root = json_read(body, arena, &fault);
    if (!root)
        return fault.kind == JSON_MEMORY ? NO_MEMORY : NOT_JSON;
    if (!str_equal(text(root, "status"), STR("success")))
        return NO_SUCCESS;
    *ret = object(root, "data");
    return *ret ? NULL : "its answer has no \"data\"";
}

static bool read_contact_lists(const struct json_value *campaign, struct arena *arena,
                               struct listed *ret)
{
    const struct json_value *lists = member(campaign, "contactLists", JSON_KIND_ARRAY);
    if (!lists)
        return true;
    ret->contact_lists = arena_zalloc(arena, json_count(lists), sizeof(*ret->contact_lists));
    if (!ret->contact_lists)
        return false;
    ret->has_contact_lists = true;
    for (const struct json_value *each = json_first(lists); each; each = json_next(each)) {
        if (json_kind(each) == JSON_KIND_STRING)
            ret->contact_lists[ret->contact_list_count++] = json_string(each);
        else
            ret->has_contact_lists = false; /* written in another way: nothing to compare */
    }
    return true;
}

/* What it takes to tell one campaign from another must be there. */
static const char *read_campaign(const struct json_value *campaign, struct arena *arena,
                                 struct listed *ret)
{
    const struct json_value *strategy = object(campaign, "dialingStrategy");
    const struct json_value *message = object(campaign, "message");
    struct str type = text(campaign, "campaignType");
    struct str id = text(campaign, "_id");
    *ret = (struct listed){
        .id = id.len ? id : text(campaign, "id"),
        .name = text(campaign, "name"),
        .created_text = text(campaign, "createdAt"),
        .type = type.len ? type : text(campaign, "type"),
        .format = text(campaign, "format"),
        .priority = text(campaign, "priority"),
        .dnc_list = text(object(campaign, "dncLists"), "name"),
        .template = text(message, "template_name"),
        .caller_id = text(object(strategy, "callerId"), "phoneNumber"),
        .timezone = text(object(strategy, "callingHours"), "timezone"),
        .template_id = text(message, "templateId"),
        .message = text(message, "message"),
    };
    if (!str_is_identifier(ret->id) || ret->id.len > LIMIT_CAMPAIGN_ID_BYTES)
        return "a campaign in its answer has no id";
    if (ret->name.len == 0)
        return "a campaign in its answer has no name";
    if (!clock_parse_utc(ret->created_text, &ret->created_unix_ms))
        return "a campaign in its answer has no time of creation";
    return read_contact_lists(campaign, arena, ret) ? NULL : NO_MEMORY;
}

/* A whole number that is not negative; -1 for anything else. */
static int64_t count_of(const struct json_value *data, const char *key)
{
    const struct json_value *value = member(data, key, JSON_KIND_NUMBER);
    double number = value ? json_number(value) : -1;
    return number >= 0 && number <= 1e15 && (double)(int64_t)number == number ? (int64_t)number
                                                                              : -1;
}

const char *answer_read_page(struct str body, struct arena *arena, struct listing_page *ret)
{
    const struct json_value *data;
    const char *why = read_data(body, arena, &data);
    if (why)
        return why;
    const struct json_value *results = member(data, "results", JSON_KIND_ARRAY);
    const struct json_value *more = member(data, "hasMore", JSON_KIND_BOOL);
    if (!results || !more)
        return "its answer has no list of \"results\", or does not say whether there are more";
    *ret = (struct listing_page){.has_more = json_bool(more),
                                 .total = count_of(data, "totalResults"),
                                 .items =
                                     arena_zalloc(arena, json_count(results), sizeof(*ret->items))};
    if (!ret->items)
        return NO_MEMORY;
    for (const struct json_value *each = json_first(results); each; each = json_next(each)) {
        why = read_campaign(each, arena, &ret->items[ret->count++]);
        if (why)
            return why;
    }
    return NULL;
}

const char *answer_read_campaign(struct str body, struct arena *arena, struct listed *ret)
{
    const struct json_value *data;
    const char *why = read_data(body, arena, &data);
    return why ? why : read_campaign(data, arena, ret);
}
