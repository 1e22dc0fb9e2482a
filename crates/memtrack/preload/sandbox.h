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

/* The program is about to enter one; or has installed a filter. */
void sandbox_expect(void);
void sandbox_enter(void);

/* From here on it can be. */
static inline bool sandbox_is_near(void)
{
    return atomic_load_explicit(&sandbox_seen, memory_order_relaxed);
}

/* There is a filter. */
bool sandbox_is_filtered(void);

/*
 * The process itself has installed a filter, of which nothing is known. An inherited one permits what the loader has
 * done a moment ago.
 */
bool sandbox_is_own(void);

/* A system call of this library's own. */
long sandbox_syscall(long number, long first, long second, long third, long fourth);

#endif
