/* Writes records into the ring, and holds the program back when that is nearly full. */
#pragma once
#include "state.h"

/* ---- records: `src/backend/ebpf/record.rs` reads them ---- */

enum kind { MALLOC = 1, CALLOC, REALLOC, ALIGNED, FREE, EXEC, EXIT, MMAP, MUNMAP };
enum { DEPTH = 32, NOW = 0 };
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
