/* Sees the calls of allocators in a process tree and writes one record per call that a program made itself.
 *
 * One program serves every function: the attach cookie of a probe (see `src/discovery/cookie.rs`, which makes it) says
 * what the function is and where its arguments are. `session` sees entry and return of a call; on kernels before 6.13
 * `entry` and `leave` do the same as two probes. */
#include "classes.h"
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- settings, fixed before the program is loaded ---- */

const volatile struct {
  u64 namespace_dev; /* of the tracer's PID namespace; 0: the initial one, nothing is to be translated */
  u64 namespace_ino;
  u64 pause_at;     /* bytes in the ring above which the target is stopped; 0: never */
  u32 stacks;       /* 1: with the stack of each allocation */
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

/* ---- records: `src/backend/ebpf/record.rs` reads them ---- */

enum kind { MALLOC = 1, CALLOC, REALLOC, ALIGNED, FREE, EXEC, EXIT, MMAP, MUNMAP };
enum { DEPTH = 32, NOW = 0 };
/* A call that takes longer between two free functions is another call. */
enum { CHAIN_NS = 50000 };
/* What lies between a call and one that it makes itself, at most; much further away is another stack. */
enum { NESTING = 65536, SAME_STACK = 16 * NESTING };
/* A request this large fails, and so does one that is larger than what the process may have; see `call_throws`. Smaller
 * ones than this aren't compared with that. */
#define HOPELESS (1ull << 40)
#define MODEST (1ull << 20)

struct record {
  u64 timestamp;
  u32 pid;
  u32 tid;
  u64 addr;
  u64 size;
  u64 old;
  u32 kind;
  u32 stack_bytes;
};
struct record_with_stack {
  struct record record;
  u64 stack[DEPTH];
};

/* ---- what a probe's cookie says; `src/discovery/cookie.rs` makes it ---- */

INLINE u32 call_class(u64 cookie) { return cookie & 0xf; }
INLINE u32 call_size(u64 cookie) { return (cookie >> 4) & 0xf; }
INLINE u32 call_times(u64 cookie) { return (cookie >> 8) & 0xf; } /* 0xf: not an array */
INLINE u32 call_block(u64 cookie) { return (cookie >> 12) & 0xf; }
/* Never calls another function that is probed. */
INLINE bool call_is_leaf(u64 cookie) { return cookie >> 16 & 1; }
/* May end by an exception, which can't pass a return probe. */
INLINE bool call_throws(u64 cookie) { return cookie >> 17 & 1; }
/* Other free functions of the object may be called inside, or call this one. */
INLINE bool call_chains(u64 cookie) { return cookie >> 18 & 1; }
INLINE u64 call_bit(u64 cookie) { return 1ull << (cookie >> 24 & 0x3f); }

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

/* ---- writing ---- */

/* Stops the process if the tracer can't keep up. The signal is aimed at the running thread: one that is aimed at the
 * process may be taken by a sleeping thread much later. The entry comes after the signal, so that the tracer, which
 * looks for entries, can't continue the process before it was stopped.
 *
 * With an entry the process is stopped already, or will be in a moment. But a thread that was delayed between looking
 * and signalling can make an entry just before the tracer's signal to go on, and then the process runs with it. So from
 * seven eighths on nobody relies on the entry.
 *
 * Whoever was stopped by others will be continued by others, and by nobody else: `signalled` keeps the books, and here
 * they are looked at again after our entry, in case that it came too late for `signalled`. */
INLINE void hold_back(struct thread *thread) {
  if (!settings.pause_at)
    return;
  u64 waiting = ring_query(&events, AVAILABLE);
  if (waiting < settings.pause_at)
    return;
  if (!thread)
    thread = running_thread();
  if (!thread)
    return;
  if (waiting < settings.pause_at / 6 * 7 && map_lookup(&paused, &thread->tgid))
    return;
  if (map_lookup(&stopped, &thread->tgid) || send_signal_thread(SIGSTOP))
    return;
  if (map_update(&paused, &thread->tgid, &thread->shown_tgid, ANY)) {
    /* Nobody would know that it is to be continued. */
    send_signal_thread(SIGCONT);
    __sync_fetch_and_add(&counters.unheld, 1);
  } else if (map_lookup(&stopped, &thread->tgid)) {
    map_delete(&paused, &thread->tgid);
  }
  /* The tracer looks for entries when this has changed, so it comes last. */
  __sync_fetch_and_add(&counters.held, 1);
}

/* Writes the stack of the program into a record. The kernel collects it in memory of the processor, which from Linux 6.0
 * on up to the time when this was mended other threads could overwrite meanwhile. */
INLINE void take_stack(void *ctx, struct record_with_stack *record) {
  keep_processor();
  long len = get_stack(ctx, record->stack, sizeof record->stack, USER_STACK);
  release_processor();
  record->record.stack_bytes = len > 0 ? len : 0;
}

/* Without a thread it is the running one, and there is no stack; see `shown_as_they_are`. */
INLINE void emit(void *ctx, struct thread *thread, u32 kind, u64 at, u64 addr, u64 size, u64 old) {
  struct record *record;
  bool stacked = settings.stacks && ctx;
  if (thread) {
    thread->addr = addr;
    thread->size = size;
    thread->old = old;
  }
  if (stacked)
    record = ring_reserve(&events, sizeof(struct record_with_stack), 0);
  else
    record = ring_reserve(&events, sizeof(struct record), 0);
  if (!record) {
    __sync_fetch_and_add(&counters.dropped, 1);
    hold_back(thread);
    return;
  }
  record->timestamp = at == NOW ? ktime_get_ns() : at;
  if (thread) {
    record->pid = thread->shown_tgid;
    record->tid = thread->shown_tid;
    record->addr = thread->addr;
    record->size = thread->size;
    record->old = thread->old;
  } else {
    struct task_struct *task = get_current_task_btf();
    record->pid = task->tgid;
    record->tid = task->pid;
    record->addr = addr;
    record->size = size;
    record->old = old;
  }
  record->kind = kind;
  record->stack_bytes = 0;
  if (stacked)
    take_stack(ctx, (void *)record);
  ring_submit(record, kind == EXEC || kind == EXIT ? 0 : NO_WAKEUP);
  hold_back(thread);
}

/* ---- calls ---- */

/* Whether the thread is inside of another call already. One that was left by a jump is forgotten: those further up the
 * stack are run over by others sooner or later. Afterwards there is no call, or it is on another stack. */
INLINE bool is_nested(struct thread *thread, u64 sp) {
  u64 outer = thread->call.sp;
  if (!outer)
    return false;
  if (outer - sp < NESTING && is_waiting(outer, &thread->read))
    return true;
  if (outer - sp + SAME_STACK < 2 * SAME_STACK)
    thread->call.sp = 0;
  return false;
}

/* Whether this is the same free as the one that was seen last: same block, further up the stack, in a function that has
 * not been seen for it. */
INLINE bool continues_free(struct thread *thread, u64 cookie, u64 addr, u64 sp, u64 at) {
  u64 bit = call_bit(cookie);
  if (thread->freed.addr == addr && sp <= thread->freed.sp && !(thread->freed.seen & bit) &&
      at - thread->freed.at < CHAIN_NS) {
    thread->freed.seen |= bit;
    thread->freed.sp = sp;
    return true;
  }
  thread->freed.addr = addr;
  thread->freed.sp = sp;
  thread->freed.seen = bit;
  thread->freed.at = at;
  return false;
}

/* A block that was given out again may be freed again, by another function and from the same place. */
INLINE void end_chain(struct thread *thread, u64 cookie, u64 addr) {
  if (call_chains(cookie) && thread->freed.addr == addr)
    thread->freed.addr = 0;
}

INLINE bool is_hopeless(u64 size) {
  if (size < MODEST || size >= HOPELESS)
    return size >= HOPELESS;
  struct signal_struct *signal = READ_FIELD((struct task_struct *)get_current_task(), signal);
  return size > READ_FIELD(signal, rlim[LIMIT_ADDRESSES].rlim_cur) || size > READ_FIELD(signal, rlim[LIMIT_DATA].rlim_cur);
}

/* The beginning of a call. Returns whether its return is to be followed. What the return of a leaf needs to know, which
 * isn't kept, goes along with the session. */
INLINE bool enter(struct pt_regs *ctx, u64 cookie, bool leaf) {
  if (!*(volatile u32 *)&control.recording)
    return false;
  struct thread *thread = running_thread();
  if (!thread || is_nested(thread, stack_pointer(ctx)))
    return false;
  if (call_class(cookie) == CLASS_FREE) {
    u64 at = ktime_get_ns();
    u64 block = argument(ctx, call_block(cookie));
    if (block && !(call_chains(cookie) && continues_free(thread, cookie, block, stack_pointer(ctx), at)))
      emit(0, thread, FREE, at, block, 0, 0);
    return false;
  }
  u64 size = argument(ctx, call_size(cookie));
  if (call_times(cookie) != 0xf)
    size *= argument(ctx, call_times(cookie));
  if (call_throws(cookie) && is_hopeless(size)) {
    __sync_fetch_and_add(&counters.unfollowed, 1);
    return false;
  }
  if (leaf) {
    *session_cookie(ctx) = size;
    return true;
  }
  if (thread->call.sp)
    thread->hidden = thread->call;
  thread->call.entered = ktime_get_ns();
  thread->call.sp = stack_pointer(ctx);
  thread->call.size = size;
  thread->call.old = argument(ctx, call_block(cookie));
  thread->call.cookie = cookie;
  return true;
}

/* The size of a text with its end. One that is longer than MOST_TEXT counts as so long. */
static __attribute__((noinline)) u64 text_size(struct thread *thread, u64 from) {
  u64 at = 0;
  while (at < MOST_TEXT) {
    long size = probe_read_user_str(thread->text, TEXT_STEP, (void *)(from + at));
    if (size < TEXT_STEP)
      return size < 0 ? at : at + size;
    /* Cut, with an end put in place of its last byte. */
    at += TEXT_STEP - 1;
  }
  return at;
}

/* Writes what the end of a call amounts to. */
INLINE void tell(struct pt_regs *ctx, struct thread *thread, const struct call *call) {
  u64 addr = returned(ctx);
  u64 old = 0;
  u32 class = call_class(call->cookie);
  u32 kind = MALLOC;
  if (class == CLASS_OUT) {
    /* 0 or an error number; the block is where the first argument points. */
    if ((u32)addr != 0 || probe_read_user(&thread->read, sizeof thread->read, (void *)call->old))
      return;
    addr = thread->read;
    kind = ALIGNED;
  } else if (class == CLASS_REALLOC) {
    old = call->old;
    kind = old ? REALLOC : MALLOC;
    if (!addr) {
      if (old && !call->size)
        emit(0, thread, FREE, call->entered, old, 0, 0);
      return;
    }
  } else if (class == CLASS_CALLOC) {
    kind = CALLOC;
  } else if (class == CLASS_ALIGNED) {
    kind = ALIGNED;
  }
  if (!addr)
    return;
  if (class == CLASS_TEXT)
    thread->call.size = text_size(thread, addr);
  end_chain(thread, call->cookie, addr);
  emit(ctx, thread, kind, NOW, addr, call->size, old);
}

/* The end of a call that `enter` wanted to follow. */
INLINE void leave_call(struct pt_regs *ctx) {
  struct thread *thread = running_thread();
  /* The return of an inner call. An inner one that was jumped to returns together with the outer one; whichever comes
   * first speaks for it. */
  if (!thread || !thread->call.sp || stack_pointer(ctx) != thread->call.sp + POPPED)
    return;
  tell(ctx, thread, &thread->call);
  thread->call = thread->hidden;
  thread->hidden.sp = 0;
}

/* Whether a record of an allocation can be written without looking the thread up: nothing is kept of it, its stack is
 * not wanted, and its numbers are the kernel's own. */
INLINE bool shown_as_they_are(u64 cookie) {
  bool plain = call_class(cookie) == CLASS_MALLOC || call_class(cookie) == CLASS_CALLOC;
  return plain && !call_chains(cookie) && !settings.stacks && !settings.namespace_dev && !settings.namespace_ino;
}

/* The end of a leaf. */
INLINE void leave_leaf(struct pt_regs *ctx, u64 cookie) {
  if (__builtin_constant_p(cookie) && shown_as_they_are(cookie)) {
    u64 addr = returned(ctx);
    if (addr)
      emit(0, 0, call_class(cookie) == CLASS_MALLOC ? MALLOC : CALLOC, NOW, addr, *session_cookie(ctx), 0);
    return;
  }
  struct thread *thread = running_thread();
  if (!thread)
    return;
  thread->leaf.cookie = cookie;
  thread->leaf.size = *session_cookie(ctx);
  tell(ctx, thread, &thread->leaf);
}

/* Entry and return of a call. 1: the return is of no interest. */
INLINE int see_session(struct pt_regs *ctx, u64 cookie) {
  bool leaf = call_is_leaf(cookie) && !settings.follow_leafs;
  if (call_class(cookie) != CLASS_FREE && session_is_return(ctx)) {
    if (leaf)
      leave_leaf(ctx, cookie);
    else
      leave_call(ctx);
    return 0;
  }
  return enter(ctx, cookie, leaf) ? 0 : 1;
}

/* From Linux 6.13 on. */
SEC("uprobe.session")
int session(struct pt_regs *ctx) { return see_session(ctx, get_attach_cookie(ctx)); }

/* The same for the functions that nearly all calls go to, `malloc` and `free` of an allocator with one `free`: what the
 * cookie would say is known here, so that less is asked of the kernel. `OWN_PROGRAMS` in `link.rs` has the same numbers. */
SEC("uprobe.session")
int session_malloc(struct pt_regs *ctx) { return see_session(ctx, 0x10f01); }

SEC("uprobe.session")
int session_free(struct pt_regs *ctx) { return see_session(ctx, 0xf06); }

/* The same as two probes. A leaf is kept, too: nothing else connects the two. */
SEC("uprobe.multi")
int entry(struct pt_regs *ctx) {
  enter(ctx, get_attach_cookie(ctx), false);
  return 0;
}

SEC("uretprobe.multi")
int leave(struct pt_regs *ctx) {
  leave_call(ctx);
  return 0;
}

/* ---- programs at tracepoints ---- */

/* From Linux 7.0 on a program at a tracepoint may be interrupted by another thread, whose own event the kernel then
 * leaves out: a program isn't started twice on a processor (`recursion_misses`). So each is there twice: what the first
 * one misses because it is at work elsewhere, the second one sees. What both have seen counts once. */
#define TWICE(name, place)                           \
  SEC(place) int name(u64 *args) { return see_##name(args); } \
  SEC(place) int name##_again(u64 *args) { return see_##name(args); }

/* ---- mappings, on request ---- */

enum { MAP_PRIVATE = 0x02, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_STACK = 0x20000 };

/* The running thread, if it is one of the tree and makes a call of its own, outside of any allocator. */
INLINE struct thread *mapping_thread(void) {
  if (!*(volatile u32 *)&control.recording)
    return 0;
  struct thread *thread = running_thread();
  return thread && !thread->call.sp ? thread : 0;
}

/* All system calls of the machine come by here, so the number is looked at first. */
INLINE int see_enter_syscall(u64 *args) {
  u64 number = args[1];
  if (number != SYSCALL_MMAP && number != SYSCALL_MUNMAP)
    return 0;
  struct thread *thread = mapping_thread();
  struct pt_regs *regs = (void *)args[0];
  if (!thread)
    return 0;
  u64 length = SYSCALL_ARGUMENT(regs, 1);
  if (number == SYSCALL_MUNMAP) {
    if (!thread->unmaps)
      emit(0, thread, MUNMAP, NOW, SYSCALL_ARGUMENT(regs, 0), length, 0);
    thread->unmaps = true;
    return 0;
  }
  u64 flags = SYSCALL_ARGUMENT(regs, 3);
  /* Memory that can't be used yet, stacks of threads, and what replaces another mapping, is no arena. */
  bool usable = SYSCALL_ARGUMENT(regs, 2) != 0;
  if (usable && (flags & MAP_PRIVATE) && (flags & MAP_ANONYMOUS) && !(flags & (MAP_STACK | MAP_FIXED)))
    thread->mapping = length;
  return 0;
}
TWICE(enter_syscall, "raw_tp/sys_enter")

INLINE int see_leave_syscall(u64 *args) {
  struct thread *thread = mapping_thread();
  if (!thread)
    return 0;
  u64 length = thread->mapping;
  thread->mapping = 0;
  thread->unmaps = false;
  /* The last page of numbers are errors. */
  if (length && args[1] < -4095ull)
    emit(0, thread, MMAP, NOW, args[1], length, 0);
  return 0;
}
TWICE(leave_syscall, "raw_tp/sys_exit")

/* ---- processes ---- */

INLINE int see_forked(u64 *args) {
  u32 from = READ_FIELD((struct task_struct *)args[0], tgid);
  u32 to = READ_FIELD((struct task_struct *)args[1], tgid);
  u8 one = 1;
  if (from == to)
    return 0;
  if (from != *(volatile u32 *)&control.spawner && !map_lookup(&tracked, &from))
    return 0;
  if (map_update(&tracked, &to, &one, ANY))
    __sync_fetch_and_add(&counters.untracked, 1);
  return 0;
}
TWICE(forked, "raw_tp/sched_process_fork")

INLINE int see_became(u64 *args) {
  struct thread *thread = running_thread();
  u64 image = get_current_task_btf()->self_exec_id;
  if (!thread || thread->image == image)
    return 0;
  identify(thread, thread->both);
  thread->image = image;
  emit(0, thread, EXEC, NOW, 0, 0, 0);
  return 0;
}
TWICE(became, "raw_tp/sched_process_exec")

INLINE int see_ended(u64 *args) {
  struct signal_struct *signal = READ_FIELD((struct task_struct *)args[0], signal);
  u64 both = get_current_pid_tgid();
  u32 key = both >> 32;
  if (!map_lookup(&tracked, &key))
    return 0;
  if (!READ_FIELD(signal, live.counter)) {
    struct thread *thread = running_thread();
    /* Of threads that end at the same time one speaks for all. */
    if (map_delete(&tracked, &key) != NOT_THERE && thread)
      emit(0, thread, EXIT, NOW, 0, 0, 0);
    map_delete(&paused, &key);
    map_delete(&stopped, &key);
  }
  key = both;
  map_delete(&strays, &key);
  return 0;
}
TWICE(ended, "raw_tp/sched_process_exit")

/* A signal is on its way; signals of one process come by here one after the other. What we send ourselves comes without
 * a sender: the pointer to it is 1, as for all that the kernel sends. For a process with a debugger the debugger decides
 * what becomes of a stop, so that it says nothing. */
SEC("raw_tp/signal_generate")
int signalled(u64 *args) {
  int signal = args[0];
  struct task_struct *task = (void *)args[2];
  u8 one = 1;
  if (signal != SIGSTOP && signal != SIGCONT)
    return 0;
  bool stops = signal == SIGSTOP;
  if (stops && (args[1] <= 1 || args[4] == SIGNAL_IGNORED || READ_FIELD(task, ptrace)))
    return 0;
  u32 tgid = READ_FIELD(task, tgid);
  if (!map_lookup(&tracked, &tgid))
    return 0;
  if (!stops)
    map_delete(&stopped, &tgid);
  else if (map_update(&stopped, &tgid, &one, ANY))
    __sync_fetch_and_add(&counters.unheld, 1);
  /* Either it runs, or it isn't held by us. */
  map_delete(&paused, &tgid);
  return 0;
}

/* Run by the tracer itself: makes the children that it starts from now on the roots of the tree. */
SEC("raw_tp")
int adopt(u64 *args) {
  *(volatile u32 *)&control.spawner = get_current_pid_tgid() >> 32;
  return 0;
}
