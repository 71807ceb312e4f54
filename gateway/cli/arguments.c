#include "cli/arguments.h"

#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/cli.h"

/* The walk along argv. */
struct walk {
    const struct arguments *spec;
    int argc;
    char **argv;
    int at; /* the argument being read */
    bool seen[LIMIT_OPTIONS];
    struct error *err;
};

static bool wrong(struct walk *walk, const char *what, struct str argument)
{
    return error_set(walk->err, "%s '%.*s'; try --help", what, STR_ARGS(argument));
}

/* ---- what an option takes ---- */

static bool keep(struct walk *walk, struct argument_list *list, const char *value)
{
    if (list->count == LIMIT_ARGUMENTS)
        return error_set(walk->err, "there are more than %d arguments", LIMIT_ARGUMENTS);
    list->items[list->count++] = value;
    return true;
}

/* "text|json" as "text or json". */
static void list_choices(struct str words, struct buf *out)
{
    struct str word;
    (void)str_cut(words, '|', &word, &words);
    buf_append(out, word);
    while (words.len) {
        bool more = str_cut(words, '|', &word, &words);
        buf_format(out, "%s%.*s", more ? ", " : " or ", STR_ARGS(word));
    }
}

static bool choose(struct walk *walk, const struct argument_option *option, const char *value)
{
    struct str word, words = str_from(option->value);
    for (size_t i = 0; words.len; i++) {
        (void)str_cut(words, '|', &word, &words);
        if (!str_equal(word, str_from(value)))
            continue;
        *option->choice = i;
        return true;
    }
    struct buf listed;
    buf_init(&listed, sizeof(walk->err->text));
    list_choices(str_from(option->value), &listed);
    error_set(walk->err, "--%s takes %.*s, not '%s'; try --help", option->name,
              STR_ARGS(buf_str(&listed)), value);
    buf_release(&listed);
    return false;
}

static bool take_value(struct walk *walk, const struct argument_option *option, const char *value)
{
    if (option->list)
        return keep(walk, option->list, value);
    if (option->choice)
        return choose(walk, option, value);
    *option->text = value;
    return true;
}

/* ---- options ---- */

/* "--team=NAME" is the option "--team" with a value attached, also when that is empty. */
struct written {
    struct str name; /* "team", or "c" of "-c" */
    bool by_letter;
    const char *value; /* NULL: none is attached */
};

static struct written split(const char *argument)
{
    struct written written = {.by_letter = argument[1] != '-'};
    written.name = str_from(argument + (written.by_letter ? 1 : 2));
    size_t equals = str_find(written.name, '=');
    if (!written.by_letter && equals < written.name.len) {
        written.value = written.name.data + equals + 1;
        written.name.len = equals;
    }
    return written;
}

static const struct argument_option *find(const struct arguments *spec,
                                          const struct written *written)
{
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct argument_option *option = &spec->options[i];
        struct str letter = {&option->letter, option->letter != 0};
        struct str name = written->by_letter ? letter : str_from(option->name);
        if (written->name.len > 0 && str_equal(written->name, name))
            return option;
    }
    return NULL;
}

static bool read_option(struct walk *walk)
{
    const char *argument = walk->argv[walk->at];
    struct written written = split(argument);
    const struct argument_option *option = find(walk->spec, &written);
    struct str as_written = {argument, (size_t)(written.name.data - argument) + written.name.len};
    if (!option)
        return wrong(walk, "unknown option", as_written);
    size_t index = (size_t)(option - walk->spec->options);
    if (walk->seen[index] && !option->list)
        return wrong(walk, "given twice:", as_written);
    walk->seen[index] = true;
    if (option->flag) {
        *option->flag = true;
        return !written.value || wrong(walk, "no value belongs to", as_written);
    }
    const char *value = written.value;
    if (!value && walk->at + 1 < walk->argc)
        value = walk->argv[++walk->at];
    if (!value || !value[0])
        return error_set(walk->err, "%s must follow '%.*s'; try --help", option->value,
                         STR_ARGS(as_written));
    return take_value(walk, option, value);
}

/* ---- everything ---- */

static bool read_rest(struct walk *walk)
{
    const struct arguments *spec = walk->spec;
    const char *argument = walk->argv[walk->at];
    bool too_many = !spec->rest || (spec->most && spec->rest->count == spec->most);
    return too_many ? wrong(walk, "unexpected argument", str_from(argument))
                    : keep(walk, spec->rest, argument);
}

static bool is_complete(struct walk *walk)
{
    const struct arguments *spec = walk->spec;
    for (size_t i = 0; i < spec->option_count; i++) {
        const struct argument_option *option = &spec->options[i];
        if (option->required && !walk->seen[i])
            return error_set(walk->err, "--%s %s is missing; try --help", option->name,
                             option->value);
    }
    return !spec->rest || spec->rest->count >= spec->least ||
           error_set(walk->err, "%s is missing; try --help", spec->rest_name);
}

enum arguments_result arguments_parse(const struct arguments *spec, int argc, char **argv,
                                      struct error *err)
{
    bool options_end = false, fine = true;
    struct walk walk = {.spec = spec, .argc = argc, .argv = argv, .at = 1, .err = err};
    assert(spec->option_count <= LIMIT_OPTIONS);
    for (; fine && walk.at < argc; walk.at++) {
        struct str argument = str_from(argv[walk.at]);
        bool is_option = !options_end && argument.len > 1 && argument.data[0] == '-';
        if (is_option && str_equal(argument, STR("--")))
            options_end = true;
        else if (is_option &&
                 (str_equal(argument, STR("--help")) || str_equal(argument, STR("-h"))))
            return ARGUMENTS_HELP;
        else
            fine = is_option ? read_option(&walk) : read_rest(&walk);
    }
    return fine && is_complete(&walk) ? ARGUMENTS_READ : ARGUMENTS_WRONG;
}

bool arguments_read(const struct arguments *spec, int argc, char **argv, int *exit_code)
{
    struct error err;
    enum arguments_result result = arguments_parse(spec, argc, argv, &err);
    *exit_code = result == ARGUMENTS_WRONG ? EXIT_USAGE : EXIT_FINE;
    if (result == ARGUMENTS_HELP)
        (void)fputs(spec->help, stdout);
    else if (result == ARGUMENTS_WRONG)
        (void)fprintf(stderr, "campaign-gateway %s: %s\n", spec->verb ? spec->verb : argv[0],
                      err.text);
    return result == ARGUMENTS_READ;
}
