/* Marks the part of a program that a test counts: an allocation of a size that nobody else asks for. */
#ifndef MARK_H
#define MARK_H
#include <stdio.h>
#include <stdlib.h>

#define MARK_BEGIN 7700001
#define MARK_END 7700002

static void mark(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}
#endif
