/*
 * Says which programs are about to be executed, so that the tracer can tell the user of those that it won't see.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "find.h"
#include "sandbox.h"
#include "trace.h"

extern char **environ;

/* Whether a program with this environment finds us, and the segment. */
static bool is_ours(char *const *environment)
{
    bool library = false;
    bool memory = false;
    for (; environment != NULL && *environment != NULL; environment++) {
        library |= strncmp(*environment, "LD_PRELOAD=", 11) == 0
                   && strstr(*environment, "libcodspeed_memtrack_preload.so") != NULL;
        memory |= strncmp(*environment, "CODSPEED_MEMTRACK_SEGMENT=", 26) == 0;
    }
    return library && memory;
}

/* A path is told from the root: the folder of this process isn't known to the tracer any more when it reads. */
static void say(const char *path, char *const *environment)
{
    int before = errno;
    char whole[MAX_TEXT];
    if (path != NULL && path[0] != '/' && strchr(path, '/') != NULL && !sandbox_is_near()
        && getcwd(whole, sizeof whole) != NULL) {
        size_t length = strlen(whole);
        if (length + 1 + strlen(path) < sizeof whole) {
            whole[length] = '/';
            strcpy(whole + length + 1, path);
            path = whole;
        }
    }
    trace_say(KIND_EXEC, is_ours(environment), path);
    errno = before;
}

/* The function behind ours; it is there, as the program would call it without us. */
#define NEXT(function) ((__typeof__(&function))find_next(#function, NULL))

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    say(path, environment);
    return NEXT(execve)(path, arguments, environment);
}

EXPORT int execv(const char *path, char *const arguments[])
{
    say(path, environ);
    return NEXT(execv)(path, arguments);
}

EXPORT int execvp(const char *file, char *const arguments[])
{
    say(file, environ);
    return NEXT(execvp)(file, arguments);
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
    say(file, environment);
    return NEXT(execvpe)(file, arguments, environment);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
    say(path, environment);
    return NEXT(posix_spawn)(pid, path, actions, attributes, arguments, environment);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
    say(file, environment);
    return NEXT(posix_spawnp)(pid, file, actions, attributes, arguments, environment);
}
