/*
 * Finds functions in what the loader has loaded, without asking the loader.
 *
 * `dlsym` can allocate and leaves errors for `dlerror`; and programs that define `malloc` themselves may be in the
 * midst of a `dlsym` of their own. Here nothing is called, locked, or changed.
 */
#ifndef FIND_H
#define FIND_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The program, which the others follow in the order in which the loader looks for names. */
const struct link_map *find_first(void);
/* This library. */
const struct link_map *find_ourselves(void);
/* The C library. */
const struct link_map *find_libc(void);
/* A function in one file; NULL without a file, too. */
void *find_in(const struct link_map *file, const char *name);
/* A function in the first file that has it, from this one on; sets `where`, if wanted, to the file. */
void *find_from(const struct link_map *file, const char *name, const struct link_map **where);
/* What the program would call if this library weren't there. */
void *find_next(const char *name, const struct link_map **where);
/* The path of a file. */
const char *find_path(const struct link_map *file);
/* An address in the dynamic section of a file: some loaders have relocated it, others haven't. */
uintptr_t find_absolute(uintptr_t base, uintptr_t address);

#endif
