/*
 * The verbs of `campaign-gateway audit`; as in cli.h.
 */
#pragma once

int cli_audit_search(int argc, char **argv);
int cli_audit_show(int argc, char **argv);
int cli_audit_export(int argc, char **argv);
int cli_audit_verify(int argc, char **argv);
int cli_audit_prove(int argc, char **argv);
int cli_audit_verify_proof(int argc, char **argv);
int cli_audit_hash(int argc, char **argv);
int cli_audit_key(int argc, char **argv);
int cli_audit_reconcile(int argc, char **argv);
int cli_audit_close(int argc, char **argv);
int cli_audit_ship(int argc, char **argv);
