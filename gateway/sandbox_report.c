/* What a sandbox allows, told without doing anything: from the tables that install it. */
#include <unistd.h>

#include "base/json_write.h"
#include "sandbox.h"
#include "sandbox_calls.h"

/* ---- text ---- */

static void write_state(struct buf *out, const char *name, const struct sandbox_part *part)
{
    buf_format(out, "%-13s %s%s%s\n", name, sandbox_state_name(part->state),
               part->state == SANDBOX_UNAVAILABLE ? ": " : "", part->why.text);
}

static void write_paths(const struct sandbox_files *files, bool write, struct buf *out)
{
    buf_format(out, "\n%s\n", write ? "files to read and write" : "files to read");
    for (size_t i = 0; i < files->count; i++) {
        const struct sandbox_path *path = &files->paths[i];
        if (path->write == write)
            buf_format(out, "  %s%s  (%s%s)\n", path->path, path->is_directory ? "/" : "",
                       path->why, path->is_missing ? "; will be made" : "");
    }
}

static void write_ports(const struct sandbox *sandbox, struct buf *out)
{
    const struct sandbox_files *files = sandbox->files;
    if (!sandbox_version_has_ports(sandbox->landlock_version)) {
        buf_append(out, STR("\nports\n  all: this version does not restrict them\n"));
        return;
    }
    buf_append(out, STR("\nports\n"));
    for (size_t i = 0; i < files->port_count; i++)
        buf_format(out, "  connect to %u over TCP  (%s)\n", (unsigned)files->ports[i].port,
                   files->ports[i].why);
    buf_append(out, STR("  bind to none: it listens already\n"));
}

static void write_scopes(const struct sandbox *sandbox, struct buf *out)
{
    if (!sandbox_version_has_scopes(sandbox->landlock_version)) {
        buf_append(out, STR("\nother processes\n  this version does not restrict signals and "
                            "abstract sockets\n"));
        return;
    }
    buf_format(out, "\nother processes\n  no signals to them\n  %s\n",
               sandbox->files->abstract_sockets ? "abstract sockets, because NOTIFY_SOCKET is one"
                                                : "none of their abstract sockets");
}

struct call_list {
    struct buf *out;
    struct json_writer *w;
    enum sandbox_call_answer answer;
    const char *group; /* the one under way */
};

static void write_call(void *arg, const struct sandbox_call *call)
{
    struct call_list *list = arg;
    if (call->answer != list->answer)
        return;
    bool fresh = call->group != list->group;
    if (call->condition)
        buf_format(list->out, "  %s: %s%s%s\n", call->name, call->condition,
                   call->error ? " -> " : "", call->error ? call->error : "");
    else
        buf_format(list->out, "%s%s%s%s", fresh && list->group ? "\n" : "", fresh ? "  " : ", ",
                   fresh ? call->group : "", fresh ? ": " : "");
    if (!call->condition)
        buf_append(list->out, str_from(call->name));
    list->group = call->group;
}

static void write_calls(enum sandbox_call_answer answer, const char *title, struct buf *out)
{
    struct call_list list = {.out = out, .answer = answer};
    buf_format(out, "\n%s\n", title);
    sandbox_calls_each(write_call, &list);
    if (answer == SANDBOX_CALL_ALLOWED || answer == SANDBOX_CALL_KILLS)
        buf_append_byte(out, '\n');
}

static void write_all_calls(struct buf *out)
{
    write_calls(SANDBOX_CALL_ALLOWED, "system calls that are allowed", out);
    write_calls(SANDBOX_CALL_ALLOWED_IF, "allowed with these arguments alone", out);
    write_calls(SANDBOX_CALL_REFUSED_IF, "refused with these arguments", out);
    write_calls(SANDBOX_CALL_KILLS, "that end the process", out);
    buf_append(out, STR("\nall others answer " SANDBOX_CALL_UNLISTED "\n"));
}

void sandbox_report_text(const struct sandbox *sandbox, struct buf *out)
{
    bool root = geteuid() == 0;
    buf_format(out, "user          %u%s\n", (unsigned)geteuid(),
               root ? ", which is root: run it as a user of its own" : "");
    buf_format(out, "capabilities  %s\n", root ? "none but " SANDBOX_ROOT_KEEPS : "none");
    buf_append(out, STR("programs      gain no privileges\n"
                        "memory        not dumped, and no other process of the user can look into "
                        "it\n"));
    write_state(out, "landlock", &sandbox->landlock);
    write_state(out, "seccomp", &sandbox->seccomp);
    if (sandbox->landlock.state == SANDBOX_ON) {
        buf_format(out, "\nLandlock, version %d:\n", sandbox->landlock_version);
        write_paths(sandbox->files, true, out);
        write_paths(sandbox->files, false, out);
        write_ports(sandbox, out);
        write_scopes(sandbox, out);
    }
    if (sandbox->seccomp.state == SANDBOX_ON)
        write_all_calls(out);
}

/* ---- JSON ---- */

static void put_part(struct json_writer *w, const struct sandbox_part *part)
{
    json_put_str(w, "state", str_from(sandbox_state_name(part->state)));
    if (part->state == SANDBOX_UNAVAILABLE)
        json_put_str(w, "why", str_from(part->why.text));
}

static void put_path(struct json_writer *w, const struct sandbox_path *path)
{
    json_open_object(w);
    json_put_str(w, "path", str_from(path->path));
    json_put_str(w, "rights", path->write ? STR("read-write") : STR("read"));
    json_put_bool(w, "with_all_below", path->is_directory);
    json_put_bool(w, "will_be_made", path->is_missing);
    json_put_str(w, "why", str_from(path->why));
    json_close_object(w);
}

static void put_ports(struct json_writer *w, const struct sandbox_files *files)
{
    json_open_array_at(w, "connect");
    for (size_t i = 0; i < files->port_count; i++) {
        json_open_object(w);
        json_put_int(w, "port", files->ports[i].port);
        json_put_str(w, "why", str_from(files->ports[i].why));
        json_close_object(w);
    }
    json_close_array(w);
    json_open_array_at(w, "bind");
    json_close_array(w);
}

static void put_landlock(struct json_writer *w, const struct sandbox *sandbox)
{
    json_open_object_at(w, "landlock");
    put_part(w, &sandbox->landlock);
    if (sandbox->landlock.state == SANDBOX_ON) {
        json_put_int(w, "version", sandbox->landlock_version);
        json_open_array_at(w, "paths");
        for (size_t i = 0; i < sandbox->files->count; i++)
            put_path(w, &sandbox->files->paths[i]);
        json_close_array(w);
        if (sandbox_version_has_ports(sandbox->landlock_version))
            put_ports(w, sandbox->files);
        bool scopes = sandbox_version_has_scopes(sandbox->landlock_version);
        json_put_bool(w, "signals_others", !scopes);
        json_put_bool(w, "abstract_sockets", !scopes || sandbox->files->abstract_sockets);
    }
    json_close_object(w);
}

static void put_call(void *arg, const struct sandbox_call *call)
{
    static const char *const answers[] = {[SANDBOX_CALL_ALLOWED] = "allowed",
                                          [SANDBOX_CALL_ALLOWED_IF] = "allowed",
                                          [SANDBOX_CALL_REFUSED_IF] = "refused",
                                          [SANDBOX_CALL_KILLS] = "ends the process"};
    struct json_writer *w = arg;
    json_open_object(w);
    json_put_str(w, "name", str_from(call->name));
    json_put_str(w, "group", str_from(call->group));
    json_put_str(w, "answer", str_from(answers[call->answer]));
    json_put_str_if_any(w, "when", str_from(call->condition));
    json_put_str_if_any(w, "error", str_from(call->error));
    json_close_object(w);
}

static void put_seccomp(struct json_writer *w, const struct sandbox *sandbox)
{
    json_open_object_at(w, "seccomp");
    put_part(w, &sandbox->seccomp);
    if (sandbox->seccomp.state == SANDBOX_ON) {
        json_put_str(w, "others", STR(SANDBOX_CALL_UNLISTED));
        json_open_array_at(w, "calls");
        sandbox_calls_each(put_call, w);
        json_close_array(w);
    }
    json_close_object(w);
}

void sandbox_report_json(const struct sandbox *sandbox, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_int(&w, "user", geteuid());
    json_open_array_at(&w, "capabilities");
    if (geteuid() == 0)
        json_put_str(&w, NULL, STR(SANDBOX_ROOT_KEEPS));
    json_close_array(&w);
    json_put_bool(&w, "new_privileges", false);
    json_put_bool(&w, "core_dumps", false);
    put_landlock(&w, sandbox);
    put_seccomp(&w, sandbox);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
