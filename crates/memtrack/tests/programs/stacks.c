/* Two places that allocate, below functions with frame pointers. */
#include <ucontext.h>

#include "mark.h"

static void *volatile kept;
static ucontext_t caller, other;
static char other_stack[65536];

static __attribute__((noinline)) void leaf(size_t size)
{
    kept = malloc(size);
    free(kept);
}

static __attribute__((noinline)) void first(void)
{
    leaf(501);
    kept = NULL;
}

static __attribute__((noinline)) void second(void)
{
    first();
    leaf(502);
    kept = NULL;
}

static void elsewhere(void)
{
    leaf(503);
    swapcontext(&other, &caller);
}

int main(void)
{
    volatile int rounds = 3;
    for (int round = 0; round < rounds; round++) {
        second();
    }
    getcontext(&other);
    other.uc_stack.ss_sp = other_stack;
    other.uc_stack.ss_size = sizeof other_stack;
    makecontext(&other, elsewhere, 0);
    swapcontext(&caller, &other);
    return 0;
}
