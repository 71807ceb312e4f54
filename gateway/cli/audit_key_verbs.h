/*
 * The verbs of `audit key`; as in cli.h. One file per kind of key.
 */
#pragma once

int cli_audit_key_make(int argc, char **argv);
int cli_audit_key_show(int argc, char **argv);
int cli_audit_key_rotate(int argc, char **argv);
int cli_audit_key_destroy(int argc, char **argv);
