#include "cli/audit_record.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/inbox.h"

#define RECORD_TIMEOUT_MS 10000

/* Who logged in: sudo keeps that, while the user id becomes root's. */
void operator_name(char out[OPERATOR_NAME_SIZE])
{
    char login[OPERATOR_NAME_SIZE];
    const struct passwd *user = getpwuid(getuid());
    if (getlogin_r(login, sizeof(login)) == 0)
        (void)snprintf(out, OPERATOR_NAME_SIZE, "%s", login);
    else if (user)
        (void)snprintf(out, OPERATOR_NAME_SIZE, "%s", user->pw_name);
    else
        (void)snprintf(out, OPERATOR_NAME_SIZE, "uid %lu", (unsigned long)getuid());
}

bool audit_record(const struct config *config, struct str members, struct error *err)
{
    struct journal_options options;
    config_journal_options(config, &options);
    return inbox_submit(&options, members, RECORD_TIMEOUT_MS, err);
}
