/* campaign_decode: never clean when something is missing; every sentence and pointer is there. */
#include <assert.h>

#include "base/limits.h"
#include "campaign/decode.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct decode_options options = {0};
    struct arena arena;
    struct campaign campaign;
    struct violations violations;
    struct json_fault fault;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&violations, &arena);
    if (campaign_decode((struct str){(const char *)data, size}, &options, &arena, &campaign,
                        &violations, &fault) == DECODE_DONE) {
        for (size_t i = 0; i < violations.count; i++)
            assert(violations.items[i].message.len > 0);
        if (violations_clean(&violations)) {
            assert(campaign.name.len && campaign.caller_id.len && campaign.message.len);
            assert(campaign.block_count > 0 && campaign.contact_list_count > 0);
            assert(campaign.priority >= 1 && campaign.priority <= 5 && campaign.frequency);
        }
    }
    arena_release(&arena);
    return 0;
}
