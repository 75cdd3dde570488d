/* The service that every peer runs, and the one-shot command: static, so that it starts alike in every image.
 *
 *   bench-service NAME       report "up NAME NANOSECONDS PID" as the first thing done, then wait; TERM: report "down …", exit 0;
 *                            USR1: make orphans, as many as the file /bench/orphans says, then report "orphans …"
 *   bench-service NAME FD    the same, and write a line break to that descriptor right after: it is ready
 *   bench-service NAME --log COUNT MICROSECONDS  the same, but USR1: write COUNT lines of 100 bytes with the mark "@NANOSECONDS ", one
 *                            every so many microseconds; with 0 as fast as it can, 40 lines a write. COUNT 0: at once and for ever
 *   bench-service --await N  exit 0 once N services have reported: a command that needs its services
 *   bench-service --time N PROGRAM ARGUMENT…  await the first service and then PROGRAM's success, run it N times more, and report
 *                            "took PROGRAM NANOSECONDS" for each: from before the spawn to the end
 *   bench-service --reap N SERVICES  await that many services, then make N orphans, one every 10 ms, and report
 *                            "took orphan NANOSECONDS" for each: from its last statement until its pid is gone; then wait
 *
 * The report goes to the FIFO /bench/report, which the harness always holds open. Times are CLOCK_MONOTONIC. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPORT "/bench/report"
#define MARKS "/bench/marks"
#define ORPHANS "/bench/orphans"
#define LINE 100
#define LINES 40 /* of one write: a little less than PIPE_BUF */

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

/* Each orphan waits until it is PID 1's before it ends. Its end is looked for every 20 microseconds, so a value is a little long. */
static int time_reaping(long count, long long services)
{
    struct timespec between = {0, 10000000}, look = {0, 20000}, settle = {0, 200000000};
    struct { volatile pid_t pid; volatile long long died; } *orphan =
        mmap(NULL, sizeof *orphan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (orphan == MAP_FAILED)
        return 111;
    await_marks(services);
    for (nanosleep(&settle, NULL); count > 0; count--) {
        orphan->died = 0;
        pid_t child = fork();
        if (child == 0) {
            if (fork() == 0) {
                while (getppid() != 1)
                    nanosleep(&look, NULL);
                orphan->pid = getpid();
                orphan->died = now();
            }
            _exit(0);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child)
            return 111;
        while (orphan->died == 0 || kill(orphan->pid, 0) == 0 || errno != ESRCH)
            nanosleep(&look, NULL);
        report("took", "orphan", now() - orphan->died);
        nanosleep(&between, NULL);
    }
    for (;;)
        pause();
}

/* Lines are whole in each write; the mark is the time of the write. A COUNT below 0 never gets to 0. */
static void write_lines(long long count, long microseconds)
{
    static char block[LINE * LINES];
    struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
    memset(block, '.', sizeof block);
    while (count != 0) {
        int lines = microseconds > 0 ? 1 : count > 0 && count < LINES ? (int)count : LINES;
        char mark[32];
        int length = snprintf(mark, sizeof mark, "@%lld ", now());
        for (int line = 0; line < lines; line++) {
            memcpy(block + line * LINE, mark, length);
            block[(line + 1) * LINE - 1] = '\n';
        }
        for (int done = 0, wrote; done < lines * LINE; done += wrote)
            if ((wrote = write(1, block + done, lines * LINE - done)) < 0)
                _exit(111);
        count -= lines;
        if (microseconds > 0)
            nanosleep(&pause, NULL);
    }
}

int main(int count, char **words)
{
    long long started = now();
    if (count == 3 && strcmp(words[1], "--await") == 0)
        return await_marks(atoll(words[2]));
    if (count > 3 && strcmp(words[1], "--time") == 0)
        return time_program(atol(words[2]), words + 3);
    if (count == 4 && strcmp(words[1], "--reap") == 0)
        return time_reaping(atol(words[2]), atoll(words[3]));
    int logs = count == 5 && strcmp(words[2], "--log") == 0;
    if (count != 2 && count != 3 && !logs)
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
    if (logs && atoll(words[3]) == 0)
        write_lines(-1, 0);
    while (sigwait(&wanted, &number) == 0) {
        if (number == SIGTERM)
            break;
        if (logs) {
            write_lines(atoll(words[3]), atol(words[4]));
            continue;
        }
        make_orphans();
        report("orphans", words[1], now());
    }
    report("down", words[1], now());
    return 0;
}
