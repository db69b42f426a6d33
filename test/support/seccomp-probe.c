// What a single call cannot show of a filter's answers:
//   thread NUMBER    the call in a second thread; the first says what is left
//   trace NUMBER     the call in a process whose parent traces it
//   signal NUMBER    the call with a handler for SIGUSR1
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long number;

static void* callIt(void* unused) {
  (void)unused;
  syscall(number, 0);
  puts("the thread lives");
  return NULL;
}

static int inThread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, callIt, NULL) != 0) return 1;
  pthread_join(thread, NULL);
  puts("the process lives");
  return 0;
}

static int traced(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    // To be seen as the exit status: the mask before, or -1.
    _exit((int)syscall(number, 0) & 0xff);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, child, 0, 0);
  waitpid(child, &status, 0);
  if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, child, 0, &message);
    printf("event %lu\n", message);
    ptrace(PTRACE_CONT, child, 0, 0);
    waitpid(child, &status, 0);
  }
  printf("exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 0;
}

static void handle(int signal) {
  (void)signal;
  static const char text[] = "handled\n";
  if (write(1, text, sizeof text - 1) < 0) abort();
}

static int interrupted(void) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  long result = syscall(number, 0);
  printf("result %ld\n", result);
  return 0;
}

int main(int count, char** text) {
  if (count < 3) return 2;
  number = strtol(text[2], NULL, 0);
  if (strcmp(text[1], "thread") == 0) return inThread();
  if (strcmp(text[1], "trace") == 0) return traced();
  if (strcmp(text[1], "signal") == 0) return interrupted();
  return 2;
}
