/* The service that every peer runs, and the one-shot command: static, so that it starts alike in every image.
 *
 *   bench-service NAME       report "up NAME NANOSECONDS PID" as the first thing done, then wait; TERM: report "down …", exit 0;
 *                            USR1: make orphans, as many as the file /bench/orphans says, then report "orphans …"
 *   bench-service NAME FD    the same, and write a line break to that descriptor right after: it is ready
 *   bench-service --await N  exit 0 once N services have reported: a command that needs its services
 *   bench-service --time N PROGRAM ARGUMENT…  await the first service and then PROGRAM's success, run it N times more, and report
 *                            "took PROGRAM NANOSECONDS" for each: from before the spawn to the end
 *
 * The report goes to the FIFO /bench/report, which the harness always holds open. Times are CLOCK_MONOTONIC. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPORT "/bench/report"
#define MARKS "/bench/marks"
#define ORPHANS "/bench/orphans"

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* One write(2) shorter than PIPE_BUF: lines of 50 services never mix. */
static void report(const char *word, const char *name, long long when)
{
    char line[128];
    int length = snprintf(line, sizeof line, "%s %s %lld %d\n", word, name, when, (int)getpid());
    int fd = open(REPORT, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, line, length) != length)
        _exit(111);
    close(fd);
}

/* The file of marks grows by a byte for each service that is up. */
static void mark(void)
{
    int fd = open(MARKS, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) {
        if (write(fd, "x", 1) != 1)
            _exit(111);
        close(fd);
    }
}

static int await_marks(long long count)
{
    struct timespec pause = {0, 200000};
    struct stat status;
    while (stat(MARKS, &status) != 0 || status.st_size < count)
        nanosleep(&pause, NULL);
    return 0;
}

/* How long a program takes; its exit status goes to *status. */
static long long run(char **words, int *status)
{
    extern char **environ;
    pid_t child;
    long long started = now();
    if (posix_spawn(&child, words[0], NULL, NULL, words, environ) != 0 || waitpid(child, status, 0) != child)
        _exit(111);
    return now() - started;
}

static int time_program(long count, char **words)
{
    struct timespec pause = {0, 10000000};
    int status = 1;
    await_marks(1);
    while (run(words, &status), status != 0)
        nanosleep(&pause, NULL);
    while (count-- > 0)
        report("took", words[0], run(words, &status));
    return 0;
}

/* Each orphan is the child of a child that has gone: the kernel gives it to PID 1 (or to a subreaper), dead or soon so. */
static void make_orphans(void)
{
    char text[32] = "";
    int fd = open(ORPHANS, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        _exit(111);
    close(fd);
    for (long count = atol(text); count > 0; count--) {
        pid_t child = fork();
        if (child == 0) {
            if (fork() < 0)
                _exit(1);
            _exit(0);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child)
            _exit(111);
    }
}

int main(int count, char **words)
{
    long long started = now();
    if (count == 3 && strcmp(words[1], "--await") == 0)
        return await_marks(atoll(words[2]));
    if (count > 3 && strcmp(words[1], "--time") == 0)
        return time_program(atol(words[2]), words + 3);
    if (count != 2 && count != 3)
        return 2;
    sigset_t wanted;
    int number;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGUSR1);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    report("up", words[1], started);
    if (count == 3) {
        long long ready = now();
        if (write(atoi(words[2]), "\n", 1) != 1)
            _exit(111);
        report("ready", words[1], ready);
    }
    mark();
    while (sigwait(&wanted, &number) == 0) {
        if (number == SIGTERM)
            break;
        make_orphans();
        report("orphans", words[1], now());
    }
    report("down", words[1], now());
    return 0;
}
