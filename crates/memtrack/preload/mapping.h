/*
 * The segment in the memory of this process: as much of it as the process may use.
 *
 * Its blocks count as memory of the process where that is limited (`ulimit -v`), though most are never touched. Such a
 * process gets the first ones of each kind only.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include "segment.h"

/* The owners of all blocks. */
extern owner_t *mapping_owners;
/* The path of the segment. */
extern char mapping_path[];

/* Maps the segment that the environment names; NULL where that is impossible. */
struct header *mapping_open(void);
/* Blocks with smaller numbers can be used, of those that threads share, and of those for the first records of each. */
uint32_t mapping_shared_end(void);
uint32_t mapping_first_end(void);
/* The place of a block, of which the thread is the owner; NULL when it has been given up meanwhile. */
struct block *mapping_block(uint32_t number);
/* Gives up what is too much under a limit of memory, but for the blocks of this process. */
void mapping_shrink(uint64_t limit, int32_t pid);

#endif
