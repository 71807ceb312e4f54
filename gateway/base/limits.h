/*
 * Everything an outsider can make grow, its limit, and why that number.
 */
#pragma once

/* ---- one request's head (RFC 9112) ---- */
#define LIMIT_LINE_BYTES 8000  /* RFC 9112 3: at least 8000 octets for a request line */
#define LIMIT_HEAD_BYTES 32768 /* four full lines; nginx and HAProxy defaults lie at 16-32 KiB */
#define LIMIT_HEADERS 100      /* Apache's default; a campaign needs eight */
#define LIMIT_LEADING_CRLF 4   /* RFC 9112 2.2 asks for at least one; more is noise */

/* ---- bodies ---- */
#define LIMIT_BODY_BYTES (256 * 1024)         /* a campaign is 2 KB; policy.md D2 body_json */
#define LIMIT_BODY_CONFIGURABLE (1024 * 1024) /* what LIMIT_ARENA_BYTES can hold decoded */
#define LIMIT_CHUNK_LINE_BYTES 256            /* size and extensions of one chunk */
#define LIMIT_TRAILER_BYTES 8192              /* trailers are dropped; they need little room */
#define LIMIT_ANSWER_BYTES (1024 * 1024)      /* an upstream answer echoes the campaign */

/* ---- JSON ---- */
#define LIMIT_JSON_DEPTH 32     /* the contract nests 5 deep */
#define LIMIT_JSON_TOKENS 20000 /* bounds cJSON's tree: about 64 B each in the arena */
#define LIMIT_JSON_KEYS 1024    /* per object; the largest object of the contract has 10 */

/* ---- one request's working memory ---- */
#define LIMIT_ARENA_BYTES (4 * 1024 * 1024) /* 256 KiB of JSON needs at most 2 MiB of tree */
#define LIMIT_VIOLATIONS 100                /* more than a person will read; then "truncated" */
#define LIMIT_ECHO_BYTES 64                 /* of a client's value quoted back in a sentence */

/* ---- files an operator writes ---- */
#define LIMIT_YAML_BYTES (8 * 1024 * 1024) /* 100,000 caller IDs are 2 MB */
#define LIMIT_YAML_DEPTH 32
#define LIMIT_YAML_NODES 2000000

/* ---- one record of the journal ---- */
#define LIMIT_RECORD_BYTES (64 * 1024) /* longest legal campaign is well under half of this */
