#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

/* Holds a typical campaign with its tree and texts, so that one block serves most requests. */
#define FIRST_BLOCK_BYTES 16384

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t max_bytes)
{
    arena_init_within(arena, max_bytes, NULL);
}

void arena_init_within(struct arena *arena, size_t max_bytes, struct budget *budget)
{
    *arena = (struct arena){.max_bytes = max_bytes, .budget = budget};
}

static struct arena_block *block_new(struct arena *arena, size_t at_least)
{
    size_t capacity = at_least > FIRST_BLOCK_BYTES ? at_least : FIRST_BLOCK_BYTES;
    if (!budget_take(arena->budget, capacity))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + capacity);
    if (block)
        *block = (struct arena_block){.capacity = capacity};
    else
        budget_give(arena->budget, capacity);
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > arena->max_bytes)
        return NULL;
    size_t need = (size + align - 1) & ~(align - 1);
    if (need > arena->max_bytes - arena->used_bytes)
        return NULL;

    struct arena_block *block = arena->current;
    if (!block || block->capacity - block->used < need) {
        block = block_new(arena, need);
        if (!block)
            return NULL;
        if (arena->current)
            arena->current->next = block;
        else
            arena->first = block;
        arena->current = block;
    }
    void *memory = block->data + block->used;
    block->used += need;
    arena->used_bytes += need;
    return memory;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *memory = arena_alloc(arena, total);
    if (memory)
        memset(memory, 0, total);
    return memory;
}

struct str arena_copy(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (!copy)
        return (struct str){0};
    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

struct str arena_vformat(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (text)
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text ? (struct str){text, (size_t)len} : (struct str){0};
}

struct str arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vformat(arena, format, args);
    va_end(args);
    return text;
}

static void blocks_free(struct arena *arena, struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        budget_give(arena->budget, block->capacity);
        free(block);
        block = next;
    }
}

void arena_reset(struct arena *arena)
{
    arena->used_bytes = 0;
    if (!arena->first)
        return;
    if (arena->first->capacity > FIRST_BLOCK_BYTES) {
        /* one unusual request must not make every later one keep its size */
        arena_release(arena);
        return;
    }
    blocks_free(arena, arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->current = arena->first;
}

void arena_release(struct arena *arena)
{
    blocks_free(arena, arena->first);
    arena_init_within(arena, arena->max_bytes, arena->budget);
}
