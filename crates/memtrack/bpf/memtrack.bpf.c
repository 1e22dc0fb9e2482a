/* Sees the calls of allocators in a process tree and writes one record per call that a program made itself.
 *
 * One program serves every function: the attach cookie of a probe (see `src/allocators/mod.rs`, which makes it) says
 * what the function is and where its arguments are. `session` sees entry and return of a call; on kernels before 6.13
 * `entry` and `leave` do the same as two probes. */
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
  u64 calls;       /* records written */
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

/* The outermost call that a thread is in. */
struct frame {
  u64 sp;
  u64 size;
  u64 old; /* block of a realloc, out pointer of posix_memalign */
  u64 entered;
  u64 cookie;
  u64 hides; /* 1: another one is in `hidden` */
};
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 65536);
  TYPED(key, u32);
  TYPED(value, struct frame);
} frames SEC(".maps");

/* A call that waits, on another stack, for the thread to come back to it: an allocator has called the program, and that
 * has switched. */
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 16384);
  TYPED(key, u32);
  TYPED(value, struct frame);
} hidden SEC(".maps");

/* The last free of a thread, in objects where one free function calls another. */
struct chain {
  u64 addr;
  u64 sp;
  u64 seen; /* one bit per function */
  u64 at;
};
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 65536);
  TYPED(key, u32);
  TYPED(value, struct chain);
} chains SEC(".maps");

/* ---- records: `src/backend/ebpf/record.rs` reads them ---- */

enum kind { MALLOC = 1, CALLOC, REALLOC, ALIGNED, FREE, EXEC, EXIT, MMAP, MUNMAP };
enum { DEPTH = 32 };
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

/* ---- what a probe's cookie says; `Probe::cookie` in `src/allocators/mod.rs` makes it ---- */

enum class { CLASS_MALLOC = 1, CLASS_CALLOC, CLASS_REALLOC, CLASS_ALIGNED, CLASS_OUT, CLASS_FREE };

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

struct ids {
  u32 tgid; /* in the initial namespace: keys of maps */
  u32 tid;
  u32 shown_tgid; /* in the tracer's namespace: records, signals */
  u32 shown_tid;
};

INLINE void identify(struct ids *ids) {
  u64 both = get_current_pid_tgid();
  ids->tgid = both >> 32;
  ids->tid = both;
  ids->shown_tgid = ids->tgid;
  ids->shown_tid = ids->tid;
  if (settings.namespace_dev || settings.namespace_ino) {
    struct pid_namespace_ids here = {};
    get_namespace_pid_tgid(settings.namespace_dev, settings.namespace_ino, &here, sizeof here);
    ids->shown_tgid = here.tgid;
    ids->shown_tid = here.pid;
  }
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
INLINE void hold_back(const struct ids *ids) {
  if (!settings.pause_at)
    return;
  u64 waiting = ring_query(&events, AVAILABLE);
  if (waiting < settings.pause_at)
    return;
  if (waiting < settings.pause_at / 6 * 7 && map_lookup(&paused, &ids->tgid))
    return;
  if (map_lookup(&stopped, &ids->tgid) || send_signal_thread(SIGSTOP))
    return;
  map_update(&paused, &ids->tgid, &ids->shown_tgid, ANY);
  if (map_lookup(&stopped, &ids->tgid))
    map_delete(&paused, &ids->tgid);
}

INLINE void emit(void *ctx, const struct ids *ids, u32 kind, u64 at, u64 addr, u64 size, u64 old) {
  struct record *record;
  bool stacked = settings.stacks && ctx;
  if (stacked)
    record = ring_reserve(&events, sizeof(struct record_with_stack), 0);
  else
    record = ring_reserve(&events, sizeof(struct record), 0);
  if (!record) {
    __sync_fetch_and_add(&counters.dropped, 1);
    hold_back(ids);
    return;
  }
  record->timestamp = at;
  record->pid = ids->shown_tgid;
  record->tid = ids->shown_tid;
  record->addr = addr;
  record->size = size;
  record->old = old;
  record->kind = kind;
  record->stack_bytes = 0;
  if (stacked) {
    struct record_with_stack *with = (void *)record;
    long len = get_stack(ctx, with->stack, sizeof with->stack, USER_STACK);
    record->stack_bytes = len > 0 ? len : 0;
  }
  ring_submit(record, kind == EXEC || kind == EXIT ? 0 : NO_WAKEUP);
  hold_back(ids);
}

/* ---- calls ---- */

INLINE bool is_traced(const struct ids *ids) { return map_lookup(&tracked, &ids->tgid) != 0; }

/* Whether the thread is inside of another call already. A frame that was left by a jump is forgotten: those further up
 * the stack are run over by others sooner or later. Without `elsewhere`, there is no call; else it is on another stack. */
INLINE bool is_nested(const struct ids *ids, u64 sp, struct frame **elsewhere) {
  struct frame *outer = map_lookup(&frames, &ids->tid);
  *elsewhere = 0;
  if (!outer)
    return false;
  if (outer->sp - sp < NESTING && is_waiting(outer->sp))
    return true;
  if (outer->sp - sp + SAME_STACK < 2 * SAME_STACK)
    map_delete(&frames, &ids->tid);
  else
    *elsewhere = outer;
  return false;
}

/* The thread is inside of a call from now on. */
INLINE bool keep(const struct ids *ids, struct frame *frame, const struct frame *elsewhere) {
  if (elsewhere) {
    map_update(&hidden, &ids->tid, elsewhere, ANY);
    frame->hides = 1;
  }
  return map_update(&frames, &ids->tid, frame, ANY) == 0;
}

/* It is no longer. */
INLINE void drop(const struct ids *ids, const struct frame *frame) {
  struct frame *before = frame->hides ? map_lookup(&hidden, &ids->tid) : 0;
  if (!before) {
    map_delete(&frames, &ids->tid);
    return;
  }
  map_update(&frames, &ids->tid, before, ANY);
  map_delete(&hidden, &ids->tid);
}

/* Whether this is the same free as the one that was seen last: same block, further up the stack, in a function that has
 * not been seen for it. */
INLINE bool continues_free(const struct ids *ids, u64 cookie, u64 addr, u64 sp, u64 at) {
  struct chain *last = map_lookup(&chains, &ids->tid);
  u64 bit = call_bit(cookie);
  if (last && last->addr == addr && sp <= last->sp && !(last->seen & bit) && at - last->at < CHAIN_NS) {
    last->seen |= bit;
    last->sp = sp;
    return true;
  }
  struct chain fresh = {.addr = addr, .sp = sp, .seen = bit, .at = at};
  map_update(&chains, &ids->tid, &fresh, ANY);
  return false;
}

/* A block that was given out again may be freed again, by another function and from the same place. */
INLINE void end_chain(const struct ids *ids, u64 cookie, u64 addr) {
  struct chain *last = call_chains(cookie) ? map_lookup(&chains, &ids->tid) : 0;
  if (last && last->addr == addr)
    last->addr = 0;
}

INLINE bool is_hopeless(u64 size) {
  if (size < MODEST || size >= HOPELESS)
    return size >= HOPELESS;
  struct task_struct *task = get_current_task();
  struct signal_struct *signal = READ_FIELD(task, signal);
  return size > READ_FIELD(signal, rlim[LIMIT_ADDRESSES].rlim_cur) || size > READ_FIELD(signal, rlim[LIMIT_DATA].rlim_cur);
}

/* The beginning of a call. Returns whether its return is to be followed; `size` is what the return needs to know, for
 * a leaf, which has no frame. */
INLINE bool enter(struct pt_regs *ctx, u64 cookie, bool leaf, u64 *size) {
  struct ids ids;
  if (!*(volatile u32 *)&control.recording)
    return false;
  identify(&ids);
  if (!is_traced(&ids))
    return false;
  u64 sp = stack_pointer(ctx);
  struct frame *elsewhere;
  if (is_nested(&ids, sp, &elsewhere))
    return false;
  u32 class = call_class(cookie);
  u64 block = argument(ctx, call_block(cookie));
  if (class == CLASS_FREE) {
    u64 at = ktime_get_ns();
    if (block && !(call_chains(cookie) && continues_free(&ids, cookie, block, sp, at)))
      emit(0, &ids, FREE, at, block, 0, 0);
    return false;
  }
  *size = argument(ctx, call_size(cookie));
  if (call_times(cookie) != 0xf)
    *size *= argument(ctx, call_times(cookie));
  if (call_throws(cookie) && is_hopeless(*size)) {
    __sync_fetch_and_add(&counters.unfollowed, 1);
    return false;
  }
  if (leaf)
    return true;
  struct frame frame = {.sp = sp, .size = *size, .old = block, .entered = ktime_get_ns(), .cookie = cookie};
  return keep(&ids, &frame, elsewhere);
}

/* The end of a call that `enter` wanted to follow. */
INLINE void leave_call(struct pt_regs *ctx, u64 cookie, bool leaf, u64 size) {
  struct ids ids;
  identify(&ids);
  struct frame frame = {.size = size};
  if (!leaf) {
    struct frame *kept = map_lookup(&frames, &ids.tid);
    /* The return of an inner call. An inner one that was jumped to returns together with the outer one; whichever comes
     * first speaks for it. */
    if (!kept || stack_pointer(ctx) != kept->sp + POPPED)
      return;
    frame = *kept;
    cookie = frame.cookie;
    drop(&ids, &frame);
  }
  u64 addr = returned(ctx);
  u64 at = ktime_get_ns();
  u32 class = call_class(cookie);
  if (class == CLASS_OUT) {
    /* 0 or an error number; the block is where the first argument points. */
    if ((u32)addr != 0 || probe_read_user(&addr, sizeof addr, (void *)frame.old))
      return;
    end_chain(&ids, cookie, addr);
    if (addr)
      emit(ctx, &ids, ALIGNED, at, addr, frame.size, 0);
    return;
  }
  if (addr)
    end_chain(&ids, cookie, addr);
  if (class == CLASS_REALLOC) {
    if (!addr && frame.old && !frame.size)
      emit(0, &ids, FREE, frame.entered, frame.old, 0, 0);
    else if (addr && frame.old)
      emit(ctx, &ids, REALLOC, at, addr, frame.size, frame.old);
    else if (addr)
      emit(ctx, &ids, MALLOC, at, addr, frame.size, 0);
    return;
  }
  if (!addr)
    return;
  u32 kind = class == CLASS_CALLOC ? CALLOC : class == CLASS_ALIGNED ? ALIGNED : MALLOC;
  emit(ctx, &ids, kind, at, addr, frame.size, 0);
}

/* Entry and return of a call, from Linux 6.13 on. 1: the return is of no interest. */
SEC("uprobe.session")
int session(struct pt_regs *ctx) {
  u64 cookie = get_attach_cookie(ctx);
  bool leaf = call_is_leaf(cookie) && !settings.follow_leafs;
  u64 *kept = bpf_session_cookie();
  if (bpf_session_is_return()) {
    leave_call(ctx, cookie, leaf, *kept);
    return 0;
  }
  u64 size = 0;
  bool follow = enter(ctx, cookie, leaf, &size);
  *kept = size;
  return follow ? 0 : 1;
}

/* The same as two probes. A leaf needs a frame, too: nothing else connects the two. */
SEC("uprobe.multi")
int entry(struct pt_regs *ctx) {
  u64 size = 0;
  enter(ctx, get_attach_cookie(ctx), false, &size);
  return 0;
}

SEC("uretprobe.multi")
int leave(struct pt_regs *ctx) {
  leave_call(ctx, get_attach_cookie(ctx), false, 0);
  return 0;
}

/* ---- mappings, on request ---- */

/* The length of the mapping that a thread is about to make. */
struct {
  FIELD(type, MAP_HASH);
  FIELD(max_entries, 16384);
  TYPED(key, u32);
  TYPED(value, u64);
} mapping SEC(".maps");

enum { MAP_PRIVATE = 0x02, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_STACK = 0x20000 };

/* Whether a thread of the tree makes a call of its own, outside of any allocator. */
INLINE bool maps_itself(struct ids *ids) {
  if (!*(volatile u32 *)&control.recording)
    return false;
  identify(ids);
  return is_traced(ids) && !map_lookup(&frames, &ids->tid);
}

/* All system calls of the machine come by here, so the number is looked at first. */
SEC("raw_tp/sys_enter")
int enter_syscall(u64 *args) {
  struct pt_regs regs;
  struct ids ids;
  u64 number = args[1];
  if (number != SYSCALL_MMAP && number != SYSCALL_MUNMAP)
    return 0;
  if (!maps_itself(&ids) || probe_read_kernel(&regs, sizeof regs, (void *)args[0]))
    return 0;
  if (number == SYSCALL_MUNMAP) {
    emit(0, &ids, MUNMAP, ktime_get_ns(), syscall_argument(&regs, 0), syscall_argument(&regs, 1), 0);
    return 0;
  }
  u64 length = syscall_argument(&regs, 1), flags = syscall_argument(&regs, 3);
  /* Memory that can't be used yet, stacks of threads, and what replaces another mapping, is no arena. */
  if (syscall_argument(&regs, 2) && (flags & MAP_PRIVATE) && (flags & MAP_ANONYMOUS) && !(flags & (MAP_STACK | MAP_FIXED)))
    map_update(&mapping, &ids.tid, &length, ANY);
  return 0;
}

SEC("raw_tp/sys_exit")
int leave_syscall(u64 *args) {
  u32 tid = get_current_pid_tgid();
  struct ids ids;
  u64 addr = args[1];
  u64 *kept = map_lookup(&mapping, &tid);
  if (!kept)
    return 0;
  u64 length = *kept;
  map_delete(&mapping, &tid);
  /* The last page of numbers are errors. */
  if (addr < -4095ull && maps_itself(&ids))
    emit(0, &ids, MMAP, ktime_get_ns(), addr, length, 0);
  return 0;
}

/* ---- processes ---- */

SEC("raw_tp/sched_process_fork")
int forked(u64 *args) {
  struct task_struct *parent = (void *)args[0];
  struct task_struct *child = (void *)args[1];
  u32 from = READ_FIELD(parent, tgid);
  u32 to = READ_FIELD(child, tgid);
  u8 one = 1;
  if (from == to)
    return 0;
  if (from != *(volatile u32 *)&control.spawner && !map_lookup(&tracked, &from))
    return 0;
  if (map_update(&tracked, &to, &one, ANY))
    __sync_fetch_and_add(&counters.untracked, 1);
  return 0;
}

SEC("raw_tp/sched_process_exec")
int became(u64 *args) {
  struct ids ids;
  identify(&ids);
  if (!is_traced(&ids))
    return 0;
  map_delete(&frames, &ids.tid);
  map_delete(&hidden, &ids.tid);
  emit(0, &ids, EXEC, ktime_get_ns(), 0, 0, 0);
  return 0;
}

SEC("raw_tp/sched_process_exit")
int ended(u64 *args) {
  struct task_struct *task = (void *)args[0];
  struct ids ids;
  identify(&ids);
  if (!is_traced(&ids))
    return 0;
  map_delete(&frames, &ids.tid);
  map_delete(&hidden, &ids.tid);
  map_delete(&chains, &ids.tid);
  struct signal_struct *signal = READ_FIELD(task, signal);
  if (READ_FIELD(signal, live.counter) != 0)
    return 0;
  map_delete(&tracked, &ids.tgid);
  map_delete(&paused, &ids.tgid);
  map_delete(&stopped, &ids.tgid);
  emit(0, &ids, EXIT, ktime_get_ns(), 0, 0, 0);
  return 0;
}

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
  u32 tgid = READ_FIELD(task, tgid);
  if (!map_lookup(&tracked, &tgid))
    return 0;
  if (signal == SIGCONT)
    map_delete(&stopped, &tgid);
  else if (args[1] > 1 && args[4] != SIGNAL_IGNORED && !READ_FIELD(task, ptrace))
    map_update(&stopped, &tgid, &one, ANY);
  else
    return 0;
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
