#include "versions.h"

#include "base/zones.h"
#include "net/loop.h"
#include "net/tls.h"

struct versions versions(void)
{
    return (struct versions){.gateway = GATEWAY_VERSION,
                             .build = GATEWAY_BUILD,
                             .openssl = tls_library_version(),
                             .libevent = loop_library_version(),
                             .tzdata = zone_table_version()};
}
