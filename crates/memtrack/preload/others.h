/*
 * Functions that some allocators have besides those of C: the operators of C++, and names of their own.
 */
#ifndef OTHERS_H
#define OTHERS_H

struct link_map;

/* Notes a file as one of an allocator, once for each of its functions. */
void others_note(const struct link_map *file);

/* Leads calls to such functions, where there are some, through us, and says which files have allocators; once per
 * process image. */
void others_attach(void);

#endif
