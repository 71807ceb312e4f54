/*
 * What a body may be: plain JSON, said once, not compressed.
 */
#pragma once

#include "http/message.h"

/*
 * NULL when the request's Content-Type is application/json, optionally with charset=utf-8 and
 * nothing else, and there is no Content-Encoding; otherwise a sentence that says what is wrong.
 */
const char *content_refusal(const struct http_request *request);
