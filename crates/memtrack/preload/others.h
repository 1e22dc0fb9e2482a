/*
 * Functions that some allocators have besides those of C: the operators of C++, and names of their own.
 */
#ifndef OTHERS_H
#define OTHERS_H

/* Notes the file that a function is in, as one of an allocator. */
void others_note(void *function);

/* Leads calls to such functions, where there are some, through us, and says which files have allocators; once per
 * process image. */
void others_attach(void);

#endif
