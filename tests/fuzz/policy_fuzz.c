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

#define NOW_MS INT64_C(1795608000000)

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
    static struct str lists[] = {STR("US-TX-customers"), STR("everybody")};
    return (struct campaign){.name = STR("Diwali offer"),
                             .description = STR("BIL-7"),
                             .contact_lists = lists,
                             .contact_list_count = COUNT_OF(lists),
                             .priority = 4,
                             .format = STR("simple"),
                             .template_name = STR("Welcome"),
                             .message =
                                 STR("Hi <First Name>, loan at https://bit.ly/x. <b>STOP</b>"),
                             .caller_id = senders[sender].caller_id,
                             .frequency = frequency,
                             .timezone = senders[sender].timezone,
                             .blocks = blocks,
                             .block_count = COUNT_OF(blocks),
                             .has_schedule = true,
                             .scheduling_enabled = true};
}

/* Of business hours by the campaign's own clock, counted without any sentence. */
static size_t count_hours(const struct hours_table *hours, const struct campaign *campaign)
{
    struct str zone;
    size_t count = 0;
    if (!zone_canonical(campaign->timezone, &zone))
        return 0;
    if (campaign->frequency == FREQUENCY_CUSTOM)
        return 1;
    if (campaign->frequency == FREQUENCY_ABSENT)
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

/* What one setting must have found, for the rules that are counted easily; SIZE_MAX: any number. */
static size_t expected_count(const struct policy_setting *setting, const struct campaign *campaign)
{
    struct str zone;
    const struct hours_table *hours = setting->value;
    const struct zone_list *zones = setting->value;
    if (setting->rule == RULE_timezones)
        return zone_canonical(campaign->timezone, &zone) && !strset_has(&zones->names, zone);
    if (setting->rule == RULE_business_hours && hours->clock.len == 0)
        return count_hours(hours, campaign);
    return SIZE_MAX;
}

struct tracing {
    const struct campaign *campaign;
    size_t refusing, observed; /* violations that the trace was told of */
};

/* Every violation is told once, in the name of a rule and a layer. */
static void check_note(void *context, const struct policy_setting *setting,
                       enum policy_answer answer, struct str why,
                       const struct violation *violations, size_t count)
{
    struct tracing *tracing = context;
    size_t expected = expected_count(setting, tracing->campaign);
    assert(answer != ANSWER_SKIPPED || (count == 0 && why.len > 0));
    assert(answer != ANSWER_PASSED || count == 0);
    assert(answer == ANSWER_SKIPPED || expected == SIZE_MAX || expected == count);
    for (size_t i = 0; i < count; i++) {
        assert(violations[i].message.len > 0);
        assert(str_equal(violations[i].source.rule, policy_rule_name(setting->rule)));
        assert(str_equal(violations[i].source.layer, setting->layer->title));
        assert(violation_code_class(violations[i].code) == VIOLATION_CLASS_POLICY);
    }
    *(answer == ANSWER_FAILED ? &tracing->refusing : &tracing->observed) += count;
}

static struct verdict judge(const struct policy_set *set, const struct policy_team *team,
                            const struct campaign *campaign)
{
    struct arena arena;
    struct violations violations;
    struct policy_findings findings;
    struct verdict verdict = {0};
    struct tracing tracing = {.campaign = campaign};
    const struct policy_context context = {.now_unix_ms = NOW_MS};
    const struct policy_trace trace = {&tracing, check_note};
    arena_init(&arena, 64 << 20);
    violations_init(&violations, &arena);
    policy_check(set, team, campaign, &context, &violations, &findings, &trace);
    if (!violations.truncated) {
        assert(violations.count == tracing.refusing);
        assert(findings.observed.truncated || findings.observed.count == tracing.observed);
    }
    verdict.count = violations.count;
    for (size_t i = 0; i < violations.count; i++)
        verdict.sum = sum_of(verdict.sum, violations.items[i].message);
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

static void check_week(const struct week_windows *week, struct window wanted)
{
    bool open[MINUTES_PER_DAY], clipped[MINUTES_PER_DAY];
    struct week_windows seen, back;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        bool all = true;
        struct day_windows part = {{wanted}, 1};
        hours_intersect_day(&part, &week->days[day]);
        spread(&week->days[day], open);
        spread(&part, clipped);
        for (int minute = 0; minute < MINUTES_PER_DAY; minute++) {
            bool within = wanted.opens_min <= minute && minute < wanted.closes_min;
            assert(clipped[minute] == (within && open[minute]));
            all = all && (!within || open[minute]);
        }
        assert(hours_contain(week, day, wanted.opens_min, wanted.closes_min) == all);
    }
    hours_shift(week, 330, &seen);
    hours_shift(&seen, -330, &back);
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (seen.days[day].count < WINDOWS_PER_DAY && week->days[day].count < WINDOWS_PER_DAY - 1)
            continue;
        return; /* what found no room stayed closed */
    }
    assert(memcmp(&back, week, sizeof(back)) == 0);
}

static void check_hours(const struct policy_settings *settings)
{
    static const struct window wanted[] = {{0, 1440}, {540, 1080}, {719, 720}, {0, 61}};
    for (size_t n = 0; n < settings->count; n++) {
        const struct hours_table *hours = settings->items[n].value;
        if (settings->items[n].rule != RULE_business_hours)
            continue;
        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
            for (size_t k = 0; k < hours->zones.capacity; k++) {
                if (hours->zones.slots[k].value)
                    check_week(hours->zones.slots[k].value, wanted[i]);
            }
            if (hours->fallback)
                check_week(hours->fallback, wanted[i]);
        }
    }
}

/* ---- sets ---- */

static bool replaces_nothing(const struct policy_team *team)
{
    for (size_t i = 0; i < POLICY_RULES; i++) {
        if (team->replaces[i])
            return false;
    }
    return true;
}

/* A team that does not classify, is not excepted and replaces nothing can only narrow. */
static bool only_narrows(const struct policy_set *set, const struct policy_team *team)
{
    for (size_t i = 0; i < team->settings.count; i++) {
        if (team->settings.items[i].rule == RULE_templates)
            return false;
    }
    return replaces_nothing(team) && !team->has_class && team->mode.kind == MODE_ENFORCE &&
           set->exception_count == 0;
}

static uint64_t check_team(const struct policy_set *set, const struct policy_team *team)
{
    const struct policy_team nobody = {.mode = {MODE_ENFORCE, INT64_MAX}};
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(senders); i++) {
        for (enum frequency frequency = FREQUENCY_ABSENT; frequency <= FREQUENCY_CUSTOM;
             frequency++) {
            struct campaign campaign = campaign_of(i, frequency);
            struct verdict verdict = judge(set, team, &campaign);
            if (only_narrows(set, team))
                assert(judge(set, &nobody, &campaign).count <= verdict.count);
            sum = sum * 31 + verdict.sum;
        }
    }
    check_hours(&team->settings);
    return sum;
}

static uint64_t check_set(const struct policy_set *set)
{
    const struct policy_team nobody = {.mode = {MODE_ENFORCE, INT64_MAX}};
    uint64_t sum = sum_of(check_team(set, &nobody), set->revision);
    assert(set->revision.len > 0);
    check_hours(&set->shared);
    for (size_t i = 0; i < set->teams.count; i++) {
        const struct policy_team *team = &set->team_list[i];
        assert(policy_team(set, team->name) == team);
        sum += sum_of(check_team(set, team), team->name);
    }
    return sum;
}

static void check_sentence(struct str sentence)
{
    assert(str_starts(sentence, STR("p.yaml:")) || str_starts(sentence, STR("q.yaml:")) ||
           str_starts(sentence, STR("r.yaml:")));
    for (size_t i = 0; i < sentence.len; i++)
        assert((uint8_t)sentence.data[i] >= 0x20 && sentence.data[i] != 0x7f);
}

struct compiled {
    bool fine;
    uint64_t sum; /* of the verdicts, or of the sentence */
};

static void check_sentences(const struct problems *problems)
{
    struct str sentence, rest = buf_str(&problems->lines);
    assert(problems->count > 0 && rest.len > 0);
    while (rest.len) {
        (void)str_cut(rest, '\n', &sentence, &rest);
        check_sentence(sentence);
    }
}

/* Every file can be included as "q.yaml" and "r.yaml". */
struct library {
    const struct policy_source *sources;
    size_t count;
};

static bool read_included(void *context, const char *from, struct str path,
                          struct policy_source *ret, struct error *err)
{
    const struct library *library = context;
    (void)from;
    for (size_t i = 0; i < library->count; i++) {
        if (!str_equal(path, str_from(library->sources[i].name)))
            continue;
        *ret = library->sources[i];
        return true;
    }
    return error_set(err, "there is no such file");
}

static struct compiled compile(const struct policy_source *sources, size_t count)
{
    struct arena arena;
    struct problems problems;
    struct compiled compiled;
    struct library library = {sources, count};
    const struct policy_includer includer = {&library, read_included};
    arena_init(&arena, 64 << 20);
    problems_init(&problems);
    const struct policy_set *set = policy_compile(sources, count, &includer, &arena, &problems);
    if (set) {
        compiled = (struct compiled){true, check_set(set)};
    } else {
        check_sentences(&problems);
        compiled = (struct compiled){false, sum_of(0, buf_str(&problems.lines))};
    }
    problems_release(&problems);
    arena_release(&arena);
    return compiled;
}

/* With too little memory: a sentence, or the set all the same. */
static void compile_with_little_memory(const struct policy_source *sources, size_t count,
                                       size_t max_bytes)
{
    struct arena arena;
    struct problems problems;
    arena_init(&arena, max_bytes);
    problems_init(&problems);
    const struct policy_set *set = policy_compile(sources, count, NULL, &arena, &problems);
    assert(set ? set->revision.len > 0 : problems.count > 0);
    problems_release(&problems);
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
