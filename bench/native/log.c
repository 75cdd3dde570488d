/* The other end of a log: reads the lines that bench-service --log wrote and says when they came.
 *
 *   bench-log each PATH COUNT  how long each of COUNT lines took: "read FIRST LAST NANOSECONDS…" (one number a line)
 *   bench-log all PATH COUNT   when the first of them was written and the last one came: "read FIRST LAST"
 *   bench-log drain PATH       read for ever
 *
 * PATH is a FIFO, the container's output, or the file that a logger writes; that one is waited for, and then followed by inotify(7).
 * Says "ready" when it is at the end of it. A line counts when it has the mark "@NANOSECONDS " (CLOCK_MONOTONIC) in it, whatever a
 * logger puts around it. Its time is that of the read(2) that brought its end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536
#define LONGEST 8192

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pause_for(long nanoseconds)
{
    struct timespec pause = {0, nanoseconds};
    nanosleep(&pause, NULL);
}

static int open_log(const char *path)
{
    int fd;
    while ((fd = open(path, O_RDONLY)) < 0)
        pause_for(1000000);
    return fd;
}

/* A file has an end where a FIFO waits: there the next change is waited for. Where only the end counts, a look each millisecond
 * is enough, and leaves the processor to the logger. */
static void await_change(int notify, int hurry)
{
    char events[4096];
    if (notify < 0 || read(notify, events, sizeof events) <= 0)
        exit(1);
    if (!hurry)
        pause_for(1000000);
}

int main(int count, char **words)
{
    static char buffer[BLOCK + LONGEST];
    size_t held = 0;
    long long first = 0, last = 0, *delays = NULL;
    if (count < 3)
        return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int each = strcmp(words[1], "each") == 0;
    long wanted = count > 3 ? atol(words[3]) : 0, found = 0;
    if (each && (delays = calloc(wanted, sizeof *delays)) == NULL)
        return 1;
    int fd = open_log(words[2]), notify = -1;
    struct stat status;
    if (fstat(fd, &status) != 0)
        return 1;
    if (S_ISREG(status.st_mode)) {
        notify = inotify_init1(IN_CLOEXEC);
        if (notify < 0 || inotify_add_watch(notify, words[2], IN_MODIFY) < 0)
            return 1;
    }
    printf("ready\n");
    fflush(stdout);
    while (wanted == 0 || found < wanted) {
        ssize_t length = read(fd, buffer + held, BLOCK);
        if (length < 0)
            return 1;
        if (length == 0) {
            await_change(notify, each);
            continue;
        }
        long long came = now();
        char *line = buffer, *end = buffer + held + length, *stop;
        if (wanted == 0)
            continue;
        while ((stop = memchr(line, '\n', end - line)) != NULL) {
            char *mark = memchr(line, '@', stop - line);
            if (mark != NULL && found < wanted) {
                long long written = strtoll(mark + 1, NULL, 10);
                if (found == 0)
                    first = written;
                if (each)
                    delays[found] = came - written;
                found++;
                last = came;
            }
            line = stop + 1;
        }
        held = end - line;
        if (held > LONGEST)
            return 1;
        memmove(buffer, line, held);
    }
    printf("read %lld %lld", first, last);
    for (long index = 0; each && index < found; index++)
        printf(" %lld", delays[index]);
    printf("\n");
    return 0;
}
