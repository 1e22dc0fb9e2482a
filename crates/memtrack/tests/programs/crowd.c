/*
 * crowd <what> [number]: many threads or processes, and the number of pairs that they made.
 *   threads N     N threads one after the other, 10 pairs each
 *   together N    N threads at once, 10 000 pairs each
 *   mixed N       16 threads at once, N pairs each, and after each tenth of them a child that makes 10 pairs, by fork or
 *                 by posix_spawn in turn
 *   pass N        one thread allocates what the other frees, N times
 *   forks N       N children that make 10 pairs and end without cleaning up
 *   execs N       N children that become this program with `pairs 10`
 *   spawns N      the same with posix_spawn
 *   daemon        a grandchild that outlives its parent makes 1000 pairs
 *   inherit       a child frees what its parent has allocated
 *   raw           a child made behind the back of the C library makes 1000 pairs
 *   killed        a child is killed while its threads allocate
 *   exits N       N threads end by pthread_exit, or are cancelled, while another allocates
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

extern char **environ;

static char *program;

static void make(long pairs)
{
    for (long done = 0; done < pairs; done++) {
        void *volatile block = malloc(500 + done % 7);
        free(block);
    }
}

static void *work(void *argument)
{
    make((long)argument);
    return NULL;
}

enum { MIXED_THREADS = 16, MIXED_CHILDREN = 10 };

/* `pairs` pairs in all, and children between them. */
static void *mix(void *argument)
{
    long pairs = (long)argument;
    char *arguments[] = {program, "pairs", "10", NULL};
    for (long child = 0; child < MIXED_CHILDREN; child++) {
        pid_t pid = 0;
        make(pairs / MIXED_CHILDREN);
        if (child % 2 == 0) {
            pid = fork();
        } else if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0) {
            abort();
        }
        if (pid == 0) {
            make(10);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    return NULL;
}

static void *volatile passed;
static sem_t full, empty;
static long passes;

static void *consume(void *unused)
{
    for (long done = 0; done < passes; done++) {
        sem_wait(&full);
        free(passed);
        sem_post(&empty);
    }
    return unused;
}

static void *leave(void *argument)
{
    make(10);
    if ((long)argument % 2 == 0) {
        pthread_exit(NULL);
    }
    for (;;) {
        pause();
    }
}

static volatile int stop;

static void *go_on(void *made)
{
    while (!stop) {
        make(1);
        ++*(long *)made;
    }
    return NULL;
}

static long run(const char *what, long number)
{
    pthread_t threads[64];
    if (!strcmp(what, "pairs")) {
        make(number);
        return number;
    }
    if (!strcmp(what, "threads")) {
        for (long done = 0; done < number; done++) {
            pthread_create(&threads[0], NULL, work, (void *)10);
            pthread_join(threads[0], NULL);
        }
        return number * 10;
    }
    if (!strcmp(what, "together")) {
        for (long at = 0; at < number; at++) {
            pthread_create(&threads[at], NULL, work, (void *)10000);
        }
        for (long at = 0; at < number; at++) {
            pthread_join(threads[at], NULL);
        }
        return number * 10000;
    }
    if (!strcmp(what, "mixed")) {
        for (long at = 0; at < MIXED_THREADS; at++) {
            pthread_create(&threads[at], NULL, mix, (void *)number);
        }
        for (long at = 0; at < MIXED_THREADS; at++) {
            pthread_join(threads[at], NULL);
        }
        return MIXED_THREADS * MIXED_CHILDREN * (number / MIXED_CHILDREN + 10);
    }
    if (!strcmp(what, "pass")) {
        passes = number;
        sem_init(&full, 0, 0);
        sem_init(&empty, 0, 1);
        pthread_create(&threads[0], NULL, consume, NULL);
        for (long done = 0; done < number; done++) {
            sem_wait(&empty);
            passed = malloc(500);
            sem_post(&full);
        }
        pthread_join(threads[0], NULL);
        return number;
    }
    if (!strcmp(what, "forks") || !strcmp(what, "execs") || !strcmp(what, "spawns")) {
        char *arguments[] = {program, "pairs", "10", NULL};
        for (long done = 0; done < number; done++) {
            pid_t child = 0;
            if (!strcmp(what, "spawns")) {
                posix_spawn(&child, program, NULL, NULL, arguments, environ);
            } else {
                child = !strcmp(what, "execs") ? vfork() : fork();
                if (child == 0 && !strcmp(what, "execs")) {
                    execv(program, arguments);
                    _exit(1);
                }
            }
            if (child == 0) {
                make(10);
                _exit(0);
            }
            waitpid(child, NULL, 0);
        }
        return number * 10;
    }
    if (!strcmp(what, "daemon")) {
        if (fork() == 0) {
            setsid();
            if (fork() == 0) {
                make(1000);
                /* Standard output is still open: the test waits for it. */
                _exit(0);
            }
            _exit(0);
        }
        wait(NULL);
        return 1000;
    }
    if (!strcmp(what, "inherit")) {
        void *block = malloc(501);
        if (fork() == 0) {
            free(block);
            make(1);
            _exit(0);
        }
        wait(NULL);
        free(block);
        return 2;
    }
    if (!strcmp(what, "raw")) {
        if (syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) == 0) {
            make(1000);
            _exit(0);
        }
        make(1000);
        wait(NULL);
        return 2000;
    }
    if (!strcmp(what, "killed")) {
        pid_t child = fork();
        if (child == 0) {
            static volatile long counts[8];
            for (long at = 0; at < 8; at++) {
                pthread_create(&threads[at], NULL, go_on, (void *)&counts[at]);
            }
            for (long at = 0; at < 8; at++) {
                while (counts[at] < 100) {
                    usleep(100);
                }
            }
            kill(getpid(), SIGKILL);
        }
        waitpid(child, NULL, 0);
        return 0;
    }
    if (!strcmp(what, "exits")) {
        long made = 0;
        pthread_create(&threads[1], NULL, go_on, &made);
        for (long done = 0; done < number; done++) {
            pthread_create(&threads[0], NULL, leave, (void *)done);
            if (done % 2 != 0) {
                pthread_cancel(threads[0]);
            }
            pthread_join(threads[0], NULL);
        }
        stop = 1;
        pthread_join(threads[1], NULL);
        return made + number * 10;
    }
    return -1;
}

int main(int argc, char **argv)
{
    long number = argc > 2 ? atol(argv[2]) : 0;
    program = argv[0];
    long pairs = argc > 1 ? run(argv[1], number) : -1;
    if (argc > 1 && strcmp(argv[1], "pairs") != 0) {
        printf("%ld\n", pairs);
    }
    return pairs < 0;
}
