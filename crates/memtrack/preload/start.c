/*
 * What happens when a program begins: the only file that knows all others.
 */
#define _GNU_SOURCE
#include "calls.h"
#include "maps.h"
#include "others.h"
#include "trace.h"

static void introduce(void)
{
    calls_introduce();
    others_attach();
}

const struct trace_hooks trace_hooks = {.image_begins = maps_tell, .program_begins = introduce};

/* A program that never allocates, or did so before its environment was there, is known all the same. */
static __attribute__((constructor)) void begin(void)
{
    trace_stamp();
}
