#include "cli/audit_place.h"

#include <stdio.h>

#include "cli/print.h"

static bool complain(const char *verb, const char *sentence)
{
    (void)fprintf(stderr, "campaign-gateway %s: %s\n", verb, sentence);
    return false;
}

static bool read_config(struct audit_place *place)
{
    struct problems problems;
    problems_init(&problems);
    place->config = config_load(place->config_path, &problems);
    if (!place->config)
        print_problems(&problems);
    problems_release(&problems);
    return place->config != NULL;
}

static void take_directories(struct audit_place *place)
{
    const struct config *config = place->config;
    for (size_t i = 0; i < place->directory_list.count && i < COUNT_OF(place->directories); i++)
        place->directories[place->directory_count++] = place->directory_list.items[i];
    if (place->directory_count > 0 || !config)
        return;
    place->directories[place->directory_count++] = config->audit.directory.value.data;
    if (config->audit.second_directory.value.len)
        place->directories[place->directory_count++] = config->audit.second_directory.value.data;
}

bool audit_place_resolve(struct audit_place *place, const char *verb)
{
    if (place->directory_list.count > COUNT_OF(place->directories))
        return complain(verb, "a journal has at most two directories");
    if (place->config_path && !read_config(place))
        return false;
    take_directories(place);
    place->database = place->database_text;
    if (!place->database && place->config && place->config->audit.central.value.len)
        place->database = place->config->audit.central.value.data;
    if (place->central && !place->database)
        return complain(verb, "which central database? Give --config FILE with audit.central, or "
                              "--database TEXT");
    if (!place->central && place->directory_count == 0)
        return complain(verb, "which journal? Give --config FILE or --directory DIR; try --help");
    return true;
}

void audit_place_release(struct audit_place *place)
{
    config_free(place->config);
    place->config = NULL;
}
