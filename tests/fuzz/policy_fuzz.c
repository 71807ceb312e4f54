/*
 * yaml_read, policy_compile, policy_check, hours_*: a set that judges, the same every time and as
 * many breaches as counting finds, or a sentence that names the file. Up to three files, with the
 * byte 0x1e between them.
 */
#include <assert.h>

#include "base/zones.h"
#include "fuzz.h"
#include "pieces.h"
#include "policy/policy.h"

#define SEPARATOR '\x1e' /* not allowed in YAML, so nothing is lost */

/* ---- verdicts ---- */

struct verdict {
    size_t count;
    uint64_t sum;
};

static const struct {
    struct str caller_id, timezone;
} senders[] = {
    {STR("+919561612345"), STR("Asia/Calcutta")},
    {STR("ACME"), STR("America/New_York")},
    {STR(""), STR("")}, /* what broke the contract is absent */
};

static struct campaign campaign_of(size_t sender, enum frequency frequency)
{
    static struct calling_block blocks[] = {
        {.day = MONDAY, .start_min = 540, .end_min = 1080},
        {.day = SUNDAY, .start_min = 0, .end_min = 1439, .index = 1},
        {.day = WEDNESDAY, .start_min = 600, .end_min = 601, .index = 2},
    };
    return (struct campaign){.caller_id = senders[sender].caller_id,
                             .frequency = frequency,
                             .timezone = senders[sender].timezone,
                             .blocks = blocks,
                             .block_count = COUNT_OF(blocks)};
}

/* Of one layer, counted without any sentence. */
static size_t count_hours(const struct hours_table *hours, const struct campaign *campaign)
{
    struct str zone;
    size_t count = 0;
    if (campaign->frequency == FREQUENCY_CUSTOM)
        return 1;
    if (campaign->frequency == FREQUENCY_ABSENT || !zone_canonical(campaign->timezone, &zone))
        return 0;
    const struct week_windows *week = hours_for_zone(hours, zone);
    if (!week)
        return 1;
    for (size_t i = 0; i < campaign->block_count; i++) {
        const struct calling_block *block = &campaign->blocks[i];
        bool fits = true;
        for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
            fits = fits && ((campaign->frequency == FREQUENCY_WEEKLY && day != block->day) ||
                            hours_contain(week, day, block->start_min, block->end_min));
        count += !fits;
    }
    return count;
}

static size_t count_layer(const struct policy_layer *layer, const struct campaign *campaign)
{
    struct str zone;
    size_t count = 0;
    if (layer->caller_ids && campaign->caller_id.len)
        count += !strset_has(layer->caller_ids, campaign->caller_id);
    if (layer->timezones && zone_canonical(campaign->timezone, &zone))
        count += !strset_has(&layer->timezones->names, zone);
    return layer->business_hours ? count + count_hours(layer->business_hours, campaign) : count;
}

static struct verdict judge(const struct policy_set *set, const struct policy_layer *team,
                            const struct campaign *campaign)
{
    struct arena arena;
    struct violations violations;
    struct verdict verdict = {0};
    arena_init(&arena, 1 << 20);
    violations_init(&violations, &arena);
    policy_check(set, team, campaign, &violations);
    assert(!violations.truncated);
    assert(violations.count ==
           count_layer(&set->organisation, campaign) + count_layer(team, campaign));
    verdict.count = violations.count;
    for (size_t i = 0; i < violations.count; i++) {
        assert(violations.items[i].message.len > 0 && violations.items[i].rule.len > 0);
        assert(violation_code_class(violations.items[i].code) == VIOLATION_CLASS_POLICY);
        verdict.sum = sum_of(verdict.sum, violations.items[i].message);
    }
    arena_release(&arena);
    return verdict;
}

/* ---- hours, minute by minute ---- */

/* The minutes that are open; windows are sorted and do not even touch. */
static void spread(const struct day_windows *day, bool open[MINUTES_PER_DAY])
{
    int before = -1;
    assert(day->count <= WINDOWS_PER_DAY);
    memset(open, 0, MINUTES_PER_DAY);
    for (size_t i = 0; i < day->count; i++) {
        struct window window = day->items[i];
        assert(before < window.opens_min && window.opens_min < window.closes_min);
        assert(window.closes_min <= MINUTES_PER_DAY);
        for (int minute = window.opens_min; minute < window.closes_min; minute++)
            open[minute] = true;
        before = window.closes_min;
    }
}

static int longest_run(const bool open[MINUTES_PER_DAY], struct window within)
{
    int longest = 0;
    for (int minute = within.opens_min, length = 0; minute < within.closes_min; minute++) {
        length = open[minute] ? length + 1 : 0;
        if (length > longest)
            longest = length;
    }
    return longest;
}

static void check_week(const struct week_windows *week, struct window wanted)
{
    bool every_day[MINUTES_PER_DAY], open[MINUTES_PER_DAY];
    int length = wanted.closes_min - wanted.opens_min;
    struct window fit = {0};
    memset(every_day, 1, sizeof(every_day));
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        spread(&week->days[day], open);
        assert(hours_contain(week, day, wanted.opens_min, wanted.closes_min) ==
               (longest_run(open, wanted) == length));
        for (int minute = 0; minute < MINUTES_PER_DAY; minute++)
            every_day[minute] = every_day[minute] && open[minute];
        bool fits = hours_longest_fit(week, MONDAY, day, wanted, &fit);
        assert(fits == (longest_run(every_day, wanted) > 0));
        if (!fits)
            continue;
        assert(fit.closes_min - fit.opens_min == longest_run(every_day, wanted));
        assert(longest_run(every_day, fit) == fit.closes_min - fit.opens_min);
        assert(fit.opens_min >= wanted.opens_min && fit.closes_min <= wanted.closes_min);
    }
}

static void check_hours(const struct hours_table *hours)
{
    static const struct window wanted[] = {{0, 1440}, {540, 1080}, {719, 720}, {0, 61}};
    for (size_t i = 0; hours && i < COUNT_OF(wanted); i++) {
        for (size_t k = 0; k < hours->zones.capacity; k++) {
            if (hours->zones.slots[k].value)
                check_week(hours->zones.slots[k].value, wanted[i]);
        }
        if (hours->fallback)
            check_week(hours->fallback, wanted[i]);
    }
}

/* ---- sets ---- */

/* A team's rules only narrow, and DAILY asks more than WEEKLY. */
static uint64_t check_team(const struct policy_set *set, const struct policy_layer *team)
{
    const struct policy_layer nobody = {0};
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(senders); i++) {
        struct verdict verdicts[FREQUENCY_CUSTOM + 1];
        for (enum frequency frequency = FREQUENCY_ABSENT; frequency <= FREQUENCY_CUSTOM;
             frequency++) {
            struct campaign campaign = campaign_of(i, frequency);
            verdicts[frequency] = judge(set, team, &campaign);
            assert(judge(set, &nobody, &campaign).count <= verdicts[frequency].count);
            sum = sum * 31 + verdicts[frequency].sum;
        }
        assert(verdicts[FREQUENCY_WEEKLY].count <= verdicts[FREQUENCY_DAILY].count);
    }
    check_hours(team->business_hours);
    return sum;
}

static uint64_t check_set(const struct policy_set *set)
{
    const struct policy_layer nobody = {0};
    uint64_t sum = sum_of(check_team(set, &nobody), set->revision);
    assert(set->revision.len > 0);
    check_hours(set->organisation.business_hours);
    for (size_t i = 0; i < set->teams.capacity; i++) {
        const struct policy_layer *team = set->teams.slots[i].value;
        if (team) {
            assert(policy_team(set, team->team) == team);
            sum += sum_of(check_team(set, team), team->team); /* in any order */
        }
    }
    return sum;
}

static void check_sentence(const struct error *err)
{
    struct str sentence = str_from(err->text);
    assert(str_starts(sentence, STR("p.yaml:")) || str_starts(sentence, STR("q.yaml:")) ||
           str_starts(sentence, STR("r.yaml:")));
    for (size_t i = 0; i < sentence.len; i++)
        assert((uint8_t)sentence.data[i] >= 0x20 && sentence.data[i] != 0x7f);
}

struct compiled {
    bool fine;
    uint64_t sum; /* of the verdicts, or of the sentence */
};

static struct compiled compile(const struct policy_source *sources, size_t count)
{
    struct arena arena;
    struct error err = {""};
    struct compiled compiled;
    arena_init(&arena, 16 << 20);
    const struct policy_set *set = policy_compile(sources, count, &arena, &err);
    if (set) {
        compiled = (struct compiled){true, check_set(set)};
    } else {
        check_sentence(&err);
        compiled = (struct compiled){false, sum_of(0, str_from(err.text))};
    }
    arena_release(&arena);
    return compiled;
}

/* With too little memory: a sentence, or the set all the same. */
static void compile_with_little_memory(const struct policy_source *sources, size_t count,
                                       size_t max_bytes)
{
    struct arena arena;
    struct error err = {""};
    arena_init(&arena, max_bytes);
    const struct policy_set *set = policy_compile(sources, count, &arena, &err);
    assert(set ? set->revision.len > 0 : err.text[0] != '\0');
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_source sources[3] = {{"p.yaml", {0}}, {"q.yaml", {0}}, {"r.yaml", {0}}};
    struct str text = {(const char *)data, size};
    size_t count = 0;
    for (bool more = true; more && count < COUNT_OF(sources); count++)
        more = str_cut(text, SEPARATOR, &sources[count].text, &text);
    struct compiled first = compile(sources, count), again = compile(sources, count);
    assert(again.fine == first.fine && again.sum == first.sum);
    struct policy_source reversed[3];
    for (size_t i = 0; i < count; i++)
        reversed[i] = sources[count - 1 - i];
    again = compile(reversed, count);
    assert(again.fine == first.fine && (!first.fine || again.sum == first.sum));
    compile_with_little_memory(sources, count, 16 * (sum_of(size, sources[0].text) % 1024));
    return 0;
}
