/* What the programs keep: settings, what they share with the tracer, processes, threads, and who is running. */
#pragma once
#include "kernel.h"

/* By frame pointers with a copy of the innermost part, or by a copy alone. */
enum stacks { NO_STACKS, BY_FRAMES, BY_COPIES };

/* ---- settings, fixed before the program is loaded ---- */

const volatile struct {
  u64 namespace_dev; /* of the tracer's PID namespace; 0: the initial one, nothing is to be translated */
  u64 namespace_ino;
  u64 pause_at;     /* bytes in the ring above which the target is stopped; 0: never */
  u32 stacks;       /* how the stack of each allocation is taken: `enum stacks` */
  u32 follow_leafs; /* keep a frame for every call, so that mappings made inside of it are known as such */
} settings = {};

/* ---- state shared with the tracer ---- */

struct {
  u32 recording;
  u32 spawner; /* thread group whose new children are traced */
} control SEC(".data.control");

struct {
  u64 dropped;     /* records that the ring had no room for */
  u64 untracked;   /* processes that the table had no room for */
  u64 unfollowed;  /* calls whose return could not be followed */
  u64 unkept;      /* calls, and ends of processes, whose thread could not be kept in mind */
  u64 unheld;      /* stops that could not be noted down */
  u64 held;        /* times that a process was stopped because the ring was nearly full */
} counters SEC(".data.counters");

struct {
  FIELD(type, MAP_RINGBUF);
  FIELD(max_entries, 16 * 1024 * 1024);
} events SEC(".maps");

/* Processes of the tree, by the number of the thread group in the initial namespace. */
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 65536);
  TYPED(key, u32);
  TYPED(value, u8);
} tracked SEC(".maps");

/* Processes that were stopped because the ring was nearly full: by their number in the initial namespace that in the
 * tracer's. */
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 16384);
  TYPED(key, u32);
  TYPED(value, u32);
} paused SEC(".maps");

/* Processes that somebody else has stopped, or they themselves: it isn't for us to let them go on. */
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 16384);
  TYPED(key, u32);
  TYPED(value, u8);
} stopped SEC(".maps");

/* How much of a text is read at a time and altogether, to learn its size. */
enum { TEXT_STEP = 64, MOST_TEXT = 65536 };

/* A call that a thread is in. */
struct call {
  u64 sp; /* 0: there is none */
  u64 size;
  u64 old; /* block of a realloc, out pointer of posix_memalign */
  u64 entered;
  u64 cookie;
};

/* What is known of a thread of the tree. Only programs that run in its name touch it, one after the other. */
struct thread {
  u64 both; /* thread group and thread in the initial namespace; 0: fresh */
  u32 tgid; /* thread group in the initial namespace: key of maps */
  u32 shown_tid;
  u32 shown_tgid; /* in the tracer's namespace, as the one before: records, signals */
  u64 image;      /* number of the program that its process has become */
  /* The outermost call that it is in. */
  struct call call;
  /* One that waits, on another stack, for the thread to come back to it: an allocator has called the program, and that
   * has switched. */
  struct call hidden;
  /* One of a leaf, from its return on; other calls may wait meanwhile. */
  struct call leaf;
  /* Its last free, in objects where one free function calls another. */
  struct {
    u64 addr;
    u64 sp;
    u64 seen; /* one bit per function */
    u64 at;
  } freed;
  u64 mapping; /* length of the mapping that it is about to make */
  u64 unmaps;  /* 1: it is about to undo one, which was written down */
  /* What would be on the stack if that were not short: what was read from memory, and the record that is being made. */
  u64 read;
  u64 addr;
  u64 size;
  u64 old;
  u32 kind;
  char text[TEXT_STEP];
};

/* The state of threads. It is kept with the task, not by processor, and not on the stack: programs may be interrupted by
 * other threads, and a program with 64 bytes of stack gets one that is the processor's from Linux 6.13 on, which those
 * then share (BPF_PRIV_STACK_MIN_SIZE in kernel/bpf/verifier.c; the depth is rounded up to 16 first). The build checks
 * the stack of each program. */
struct {
  FIELD(type, MAP_TASK_STORAGE);
  FIELD(map_flags, LAZY);
  TYPED(key, int);
  TYPED(value, struct thread);
} threads SEC(".maps");

/* Threads whose state could not be kept with the task: the kernel may be busy with another one for a moment. */
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 4096);
  TYPED(key, u32);
  TYPED(value, struct thread);
} strays SEC(".maps");

const volatile struct thread fresh = {};

/* ---- identity ---- */

/* The thread has this number for the first time: it is new, or its process has become another program. */
INLINE void identify(struct thread *thread, u64 both) {
  thread->both = both;
  thread->tgid = thread->shown_tgid = both >> 32;
  thread->shown_tid = both;
  thread->call.sp = 0;
  thread->hidden.sp = 0;
  thread->freed.addr = 0;
  thread->mapping = 0;
  thread->unmaps = 0;
  thread->image = 0;
  if (settings.namespace_dev || settings.namespace_ino)
    get_namespace_pid_tgid(settings.namespace_dev, settings.namespace_ino, (void *)&thread->shown_tid, 8);
}

/* The running thread, if it is one of the tree. One that was seen before is found at once. */
INLINE struct thread *running_thread(void) {
  struct task_struct *task = get_current_task_btf();
  struct thread *thread = task_storage_get(&threads, task, 0, 0);
  /* Its number may change when its process becomes another program, its process never does. */
  if (thread && (u32)thread->both == (u32)task->pid)
    return thread;
  u64 both = get_current_pid_tgid();
  u32 key = both >> 32;
  if (!map_lookup(&tracked, &key)) {
    /* Perhaps the kernel has left out the beginning of the process; see `TWICE`. Then its parent is one of the tree. */
    key = task->real_parent->tgid;
    if (!map_lookup(&tracked, &key))
      return 0;
    key = both >> 32;
    if (map_update(&tracked, &key, (void *)&fresh, ANY))
      __sync_fetch_and_add(&counters.untracked, 1);
  }
  key = both;
  if (!thread)
    thread = map_lookup(&strays, &key);
  if (!thread)
    thread = task_storage_get(&threads, task, 0, CREATE);
  if (!thread && !map_update(&strays, &key, (void *)&fresh, ANY))
    thread = map_lookup(&strays, &key);
  if (!thread)
    __sync_fetch_and_add(&counters.unkept, 1);
  else if (thread->both != both)
    identify(thread, both);
  return thread;
}
