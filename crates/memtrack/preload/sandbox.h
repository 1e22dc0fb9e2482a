/*
 * Knows whether the program may be in a sandbox that forbids system calls (seccomp), or about to enter one.
 *
 * From then on this library makes none but those that its program makes anyway.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdatomic.h>
#include <stdbool.h>

extern _Atomic bool sandbox_seen;

/* Looks for a filter that the process has inherited. */
void sandbox_look(void);

static inline bool sandbox_is_near(void)
{
    return atomic_load_explicit(&sandbox_seen, memory_order_relaxed);
}

#endif
