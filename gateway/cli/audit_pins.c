#include "cli/audit_pins.h"

#include <stdio.h>

#include "config.h"

bool audit_pins_read(struct audit_pins *pins, struct arena *arena, const char *verb)
{
    struct error err;
    struct str text;
    bool fine = true;
    if (pins->keys_path && pins->key_path)
        fine = error_set(&err, "give --keys or --key, not both");
    else if (pins->keys_path)
        fine = config_read_file(pins->keys_path, LIMIT_PINNED_BYTES, arena, &text, &err) &&
               pinned_keys_parse(pins->keys_path, text, arena, &pins->keys, &err);
    else if (pins->key_path)
        fine = config_read_file(pins->key_path, LIMIT_PINNED_BYTES, arena, &text, &err) &&
               pinned_keys_parse_pem(pins->key_path, text, arena, &pins->keys, &err);
    if (!fine)
        (void)fprintf(stderr, "campaign-gateway %s: %s\n", verb, err.text);
    return fine;
}
