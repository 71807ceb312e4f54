/* Which files a configuration makes the gateway need, and what a process can open then. */
#include "sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static char root[64];
static char texts[32][128];
static size_t text_count;
static struct config config;
static struct config_identity identity;
static struct snapshot snapshot;
static struct sandbox_files *files;

/* A path below the test's own directory. */
static const char *at(const char *name)
{
    char *text = texts[text_count++ % COUNT_OF(texts)];
    (void)snprintf(text, sizeof(texts[0]), "%s/%s", root, name);
    return text;
}

static void make_directory(const char *name)
{
    assert_int_equal(mkdir(at(name), 0700), 0);
}

static void make_file(const char *name)
{
    int fd = open(at(name), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/sandbox-XXXXXX");
    assert_non_null(mkdtemp(root));
    make_directory("etc");
    make_directory("certs");
    make_file("etc/gateway.yaml");
    make_file("certs/a.pem");
    make_file("certs/a.key");
    identity = (struct config_identity){.certificate.value = str_from(at("certs/a.pem")),
                                        .key.value = str_from(at("certs/a.key"))};
    config = (struct config){.path = at("etc/gateway.yaml"),
                             .identities = &identity,
                             .identity_count = 1,
                             .upstream_port = 8443,
                             .audit.directory.value = str_from(at("journal"))};
    snapshot = (struct snapshot){.config = &config};
    files = NULL;
    return 0;
}

static int end(void **state)
{
    char command[96];
    (void)state;
    sandbox_files_free(files);
    (void)snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void collect(void)
{
    files = sandbox_files_new(&snapshot, false);
    assert_non_null(files);
}

static const struct sandbox_path *find(const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->paths[i].path, path) == 0)
            return &files->paths[i];
    }
    return NULL;
}

TEST(a_file_stands_for_its_directory)
{
    collect();
    const struct sandbox_path *certs = find(at("certs"));
    assert_non_null(certs);
    assert_true(certs->is_directory && !certs->write);
    assert_null(find(at("certs/a.pem")));
    assert_true(sandbox_files_allow(files, at("certs/a.key")));
    assert_false(sandbox_files_allow(files, root));
}

TEST(a_link_is_followed_to_where_files_are_replaced)
{
    make_directory("archive");
    make_file("archive/1.pem");
    assert_int_equal(unlink(at("certs/a.pem")), 0);
    assert_int_equal(symlink("../archive/1.pem", at("certs/a.pem")), 0);
    collect();
    assert_non_null(find(at("certs")));
    assert_non_null(find(at("archive")));
    make_file("archive/2.pem");
    assert_true(sandbox_files_allow(files, at("archive/2.pem")));
}

TEST(a_directory_of_many_programs_is_not_allowed_as_a_whole)
{
    const char *path = "/usr/local/etc/../../share/zoneinfo/tzdata.zi";
    identity.certificate.value = str_from("/etc/passwd");
    config.upstream_ca.value = str_from(path);
    collect();
    assert_true(find("/etc/passwd") && !find("/etc/passwd")->is_directory);
    assert_non_null(find("/usr/share/zoneinfo"));
    assert_null(find("/"));
    assert_null(find("/usr/share"));
    if (geteuid() == 0)
        assert_null(find("/etc"));
    else
        assert_non_null(find("/etc"));
}

TEST(directories_to_write_to_may_be_missing)
{
    make_directory("second");
    config.audit.second_directory.value = str_from(at("second"));
    config.audit.hash_keys.value = str_from(at("journal/hash-keys"));
    collect();
    const struct sandbox_path *first = find(at("journal")), *second = find(at("second"));
    assert_true(first && first->write && first->is_missing && first->is_directory);
    assert_true(second && second->write && !second->is_missing);
}

TEST(a_log_is_made_again_where_it_really_is)
{
    make_directory("logs");
    make_directory("here");
    make_file("logs/access.log");
    assert_int_equal(symlink(at("logs/access.log"), at("here/access.log")), 0);
    config.access_log_file.value = str_from(at("here/access.log"));
    config.log_file.value = str_from("/dev/null");
    collect();
    assert_true(find(at("logs")) && find(at("logs"))->write);
    assert_null(find(at("here")));
    assert_true(find("/dev/null") && find("/dev/null")->write && !find("/dev/null")->is_directory);
    assert_null(find("/dev"));
}

TEST(a_log_that_is_not_there_yet_is_made_in_its_directory)
{
    make_directory("logs");
    config.log_file.value = str_from(at("logs/gateway.log"));
    config.access_log_file.value = STR("-");
    collect();
    assert_true(find(at("logs")) && find(at("logs"))->write);
}

TEST(a_name_that_only_begins_alike_is_another)
{
    make_directory("certs2");
    make_file("certs2/b.pem");
    collect();
    assert_false(sandbox_files_allow(files, at("certs2/b.pem")));
    assert_true(sandbox_files_allow(files, at("nowhere"))); /* whoever opens it says so */
}

TEST(what_is_written_is_kept_though_more_may_be_read)
{
    config.audit.directory.value = str_from(at("etc/journal"));
    make_directory("etc/journal");
    collect();
    assert_true(find(at("etc/journal")) && find(at("etc/journal"))->write);
    assert_true(find(at("etc")) && !find(at("etc"))->write);
}

TEST(ports_are_the_upstreams_name_servers_and_the_collectors)
{
    collect();
    assert_int_equal(files->port_count, 2);
    sandbox_files_free(files);
    config.trace_endpoint.url.value = STR("http://collector:4318/v1/traces");
    config.trace_endpoint.port = 4318;
    collect();
    assert_int_equal(files->port_count, 3);
    assert_int_equal(files->ports[2].port, 4318);
    assert_int_equal(files->ports[0].port, 8443);
    assert_int_equal(files->ports[1].port, 53);
}

/* ---- in force ---- */

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int run_restricted(void)
{
    struct error err;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !sandbox_files_restrict(files, &err))
        return 1;
    if (try_open(at("certs/a.pem"), O_RDONLY) != 0 || try_open("/etc/hosts", O_RDONLY) != 0)
        return 2;
    if (try_open(at("certs/a.pem"), O_WRONLY) != EACCES || try_open("/root", O_RDONLY) != EACCES)
        return 3;
    if (try_open(at("journal/x"), O_WRONLY | O_CREAT) != 0 || unlink(at("journal/x")) != 0)
        return 4;
    if (try_open(at("x"), O_WRONLY | O_CREAT) != EACCES)
        return 5;
    return 0;
}

TEST(a_process_opens_only_what_is_allowed)
{
    struct error why;
    if (!sandbox_files_version(&why)) {
        assert_non_null(strstr(why.text, "no Landlock"));
        return; /* nothing can be in force on this kernel */
    }
    collect();
    pid_t child = fork();
    if (child == 0)
        _exit(run_restricted());
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(what_a_version_can_do_is_known)
{
    assert_false(sandbox_version_has_ports(3));
    assert_true(sandbox_version_has_ports(4));
    assert_false(sandbox_version_has_scopes(5));
    assert_true(sandbox_version_has_scopes(6));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_stands_for_its_directory),
        CASE(a_link_is_followed_to_where_files_are_replaced),
        CASE(a_directory_of_many_programs_is_not_allowed_as_a_whole),
        CASE(directories_to_write_to_may_be_missing),
        CASE(a_log_is_made_again_where_it_really_is),
        CASE(a_log_that_is_not_there_yet_is_made_in_its_directory),
        CASE(a_name_that_only_begins_alike_is_another),
        CASE(what_is_written_is_kept_though_more_may_be_read),
        CASE(ports_are_the_upstreams_name_servers_and_the_collectors),
        CASE(a_process_opens_only_what_is_allowed),
        CASE(what_a_version_can_do_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
