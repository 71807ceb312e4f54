/*
 * The story of one campaign, as text for a person or as JSON.
 */
#pragma once

#include "cli/audit_story.h"

void show_report_text(const struct story *story, struct buf *out);
void show_report_json(const struct story *story, struct buf *out);

/* What a code says, as violations.def and the gateway's own refusals have it; empty for others. */
struct str show_sentence(struct str code);
