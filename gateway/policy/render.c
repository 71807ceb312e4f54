#include "policy/render.h"

#include "base/zones.h"
#include "policy/describe.h"
#include "policy/layout.h"

struct render {
    const struct policy_set *set;
    const struct zone *calendar;
    struct scribe scribe;
    struct page page;
};

#define NOTE(r, ...) page_note(&(r)->page, scribe_format(&(r)->scribe, __VA_ARGS__))

/* ---- one rule ---- */

/* A list of lines is told line by line, everything else in one sentence. */
static void say_list(struct render *r, const struct facts *facts, const struct fact_list *list)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    if (!list->kind->by_line) {
        fact_list_write(facts, list, ALL_NAMES, &text);
        page_say(&r->page, scribe_take(&r->scribe, &text));
        return;
    }
    page_say(&r->page, str_from(list->kind->lead));
    for (size_t i = 0; i < list->count; i++) {
        buf_init(&text, SCRIBE_BYTES);
        fact_write(facts, list->kind, &list->items[i], ALL_NAMES, &text);
        page_list_line(&r->page, scribe_take(&r->scribe, &text));
    }
}

static void say_facts(struct render *r, const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        say_list(r, facts, &facts->lists[i]);
}

static const char *replacing_words(const struct render *r, const struct layer_rules *rules,
                                   enum policy_rule rule)
{
    bool replaceable = r->set->overridable[rule];
    if (replaceable && rules->layer->kind == LAYER_ORGANISATION)
        return "for teams without a rule of their own";
    if (replaceable && rules->layer->kind == LAYER_TEAM && !rules->layer->parent)
        return "in place of the organisation's rule";
    return "";
}

/* "only reported, in place of the organisation's rule"; mostly empty. */
static struct str remark_of(struct render *r, const struct layer_rules *rules,
                            enum policy_rule rule)
{
    struct policy_mode mode = layer_mode_of(rules, rule);
    const char *replacing = replacing_words(r, rules, rule);
    struct str words = mode_is_plain(mode) ? STR("") : mode_words(mode, r->calendar, &r->scribe);
    return scribe_format(&r->scribe, "%.*s%s%s", STR_ARGS(words),
                         words.len && *replacing ? ", " : "", replacing);
}

static void say_rule(struct render *r, const struct layer_rules *rules, enum policy_rule rule)
{
    struct facts facts;
    facts_init(&facts, &r->scribe, r->calendar);
    describe_rule(rule, rules->values[rule], &facts);
    page_item(&r->page, policy_rule_name(rule), remark_of(r, rules, rule));
    say_facts(r, &facts);
}

/* ---- one layer ---- */

/* A pack's own section stands above those of its cases, and its scope may take half a page. */
static void note_scopes(struct render *r, const struct policy_layer *layer)
{
    struct facts own;
    facts_init(&own, &r->scribe, r->calendar);
    describe_scope(layer->scope, &own);
    if (layer->parent && layer->parent->scope)
        NOTE(r, "Applies only where its pack does, as said above");
    if (own.count) {
        struct str summary = facts_summary(&own, ALL_NAMES);
        NOTE(r, "Applies to campaigns %.*s", STR_ARGS(summary));
    }
}

/* With a capital first letter; the words are our own and begin with an ASCII letter. */
static struct str capitalised(struct render *r, struct str words)
{
    return words.len ? scribe_format(&r->scribe, "%c%.*s", words.data[0] - 'a' + 'A',
                                     STR_ARGS(str_slice(words, 1, words.len)))
                     : words;
}

static struct str title_of(struct render *r, const struct policy_layer *layer)
{
    struct str title = capitalised(r, layer->title);
    return layer->description.len ? scribe_format(&r->scribe, "%.*s: %.*s", STR_ARGS(title),
                                                  STR_ARGS(layer->description))
                                  : title;
}

static const char *kind_of(const struct policy_layer *layer)
{
    static const char *const kinds[] = {
        [LAYER_PACK] = "pack", [LAYER_ORGANISATION] = "organisation", [LAYER_TEAM] = "team"};
    return kinds[layer->kind];
}

static bool has_rules(const struct layer_rules *rules)
{
    bool has = false;
    for (enum policy_rule rule = 0; rule < POLICY_RULES && !has; rule++)
        has = rules->values[rule] != NULL;
    return has;
}

static void note_team(struct render *r, const struct policy_team *team)
{
    if (!mode_is_plain(team->mode)) {
        struct str words = mode_words(team->mode, r->calendar, &r->scribe);
        NOTE(r, "For this team every rule of every section is %.*s", STR_ARGS(words));
    }
    if (team->has_class)
        NOTE(r,
             "Its messages whose template has no class count as %s, unless the organisation's "
             "class is stricter",
             message_class_text(team->default_class));
}

static void note_layer(struct render *r, const struct policy_layer *layer)
{
    note_scopes(r, layer);
    if (!mode_is_plain(layer->mode)) {
        struct str words = mode_words(layer->mode, r->calendar, &r->scribe);
        NOTE(r, "All of it is %.*s", STR_ARGS(words));
    }
}

/* `team`: whose layer it is, when it is the team's first; or NULL. */
static void say_layer(struct render *r, const struct layer_rules *rules,
                      const struct policy_team *team)
{
    page_section(&r->page, kind_of(rules->layer), title_of(r, rules->layer));
    note_layer(r, rules->layer);
    if (team)
        note_team(r, team);
    if (!has_rules(rules))
        page_note(&r->page, STR("It has no rules of its own"));
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        if (rules->values[rule])
            say_rule(r, rules, rule);
    }
}

/* ---- everything ---- */

static void note_overridable(struct render *r)
{
    struct buf text;
    bool first = true;
    buf_init(&text, SCRIBE_BYTES);
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        if (!r->set->overridable[rule])
            continue;
        buf_format(&text, "%s%.*s",
                   first ? "A team's own rule takes the place of the organisation's for: " : ", ",
                   STR_ARGS(policy_rule_name(rule)));
        first = false;
    }
    struct str sentence = scribe_take(&r->scribe, &text);
    if (!first)
        page_note(&r->page, sentence);
}

static void say_general(struct render *r, const struct render_options *options)
{
    const struct policy_set *set = r->set;
    bool pack_alone = str_equal(set->revision, STR("-"));
    page_section(&r->page, "policy",
                 pack_alone
                     ? STR("Policy")
                     : scribe_format(&r->scribe, "Policy, revision %.*s", STR_ARGS(set->revision)));
    if (options->digest && set->digest[0])
        NOTE(r, "SHA-256 of its files: %s", set->digest);
    NOTE(r, "A campaign must satisfy every section below that applies to it: packs, organisation "
            "and its own team. A section asks nothing about what it does not mention. Teams that "
            "are not named here may create no campaigns");
    NOTE(r, "Messages whose template has no class count as %s, unless %s",
         message_class_text(set->default_class),
         set->has_class ? "the team's own class is stricter" : "the team says otherwise");
    NOTE(r, "The policy's own dates are days in %.*s", STR_ARGS(set->calendar));
    NOTE(r, "A refusal %s which caller IDs are allowed",
         set->disclose_caller_ids ? "tells" : "does not tell");
    note_overridable(r);
}

static void say_shared(struct render *r)
{
    struct layer_table table = layout_shared(r->set, &r->scribe);
    for (size_t i = 0; i < table.count; i++) {
        const struct policy_layer *layer = table.items[i].layer;
        bool empty =
            layer->kind == LAYER_ORGANISATION && !layer->parent && !has_rules(&table.items[i]);
        if (!empty)
            say_layer(r, &table.items[i], NULL);
    }
}

static void say_team(struct render *r, const struct policy_team *team)
{
    struct layer_table table = layout_team(team, &r->scribe);
    for (size_t i = 0; i < table.count; i++)
        say_layer(r, &table.items[i], i == 0 ? team : NULL);
}

/* "Exception EX-12, for team billing: it lifts caller_ids; …". */
static void say_exception(struct render *r, const struct policy_exception *exception)
{
    struct facts facts;
    bool all = str_equal(exception->team, STR("*"));
    facts_init(&facts, &r->scribe, r->calendar);
    describe_exception(exception, &facts);
    page_item(&r->page, exception->id,
              all ? STR("for every team")
                  : scribe_format(&r->scribe, "for team %.*s", STR_ARGS(exception->team)));
    struct str summary = facts_summary(&facts, ALL_NAMES);
    page_say(&r->page, capitalised(r, summary));
}

static void say_exceptions(struct render *r)
{
    if (r->set->exception_count == 0)
        return;
    page_section(&r->page, "exceptions", STR("Exceptions"));
    for (size_t i = 0; i < r->set->exception_count; i++)
        say_exception(r, &r->set->exceptions[i]);
}

bool policy_render(const struct policy_set *set, const struct render_options *options,
                   struct arena *scratch, struct buf *out)
{
    struct render r = {.set = set,
                       .calendar = zone_find(set->calendar),
                       .scribe = {scratch, false},
                       .page = page_begin(out, options->format)};
    say_general(&r, options);
    say_shared(&r);
    for (size_t i = 0; i < set->teams.count; i++)
        say_team(&r, &set->team_list[i]);
    say_exceptions(&r);
    page_end(&r.page);
    return !r.scribe.failed && !out->failed;
}
