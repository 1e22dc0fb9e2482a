/*
 * Functions that some allocators have besides those of C: the operators of C++, and names of their own.
 */
#ifndef OTHERS_H
#define OTHERS_H

#include <stdbool.h>

struct link_map;

/* Notes a file as one of an allocator, once for each of its functions. */
void others_note(const struct link_map *file);

/* Leads calls to such functions, where there are some, through us, and says which files have allocators; once per
 * process image. */
void others_attach(void);

/* Whether some allocator has a function of this name. */
bool others_define(const char *name);

/* Our function for one that was found under such a name; NULL where ours doesn't lead to it, as it was loaded later. */
void *others_instead_of(const char *name, const void *found);

#endif
