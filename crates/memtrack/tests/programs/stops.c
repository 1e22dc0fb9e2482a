/*
 * stops <what> [number]: who stops, who goes on, and what the program has to say of it.
 *   itself N   a child allocates with one thread and stops itself with another, N times; fails if it goes on before its
 *              parent lets it
 *   handler N  N pairs with a handler of SIGCONT; prints how often it was called
 *   debugged   a child is traced with ptrace, system call by system call and instruction by instruction
 *   sandbox    forbids itself a system call, by a filter of its own, and goes on
 * Prints the number of pairs, of 500 to 506 bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

static long make(long pairs)
{
    for (long done = 0; done < pairs; done++) {
        void *volatile block = malloc(500 + done % 7);
        free(block);
    }
    return pairs;
}

/* Shared by parent and child. */
static struct {
    /* The round that the child may begin, has begun, and has ended. */
    _Atomic long go, begun, ended;
    _Atomic long pairs;
} *shared;

static void *burst(void *unused)
{
    while (atomic_load(&shared->ended) >= 0) {
        if (shared->pairs < 3000 * atomic_load(&shared->go)) {
            shared->pairs += make(100);
        } else {
            usleep(100);
        }
    }
    return unused;
}

/* Whether the process is stopped, by whomever. */
static int is_stopped(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    int stopped = file != NULL && fgets(line, sizeof line, file) != NULL && strstr(line, ") T ") != NULL;
    if (file != NULL) {
        fclose(file);
    }
    return stopped;
}

static long itself(long rounds)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, burst, NULL);
        for (long round = 1; round <= rounds; round++) {
            while (atomic_load(&shared->go) < round) {
                usleep(100);
            }
            atomic_store(&shared->begun, round);
            raise(SIGSTOP);
            atomic_store(&shared->ended, round);
        }
        atomic_store(&shared->ended, -1);
        pthread_join(thread, NULL);
        _exit(0);
    }
    long own = 0;
    for (long round = 1; round <= rounds; round++) {
        atomic_store(&shared->go, round);
        while (atomic_load(&shared->begun) < round || !is_stopped(child)) {
            usleep(100);
        }
        /* Whoever holds others back has work to do now, and may let the wrong one go on. */
        own += make(3000);
        if (atomic_load(&shared->ended) == round) {
            kill(child, SIGKILL);
            return -1;
        }
        /* More than once: it may have been stopped by another before it came to stop itself. */
        for (long ended = round - 1; ended != round && ended != -1; ended = atomic_load(&shared->ended)) {
            kill(child, SIGCONT);
            usleep(100);
        }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0 ? own + shared->pairs : -1;
}

static volatile sig_atomic_t continued;

static void on_continue(int signal)
{
    (void)signal;
    continued++;
}

static long debugged(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        shared->pairs += make(1000);
        /* A small stretch, instruction by instruction. */
        raise(SIGUSR1);
        shared->pairs += make(20);
        raise(SIGUSR2);
        shared->pairs += make(1000);
        _exit(7);
    }
    int status = 0, how = PTRACE_SYSCALL;
    long steps = 0;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        how = signal == SIGUSR1 ? PTRACE_SINGLESTEP : signal == SIGUSR2 ? PTRACE_SYSCALL : how;
        steps += how == PTRACE_SINGLESTEP;
        ptrace(how, child, NULL, NULL);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 7 && steps > 100 ? shared->pairs : -1;
}

static long sandbox(char *self)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) {
        return -1;
    }
    if (syscall(SYS_getppid) != -1 || errno != EXDEV) {
        return -1;
    }
    long pairs = make(1000);
    fflush(stdout);
    if (fork() == 0) {
        execl(self, self, "pairs", "50", NULL);
        _exit(1);
    }
    int status = 0;
    wait(&status);
    return status == 0 && syscall(SYS_getppid) == -1 ? pairs + 50 : -1;
}

static long run(const char *what, long number, char *self)
{
    if (!strcmp(what, "itself")) {
        return itself(number);
    }
    if (!strcmp(what, "handler")) {
        struct sigaction action = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
        sigaction(SIGCONT, &action, NULL);
        long pairs = make(number);
        printf("%d\n", (int)continued);
        return pairs;
    }
    if (!strcmp(what, "debugged")) {
        return debugged();
    }
    if (!strcmp(what, "sandbox")) {
        return sandbox(self);
    }
    return make(number);
}

int main(int argc, char **argv)
{
    long pairs = run(argv[1], argc > 2 ? atol(argv[2]) : 0, argv[0]);
    if (strcmp(argv[1], "pairs") != 0) {
        printf("%ld\n", pairs);
    }
    return pairs < 0;
}
