/* Functions of the C library that allocate inside; each gives back what it took. */
#define _GNU_SOURCE
#include <dirent.h>
#include <netdb.h>
#include <regex.h>
#include <string.h>

#include "mark.h"

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    regex_t pattern;
    struct addrinfo *address = NULL;
    mark(MARK_BEGIN);
    free(strdup("text"));
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL || getline(&line, &room, file) < 0) {
        return 1;
    }
    free(line);
    fclose(file);
    DIR *folder = opendir("/");
    if (folder == NULL || readdir(folder) == NULL) {
        return 2;
    }
    closedir(folder);
    if (regcomp(&pattern, "a(b|c)*[d-f]+$", REG_EXTENDED) != 0) {
        return 3;
    }
    regfree(&pattern);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    if (getaddrinfo("127.0.0.1", NULL, &hints, &address) != 0) {
        return 4;
    }
    freeaddrinfo(address);
    mark(MARK_END);
    return 0;
}
