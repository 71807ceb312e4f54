/*
 * OCSF 1.3.0, API Activity (https://schema.ocsf.io/1.3.0/classes/api_activity): the decision is the
 * event, and what became of the campaign is its status. What OCSF has no attribute for stands in
 * `unmapped`.
 */
#include "cli/export_format.h"

#include <stdio.h>

#include "base/json_write.h"
#include "base/limits.h"

#define CLASS_UID 6003
#define ACTIVITY_CREATE 1

enum severity { SEVERITY_INFORMATIONAL = 1, SEVERITY_LOW = 2, SEVERITY_MEDIUM = 3 };
enum status { STATUS_UNKNOWN = 0, STATUS_SUCCESS = 1, STATUS_FAILURE = 2 };

static bool is(const struct json_value *value, const char *path, struct str text)
{
    return str_equal(record_text(value, path), text);
}

/* Whether the campaign was created: that is what was asked for. */
static enum status status_of(const struct export_record *record)
{
    struct str created = export_created(record);
    if (!is(record->value, "verdict", STR("allow")) || str_equal(created, STR("no")))
        return STATUS_FAILURE;
    return str_equal(created, STR("yes")) ? STATUS_SUCCESS : STATUS_UNKNOWN;
}

/* A refusal is the gateway's daily work; that nobody knows what became of a campaign is not. */
static enum severity severity_of(const struct export_record *record)
{
    enum status status = status_of(record);
    return status == STATUS_SUCCESS   ? SEVERITY_INFORMATIONAL
           : status == STATUS_FAILURE ? SEVERITY_LOW
                                      : SEVERITY_MEDIUM;
}

static void put_what(const struct export_record *record, struct json_writer *w)
{
    static const char *const severities[] = {[SEVERITY_INFORMATIONAL] = "Informational",
                                             [SEVERITY_LOW] = "Low",
                                             [SEVERITY_MEDIUM] = "Medium"};
    int64_t time;
    bool has_time = record_time(record->value, &time);
    json_put_int(w, "activity_id", ACTIVITY_CREATE);
    json_put_str(w, "activity_name", STR("Create"));
    json_put_int(w, "category_uid", 6);
    json_put_str(w, "category_name", STR("Application Activity"));
    json_put_int(w, "class_uid", CLASS_UID);
    json_put_str(w, "class_name", STR("API Activity"));
    json_put_int(w, "type_uid", CLASS_UID * 100 + ACTIVITY_CREATE);
    json_put_str(w, "type_name", STR("API Activity: Create"));
    json_put_int(w, "time", has_time ? time : 0);
    json_put_int(w, "severity_id", severity_of(record));
    json_put_str(w, "severity", str_from(severities[severity_of(record)]));
}

/* The gateway's own answer, or the upstream's. */
static bool answer_of(const struct export_record *record, int64_t *ret)
{
    return record_number(record->value, "status", ret) ||
           record_number(record->outcome, "upstream.status", ret);
}

static void put_status_detail(const struct export_record *record, struct json_writer *w)
{
    struct buf detail;
    buf_init(&detail, LIMIT_RECORD_BYTES);
    if (is(record->value, "verdict", STR("deny")))
        export_put_codes(record->value, ", ", &detail);
    else
        buf_append(&detail, record_text(record->outcome, "outcome"));
    json_put_str_if_any(w, "status_detail", buf_str(&detail));
    w->out->failed |= detail.failed;
    buf_release(&detail);
}

static void put_status(const struct export_record *record, struct json_writer *w)
{
    static const char *const statuses[] = {"Unknown", "Success", "Failure"};
    int64_t answer;
    char digits[24];
    json_put_int(w, "status_id", status_of(record));
    json_put_str(w, "status", str_from(statuses[status_of(record)]));
    if (answer_of(record, &answer)) {
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)answer);
        json_put_str(w, "status_code", str_from(digits));
    }
    put_status_detail(record, w);
}

static void put_metadata(const struct export_record *record, struct json_writer *w)
{
    json_open_object_at(w, "metadata");
    json_put_str(w, "version", STR("1.3.0"));
    json_open_object_at(w, "product");
    json_put_str(w, "name", STR("campaign-gateway"));
    json_put_str(w, "vendor_name", STR("campaign-gateway"));
    json_put_str(w, "version", STR(GATEWAY_VERSION));
    json_close_object(w);
    json_put_str(w, "uid", record->hash);
    json_put_int(w, "sequence", (int64_t)record->seq);
    json_put_str_if_any(w, "log_name", record->source);
    json_put_str_if_any(w, "original_time", record_text(record->value, "time"));
    json_close_object(w);
}

static void put_actor(const struct json_value *decision, struct json_writer *w)
{
    struct str team = record_text(decision, "team"), caller = record_text(decision, "caller");
    json_open_object_at(w, "actor");
    json_open_object_at(w, "user");
    json_put_str(w, "name", caller.len ? caller : team.len ? team : STR("unknown"));
    if (team.len) {
        json_open_array_at(w, "groups");
        json_open_object(w);
        json_put_str(w, "name", team);
        json_close_object(w);
        json_close_array(w);
    }
    json_close_object(w);
    json_close_object(w);
}

static void put_api(const struct export_record *record, struct json_writer *w)
{
    int64_t answer;
    json_open_object_at(w, "api");
    json_put_str(w, "operation", STR("create SMS campaign"));
    json_open_object_at(w, "service");
    json_put_str(w, "name", STR("Kore.ai Campaign API"));
    json_close_object(w);
    json_open_object_at(w, "request");
    json_put_str(w, "uid", record_text(record->value, "id"));
    json_close_object(w);
    if (answer_of(record, &answer)) {
        json_open_object_at(w, "response");
        json_put_int(w, "code", answer);
        json_put_str_if_any(w, "error", record_text(record->outcome, "upstream.failure"));
        json_close_object(w);
    }
    json_close_object(w);
}

/* "127.0.0.1:4711", "[::1]:4711". */
static void put_endpoint(const struct json_value *decision, struct json_writer *w)
{
    struct str peer = record_text(decision, "peer"), ip = peer;
    uint64_t port;
    size_t colon = peer.len;
    while (colon > 0 && peer.data[colon - 1] != ':')
        colon--;
    json_open_object_at(w, "src_endpoint");
    bool has_port =
        colon > 0 && str_to_u64(str_slice(peer, colon, peer.len), &port) && port < 65536;
    if (has_port)
        ip = str_slice(peer, 0, colon - 1);
    if (ip.len > 2 && ip.data[0] == '[' && ip.data[ip.len - 1] == ']')
        ip = str_slice(ip, 1, ip.len - 1);
    json_put_str(w, "ip", ip);
    if (has_port)
        json_put_int(w, "port", (int64_t)port);
    json_close_object(w);
}

static void put_destination(const struct export_record *record, struct json_writer *w)
{
    struct str host = record_text(record->outcome, "upstream.host");
    if (host.len == 0)
        return;
    json_open_object_at(w, "dst_endpoint");
    json_put_str(w, "hostname", host);
    json_close_object(w);
}

static void put_unmapped(const struct export_record *record, struct json_writer *w)
{
    static const struct {
        const char *name, *path;
    } of_decision[] = {{"verdict", "verdict"},
                       {"campaign", "campaign.name"},
                       {"caller_id", "campaign.caller_id"},
                       {"template", "campaign.template"},
                       {"message_sha256", "campaign.message_sha256"},
                       {"policy_revision", "policy.revision"},
                       {"policy_digest", "policy.digest"}};
    json_open_object_at(w, "unmapped");
    for (size_t i = 0; i < COUNT_OF(of_decision); i++)
        json_put_str_if_any(w, of_decision[i].name,
                            record_text(record->value, of_decision[i].path));
    json_put_str_if_any(w, "outcome", record_text(record->outcome, "outcome"));
    json_put_str_if_any(w, "created", export_created(record));
    json_put_str_if_any(w, "closed_by", record_text(record->closed, "by"));
    json_put_str_if_any(w, "closed_reason", record_text(record->closed, "reason"));
    json_put_str_if_any(w, "campaign_id", record_text(record->outcome, "upstream.campaign_id"));
    json_close_object(w);
}

void export_ocsf_put(const struct export_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    put_what(record, &w);
    put_status(record, &w);
    put_metadata(record, &w);
    put_actor(record->value, &w);
    put_api(record, &w);
    put_endpoint(record->value, &w);
    put_destination(record, &w);
    put_unmapped(record, &w);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
