#include "certificates.h"

#define OTHER_FILES 6 /* beside the gateway's own certificates */

static bool add(struct certificate_list *list, const char *use, const struct config_text *file)
{
    struct certificate_dates *item = &list->items[list->count];
    *item = (struct certificate_dates){.use = use, .file = file->value};
    bool known = file->value.len && tls_certificate_dates(file->value.data, &item->dates);
    list->count += known;
    return known;
}

static void add_crl(struct certificate_list *list, const struct config_text *file)
{
    struct certificate_dates *item = &list->items[list->count];
    *item = (struct certificate_dates){.use = "client-crl", .file = file->value};
    if (file->value.len && tls_crl_dates(file->value.data, &item->dates))
        list->count++;
}

bool certificates_look(const struct config *config, struct arena *arena,
                       struct certificate_list *ret)
{
    *ret = (struct certificate_list){
        .items = arena_zalloc(arena, config->identity_count + OTHER_FILES, sizeof(*ret->items))};
    if (!ret->items)
        return false;
    for (size_t i = 0; i < config->identity_count; i++) {
        if (!add(ret, "server", &config->identities[i].certificate))
            return false;
    }
    (void)add(ret, "client-ca", &config->client_ca);
    add_crl(ret, &config->client_crl);
    (void)add(ret, "upstream-ca", &config->upstream_ca);
    (void)add(ret, "admin", &config->admin.identity.certificate);
    (void)add(ret, "admin-client-ca", &config->admin.client_ca);
    (void)add(ret, "trace-ca", &config->trace_ca);
    return true;
}
