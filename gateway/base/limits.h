/*
 * Everything an outsider can make grow, its limit, and why that number.
 */
#pragma once

/* ---- one request's head (RFC 9112) ---- */
#define LIMIT_LINE_BYTES 8000  /* RFC 9112 3: at least 8000 octets for a request line */
#define LIMIT_HEAD_BYTES 32768 /* four full lines; nginx and HAProxy defaults lie at 16-32 KiB */
#define LIMIT_HEADERS 100      /* Apache's default; a campaign needs eight */
#define LIMIT_LINE_CONFIGURABLE (64 * 1024)
#define LIMIT_HEAD_CONFIGURABLE (256 * 1024)
#define LIMIT_HEADERS_CONFIGURABLE 1000
#define LIMIT_LEADING_CRLF 4 /* RFC 9112 2.2 asks for at least one; more is noise */

/* ---- one request's time; every one absolute (config: limits) ---- */
#define LIMIT_HANDSHAKE_MS 10000 /* two round trips and one lost packet, even over a satellite */
#define LIMIT_IDLE_MS 60000      /* clients that pool keep connections for about a minute */
#define LIMIT_HEAD_MS 10000      /* a head is one packet or two */
#define LIMIT_BODY_MS 30000      /* the largest body at the least rate would need 256 s: too long */
#define LIMIT_BODY_RATE 1024     /* bytes a second: slower than any network in use, GPRS included */
#define LIMIT_BODY_GRACE_MS 5000 /* before the rate counts: a stall of TCP, twice */
#define LIMIT_REQUEST_MS 120000  /* more than head, body and upstream.total_timeout together */
#define LIMIT_WRITE_MS 30000     /* the largest answer at 35 KB/s */
#define LIMIT_LINGER_MS 2000     /* for a client to notice the answer and stop sending */
#define LIMIT_DRAIN_IDLE_MS 10000 /* a busy client comes back within, and is told to close */

/* ---- all clients together (config: limits) ---- */
#define LIMIT_CONNECTIONS 20000 /* at 15 KB each 300 MB; twice a busy platform's pods */
#define LIMIT_HANDSHAKES 1024   /* at once; OpenSSL may hold 130 KB for the hello of each */
#define LIMIT_REQUESTS 1024     /* judged or forwarded at once; Kore.ai takes 1 a second */
#define LIMIT_IDLE_CLIENTS 128  /* upstream connections kept by a worker: an ordinary day's */
#define LIMIT_BUFFER_BYTES (256UL << 20)       /* a quarter of a small container's memory */
#define LIMIT_BUFFERS_LEAST (1024 * 1024)      /* less would refuse an ordinary request */
#define LIMIT_CONNECTIONS_CONFIGURABLE 1000000 /* what the kernel's descriptor tables allow */
#define LIMIT_PIPELINED_BYTES 65536            /* of later requests, while one is being answered */

/* ---- what is told of all that ---- */
#define LIMIT_TEAM_LABELS 100           /* teams that metrics tell apart; a dashboard shows fewer */
#define LIMIT_TEAM_LABEL_BYTES 64       /* of a name among them */
#define LIMIT_ADMIN_BYTES (1024 * 1024) /* of one page: metrics with every combination counted */

/* ---- who makes room when connections are taken ---- */
#define LIMIT_DAWDLING_MS 1000 /* within a handshake or request: a quick client is done by then */
#define LIMIT_RESTING_MS 10000 /* idle: it can come back when it has something to say */

/* ---- TLS sessions and who is calling ---- */
#define LIMIT_TICKET_ROTATION_MS 3600000 /* a stolen ticket key opens three hours at most */
#define LIMIT_PEER_NAMES 32 /* names looked at; a certificate of an application has one or two */
#define LIMIT_PEER_NAME_BYTES 512 /* a SPIFFE ID is at most 2048 bytes, in practice under 200 */
#define LIMIT_CLIENT_CHAIN_BYTES 32768 /* a client's certificates; a chain of four has 8 KB */
#define LIMIT_API_KEY_BYTES 512        /* a key has 32 random bytes, in hex 64 digits */
#define LIMIT_CERTIFICATES 64          /* of the gateway, chosen by SNI one after the other */

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

/* For printf's %.*s: somebody else's words, cut when they are longer than a sentence bears. */
#define SHOW_ARGS(s) STR_ARGS(str_slice((s), 0, LIMIT_ECHO_BYTES))

/* ---- files an operator writes ---- */
#define LIMIT_YAML_BYTES (8 * 1024 * 1024) /* 100,000 caller IDs are 2 MB */
#define LIMIT_YAML_DEPTH 32
#define LIMIT_YAML_NODES 2000000
#define LIMIT_PROBLEMS 100 /* sentences shown at once; more than anybody mends in one go */

/* ---- policies, and the texts they judge ---- */
#define LIMIT_LINKS 50             /* in one message that is judged; an SMS has one or two */
#define LIMIT_MARKUP 200           /* tags and placeholders in one; an SMS has a few */
#define LIMIT_PATTERN_BYTES 16384  /* a template of ten segments, every letter escaped */
#define LIMIT_PATTERN_DEPTH 50     /* parentheses within each other */
#define LIMIT_PATTERN_STEPS 100000 /* of one match: about a millisecond */
#define LIMIT_PATTERN_HEAP_KB 256  /* of one match */
#define LIMIT_INCLUDES 100         /* packs of one policy */
#define LIMIT_EXCEPTION_DAYS 30    /* policy.md D1: what lasts longer is a rule */

/* ---- the journal ---- */
#define LIMIT_SOURCE_BYTES 180          /* cluster/namespace/pod */
#define LIMIT_DEGRADED_REQUESTS 100000  /* kept in memory until they can be written */
#define LIMIT_CAMPAIGN_ID_BYTES 128     /* of the upstream's: "cd-" and a UUID */
#define LIMIT_RECORD_BYTES (128 * 1024) /* three full lists of violations, and the campaign */
#define LIMIT_STORY_RECORDS                                                                        \
    64                        /* of one campaign that are searched together; it has two or three   \
                               */
#define LIMIT_SEARCH_WORDS 32 /* of one search for words */
