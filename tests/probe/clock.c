/* Runs a command whose wall clock can be set while it runs: `clock FILE COMMAND...`. Whenever the command or what it starts
 * asks for the time of day, as many seconds are added as FILE holds. No library is preloaded, so static programs are deceived
 * too: the programs are not shown the kernel's own clock in their memory (vDSO), and their system calls are answered here. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *file;

static void fail(const char *what) {
    perror(what);
    exit(99);
}

static long offset(void) {
    long seconds = 0;
    FILE *stream = fopen(file, "r");
    if (stream && fscanf(stream, "%ld", &seconds) != 1) seconds = 0;
    if (stream) fclose(stream);
    return seconds;
}

/* The calls for the time stop the command for its tracer; all others go on. */
static void filter_calls(void) {
    struct sock_filter calls[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_time, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
    };
    struct sock_fprog program = {sizeof calls / sizeof *calls, calls};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) fail("seccomp");
}

static void run(char **command) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) fail("ptrace");
    raise(SIGSTOP);
    filter_calls();
    execvp(*command, command);
    fail(*command);
}

/* Takes the vDSO out of what a new program learns of itself: argc, argv, 0, environment, 0, pairs. */
static void hide_vdso(pid_t pid) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) fail("PTRACE_GETREGS");
    unsigned long place = registers.rsp + 8;
    for (int ends = 0; ends < 2; place += 8) ends += ptrace(PTRACE_PEEKDATA, pid, place, 0) == 0;
    for (long type; (type = ptrace(PTRACE_PEEKDATA, pid, place, 0)) != AT_NULL; place += 16)
        if (type == AT_SYSINFO_EHDR) ptrace(PTRACE_POKEDATA, pid, place, AT_IGNORE);
}

/* Answers a call for the time of day in the kernel's place. */
static void answer(pid_t pid) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) return;
    long call = registers.orig_rax, clock = registers.rdi;
    if (call == SYS_clock_gettime && clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += offset();
    long words[2] = {now.tv_sec, call == SYS_gettimeofday ? now.tv_nsec / 1000 : now.tv_nsec};
    unsigned long place = call == SYS_clock_gettime ? registers.rsi : registers.rdi;
    for (int n = 0; place && n < (call == SYS_time ? 1 : 2); n++) ptrace(PTRACE_POKEDATA, pid, place + 8 * n, words[n]);
    registers.orig_rax = -1;
    registers.rax = call == SYS_time ? now.tv_sec : 0;
    ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

/* Attends to all processes until there is none; how the first ended. */
static int attend(pid_t first) {
    int status, ended = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (pid == first) ended = status;
            continue;
        }
        int event = status >> 16, number = WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC) hide_vdso(pid);
        if (event == PTRACE_EVENT_SECCOMP) answer(pid);
        /* What was just forked begins with a stop of its own. */
        int own = event || number == SIGTRAP || number == SIGSTOP;
        ptrace(PTRACE_CONT, pid, 0, own ? 0 : number);
    }
    return ended;
}

int main(int argc, char **argv) {
    if (argc < 3) return 99;
    file = argv[1];
    pid_t first = fork();
    if (first == 0) run(argv + 2);
    int status;
    if (waitpid(first, &status, 0) < 0) fail("waitpid");
    long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, first, 0, options)) fail("PTRACE_SETOPTIONS");
    ptrace(PTRACE_CONT, first, 0, 0);
    status = attend(first);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}
