/*
 * What a lenient server might make of a path: the worst reading of it.
 */
#pragma once

#include "base/arena.h"

/*
 * The path with percent-encoding undone as often as there is any, in lower case, with backslashes
 * as slashes, up to a '?' or '#', without empty and dot segments (RFC 3986 5.2.4), without what
 * follows a ';' or a control character in a segment, and without blanks and dots at a segment's
 * end: "/a/b", no slash at the end. For comparing only, never for forwarding. A view with NULL data
 * when the arena is full.
 */
struct str path_worst_reading(struct str path, struct arena *arena);
