/*
 * What `judge` found, as text for a person or as JSON.
 */
#pragma once

#include "base/buf.h"
#include "cli/trial.h"

struct judgement {
    const struct trial_question *question;
    const struct trial *trial;
    const struct policy_set *candidate;  /* NULL: none was asked */
    const struct trial *candidate_trial; /* NULL: the candidate does not know the team */
};

void judge_report_text(const struct judgement *judgement, struct buf *out);
void judge_report_json(const struct judgement *judgement, struct buf *out);
