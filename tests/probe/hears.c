// Programs that hear a signal in different ways, or do not: hears WAY SIGNAL FILE.
// One that hears it works on for a moment, writes "saved" into FILE and exits with 7.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static const char *file;
static sigset_t set;
static volatile sig_atomic_t heard;

static void rest(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void save(void) {
    rest(300);
    FILE *out = fopen(file, "w");
    if (out == NULL || fputs("saved\n", out) < 0 || fclose(out) != 0) exit(9);
    exit(7);
}

static void hear(int number) { heard = number; }

// The signal comes through only while it is waited for: none is missed.
static void handle(int number) {
    struct sigaction handler = {.sa_handler = hear};
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(number, &handler, NULL);
}

static void *wait_for_it(void *unused) {
    int number;
    (void)unused;
    if (sigwait(&set, &number) == 0) save();
    exit(8);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const char *way = argv[1];
    int number = atoi(argv[2]);
    file = argv[3];
    sigset_t none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, number);
    int waits = strncmp(way, "sig", 3) == 0 || strcmp(way, "thread") == 0;
    if (waits) sigprocmask(SIG_BLOCK, &set, NULL);
    if (strcmp(way, "handler") == 0) handle(number);
    if (strcmp(way, "ignores") == 0) signal(number, SIG_IGN);
    puts("up");
    fflush(stdout);
    if (strcmp(way, "late") == 0) {
        rest(1000);
        handle(number);
    }
    // Awake until there is a handler, as a program that starts.
    if (strcmp(way, "loads") == 0) {
        for (int step = 0; step < 300; step++) rest(10);
        handle(number);
    }
    if (strcmp(way, "loads") == 0 || strcmp(way, "handler") == 0 || strcmp(way, "late") == 0) {
        while (!heard) ppoll(NULL, 0, NULL, &none);
        save();
    }
    if (strcmp(way, "sigwait") == 0) wait_for_it(NULL);
    if (strcmp(way, "sigtimedwait") == 0) {
        struct timespec minute = {60, 0};
        while (sigtimedwait(&set, NULL, &minute) != number) {
        }
        save();
    }
    if (strcmp(way, "signalfd") == 0) {
        struct pollfd at = {signalfd(-1, &set, 0), POLLIN, 0};
        if (poll(&at, 1, -1) == 1) save();
    }
    if (strcmp(way, "thread") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, wait_for_it, NULL);
        pthread_join(thread, NULL);
    }
    // No handler, but at work: what it does within the grace counts.
    if (strcmp(way, "works") == 0) {
        for (int step = 0; step < 20; step++) rest(150);
        save();
    }
    // No handler, or one that does nothing.
    for (;;) pause();
}
