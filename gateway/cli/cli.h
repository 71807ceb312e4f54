/*
 * The verbs of the command line. Each gets its own arguments (argv[0] is the verb) and answers the
 * process's exit code: 0 fine, 1 findings, 2 usage or configuration.
 */
#pragma once

enum { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2 };

int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_judge(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_render(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_version(int argc, char **argv);
