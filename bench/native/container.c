/* One container without an engine: namespaces, a fresh overlay over the peer's unpacked image, then the exec of the init.
 *
 *   bench-container ROOT TOP WORK ARGUMENT…
 *
 * ROOT is the unpacked image, TOP a directory laid over it (the services), WORK a scratch directory of this run with bench/ in it,
 * which becomes /bench inside and holds the FIFO report. The environment is handed on as it is. The init gets /dev/null as stdin
 * and writes its output to WORK/output.
 *
 * Speaks lines with the harness. Out: "started NS PID" (PID as seen outside), every line of the FIFO, "killed NS", "exited NS CODE"
 * (128 + n after signal n), or "failed WHERE WHY". In: "kill NUMBER [PID]" (without PID the init). End of file: SIGKILL for the init.
 * NS are nanoseconds of CLOCK_MONOTONIC; "started" was read by the init's own process in its last statement before execve. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *where)
{
    printf("failed %s %s\n", where, strerror(errno));
    fflush(stdout);
    _exit(1);
}

static char *text(const char *format, ...)
{
    char *made;
    va_list rest;
    va_start(rest, format);
    if (vasprintf(&made, format, rest) < 0)
        die("memory");
    va_end(rest);
    return made;
}

static void mount_or_die(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
    mkdir(target, 0755);
    if (mount(source, target, type, flags, data) != 0)
        die(target);
}

static void make_device(const char *root, const char *name, int major_number, int minor_number)
{
    char *path = text("%s/dev/%s", root, name);
    if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) != 0 || chmod(path, 0666) != 0)
        die(path);
}

static void link_device(const char *root, const char *name, const char *target)
{
    if (symlink(target, text("%s/dev/%s", root, name)) != 0)
        die(name);
}

/* What an engine gives a container: a writable layer of its own, /dev, /run and /tmp, as far as an init looks at them. */
static char *furnish(const char *image, const char *top, const char *work)
{
    char *root = text("%s/root", work), *layer = text("%s/layer", work);
    char *upper = text("%s/upper", layer), *scratch = text("%s/scratch", layer);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        die("private mounts");
    mount_or_die("bench", layer, "tmpfs", 0, "mode=755");
    mkdir(upper, 0755);
    mkdir(scratch, 0755);
    mount_or_die("bench", root, "overlay", 0, text("lowerdir=%s:%s,upperdir=%s,workdir=%s", top, image, upper, scratch));
    mount_or_die(text("%s/bench", work), text("%s/bench", root), NULL, MS_BIND, NULL);
    mount_or_die("bench", text("%s/dev", root), "tmpfs", MS_NOSUID, "mode=755");
    mount_or_die("bench", text("%s/run", root), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
    mount_or_die("bench", text("%s/tmp", root), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    make_device(root, "null", 1, 3);
    make_device(root, "zero", 1, 5);
    make_device(root, "full", 1, 7);
    make_device(root, "random", 1, 8);
    make_device(root, "urandom", 1, 9);
    make_device(root, "tty", 5, 0);
    link_device(root, "fd", "/proc/self/fd");
    link_device(root, "stdin", "/proc/self/fd/0");
    link_device(root, "stdout", "/proc/self/fd/1");
    link_device(root, "stderr", "/proc/self/fd/2");
    mkdir(text("%s/proc", root), 0755);
    return root;
}

/* In the child, PID 1 of the new namespace; does not return. */
static void become_init(const char *root, const char *work, char **arguments, long long *started, int go, int failed)
{
    char byte;
    sigset_t none;
    int output = open(text("%s/output", work), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    setsid();
    if (mount("proc", text("%s/proc", root), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 || output < 0 ||
        chroot(root) != 0 || chdir("/") != 0)
        goto out;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        goto out;
    umask(022);
    if (null > 2)
        close(null);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (read(go, &byte, 1) != 1)
        _exit(1);
    *started = now();
    execve(arguments[0], arguments, environ);
out:
    if (write(failed, &errno, sizeof errno) < 0)
        _exit(2);
    _exit(1);
}

static void obey(char *line, pid_t init)
{
    int number = 0, pid = init;
    if (sscanf(line, "kill %d %d", &number, &pid) < 1) {
        errno = EINVAL;
        die(line);
    }
    long long when = now();
    kill(pid, number);
    printf("killed %lld\n", when);
}

/* Hands on what the services report; 0 when there is nothing left. */
static int pass_on(int report)
{
    char block[65536];
    ssize_t length = read(report, block, sizeof block);
    if (length > 0)
        fwrite(block, 1, length, stdout);
    return length > 0;
}

static void serve(pid_t init, int report, int watch)
{
    char commands[256];
    struct pollfd waiting[3] = {{watch, POLLIN, 0}, {report, POLLIN, 0}, {0, POLLIN, 0}};
    for (;;) {
        if (poll(waiting, 3, -1) < 0)
            continue;
        if (waiting[0].revents) {
            int status = 0;
            waitpid(init, &status, 0);
            long long when = now();
            while (pass_on(report))
                continue;
            printf("exited %lld %d\n", when, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
            fflush(stdout);
            return;
        }
        if (waiting[1].revents)
            pass_on(report);
        if (waiting[2].revents) {
            ssize_t length = read(0, commands, sizeof commands - 1);
            if (length <= 0) {
                kill(init, SIGKILL);
                waiting[2].fd = -1;
                continue;
            }
            commands[length] = 0;
            for (char *line = strtok(commands, "\n"); line != NULL; line = strtok(NULL, "\n"))
                obey(line, init);
        }
        fflush(stdout);
    }
}

int main(int count, char **words)
{
    int go[2], failed[2], reason;
    if (count < 5)
        return 2;
    /* A harness that is killed leaves no container behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    long long *started = mmap(NULL, sizeof *started, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) != 0)
        die("namespaces (root is needed)");
    char *root = furnish(words[1], words[2], words[3]);
    int report = open(text("%s/bench/report", words[3]), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (started == MAP_FAILED || report < 0 || pipe2(go, O_CLOEXEC) != 0 || pipe2(failed, O_CLOEXEC) != 0)
        die("set-up");
    pid_t init = fork();
    if (init == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        become_init(root, words[3], words + 4, started, go[0], failed[1]);
    }
    close(failed[1]);
    int watch = syscall(SYS_pidfd_open, init, 0);
    if (init < 0 || watch < 0 || write(go[1], "x", 1) != 1)
        die("start");
    if (read(failed[0], &reason, sizeof reason) == sizeof reason) {
        errno = reason;
        die(words[4]);
    }
    printf("started %lld %d\n", *started, (int)init);
    fflush(stdout);
    serve(init, report, watch);
    return 0;
}
