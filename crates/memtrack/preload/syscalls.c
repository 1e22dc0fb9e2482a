/*
 * Sees what a program asks of the system by `prctl` and `syscall`: filters, limits, another view of the files, programs.
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "find.h"
#include "limits.h"
#include "reach.h"
#include "sandbox.h"
#include "trace.h"

/*
 * In the strict mode a thread can do nothing but read, write, and end. It can't even read the processor's clock, of
 * which our records have their times: from here on it is on its own.
 */
static void leave_alone(void)
{
    trace_say(KIND_PAST, PAST_STRICT, NULL, 0, find_path(find_first()));
    self.busy = true;
}

/* Programs renounce privileges before they install a filter, or are root. */
static void before_prctl(int option, unsigned long mode)
{
    if (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP) {
        sandbox_expect();
    }
    if (option == PR_SET_SECCOMP) {
        sandbox_enter();
        if (mode == SECCOMP_MODE_STRICT) {
            leave_alone();
        }
    }
}

static void before_seccomp(unsigned long operation)
{
    if (operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER) {
        sandbox_enter();
    }
    if (operation == SECCOMP_SET_MODE_STRICT) {
        leave_alone();
    }
}

typedef int prctl_function(int, unsigned long, unsigned long, unsigned long, unsigned long);

EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long first = va_arg(list, unsigned long);
    unsigned long second = va_arg(list, unsigned long);
    unsigned long third = va_arg(list, unsigned long);
    unsigned long fourth = va_arg(list, unsigned long);
    va_end(list);
    bool busy = self.busy;
    before_prctl(option, first);
    int result = ((prctl_function *)find_next("prctl", NULL))(option, first, second, third, fourth);
    if (result != 0) {
        self.busy = busy;
    }
    return result;
}

typedef long syscall_function(long, long, long, long, long, long, long);

/* Notices what programs do without the functions of the C library that are ours, and gives what makes the call. */
static __attribute__((noinline)) syscall_function *before_syscall(long number, long first, long second, long third)
{
    static _Atomic(void *) known;
    void *real = atomic_load_explicit(&known, memory_order_relaxed);
    if (UNLIKELY(real == NULL)) {
        real = find_next("syscall", NULL);
        atomic_store_explicit(&known, real, memory_order_relaxed);
    }
    switch (number) {
    case SYS_prctl:
        before_prctl((int)first, (unsigned long)second);
        break;
    case SYS_seccomp:
        before_seccomp((unsigned long)first);
        break;
    case SYS_prlimit64:
        if (first == 0 || first == getpid()) {
            limits_change((int)second, (const struct rlimit *)third);
        }
        break;
    case SYS_setrlimit:
        limits_change((int)first, (const struct rlimit *)second);
        break;
    case SYS_chroot:
    case SYS_pivot_root:
    case SYS_mount:
    case SYS_setns:
    case SYS_unshare:
        reach_hold();
        break;
    default:
        break;
    }
    return (syscall_function *)real;
}

/* It jumps: copies of a process can be made by it that share the stack. */
EXPORT long any_syscall(long number, long first, long second, long third, long fourth, long fifth, long sixth)
    __asm__("syscall");

long any_syscall(long number, long first, long second, long third, long fourth, long fifth, long sixth)
{
    if (UNLIKELY(number == SYS_execve)) {
        return execve((const char *)first, (char *const *)second, (char *const *)third);
    }
    if (UNLIKELY(number == SYS_execveat)) {
        return execveat((int)first, (const char *)second, (char *const *)third, (char *const *)fourth, (int)fifth);
    }
    return before_syscall(number, first, second, third)(number, first, second, third, fourth, fifth, sixth);
}
