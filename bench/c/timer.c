/*
 * Starts programs and measures them, for the rows of the benchmark: a program
 * of a few pages, so that what is measured is the program and not who starts it
 * (a spawn from Node costs milliseconds of its own).
 *
 * Reads requests from standard input: a line "JOBS COUNT", then COUNT commands,
 * each a line "ARGC" and ARGC arguments that end in NUL. Runs the commands in
 * order, JOBS of them at a time, with /dev/null as standard input and output and
 * this program's standard error. Answers with a line of
 *   WALL
 * and then for each command " NS,STATUS,KB": nanoseconds from before the clone
 * to after the wait, the wait status, and the peak resident memory of it and of
 * the children that it reaped (getrusage(2)).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct command {
  char** argv;
  pid_t pid;
  long long start;
  long long time;
  int status;
  long peak;
};

static void fail(const char* what) {
  fprintf(stderr, "timer: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static char** readCommand(void) {
  int argc;
  if (scanf("%d", &argc) != 1 || argc < 1 || getchar() != '\n') fail("no command");
  char** argv = calloc((size_t)argc + 1, sizeof *argv);
  for (int i = 0; i < argc; i++) {
    size_t size = 0;
    if (getdelim(&argv[i], &size, '\0', stdin) < 0) fail("no argument");
  }
  return argv;
}

static void start(struct command* command, int null) {
  command->start = now();
  command->pid = vfork();
  if (command->pid < 0) fail("vfork");
  if (command->pid != 0) return;
  dup2(null, 0);
  dup2(null, 1);
  execv(command->argv[0], command->argv);
  _exit(127);
}

static void waitForOne(struct command* commands, long started) {
  for (;;) {
    int status;
    struct rusage usage;
    const pid_t pid = wait4(-1, &status, 0, &usage);
    const long long end = now();
    if (pid < 0) fail("wait4");
    for (long i = 0; i < started; i++) {
      if (commands[i].pid != pid) continue;
      commands[i].pid = -1;
      commands[i].time = end - commands[i].start;
      commands[i].status = status;
      commands[i].peak = usage.ru_maxrss;
      return;
    }
    /* A container's process: its parent, the runtime, has ended. */
  }
}

int main(void) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) fail("/dev/null");
  /* As a manager's shim: the processes of created containers are ours to reap. */
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) fail("prctl");
  long jobs;
  long count;
  while (scanf("%ld %ld\n", &jobs, &count) == 2) {
    struct command* commands = calloc((size_t)count, sizeof *commands);
    for (long i = 0; i < count; i++) commands[i].argv = readCommand();
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    const long long begin = now();
    long started = 0;
    long ended = 0;
    while (ended < count) {
      if (started < count && started - ended < jobs) {
        start(&commands[started++], null);
      } else {
        waitForOne(commands, started);
        ended++;
      }
    }
    printf("%lld", now() - begin);
    for (long i = 0; i < count; i++) {
      printf(" %lld,%d,%ld", commands[i].time, commands[i].status, commands[i].peak);
      for (char** argument = commands[i].argv; *argument; argument++) free(*argument);
      free(commands[i].argv);
    }
    free(commands);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
