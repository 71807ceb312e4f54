#include "config_values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "base/limits.h"
#include "http/field.h"
#include "http/trace_context.h"

#define LIMIT_WORKERS 256

struct str value_copy(struct config *config, struct str text)
{
    return arena_copy(&config->arena, text);
}

bool value_out_of_memory(struct error *err)
{
    return error_set(err, "out of memory while reading the configuration");
}

bool value_text(struct config *config, void *target, const struct value *value, struct error *err)
{
    struct config_text *text = target;
    if (value->text.len == 0)
        return config_error(&value->place, err, "a text is expected here, but it is empty");
    if (memchr(value->text.data, '\0', value->text.len))
        return config_error(&value->place, err, "the text holds a NUL character");
    *text = (struct config_text){value_copy(config, value->text), value->place};
    return text->value.data || value_out_of_memory(err);
}

/* A path, made relative to the file that names it. */
bool value_path(struct config *config, void *target, const struct value *value, struct error *err)
{
    struct config_text *text = target;
    if (!value_text(config, target, value, err))
        return false;
    const char *slash = strrchr(config->path, '/');
    if (text->value.data[0] == '/' || !slash)
        return true;
    text->value = arena_format(&config->arena, "%.*s/%.*s", (int)(slash - config->path),
                               config->path, STR_ARGS(text->value));
    return text->value.data || value_out_of_memory(err);
}

bool value_path_or_stdout(struct config *config, void *target, const struct value *value,
                          struct error *err)
{
    bool is_stdout = str_equal(value->text, STR("-"));
    return is_stdout ? value_text(config, target, value, err)
                     : value_path(config, target, value, err);
}

static bool value_count(struct config *config, void *target, const struct value *value,
                        struct error *err)
{
    (void)config;
    uint64_t number;
    if (!str_to_u64(value->text, &number) || number == 0)
        return config_error(&value->place, err,
                            "'%.*s' is not a whole number of at least 1, such as 4",
                            STR_ARGS(value->text));
    *(uint64_t *)target = number;
    return true;
}

static bool check_bounds(const struct value *value, uint64_t number, struct error *err)
{
    if ((!value->min || number >= value->min) && (!value->max || number <= value->max))
        return true;
    return config_error(&value->place, err, "'%.*s' is out of bounds; it can be %llu to %llu",
                        STR_ARGS(value->text), (unsigned long long)value->min,
                        (unsigned long long)value->max);
}

bool value_number(struct config *config, void *target, const struct value *value, struct error *err)
{
    return value_count(config, target, value, err) && check_bounds(value, *(uint64_t *)target, err);
}

bool value_workers(struct config *config, void *target, const struct value *value,
                   struct error *err)
{
    if (!value_count(config, target, value, err))
        return false;
    if (config->workers > LIMIT_WORKERS)
        return config_error(&value->place, err, "there can be at most %d workers", LIMIT_WORKERS);
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A number with a unit from the table behind it. */
static bool parse_with_unit(struct str text, const struct unit *units, size_t count, uint64_t *ret)
{
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    if (!str_to_u64(str_slice(text, 0, digits), &number))
        return false;
    struct str unit = str_slice(text, digits, text.len);
    for (size_t i = 0; i < count; i++) {
        if (str_equal(unit, str_from(units[i].name)))
            return !__builtin_mul_overflow(number, units[i].factor, ret);
    }
    return false;
}

#define LONGEST_MS (366 * 24 * 3600 * 1000ULL)

bool value_duration(struct config *config, void *target, const struct value *value,
                    struct error *err)
{
    (void)config;
    static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    uint64_t ms;
    if (!parse_with_unit(value->text, units, COUNT_OF(units), &ms) || ms == 0 || ms > LONGEST_MS)
        return config_error(&value->place, err,
                            "'%.*s' is not a duration; write a number and ms, s, m or h, "
                            "such as 500ms or 10s",
                            STR_ARGS(value->text));
    *(int64_t *)target = (int64_t)ms;
    return true;
}

bool value_size(struct config *config, void *target, const struct value *value, struct error *err)
{
    (void)config;
    static const struct unit units[] = {
        {"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024ULL * 1024 * 1024}};
    uint64_t bytes;
    if (!parse_with_unit(value->text, units, COUNT_OF(units), &bytes) || bytes == 0 ||
        bytes > INT64_MAX)
        return config_error(&value->place, err,
                            "'%.*s' is not a size; write a number of bytes, or one with KiB, MiB "
                            "or GiB",
                            STR_ARGS(value->text));
    *(uint64_t *)target = bytes;
    return check_bounds(value, bytes, err);
}

/* What a request's arena can hold decoded; see limits.h. */
bool value_body_limit(struct config *config, void *target, const struct value *value,
                      struct error *err)
{
    if (!value_size(config, target, value, err))
        return false;
    if (config->framing.body_bytes > LIMIT_BODY_CONFIGURABLE)
        return config_error(&value->place, err, "a body can be at most %d bytes",
                            LIMIT_BODY_CONFIGURABLE);
    return true;
}

bool value_bool(struct config *config, void *target, const struct value *value, struct error *err)
{
    (void)config;
    bool yes = str_equal(value->text, STR("true"));
    if (!yes && !str_equal(value->text, STR("false")))
        return config_error(&value->place, err, "'%.*s' is neither true nor false",
                            STR_ARGS(value->text));
    *(bool *)target = yes;
    return true;
}

/* A word from a list; its place in the list is the value. */
static bool read_choice(void *target, const struct value *value, const char *const *words,
                        size_t count, struct error *err)
{
    char known[128] = "";
    for (size_t i = 0; i < count; i++) {
        if (str_equal(value->text, str_from(words[i]))) {
            *(unsigned *)target = (unsigned)i;
            return true;
        }
        size_t used = strlen(known);
        (void)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", words[i]);
    }
    return config_error(&value->place, err, "'%.*s' is not one of: %s", STR_ARGS(value->text),
                        known);
}

bool value_on_off(struct config *config, void *target, const struct value *value, struct error *err)
{
    (void)config;
    static const char *const words[] = {"off", "on"};
    unsigned choice;
    if (!read_choice(&choice, value, words, COUNT_OF(words), err))
        return false;
    *(bool *)target = choice == 1;
    return true;
}

bool value_log_level(struct config *config, void *target, const struct value *value,
                     struct error *err)
{
    (void)config;
    static const char *const words[] = {"debug", "info", "warn", "error"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_log_format(struct config *config, void *target, const struct value *value,
                      struct error *err)
{
    (void)config;
    static const char *const words[] = {"auto", "json", "text"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_access_format(struct config *config, void *target, const struct value *value,
                         struct error *err)
{
    (void)config;
    static const char *const words[] = {"json", "text"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_client_certificates(struct config *config, void *target, const struct value *value,
                               struct error *err)
{
    (void)config;
    static const char *const words[] = {"off", "optional", "required"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_midnight(struct config *config, void *target, const struct value *value,
                    struct error *err)
{
    (void)config;
    static const char *const words[] = {"reject", "end", "split"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

/* A header name that is looked for, so it must be one (RFC 9110 5.6.2), and not one with a meaning.
 */
bool value_header_name(struct config *config, void *target, const struct value *value,
                       struct error *err)
{
    static const struct str taken[] = {
        STR("host"),         STR("content-length"), STR("transfer-encoding"), STR("connection"),
        STR("content-type"), STR("auth"),           STR("accountid"),         STR("iid")};
    bool fine = is_token(value->text);
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        fine = fine && !str_equal_nocase(value->text, taken[i]);
    if (!fine)
        return config_error(&value->place, err, "'%.*s' cannot be the name of the API key's header",
                            STR_ARGS(value->text));
    return value_text(config, target, value, err);
}

bool value_durability(struct config *config, void *target, const struct value *value,
                      struct error *err)
{
    (void)config;
    static const char *const words[] = {"local", "central"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_resolve(struct config *config, void *target, const struct value *value,
                   struct error *err)
{
    (void)config;
    static const char *const words[] = {"system", "dns"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_on_audit_failure(struct config *config, void *target, const struct value *value,
                            struct error *err)
{
    (void)config;
    static const char *const words[] = {"deny", "allow_degraded"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

bool value_phone_numbers(struct config *config, void *target, const struct value *value,
                         struct error *err)
{
    (void)config;
    static const char *const words[] = {"hmac", "clear"};
    return read_choice(target, value, words, COUNT_OF(words), err);
}

/* It becomes part of the origin of checkpoints, which has no spaces and no plus (C2SP). */
bool value_source(struct config *config, void *target, const struct value *value, struct error *err)
{
    bool fine = value->text.len > 0 && value->text.len <= LIMIT_SOURCE_BYTES;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned char c = (unsigned char)value->text.data[i];
        fine = fine && (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/');
    }
    if (!fine)
        return config_error(&value->place, err,
                            "'%.*s' cannot be the name of a source; it has up to %d letters, "
                            "digits, - _ . and /",
                            SHOW_ARGS(value->text), LIMIT_SOURCE_BYTES);
    return value_text(config, target, value, err);
}

/* ---- the upstream's URL ---- */

static bool valid_host(struct str host)
{
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.data[i];
        if (!isalnum(c) && c != '-' && c != '.' && c != ':')
            return false;
    }
    return true;
}

/* HOST[:PORT] or [IPV6][:PORT]; *port stays what it is when there is none. */
static bool split_authority(struct str text, struct str *host, uint16_t *port)
{
    struct str rest;
    size_t bracket = str_find(text, ']');
    if (text.len && text.data[0] == '[' && bracket < text.len) {
        *host = str_slice(text, 1, bracket);
        rest = str_slice(text, bracket + 1, text.len);
    } else {
        size_t colon = str_find(text, ':');
        *host = str_slice(text, 0, colon);
        rest = str_slice(text, colon, text.len);
    }
    uint64_t number = *port;
    if (!valid_host(*host) ||
        (rest.len && (rest.data[0] != ':' || !str_to_u64(str_slice(rest, 1, rest.len), &number) ||
                      number == 0 || number > UINT16_MAX)))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool is_address(const char *host)
{
    unsigned char binary[16];
    return inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
}

/* https://HOST[:PORT][/]. A host alone is accepted: the API's own documents differ on that. */
bool value_url(struct config *config, void *target, const struct value *value, struct error *err)
{
    if (!value_text(config, target, value, err))
        return false;
    struct str host, rest = config->upstream_url.value;
    uint16_t port = 443;
    if (str_starts(rest, STR("https://")))
        rest = str_slice(rest, 8, rest.len);
    if (str_ends(rest, STR("/")))
        rest = str_slice(rest, 0, rest.len - 1);
    if (!split_authority(rest, &host, &port))
        return config_error(&value->place, err,
                            "'%.*s' is not https://HOST or https://HOST:PORT without a path",
                            STR_ARGS(value->text));
    config->upstream_host = value_copy(config, host);
    config->upstream_port = port;
    if (!config->upstream_host.data)
        return value_out_of_memory(err);
    config->upstream_host_is_address = is_address(config->upstream_host.data);
    return true;
}

/* ---- where traces go ---- */

/* Behind the authority: it becomes part of a request line. */
static bool valid_path(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.data[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>')
            return false;
    }
    return path.len > 1;
}

bool value_endpoint(struct config *config, void *target, const struct value *value,
                    struct error *err)
{
    struct config_endpoint *endpoint = target;
    if (!value_text(config, &endpoint->url, value, err))
        return false;
    struct str rest = endpoint->url.value;
    endpoint->tls = str_starts(rest, STR("https://"));
    endpoint->port = endpoint->tls ? 443 : 80;
    bool fine = endpoint->tls || str_starts(rest, STR("http://"));
    rest = str_slice(rest, endpoint->tls ? 8 : 7, rest.len);
    size_t slash = str_find(rest, '/');
    endpoint->authority = str_slice(rest, 0, slash);
    endpoint->path = str_slice(rest, slash, rest.len);
    struct str host;
    if (!fine || !split_authority(endpoint->authority, &host, &endpoint->port) ||
        !valid_path(endpoint->path))
        return config_error(&value->place, err,
                            "'%.*s' is not where a collector takes traces, such as "
                            "http://localhost:4318/v1/traces",
                            SHOW_ARGS(value->text));
    endpoint->host = value_copy(config, host);
    if (!endpoint->host.data)
        return value_out_of_memory(err);
    endpoint->host_is_address = is_address(endpoint->host.data);
    return true;
}

/* 0, 1 or between, with up to six digits behind the point. */
bool value_ratio(struct config *config, void *target, const struct value *value, struct error *err)
{
    (void)config;
    struct str whole, fraction;
    uint64_t ones, millionths = 0;
    bool pointed = str_cut(value->text, '.', &whole, &fraction);
    bool fine = str_to_u64(whole, &ones) && ones <= 1 && fraction.len <= 6 &&
                (!pointed || str_to_u64(fraction, &millionths));
    for (size_t i = fraction.len; fine && i < 6; i++)
        millionths *= 10;
    if (!fine || ones * TRACE_SAMPLE_ALL + millionths > TRACE_SAMPLE_ALL)
        return config_error(&value->place, err, "'%.*s' is not a number from 0 to 1, such as 0.25",
                            SHOW_ARGS(value->text));
    *(uint64_t *)target = ones * TRACE_SAMPLE_ALL + millionths;
    return true;
}

bool value_str(struct config *config, void *target, const struct value *value, struct error *err)
{
    struct config_text text;
    if (!value_text(config, &text, value, err))
        return false;
    *(struct str *)target = text.value;
    return true;
}
