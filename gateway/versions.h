/*
 * What this program was made from and runs with.
 */
#pragma once

struct versions {
    const char *gateway;
    const char *build; /* "Release", "Debug" …, and the sanitizers if there are any */
    const char *openssl, *libevent, *tzdata;
};

struct versions versions(void);
