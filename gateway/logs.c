#include "logs.h"

#include <limits.h>

#define LIMIT_LOG_WAITING (1024 * 1024) /* an hour of an ordinary day */
#define CLOSE_WAIT_MS 1000

static char process_log[] = "log", access_log[] = "access_log";

/* Which log it is: the setting's name. On its file's thread. */
static void on_news(void *arg, enum line_file_news news, const char *why)
{
    const char *which = arg;
    switch (news) {
    case LINE_FILE_FAILING:
        LOG(LOG_ERROR, "log-failing", LOG_TEXT("log", which), LOG_TEXT("error", why));
        break;
    case LINE_FILE_WORKS:
        LOG(LOG_INFO, "log-works", LOG_TEXT("log", which));
        break;
    case LINE_FILE_REOPENED:
        LOG(LOG_INFO, "log-reopened", LOG_TEXT("log", which));
        break;
    case LINE_FILE_NOT_REOPENED:
        LOG(LOG_ERROR, "log-not-reopened", LOG_TEXT("log", which), LOG_TEXT("error", why),
            LOG_TEXT("remedy",
                     "make its directory writable and send USR1 again; until then the old "
                     "file is written"));
        break;
    }
}

static void put_lost(uint64_t count, struct buf *out)
{
    log_put_lost(count, out);
}

static void put_line(void *arg, struct str line)
{
    line_file_put(arg, line);
}

static bool open_log(struct logs *logs, const struct config *config, struct error *err)
{
    const struct config_text *path = &config->log_file;
    struct log_options options = {.level = config->log_level, .format = config->log_format};
    struct error why;
    if (!path->value.len) {
        log_init(&options);
        return true;
    }
    const struct line_file_options file = {.path = path->value.data,
                                           .max_bytes = LIMIT_LOG_WAITING,
                                           .put_lost = put_lost,
                                           .told = on_news,
                                           .arg = process_log};
    logs->file = line_file_open(&file, &why);
    if (!logs->file)
        return config_error(&path->place, err, "%s", why.text);
    const struct log_sink sink = {.put = put_line, .arg = logs->file};
    options.sink = &sink;
    log_init(&options);
    return true;
}

bool logs_open(struct logs *logs, const struct config *config, struct error *err)
{
    const struct config_text *path = &config->access_log_file;
    struct error why;
    if (!open_log(logs, config, err))
        return false;
    if (!path->value.len)
        return true;
    bool is_stdout = str_equal(path->value, STR("-"));
    logs->access = access_log_start(is_stdout ? NULL : path->value.data, config->access_log_format,
                                    on_news, access_log, &why);
    return logs->access || config_error(&path->place, err, "%s", why.text);
}

void logs_reopen(struct logs *logs)
{
    if (logs->file)
        line_file_reopen(logs->file);
    access_log_reopen(logs->access);
}

uint64_t logs_lost(const struct logs *logs)
{
    return log_lost() + (logs->file ? line_file_lost(logs->file) : 0);
}

void logs_close(struct logs *logs)
{
    access_log_stop(logs->access);
    log_close();
    line_file_close(logs->file, CLOSE_WAIT_MS);
    *logs = (struct logs){0};
}
