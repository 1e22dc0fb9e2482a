/*
 * filter KIND [exec]: makes pairs under a filter of system calls (seccomp) that permits little. What else is called
 * ends the program (`kill`) or fails (`errno`). With `exec` the program begins again after that; `fork`: so does a copy; `raw`: and the
 * filter is installed by system calls alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

/* What the C library itself needs for reading, writing, memory, threads and copies. */
static const int PERMITTED[] = {
    SYS_read, SYS_write, SYS_writev, SYS_exit, SYS_exit_group, SYS_brk, SYS_mmap, SYS_munmap, SYS_mprotect,
    SYS_mremap, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_clone, SYS_wait4, SYS_set_robust_list, SYS_newfstatat,
    SYS_fstat, SYS_getrandom,
#ifdef SYS_rseq
    SYS_rseq,
#endif
};

/* What a program needs to begin. */
static const int FOR_BEGINNING[] = {
    SYS_execve, SYS_openat, SYS_close, SYS_pread64, SYS_set_tid_address, SYS_prlimit64, SYS_prctl,
    SYS_seccomp, SYS_futex,
#ifdef SYS_access
    SYS_access,
#endif
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
    SYS_faccessat,
};

static struct sock_filter rules[128];
static unsigned short count;

static void add(struct sock_filter rule)
{
    rules[count++] = rule;
}

static void permit(const int *numbers, size_t bytes)
{
    for (size_t at = 0; at < bytes / sizeof *numbers; at++) {
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[at], 0, 1));
        add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
}

/* Past the functions of the C library. */
static int raw;

static int install(int kill, int beginning)
{
    count = 0;
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    permit(PERMITTED, sizeof PERMITTED);
    if (beginning) {
        permit(FOR_BEGINNING, sizeof FOR_BEGINNING);
    }
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM));
    struct sock_fprog program = {count, rules};
    if (raw) {
        return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
               || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0;
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0;
}

static void work(void)
{
    for (int at = 0; at < 100000; at++) {
        void *volatile block = malloc(500);
        free(block);
    }
}

int main(int argc, char **argv)
{
    int kill = argc > 1 && strcmp(argv[1], "kill") == 0;
    int again = argc > 2 && strcmp(argv[2], "exec") == 0;
    raw = argc > 2 && strcmp(argv[2], "raw") == 0;
    if (argc > 2 && strcmp(argv[2], "stray") == 0) {
        install(1, 0);
        return (int)syscall(SYS_getppid);
    }
    if (install(kill, again) != 0) {
        return 3;
    }
    if (again) {
        execl(argv[0], argv[0], argv[1], "begun", NULL);
        return 4;
    }
    mark(MARK_BEGIN);
    work();
    mark(MARK_END);
    if (argc > 2 && (raw || strcmp(argv[2], "fork") == 0)) {
        pid_t child = fork();
        if (child == 0) {
            work();
            _exit(0);
        }
        int status = 0;
        return waitpid(child, &status, 0) != child || status != 0;
    }
    return 0;
}
