/*
 * ways WAY: makes 100 pairs of 500 bytes in an unusual way, or where there is little of something. Exits with 3.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern void *__libc_malloc(size_t);
extern void __libc_free(void *);

static char *self[] = {"ways", "pairs", NULL};
static char *nothing[] = {NULL};

static void pairs_by(void *(*allocate)(size_t), void (*give_back)(void *))
{
    for (int at = 0; at < 100; at++) {
        void *volatile block = allocate(500);
        give_back(block);
    }
}

static void *thread(void *unused)
{
    pairs_by(malloc, free);
    return unused;
}

/* Most of the permitted memory is asked for as well. */
static int with_memory(size_t megabytes)
{
    pairs_by(malloc, free);
    void *volatile block = malloc(megabytes << 20);
    int result = block == NULL ? 9 : 3;
    free(block);
    return result;
}

static int limited(int how)
{
    struct rlimit limit = {100 << 20, 100 << 20};
    if (how == 0) {
        setrlimit(RLIMIT_AS, &limit);
    } else if (how == 1) {
        prlimit(getpid(), RLIMIT_AS, &limit, NULL);
    } else {
        syscall(SYS_prlimit64, 0, RLIMIT_AS, &limit, NULL);
    }
    pthread_t other;
    if (how == 2) {
        return pthread_create(&other, NULL, thread, NULL) != 0 || pthread_join(other, NULL) != 0 ? 8 : 3;
    }
    return with_memory(80);
}

static int versioned(void *handle)
{
    void *(*allocate)(size_t) = dlvsym(handle, "malloc", "GLIBC_2.2.5");
    void (*give_back)(void *) = dlvsym(handle, "free", "GLIBC_2.2.5");
    if (allocate == NULL || give_back == NULL) {
        return 7;
    }
    pairs_by(allocate, give_back);
    return 3;
}

static int in_library(void)
{
    void *library = dlopen("libc.so.6", RTLD_NOW);
    void *(*allocate)(size_t) = dlsym(library, "malloc");
    void (*give_back)(void *) = dlsym(library, "free");
    pairs_by(allocate, give_back);
    return 3;
}

static int strict(int raw)
{
    free(malloc(500));
    if (raw) {
        syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    } else {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    }
    pairs_by(malloc, free);
    syscall(SYS_exit, 3);
    return 6;
}

static int copy_without_variables(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        environ = nothing;
        execvp(path, self);
        _exit(5);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "pairs";
#define WAY(name, result)          \
    if (strcmp(way, name) == 0) {  \
        return result;             \
    }
    WAY("pairs", (pairs_by(malloc, free), 3))
    WAY("libc", (pairs_by(__libc_malloc, __libc_free), 3))
    WAY("memory", with_memory((size_t)atol(argv[2])))
    WAY("setrlimit", limited(0))
    WAY("prlimit", limited(1))
    WAY("raw prlimit", limited(2))
    WAY("dlvsym next", versioned(RTLD_NEXT))
    WAY("dlvsym default", versioned(RTLD_DEFAULT))
    WAY("dlvsym libc", versioned(dlopen("libc.so.6", RTLD_NOW)))
    WAY("dlsym libc", in_library())
    WAY("raw execve", (int)syscall(SYS_execve, argv[0], self, environ))
    WAY("raw execve without", (int)syscall(SYS_execve, argv[0], self, nothing))
    WAY("copy without", copy_without_variables(argv[0]))
    WAY("wild", execve((char *)1, self, environ) == -1 && errno == EFAULT ? (pairs_by(malloc, free), 3) : 4)
    WAY("strict", strict(0))
    WAY("raw strict", strict(1))
    return 1;
}
