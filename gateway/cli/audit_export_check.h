/*
 * `audit export --check`: is a file what was exported, and who says so?
 */
#pragma once

#include "cli/audit_pins.h"

/* `file`: NULL for the one that lies beside the manifest. The verb's exit code; what was found is
 * printed. */
int export_check(const char *manifest_path, const char *file, struct audit_pins *pins,
                 struct arena *arena);
