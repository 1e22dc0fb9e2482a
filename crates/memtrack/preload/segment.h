/*
 * What the tracer and the library in the traced programs share: the layout of the segment.
 * `src/backend/preload/segment.rs` has the same numbers.
 *
 * A segment is a header, a directory of owners, and blocks of records. A thread owns one open block that only it
 * writes to; a full block is closed, and the thread takes another. The tracer reads, and gives blocks back. The
 * blocks of a thread form a stream, numbered from 0, so that the tracer finds their order.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <stdatomic.h>
#include <stdint.h>

#define SEGMENT_MAGIC 0x314b4341525444ffull
#define DIRECTORY_OFFSET 4096
/* Of a block, with its header. */
#define BLOCK_BYTES 16384
#define BLOCK_WORDS ((BLOCK_BYTES - sizeof(struct block)) / 8)
#define MAX_FRAMES 32
/* Bytes of a stack; a record fits into a block with it. */
#define MOST_COPIED 15360
#define MAX_TEXT 1024

/* All but the atomic fields is written before a program sees it. */
struct header {
    uint64_t magic;
    /* Nanoseconds of CLOCK_MONOTONIC that stamps count from. */
    uint64_t epoch;
    /* Blocks with numbers below `shared` are for threads that have filled one; the others for a thread's first. */
    uint32_t blocks;
    uint32_t shared;
    /* Return addresses per allocation; 0 for none. */
    uint32_t frames;
    /* Record calls. */
    _Atomic uint32_t enabled;
    /* The tracer is gone: nobody reads. */
    _Atomic uint32_t closed;
    /* Counts blocks that were given back; a futex for those who wait for one. */
    _Atomic uint32_t freed;
    _Atomic uint32_t waiters;
    /* Bytes of the stack that are copied with each allocation, at most; 0 for none. */
    uint32_t copied;
    _Atomic uint64_t next_stream;
    /* Calls that could not be recorded. */
    _Atomic uint64_t lost;
    /* One more than the highest number that was ever taken, of both kinds of blocks. */
    _Atomic uint32_t used_shared;
    _Atomic uint32_t used_first;
    /* Blocks with lower numbers have memory, of both kinds: the tracer sees to it that some more are there than are
     * used, so that programs needn't ask the system for it. */
    _Atomic uint32_t backed_shared;
    _Atomic uint32_t backed_first;
    /* The tracer has no more memory for blocks. */
    _Atomic uint32_t exhausted;
    uint32_t reserved;
    /* Nanoseconds since the epoch when the tracer has last looked here. */
    _Atomic uint64_t looked;
};

/* Follows the header at DIRECTORY_OFFSET, one per block: process << 32 | thread; 0 when free. */
typedef _Atomic uint64_t owner_t;

enum {
    STATE_IN_FLIGHT = 1, /* a record is being stamped and written */
    STATE_CLOSED = 2,    /* no more records in this block */
    STATE_END = 4,       /* no more blocks in this stream */
    STATE_READY = 8,     /* the header is complete */
    STATE_SHIFT = 8,     /* above: the number of words that are complete */
};

struct block {
    uint64_t stream;
    uint64_t sequence;
    int32_t pid;
    int32_t tid;
    _Atomic uint64_t state;
    /* Inode of the namespace that the two numbers belong to. */
    uint64_t namespace;
    uint64_t reserved[3];
    uint64_t words[];
};

/*
 * A record is words: first stamp << 11 | copied << 10 | frames << 4 | kind, then what the kind has (below), then, if
 * the stack was copied, the copy's number of words, the registers that unwinding begins with (next instruction, stack
 * pointer, frame pointer), and the copy; then the frames. The stamp is the time since the epoch.
 */
enum kind {
    KIND_MALLOC = 1,  /* address, size */
    KIND_CALLOC = 2,  /* address, size */
    KIND_REALLOC = 3, /* address, size, old address */
    KIND_ALIGNED = 4, /* address, size */
    KIND_FREE = 5,    /* address */
    KIND_START = 6,   /* a process image or a copy of one begins */
    KIND_OBJECT = 7,  /* number of functions << 32 | length, text: the file of an allocator */
    KIND_EXEC = 8,    /* `enum reach` << 32 | length, stamp before, process, text: a program that is executed */
    KIND_MAPPED = 9,  /* length, the words of `struct mapped`, text: a file in the memory of the process; without text
                       * none of those before is there any more, but those that follow */
    KIND_FAILED = 10, /* length, 0, process: the program could not be executed after all */
    KIND_PAST = 11,   /* `enum past` << 32 | length, text: a file whose allocator may be called without us */
};

/* How that can be. */
enum past {
    PAST_NAMESPACE = 1, /* `dlmopen` */
    PAST_ADDRESS = 2,   /* `dlsym` */
    PAST_STRICT = 3,    /* the strict mode of seccomp */
    PAST_DEEP = 4,      /* `dlopen` with RTLD_DEEPBIND */
};

/* Code of a file in memory: addresses, offset in the file, and what tells the file from others. */
struct mapped {
    uint64_t start, end, offset, device, inode;
};

#define RECORD_SHIFT 11
#define COPIED ((uint64_t)1 << 10)
#define FRAMES_SHIFT 4

#endif
