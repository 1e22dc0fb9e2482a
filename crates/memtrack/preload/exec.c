/*
 * Says which programs are about to be executed, so that the tracer can tell the user of those that it won't see; and
 * keeps us in reach of those that get another view of the files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wordexp.h>

#include "find.h"
#include "reach.h"
#include "sandbox.h"
#include "trace.h"

extern char **environ;

/* The function behind ours; it is there, as the program would call it without us. */
#define NEXT(function) ((__typeof__(&function))find_next(#function, NULL))

/* What is said of the process; `pid` is known later where others are started. */
static void say(enum kind kind, uint32_t reach, uint64_t since, int32_t pid, const char *path)
{
    int before = errno;
    const uint64_t about[] = {since, (uint32_t)pid};
    trace_say(kind, reach, about, sizeof about, path);
    errno = before;
}

/* A path is told from the root: the folder of this process isn't known to the tracer any more when it reads. */
static const char *from_root(const char *path, char *whole)
{
    int before = errno;
    if (path != NULL && path[0] != '/' && strchr(path, '/') != NULL && !sandbox_is_near()
        && getcwd(whole, MAX_TEXT) != NULL) {
        size_t length = strlen(whole);
        if (length + 1 + strlen(path) < MAX_TEXT) {
            whole[length] = '/';
            strcpy(whole + length + 1, path);
            path = whole;
        }
    }
    errno = before;
    return path;
}

/* No address: the system is to say so (EFAULT). */
static bool is_wild(const void *place)
{
    return (uintptr_t)place < 4096;
}

/* A call that replaces this process, unless it fails. */
#define BECOME(path, environment, call)                                                   \
    do {                                                                                  \
        if (is_wild(path) || (environment != NULL && is_wild(environment))) {             \
            char *const *given = environment;                                             \
            return call;                                                                  \
        }                                                                                 \
        char whole[MAX_TEXT];                                                             \
        struct reach_room room;                                                           \
        enum reach reach;                                                                 \
        char *changed[reach_count(environment) + REACH_MORE];                             \
        int before = errno;                                                               \
        char *const *given = reach_environment(environment, changed, &room, &reach);      \
        errno = before;                                                                   \
        uint64_t since = trace_stamp();                                                   \
        int32_t pid = trace_pid();                                                        \
        say(KIND_EXEC, reach, since, pid, from_root(path, whole));                        \
        int result = call;                                                                \
        say(KIND_FAILED, 0, 0, pid, "");                                                  \
        return result;                                                                    \
    } while (0)

/* A call that starts another process. */
#define START(path, environment, call)                                                    \
    do {                                                                                  \
        char whole[MAX_TEXT];                                                             \
        struct reach_room room;                                                           \
        enum reach reach;                                                                 \
        char *changed[reach_count(environment) + REACH_MORE];                             \
        int before = errno;                                                               \
        char *const *given = reach_environment(environment, changed, &room, &reach);      \
        errno = before;                                                                   \
        uint64_t since = trace_stamp();                                                   \
        pid_t started = 0;                                                                \
        int result = call;                                                                \
        if (result == 0) {                                                                \
            if (pid != NULL) {                                                            \
                *pid = started;                                                           \
            }                                                                             \
            say(KIND_EXEC, reach, since, started, from_root(path, whole));                \
        }                                                                                 \
        return result;                                                                    \
    } while (0)

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    BECOME(path, environment, NEXT(execve)(path, arguments, given));
}

EXPORT int execv(const char *path, char *const arguments[])
{
    BECOME(path, environ, NEXT(execve)(path, arguments, given));
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
    BECOME(file, environment, NEXT(execvpe)(file, arguments, given));
}

EXPORT int execvp(const char *file, char *const arguments[])
{
    BECOME(file, environ, NEXT(execvpe)(file, arguments, given));
}

/* The file that a descriptor means. */
static const char *path_of(int file, char *into)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = sandbox_is_near() ? -1 : readlink(link, into, MAX_TEXT - 1);
    into[length > 0 ? length : 0] = 0;
    return length > 0 ? into : "a file without a name";
}

EXPORT int fexecve(int file, char *const arguments[], char *const environment[])
{
    char name[MAX_TEXT];
    BECOME(path_of(file, name), environment, NEXT(fexecve)(file, arguments, given));
}

EXPORT int execveat(int folder, const char *path, char *const arguments[], char *const environment[], int flags)
{
    typedef int function(int, const char *, char *const[], char *const[], int);
    char name[MAX_TEXT];
    const char *shown = path[0] == 0 ? path_of(folder, name) : path;
    BECOME(shown, environment, ((function *)find_next("execveat", NULL))(folder, path, arguments, given, flags));
}

static size_t count_arguments(va_list list)
{
    size_t count = 1;
    while (va_arg(list, char *) != NULL) {
        count++;
    }
    return count;
}

/* The arguments of a call, which begin with `first`, as an array. */
#define COLLECT(first, into)                                                              \
    va_list list;                                                                         \
    va_start(list, first);                                                                \
    size_t number = count_arguments(list);                                                \
    va_end(list);                                                                         \
    char *into[number + 1];                                                               \
    va_start(list, first);                                                                \
    into[0] = (char *)(first);                                                            \
    for (size_t at = 1; at <= number; at++) {                                             \
        into[at] = va_arg(list, char *);                                                  \
    }

EXPORT int execl(const char *path, const char *first, ...)
{
    COLLECT(first, arguments);
    va_end(list);
    return execv(path, arguments);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
    COLLECT(first, arguments);
    va_end(list);
    return execvp(file, arguments);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    COLLECT(first, arguments);
    char *const *environment = va_arg(list, char *const *);
    va_end(list);
    return execve(path, arguments, environment);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
    START(path, environment, NEXT(posix_spawn)(&started, path, actions, attributes, arguments, given));
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
    START(file, environment, NEXT(posix_spawnp)(&started, file, actions, attributes, arguments, given));
}

/* An environment for good: `environ` leads to it, and other threads may read it at any time, so it is never unmapped. */
struct adopted {
    struct reach_room room;
    char *list[];
};

/*
 * The C library starts shells with the environment of this process, so that is changed itself where the files have moved
 * away from its paths. Says so if the shell won't find us.
 */
static void prepare_shell(void)
{
    int before = errno;
    /* Another thread may put another list in its place meanwhile. */
    char **now = environ;
    enum reach reach = reach_of(now);
    size_t bytes = sizeof(struct adopted) + (reach_count(now) + REACH_MORE) * sizeof(char *);
    struct adopted *adopted = MAP_FAILED;
    if (reach_has_moved(now)) {
        adopted = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    if (adopted != MAP_FAILED) {
        char **given = (char **)reach_environment(now, adopted->list, &adopted->room, &reach);
        bool is_changed = adopted->room.library[0] != 0 || adopted->room.segment[0] != 0;
        if (given == adopted->list && is_changed && reach == REACH_ALL) {
            environ = given;
        } else {
            munmap(adopted, bytes);
        }
    }
    if (reach != REACH_ALL) {
        say(KIND_EXEC, reach, trace_stamp(), 0, "/bin/sh");
    }
    errno = before;
}

EXPORT int system(const char *line)
{
    if (line != NULL) {
        prepare_shell();
    }
    return NEXT(system)(line);
}

EXPORT FILE *popen(const char *line, const char *mode)
{
    prepare_shell();
    return NEXT(popen)(line, mode);
}

/* Only a text with a command in it starts a shell. */
EXPORT int wordexp(const char *text, wordexp_t *words, int flags)
{
    if (!(flags & WRDE_NOCMD) && (strstr(text, "$(") != NULL || strchr(text, '`') != NULL)) {
        prepare_shell();
    }
    return NEXT(wordexp)(text, words, flags);
}
