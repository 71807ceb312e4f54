#include "reconcile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/privacy.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "campaign/encoding.h"
#include "reconcile_match.h"

/* Kore.ai takes 60 calls a minute of an account, and the gateway's clients come first. */
#define CALLS_AT_ONCE 5
#define CALL_PAUSE_MS 2000
#define LIMIT_CALLS 100 /* of one round; what is left waits for the next */

#define PAGE_SIZE 50    /* as the API's documentation shows it */
#define LIMIT_PAGES 40  /* of one list */
#define LIST_ATTEMPTS 3 /* when it changes while it is read */

/* One list serves decisions that are no further apart, and looks back a little further: for
 * campaigns of the same name that no record explains. */
#define BATCH_SPAN_MS (6 * 3600 * 1000LL)
#define LOOK_BACK_MS (3600 * 1000LL)

/* How far back the outcomes stand that may speak of a campaign from the list: the upstream takes
 * 3,600 in an hour, each of two records. */
#define CLAIM_RECORDS 100000

#define LIMIT_TOKEN_BYTES 16384
#define REQUEST_BYTES (LIMIT_TOKEN_BYTES + LIMIT_HEAD_BYTES)
#define LISTING_ARENA_BYTES (64UL << 20)

struct round {
    const struct reconcile_options *options;
    const struct config *config;
    char authority[CONFIG_AUTHORITY_SIZE];
    struct match_terms terms;
    struct intents intents;
    const struct intent **due; /* the oldest first */
    size_t due_count;

    size_t calls;
    char trouble[256]; /* why a step has failed */
    char stopped[256]; /* why there is no point in asking on; empty while there is */

    /* of one batch */
    struct arena arena, scratch;
    struct buf request, members;
    struct listed *listed; /* those that may be of a due one */
    struct claim *claims;
    size_t listed_count;
    size_t total; /* in the whole list */
    int64_t from_unix_ms, to_unix_ms;
};

static bool trouble(struct round *round, const char *format, ...) PRINTF_LIKE(2, 3);

static bool trouble(struct round *round, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(round->trouble, sizeof(round->trouble), format, args);
    va_end(args);
    return false;
}

/* The same trouble again, for all that is still to be asked. */
static bool stop(struct round *round)
{
    if (!round->stopped[0])
        memcpy(round->stopped, round->trouble, sizeof(round->stopped));
    return trouble(round, "%s", round->stopped);
}

int64_t reconcile_settle_ms(const struct config *config)
{
    return config->upstream.total_ms + config->audit.reconcile_after_ms;
}

/* ---- asking ---- */

/* Appends what the file holds, without blanks around it. It is never shown to anybody. */
static bool put_token(struct round *round, const char *path, struct buf *out)
{
    char text[LIMIT_TOKEN_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return trouble(round, "the file with the API's token cannot be read: %s",
                       strerrordesc_np(why));
    struct str token = {text, (size_t)got};
    while (token.len > 0 && strchr(" \t\r\n", token.data[token.len - 1]))
        token.len--;
    token = str_trim(token);
    bool fine = token.len > 0 && got < (ssize_t)sizeof(text);
    for (size_t i = 0; i < token.len; i++)
        fine = fine && token.data[i] > ' ' && token.data[i] < 0x7f;
    if (fine)
        buf_append(out, token);
    explicit_bzero(text, sizeof(text));
    return fine || trouble(round, "the file with the API's token does not hold one token");
}

/* The head up to its empty line; `rest` is what follows ".../campaign". */
static bool put_head(struct round *round, const char *method, const char *rest)
{
    const struct config_tenant *tenant = round->options->tenant;
    struct buf *out = &round->request;
    buf_clear(out);
    buf_format(out,
               "%s /campaign/api/v2/public/%.*s/campaign/%s?accountId=%.*s HTTP/1.1\r\n"
               "host: %s\r\naccept: application/json\r\naccountid: %.*s\r\niid: %.*s\r\nauth: ",
               method, STR_ARGS(tenant->stream_id), rest, STR_ARGS(tenant->account_id),
               round->authority, STR_ARGS(tenant->account_id), STR_ARGS(tenant->stream_id));
    if (!put_token(round, round->options->auth_path, out))
        return stop(round);
    buf_append(out, STR("\r\n"));
    return true;
}

/* The times of the two sides are compared, so their clocks must agree. */
static bool check_clock(struct round *round, const struct http_response *response)
{
    int64_t theirs_unix_ms, apart_ms;
    const struct str *date =
        http_header_find(response->headers, response->header_count, STR("date"));
    if (!date || !clock_parse_http(*date, &theirs_unix_ms))
        return true;
    apart_ms = theirs_unix_ms - clock_unix_ms();
    return (apart_ms < MATCH_SKEW_MS && apart_ms > -MATCH_SKEW_MS) ||
           trouble(round, "the upstream's clock and ours are %lld s apart",
                   (long long)apart_ms / 1000);
}

static bool check_answer(struct round *round, const struct asker_answer *answer)
{
    if (answer->failure != UPSTREAM_ANSWERED)
        return trouble(round, "%s%s%s", upstream_failure_sentence(answer->failure),
                       answer->detail[0] ? ": " : "", answer->detail);
    int status = answer->response->status;
    if (status == 401 || status == 403)
        return trouble(round, "the upstream refuses the API's token (%d)", status);
    if (status == 429)
        return trouble(round, "the upstream is asked too often (429)");
    if (status != 200)
        return trouble(round, "the upstream answers %d", status);
    return check_clock(round, answer->response);
}

static bool is_absent(const struct asker_answer *answer)
{
    return answer->failure == UPSTREAM_ANSWERED && answer->response->status == 404;
}

static bool send_request(struct round *round, struct asker_answer *ret)
{
    struct asker *asker = round->options->asker;
    if (round->request.failed)
        return trouble(round, "memory is out");
    if (round->calls >= LIMIT_CALLS)
        return trouble(round, "there are too many to ask for in one round");
    if ((round->calls >= CALLS_AT_ONCE && !asker_pause(asker, CALL_PAUSE_MS)) ||
        !asker_ask(asker, buf_str(&round->request), ret))
        return trouble(round, "the gateway stops");
    return true;
}

/* Sends round->request. False: round->trouble says why; and nothing more is asked, unless it was
 * only not found. */
static bool ask(struct round *round, struct str *ret_body)
{
    struct asker_answer answer = {.failure = UPSTREAM_MEMORY, .detail = ""};
    if (round->stopped[0])
        return stop(round);
    bool sent = send_request(round, &answer);
    round->calls++;
    explicit_bzero(round->request.data, round->request.len);
    if (!sent)
        return stop(round);
    if (!check_answer(round, &answer))
        return is_absent(&answer) ? false : stop(round);
    *ret_body = answer.body;
    return true;
}

/* ---- the list ---- */

static void put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    json_put_str(w, key, str_from(text));
}

static void write_list_body(const struct round *round, size_t page, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_int(&w, "limit", PAGE_SIZE);
    json_put_int(&w, "skip", (int64_t)page * PAGE_SIZE);
    json_put_int(&w, "page", (int64_t)page + 1);
    put_time(&w, "startDate", round->from_unix_ms);
    put_time(&w, "endDate", round->to_unix_ms);
    json_put_str(&w, "type", STR("sms"));
    json_open_object_at(&w, "sortBy");
    json_put_str(&w, "createdAt", STR("desc"));
    json_close_object(&w);
    json_close_object(&w);
}

static bool get_page(struct round *round, size_t page, struct listing_page *ret)
{
    struct buf body;
    struct str answer = {0};
    buf_init(&body, 1024);
    write_list_body(round, page, &body);
    bool fine = put_head(round, "POST", "getAllCampaignDetails");
    if (fine) {
        buf_format(&round->request,
                   "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%.*s", body.len,
                   STR_ARGS(buf_str(&body)));
        round->request.failed |= body.failed;
        fine = ask(round, &answer);
    }
    buf_release(&body);
    if (!fine)
        return false;
    const char *why = answer_read_page(answer, &round->arena, ret);
    if (!why && ret->has_more && ret->count != PAGE_SIZE)
        why = "it says that there are more campaigns, but does not show a full page";
    return !why || trouble(round, "the upstream's list cannot be used: %s", why);
}

/* What has the name of none that is due needs no room. */
static bool may_be_due(struct round *round, const struct listed *campaign)
{
    for (size_t i = 0; i < round->due_count; i++) {
        arena_reset(&round->scratch);
        if (match_name(round->due[i], campaign, &round->terms, &round->scratch) != MATCH_NAME_OTHER)
            return true;
    }
    return false;
}

static bool keep_page(struct round *round, const struct listing_page *page)
{
    size_t count = round->listed_count + page->count;
    struct listed *grown = reallocarray(round->listed, count + 1, sizeof(*grown));
    if (!grown)
        return trouble(round, "memory is out");
    round->listed = grown;
    for (size_t i = 0; i < page->count; i++) {
        if (may_be_due(round, &page->items[i]))
            round->listed[round->listed_count++] = page->items[i];
    }
    round->total += page->count;
    return true;
}

enum list_result { LIST_COMPLETE, LIST_CHANGED, LIST_FAILED };

static enum list_result read_list(struct round *round)
{
    struct listing_page page = {.has_more = true};
    int64_t total = -1;
    arena_reset(&round->arena);
    round->listed_count = round->total = 0;
    for (size_t i = 0; i < LIMIT_PAGES && page.has_more; i++) {
        if (!get_page(round, i, &page) || !keep_page(round, &page))
            return LIST_FAILED;
        if (i > 0 && page.total != total)
            return LIST_CHANGED;
        total = page.total;
    }
    if (page.has_more) {
        (void)trouble(round, "the upstream's list is too long to be read to its end");
        return LIST_FAILED;
    }
    return total < 0 || (uint64_t)total == round->total ? LIST_COMPLETE : LIST_CHANGED;
}

static bool list_campaigns(struct round *round, const struct intent *oldest)
{
    enum list_result result = LIST_CHANGED;
    round->from_unix_ms = oldest->time_unix_ms - LOOK_BACK_MS;
    /* until now: should the filter mean when a campaign was changed, it must not be missed, either
     */
    round->to_unix_ms = clock_unix_ms() + MATCH_SKEW_MS;
    for (int attempt = 0; attempt < LIST_ATTEMPTS && result == LIST_CHANGED; attempt++)
        result = read_list(round);
    if (result == LIST_CHANGED)
        return trouble(round, "the upstream's list does not hold as many campaigns as it says");
    return result == LIST_COMPLETE;
}

/* ---- whose they are ---- */

/* For due[first] up to, not including, due[end]. */
static bool find_claims(struct round *round, size_t first, size_t end, bool *ret_nameless)
{
    struct reader_options place = round->options->journal;
    struct error err;
    int64_t reach_ms = round->config->upstream.total_ms + MATCH_SLACK_MS + 2 * MATCH_SKEW_MS;
    uint64_t seq = round->due[first]->seq;
    place.from_seq = seq > CLAIM_RECORDS ? seq - CLAIM_RECORDS : 0;
    free(round->claims);
    round->claims = calloc(round->listed_count + 1, sizeof(*round->claims));
    *ret_nameless = false;
    if (!round->claims)
        return trouble(round, "memory is out");
    if (round->listed_count == 0)
        return true;
    for (size_t i = 0; i < round->listed_count; i++)
        round->claims[i].campaign_id = round->listed[i].id;
    return intents_find_claims(&place, round->claims, round->listed_count,
                               round->due[first]->time_unix_ms - reach_ms,
                               round->due[end - 1]->time_unix_ms + reach_ms, ret_nameless, &err) ||
           trouble(round, "the journal cannot be read: %.200s", err.text);
}

/* ---- one decision ---- */

static void tell(const struct round *round, const struct intent *intent,
                 enum reconcile_result result, const struct listed *campaign, const char *reason,
                 bool recorded)
{
    char id[LIMIT_CAMPAIGN_ID_BYTES + 1] = "";
    if (campaign)
        (void)snprintf(id, sizeof(id), "%.*s", STR_ARGS(campaign->id));
    const struct reconcile_finding finding = {.intent = intent,
                                              .result = result,
                                              .campaign_id = id,
                                              .reason = reason,
                                              .recorded = recorded};
    round->options->found(round->options->arg, &finding);
}

/* The get call shows more than the list; and that the campaign is really there. */
static bool confirm(struct round *round, const struct intent *intent, const struct listed *campaign,
                    struct listed *ret)
{
    char id[LIMIT_CAMPAIGN_ID_BYTES + 1];
    struct str answer = {0};
    (void)snprintf(id, sizeof(id), "%.*s", STR_ARGS(campaign->id));
    if (!put_head(round, "GET", id))
        return false;
    buf_append(&round->request, STR("\r\n"));
    if (!ask(round, &answer))
        return false;
    const char *why = answer_read_campaign(answer, &round->arena, ret);
    if (why)
        return trouble(round, "the upstream does not show %s: %s", id, why);
    const char *contradiction = match_contradiction(intent, ret, &round->terms, &round->scratch);
    if (contradiction)
        return trouble(round, "%s has its name and was created then, but has another %s", id,
                       contradiction);
    return (str_equal(ret->id, campaign->id) && ret->created_unix_ms == campaign->created_unix_ms &&
            match_name(intent, ret, &round->terms, &round->scratch) == MATCH_NAME_SAME) ||
           trouble(round, "the upstream shows %s in two ways", id);
}

static void digest_message(struct round *round, const struct listed *campaign,
                           char out[DIGEST_HEX_SIZE])
{
    struct str text;
    size_t offset;
    out[0] = '\0';
    if (message_decode(campaign->message, &round->scratch, &text, &offset) == MESSAGE_OK &&
        !digest_hex(text, out))
        out[0] = '\0';
}

/* `campaign`: NULL when none was created. */
static void record(struct round *round, const struct intent *intent, const struct listed *campaign)
{
    const struct reconcile_options *options = round->options;
    enum reconcile_result result = campaign ? RECONCILE_CREATED : RECONCILE_NOT_CREATED;
    const struct listed none = {0}, *shown = campaign ? campaign : &none;
    char message[DIGEST_HEX_SIZE];
    struct error err = {.text = "it was not to be recorded"};
    arena_reset(&round->scratch);
    digest_message(round, shown, message);
    struct privacy privacy = {
        .in_clear = !options->hash_keys,
        .key = options->hash_keys ? hash_keys_at(options->hash_keys, clock_unix_ms()) : NULL,
        .arena = &round->scratch};
    const struct reconciled_record outcome = {
        .id = intent->id,
        .time_unix_ms = options->with_time ? clock_unix_ms() : 0,
        .created = campaign != NULL,
        .upstream_host = str_from(round->authority),
        .campaign_id = shown->id,
        .template_id = str_slice(shown->template_id, 0, LIMIT_CAMPAIGN_ID_BYTES),
        .created_at = shown->created_text,
        .stored_message_sha256 = str_from(message),
        .asked_from_unix_ms = round->from_unix_ms,
        .asked_to_unix_ms = round->to_unix_ms,
        .listed = round->total,
        .policy_revision = intent->policy_revision,
        .policy_digest = intent->policy_digest,
        .privacy = &privacy};
    buf_clear(&round->members);
    record_reconciled(&outcome, &round->members);
    bool recorded =
        !round->members.failed && options->append &&
        options->append(options->arg, str_from(intent->id), buf_str(&round->members), &err);
    tell(round, intent, result, campaign, recorded ? "" : err.text, recorded);
}

static void take_claim(struct round *round, const struct listed *campaign)
{
    for (size_t i = 0; i < round->listed_count; i++)
        round->claims[i].taken |= str_equal(round->claims[i].campaign_id, campaign->id);
}

static void reconcile_one(struct round *round, const struct intent *intent,
                          const struct match_listing *listing)
{
    struct match match;
    struct listed campaign;
    match_find(intent, &round->intents, listing, &round->terms, &round->scratch, &match);
    if (match.verdict == MATCH_UNKNOWN) {
        tell(round, intent, RECONCILE_UNKNOWN, NULL, match.reason, false);
    } else if (match.verdict == MATCH_NOT_CREATED) {
        record(round, intent, NULL);
    } else if (confirm(round, intent, match.campaign, &campaign)) {
        take_claim(round, &campaign);
        record(round, intent, &campaign);
    } else {
        tell(round, intent, RECONCILE_UNKNOWN, NULL, round->trouble, false);
    }
}

/* ---- all of them ---- */

static bool is_of_tenant(const struct round *round, const struct intent *intent)
{
    const struct config_tenant *tenant = round->options->tenant;
    return (intent->stream_id.len == 0 || str_equal(intent->stream_id, tenant->stream_id)) &&
           (intent->account_id.len == 0 || str_equal(intent->account_id, tenant->account_id));
}

static bool is_due(const struct round *round, const struct intent *intent)
{
    int64_t age_ms = clock_unix_ms() - intent->time_unix_ms;
    if (round->options->wanted &&
        !round->options->wanted(round->options->arg, str_from(intent->id)))
        return false;
    if (age_ms < reconcile_settle_ms(round->config)) {
        tell(round, intent, RECONCILE_TOO_YOUNG, NULL,
             "it is so young that the upstream may still be creating it", false);
        return false;
    }
    if (!is_of_tenant(round, intent)) {
        tell(round, intent, RECONCILE_UNKNOWN, NULL,
             "it was sent to another stream or account than the configuration names", false);
        return false;
    }
    return true;
}

/* What is known of the campaigns of that time; or why it is not. */
static bool look(struct round *round, size_t first, size_t end, bool *ret_nameless)
{
    if (round->stopped[0])
        return stop(round);
    if (round->intents.truncated)
        return trouble(round, "more than %d campaigns are open; close some", LIMIT_INTENTS);
    return list_campaigns(round, round->due[first]) && find_claims(round, first, end, ret_nameless);
}

/* due[first] up to, not including, due[end]: one list serves them all. */
static void reconcile_batch(struct round *round, size_t first, size_t end)
{
    char incomplete[sizeof(round->trouble)];
    bool nameless = false, complete = look(round, first, end, &nameless);
    memcpy(incomplete, round->trouble, sizeof(incomplete));
    const struct match_listing listing = {.items = round->listed,
                                          .claims = round->claims,
                                          .count = complete ? round->listed_count : 0,
                                          .incomplete = complete ? NULL : incomplete,
                                          .nameless = nameless};
    for (size_t i = first; i < end; i++)
        reconcile_one(round, round->due[i], &listing);
}

/* The newest first: they are the ones that somebody is waiting for. */
static void reconcile_due(struct round *round)
{
    size_t end = round->due_count;
    while (end > 0) {
        size_t first = end - 1;
        while (first > 0 &&
               round->due[end - 1]->time_unix_ms - round->due[first - 1]->time_unix_ms <=
                   BATCH_SPAN_MS)
            first--;
        reconcile_batch(round, first, end);
        end = first;
    }
}

/* ---- numbers that the record hides ---- */

/* Of "hmac:KEY:HEX", or of a text with {hmac:KEY:HEX} in it. False: the key is gone. */
static bool find_key(const struct round *round, struct str recorded, struct hash_key *ret)
{
    const char *at = memmem(recorded.data, recorded.len, "hmac:", 5);
    size_t start = at ? (size_t)(at - recorded.data) + 5 : recorded.len;
    return hash_key_find(round->config->audit.hash_keys.value.data,
                         str_slice(recorded, start, start + HASH_KEY_ID_SIZE - 1), ret);
}

static struct str hide(void *arg, struct str recorded, struct str text, struct arena *arena)
{
    const struct round *round = arg;
    struct hash_key key;
    char hash[PRIVACY_HASH_SIZE];
    struct str hidden = {0};
    if (memmem(recorded.data, recorded.len, "{number}", 8) || !find_key(round, recorded, &key))
        return hidden; /* of more numbers than a record hides, nothing is left to compare */
    struct privacy privacy = {.key = &key, .arena = arena};
    if (!str_starts(recorded, STR("hmac:")))
        hidden = privacy_mask(&privacy, text);
    else if (privacy_hash_number(&key, text, hash))
        hidden = arena_copy(arena, str_from(hash));
    explicit_bzero(&key, sizeof(key));
    return hidden;
}

/* ---- a whole round ---- */

static int by_time(const void *one, const void *other)
{
    const struct intent *a = *(const struct intent *const *)one;
    const struct intent *b = *(const struct intent *const *)other;
    return a->time_unix_ms < b->time_unix_ms ? -1 : a->time_unix_ms > b->time_unix_ms;
}

static bool choose_due(struct round *round, struct error *err)
{
    round->due = calloc(round->intents.count + 1, sizeof(*round->due));
    if (!round->due)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < round->intents.count; i++) {
        if (is_due(round, &round->intents.items[i]))
            round->due[round->due_count++] = &round->intents.items[i];
    }
    qsort(round->due, round->due_count, sizeof(*round->due), by_time);
    return true;
}

bool reconcile_run(const struct reconcile_options *options, struct error *err)
{
    struct round round = {.options = options,
                          .config = options->config,
                          .terms = {.total_timeout_ms = options->config->upstream.total_ms,
                                    .hide = hide,
                                    .arg = &round}};
    config_authority(options->config, round.authority);
    arena_init(&round.arena, LISTING_ARENA_BYTES);
    arena_init(&round.scratch, LIMIT_ARENA_BYTES);
    buf_init(&round.request, REQUEST_BYTES);
    buf_init(&round.members, LIMIT_RECORD_BYTES);
    /* all at once: growing would leave copies of the token behind */
    bool fine = (buf_reserve(&round.request, REQUEST_BYTES) || error_set(err, "out of memory")) &&
                intents_read(&options->journal, &round.intents, err) && choose_due(&round, err);
    if (fine)
        reconcile_due(&round);
    intents_release(&round.intents);
    free(round.due);
    free(round.listed);
    free(round.claims);
    buf_release(&round.request);
    buf_release(&round.members);
    arena_release(&round.arena);
    arena_release(&round.scratch);
    return fine;
}
