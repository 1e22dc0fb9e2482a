#define _GNU_SOURCE
#include "mapping.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "find.h"
#include "reach.h"

#define MAX_BLOCKS 65536
/* Where memory is limited, each kind of blocks takes at most such a part of it; and so many blocks at least and most. */
#define PART 256
#define FEWEST 32
#define MOST 256

owner_t *mapping_owners;
char mapping_path[PATH_MAX];

/* Blocks of one kind that follow each other. */
struct stretch {
    char *start;
    uint32_t from;
    /* Where those end that may be looked for, and those that are mapped. */
    _Atomic uint32_t end;
    _Atomic uint32_t mapped;
};

static struct stretch shared_blocks;
static struct stretch first_blocks;

uint32_t mapping_shared_end(void)
{
    return atomic_load(&shared_blocks.end);
}

uint32_t mapping_first_end(void)
{
    return atomic_load(&first_blocks.end);
}

struct block *mapping_block(uint32_t number)
{
    const struct stretch *stretch = number < first_blocks.from ? &shared_blocks : &first_blocks;
    if (number >= atomic_load(&stretch->mapped)) {
        return NULL;
    }
    return (struct block *)(stretch->start + (size_t)(number - stretch->from) * BLOCK_BYTES);
}

/* How many of so many blocks of a kind may be there. */
static uint32_t permitted(uint32_t all, uint64_t limit)
{
    uint64_t most = limit / PART / BLOCK_BYTES;
    most = most < FEWEST ? FEWEST : most > MOST ? MOST : most;
    return most < all ? (uint32_t)most : all;
}

static void *map(int file, size_t from, size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, (off_t)from);
}

static bool is_whole(const struct header *header, uint64_t size)
{
    size_t needed = DIRECTORY_OFFSET + (size_t)header->blocks * (sizeof(owner_t) + BLOCK_BYTES);
    return header->magic == SEGMENT_MAGIC && header->blocks <= MAX_BLOCKS && header->shared <= header->blocks
           && header->frames <= MAX_FRAMES && header->copied <= MOST_COPIED && needed <= size
           && !atomic_load(&header->closed);
}

/* Where the blocks of the file begin: at a page, as the tracer sees to. */
static size_t head_of(const struct header *header)
{
    return DIRECTORY_OFFSET + (size_t)header->blocks * sizeof(owner_t);
}

static void set(struct stretch *stretch, char *start, uint32_t from, uint32_t count)
{
    stretch->start = start;
    stretch->from = from;
    atomic_store(&stretch->mapped, from + count);
    atomic_store(&stretch->end, from + count);
}

static struct header *map_all(int file, size_t size)
{
    struct header *header = map(file, 0, size);
    if (header == MAP_FAILED) {
        return NULL;
    }
    if (!is_whole(header, size)) {
        munmap(header, size);
        return NULL;
    }
    char *start = (char *)header + head_of(header);
    set(&shared_blocks, start, 0, header->shared);
    set(&first_blocks, start + (size_t)header->shared * BLOCK_BYTES, header->shared, header->blocks - header->shared);
    return header;
}

static struct header *map_parts(int file, uint64_t size, uint64_t limit)
{
    struct header *header = map(file, 0, DIRECTORY_OFFSET);
    if (header == MAP_FAILED) {
        return NULL;
    }
    bool whole = is_whole(header, size);
    uint32_t blocks = header->blocks;
    uint32_t shared = header->shared;
    size_t head = head_of(header);
    munmap(header, DIRECTORY_OFFSET);
    if (!whole) {
        return NULL;
    }
    uint32_t of_shared = permitted(shared, limit);
    uint32_t of_first = permitted(blocks - shared, limit);
    size_t low = head + (size_t)of_shared * BLOCK_BYTES;
    header = map(file, 0, low);
    if (header == MAP_FAILED) {
        return NULL;
    }
    char *first = map(file, head + (size_t)shared * BLOCK_BYTES, (size_t)of_first * BLOCK_BYTES);
    if (first == MAP_FAILED) {
        munmap(header, low);
        return NULL;
    }
    set(&shared_blocks, (char *)header + head, 0, of_shared);
    set(&first_blocks, first, shared, of_first);
    return header;
}

struct header *mapping_open(void)
{
    const char *name = getenv("CODSPEED_MEMTRACK_SEGMENT");
    if (name == NULL || strlen(name) >= sizeof mapping_path) {
        return NULL;
    }
    strcpy(mapping_path, name);
    int inherited = reach_descriptor(mapping_path);
    int file = inherited >= 0 ? inherited : open(mapping_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return NULL;
    }
    struct stat about;
    struct header *header = NULL;
    if (fstat(file, &about) == 0 && about.st_size > DIRECTORY_OFFSET) {
        struct rlimit memory;
        bool limited = getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur != RLIM_INFINITY;
        header = limited ? map_parts(file, (uint64_t)about.st_size, memory.rlim_cur)
                         : map_all(file, (size_t)about.st_size);
    }
    if (inherited < 0) {
        close(file);
    }
    if (header != NULL) {
        mapping_owners = (owner_t *)((char *)header + DIRECTORY_OFFSET);
    }
    return header;
}

/* A thread that has just claimed a block asks for its place: either it learns that it is gone, or we see whose it is. */
static void shrink(struct stretch *stretch, uint32_t count, int32_t pid)
{
    uint32_t end = stretch->from + count;
    uint32_t before = atomic_load(&stretch->mapped);
    if (end >= before) {
        return;
    }
    atomic_store(&stretch->end, end);
    atomic_store(&stretch->mapped, end);
    uint32_t kept = before;
    while (kept > end && (int32_t)(atomic_load(&mapping_owners[kept - 1]) >> 32) != pid) {
        kept--;
    }
    atomic_store(&stretch->mapped, kept);
    munmap(stretch->start + (size_t)(kept - stretch->from) * BLOCK_BYTES, (size_t)(before - kept) * BLOCK_BYTES);
}

void mapping_shrink(uint64_t limit, int32_t pid)
{
    if (mapping_owners != NULL) {
        shrink(&shared_blocks, permitted(UINT32_MAX, limit), pid);
        shrink(&first_blocks, permitted(UINT32_MAX - first_blocks.from, limit), pid);
    }
}
