/*
 * Finds free blocks of the segment for threads, which wait if there is none.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "segment.h"

/*
 * A free block for the thread `me`, for which it waits if need be, so that nothing is lost. `own` is the block that it
 * had, NULL for none, and `number` the number of that; it is set to the one of the new block. NULL when there is no
 * tracer any more, or there will be none.
 */
struct block *blocks_claim(struct header *segment, uint64_t me, const struct block *own, uint32_t *number);

#endif
