#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "find.h"
#include "trace.h"

_Atomic bool sandbox_seen;

/* By what the loader has called a moment ago as well: nothing else is surely permitted. */
void sandbox_look(void)
{
    char text[4096];
    int before = errno;
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) {
        close(file);
    }
    text[length > 0 ? length : 0] = 0;
    const char *mode = strstr(text, "\nSeccomp:\t");
    if (mode != NULL && mode[10] != '0') {
        atomic_store(&sandbox_seen, true);
    }
    errno = before;
}

typedef int prctl_function(int, unsigned long, unsigned long, unsigned long, unsigned long);

/* Programs renounce privileges before they install a filter, or do it by this function; libraries for filters, too. */
EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long first = va_arg(list, unsigned long);
    unsigned long second = va_arg(list, unsigned long);
    unsigned long third = va_arg(list, unsigned long);
    unsigned long fourth = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP) {
        atomic_store(&sandbox_seen, true);
    }
    return ((prctl_function *)find_next("prctl", NULL))(option, first, second, third, fourth);
}
