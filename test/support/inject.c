// Fails one system call of one process of a runtime, or kills the process at it:
//
//   inject [OPTIONS] count                 COMMAND [ARGUMENT...]
//   inject [OPTIONS] fail N ERRNO          COMMAND [ARGUMENT...]
//   inject [OPTIONS] kill N                COMMAND [ARGUMENT...]
//   inject [OPTIONS] kill-after N          COMMAND [ARGUMENT...]
//
//   -p runtime|helper|forked   which process: the command itself (the default), the first process
//                              that it clones, or the first process that this one clones
//   -a PID                     instead: a process that is there already, traced while COMMAND runs
//   -c CALL                    inject at the first call from the N-th on that has this name
//   -t MS                      after that long COMMAND hangs (default: 10000)
//   -o FILE                    where the report goes (default: standard error)
//
// Calls are counted from 1, of the chosen process alone, from its first instruction to its end, or
// until it executes a program of the container. `fail` skips the call and returns -ERRNO (a name or
// a number), except that close(2) is done all the same, as the kernel does it, and brk(2) answers
// with the break as it is, and a process that ends or returns from a signal cannot be kept from it.
// `kill` ends the process before the call is done, `kill-after` when it has been done. Then the
// process is let go of and runs at its own speed; no other process is traced for longer than it
// takes to see the clone of the chosen one. Threads are never followed.
//
// The report has one line for each of
//
//   call N NAME RESULT       (count)
//   injected N NAME [ERRNO]  (fail, kill, kill-after)
//   calls N                  how many the chosen process made until it was let go of
//   where PROCESS PID STATE CALL WCHAN   (a hang: of the command and of its children)
//   exit STATUS | signal N | hang        how COMMAND ended
//
// The exit status is that of COMMAND, 128 + N when signal N killed it, 124 for a hang (COMMAND, its
// children and the chosen process are killed), and 125 when the injector itself could not go on.
//
// test/support/inject.ts compiles it, with the names of the system calls in calls.inc. What differs
// between machines is in skipCall(), setResult() and resultOf().
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
  long number;
  const char* name;
} kCalls[] = {
#include "calls.inc"
};

static const char* nameOf(long number) {
  for (size_t i = 0; i < sizeof kCalls / sizeof kCalls[0]; i++) {
    if (kCalls[i].number == number) return kCalls[i].name;
  }
  static char text[32];
  snprintf(text, sizeof text, "call_%ld", number);
  return text;
}

enum { kHang = 124, kBroken = 125 };

static FILE* report;

__attribute__((format(printf, 1, 2), noreturn)) static void broken(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("inject: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  _exit(kBroken);
}

// ---- Registers ----

#if defined(__x86_64__)

static struct user_regs_struct registersOf(pid_t pid) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0) broken("registers: %s", strerror(errno));
  return registers;
}

static void skipCall(pid_t pid) {
  struct user_regs_struct registers = registersOf(pid);
  registers.orig_rax = (unsigned long long)-1;
  ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

static void setResult(pid_t pid, long result) {
  struct user_regs_struct registers = registersOf(pid);
  registers.rax = (unsigned long long)result;
  ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

#elif defined(__aarch64__)

static void skipCall(pid_t pid) {
  int none = -1;
  struct iovec part = {&none, sizeof none};
  ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part);
}

static void setResult(pid_t pid, long result) {
  struct user_regs_struct registers;
  struct iovec part = {&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) < 0) {
    broken("registers: %s", strerror(errno));
  }
  registers.regs[0] = (unsigned long long)result;
  ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
}

#else
#error "the injector knows the registers of x86-64 and arm64 only"
#endif

// ---- What is asked for ----

enum Mode { Count, Fail, Kill, KillAfter };
enum Role { Runtime, Helper, Forked, Given, Unknown };
static const char* const kRoles[] = {"runtime", "helper", "forked", "given"};

static enum Mode mode;
static enum Role wanted = Runtime;
static long target;
static int targetErrno;
static long timeout = 10000;
static pid_t given;
static const char* expected;

// A process that goes on behind its end is none that the kernel knows.
static bool canFail(long number) {
  return number != __NR_exit_group && number != __NR_exit && number != __NR_rt_sigreturn;
}

static int errnoOf(const char* text) {
  for (int value = 1; value < 200; value++) {
    const char* name = strerrorname_np(value);
    if (name != NULL && strcmp(name, text) == 0) return value;
  }
  char* end;
  const long value = strtol(text, &end, 10);
  if (*end != 0 || value < 1 || value > 4095) broken("no errno: %s", text);
  return (int)value;
}

// ---- Processes that are traced ----

struct Process {
  pid_t pid;
  enum Role role;
  bool traced;
  // Its first stop came before the event of the clone that made it.
  bool stopped;
};

static struct Process processes[64];
static int count;

static struct Process* find(pid_t pid) {
  for (int i = 0; i < count; i++) {
    if (processes[i].pid == pid) return &processes[i];
  }
  return NULL;
}

static struct Process* add(pid_t pid, enum Role role) {
  if (count == sizeof processes / sizeof processes[0]) broken("too many processes");
  processes[count] = (struct Process){pid, role, true, false};
  return &processes[count++];
}

// ---- The chosen process, and its calls ----

static long calls;
static long number;
static long lastBreak;
static bool inCall;
static bool done;

static void detach(struct Process* process, int signal) {
  ptrace(PTRACE_DETACH, process->pid, 0, signal);
  process->traced = false;
  if (process->role == wanted) done = true;
}

static void proceed(struct Process* process, int signal) {
  const bool chosen = process->role == wanted && !done;
  ptrace(chosen ? PTRACE_SYSCALL : PTRACE_CONT, process->pid, 0, signal);
}

static void closeCall(const char* result) {
  if (inCall && mode == Count) fprintf(report, "call %ld %s %s\n", calls, nameOf(number), result);
  inCall = false;
}

// An entry to a call or the end of one. The process is let go of after the injection: killed by the
// signal that it goes with, it was never a traced process for its parent.
static void atCall(struct Process* process) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) < 0) {
    if (errno == ESRCH) return;
    broken("PTRACE_GET_SYSCALL_INFO: %s", strerror(errno));
  }
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    closeCall("?");
    calls++;
    number = (long)info.entry.nr;
    inCall = true;
    // The order of two processes may have brought another call before it.
    if (calls == target && expected != NULL && strcmp(expected, nameOf(number)) != 0) target++;
    if (calls == target && mode == Fail && !canFail(number)) {
      detach(process, 0);
      return;
    }
    if (mode == Kill && calls == target) {
      fprintf(report, "injected %ld %s\n", calls, nameOf(number));
      detach(process, SIGKILL);
      return;
    }
    if (mode == Fail && calls == target && number != __NR_close) skipCall(process->pid);
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && inCall) {
    if (calls == target && mode != Count) {
      if (mode == Fail) {
        const long result = number == __NR_brk ? lastBreak : -targetErrno;
        fprintf(report, "injected %ld %s %s\n", calls, nameOf(number),
                strerrorname_np(targetErrno));
        setResult(process->pid, result);
        detach(process, 0);
      } else {
        fprintf(report, "injected %ld %s\n", calls, nameOf(number));
        detach(process, SIGKILL);
      }
      return;
    }
    const long result = (long)info.exit.rval;
    if (number == __NR_brk) lastBreak = result;
    char text[64];
    const char* name = info.exit.is_error ? strerrorname_np((int)-result) : NULL;
    snprintf(text, sizeof text, "%ld", result);
    closeCall(name == NULL ? text : name);
  }
  proceed(process, 0);
}

// ---- Events ----

static bool isThreadOf(pid_t tid, pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d", pid, tid);
  return access(path, F_OK) == 0;
}

// Its first stop was seen, and its part is known.
static void begin(struct Process* process) {
  const bool needed = process->role == wanted || (wanted == Forked && process->role == Helper);
  if (needed) {
    proceed(process, 0);
  } else {
    detach(process, 0);
  }
}

static void atClone(struct Process* process) {
  unsigned long message = 0;
  ptrace(PTRACE_GETEVENTMSG, process->pid, 0, &message);
  const pid_t pid = (pid_t)message;
  struct Process* child = find(pid);
  const bool stopped = child != NULL && child->stopped;
  if (child == NULL) child = add(pid, Unknown);
  if (isThreadOf(pid, process->pid)) {
    // Neither a process of its own nor what is looked for; its maker goes on.
    child->role = Given;
  } else {
    child->role = process->role == Runtime ? Helper : Forked;
  }
  if (child->role != Given) {
    detach(process, 0);
  } else {
    proceed(process, 0);
  }
  if (stopped) begin(child);
}

// The helper is executed from a memory file; anything else is a program of the container's.
static bool isHelper(pid_t pid) {
  char path[64];
  char text[64] = "";
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const ssize_t length = readlink(path, text, sizeof text - 1);
  return length > 0 && strncmp(text, "/memfd:", 7) == 0;
}

static bool started;

static void atExecve(struct Process* process) {
  if (process->role == Runtime && !started) {
    started = true;
    proceed(process, 0);
  } else if (isHelper(process->pid)) {
    proceed(process, 0);
  } else {
    if (process->role == wanted) closeCall("0");
    detach(process, 0);
  }
}

static void atStop(struct Process* process, int status) {
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      atClone(process);
      return;
    case PTRACE_EVENT_EXEC:
      atExecve(process);
      return;
    case PTRACE_EVENT_EXIT:
      // A process that ends under a tracer is no zombie for its parent until that has waited.
      if (process->role == wanted) closeCall("?");
      detach(process, 0);
      return;
    case PTRACE_EVENT_STOP:
      if (process->role == Unknown) {
        process->stopped = true;
      } else if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
        ptrace(PTRACE_LISTEN, process->pid, 0, 0);
      } else if (!process->stopped) {
        process->stopped = true;
        begin(process);
      } else {
        proceed(process, 0);
      }
      return;
    default:
      break;
  }
  if (signal == (SIGTRAP | 0x80)) {
    if (process->role == wanted && !done) {
      atCall(process);
    } else {
      proceed(process, 0);
    }
  } else {
    proceed(process, signal);
  }
}

// ---- A hang ----

static void readFirstLine(pid_t pid, const char* file, char* text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  text[0] = 0;
  FILE* from = fopen(path, "re");
  if (from == NULL) return;
  if (fgets(text, (int)size, from) == NULL) text[0] = 0;
  text[strcspn(text, "\n")] = 0;
  fclose(from);
}

static void where(const char* role, pid_t pid) {
  char stat[512];
  char call[256];
  char channel[64];
  readFirstLine(pid, "stat", stat, sizeof stat);
  readFirstLine(pid, "syscall", call, sizeof call);
  readFirstLine(pid, "wchan", channel, sizeof channel);
  const char* state = strrchr(stat, ')');
  const char* rest = strchr(call, ' ');
  fprintf(report, "where %s %d %c %s%.64s %s\n", role, pid,
          state == NULL || strlen(state) < 3 ? '?' : state[2],
          call[0] >= '0' && call[0] <= '9' ? nameOf(strtol(call, NULL, 10)) : call,
          rest == NULL ? "" : rest, channel);
}

// The command and what it has made are killed, the processes that were traced too.
static void endHang(pid_t runtime) {
  pid_t children[32];
  int found = 0;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", runtime, runtime);
  FILE* from = fopen(path, "re");
  while (from != NULL && found < 32 && fscanf(from, "%d", &children[found]) == 1) found++;
  if (from != NULL) fclose(from);
  where("runtime", runtime);
  for (int i = 0; i < found; i++) where("child", children[i]);
  if (given != 0) where("given", given);
  fputs("hang\n", report);
  fflush(report);
  for (int i = 0; i < found; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < count; i++) {
    if (processes[i].traced) kill(processes[i].pid, SIGKILL);
  }
  kill(runtime, SIGKILL);
  waitpid(runtime, NULL, 0);
}

// ---- The loop ----

static void tick(int signal) { (void)signal; }

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static pid_t startCommand(char** command, bool traced, int options) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) < 0) broken("pipe: %s", strerror(errno));
  const pid_t pid = fork();
  if (pid < 0) broken("fork: %s", strerror(errno));
  if (pid == 0) {
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(gate[0], &byte, 1) != 1) _exit(kBroken);
    execvp(command[0], command);
    broken("%s: %s", command[0], strerror(errno));
  }
  if (traced) {
    if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0) broken("PTRACE_SEIZE: %s", strerror(errno));
    add(pid, Runtime)->stopped = true;
  }
  if (write(gate[1], "", 1) != 1) broken("write: %s", strerror(errno));
  close(gate[0]);
  close(gate[1]);
  return pid;
}

static void seizeGiven(int options) {
  if (ptrace(PTRACE_SEIZE, given, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, given, 0, 0) < 0) {
    broken("process %d: %s", given, strerror(errno));
  }
  int status;
  if (waitpid(given, &status, __WALL) != given || !WIFSTOPPED(status)) {
    broken("process %d does not stop", given);
  }
  struct Process* process = add(given, Given);
  process->stopped = true;
  proceed(process, 0);
}

// Those that wait for something go on waiting, without a tracer.
static void letGo(void) {
  for (int i = 0; i < count; i++) {
    struct Process* process = &processes[i];
    int status;
    if (!process->traced || ptrace(PTRACE_INTERRUPT, process->pid, 0, 0) < 0) continue;
    if (waitpid(process->pid, &status, __WALL) != process->pid || !WIFSTOPPED(status)) continue;
    if (process->role == wanted) closeCall("?");
    const bool plain = status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80);
    detach(process, plain ? WSTOPSIG(status) : 0);
  }
}

static void usage(void) {
  broken(
      "usage: inject [-p runtime|helper|forked] [-a PID] [-c CALL] [-t MS] [-o FILE] "
      "count|fail N ERRNO|kill N|kill-after N COMMAND [ARGUMENT...]");
}

static char** readArguments(int argc, char** argv) {
  report = stderr;
  int option;
  while ((option = getopt(argc, argv, "+p:a:c:t:o:")) != -1) {
    switch (option) {
      case 'p':
        for (wanted = Runtime; wanted < Given && strcmp(kRoles[wanted], optarg) != 0; wanted++) {
        }
        if (wanted == Given) usage();
        break;
      case 'a':
        given = atoi(optarg);
        wanted = Given;
        break;
      case 'c':
        expected = optarg;
        break;
      case 't':
        timeout = atol(optarg);
        break;
      case 'o':
        report = fopen(optarg, "we");
        if (report == NULL) broken("%s: %s", optarg, strerror(errno));
        break;
      default:
        usage();
    }
  }
  static const char* const modes[] = {"count", "fail", "kill", "kill-after"};
  char** at = argv + optind;
  if (*at == NULL) usage();
  for (mode = Count; mode <= KillAfter && strcmp(modes[mode], *at) != 0; mode++) {
  }
  if (mode > KillAfter) usage();
  at++;
  if (mode != Count) {
    if (*at == NULL) usage();
    target = atol(*at++);
  }
  if (mode == Fail) {
    if (*at == NULL) usage();
    targetErrno = errnoOf(*at++);
  }
  if (*at == NULL) usage();
  return at;
}

int main(int argc, char** argv) {
  char** command = readArguments(argc, argv);
  int options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
  // Without these the processes that the chosen one makes are never traced at all.
  if (wanted == Helper || wanted == Forked) {
    options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
  }
  if (given != 0) seizeGiven(options);
  const pid_t runtime = startCommand(command, given == 0, options);

  struct sigaction action = {.sa_handler = tick};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 50000}, {0, 50000}};
  setitimer(ITIMER_REAL, &often, NULL);
  const long end = now() + timeout;
  for (;;) {
    int status;
    const pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0 && errno != EINTR) broken("waitpid: %s", strerror(errno));
    if (pid > 0 && WIFSTOPPED(status)) {
      struct Process* process = find(pid);
      atStop(process == NULL ? add(pid, Unknown) : process, status);
      continue;
    }
    if (pid == runtime) {
      letGo();
      fprintf(report, "calls %ld\n", calls);
      const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      fprintf(report, signal == 0 ? "exit %d\n" : "signal %d\n",
              signal == 0 ? WEXITSTATUS(status) : signal);
      fflush(report);
      return signal == 0 ? WEXITSTATUS(status) : 128 + signal;
    }
    if (pid > 0) {
      struct Process* process = find(pid);
      if (process != NULL) process->traced = false;
    }
    if (now() > end) {
      fprintf(report, "calls %ld\n", calls);
      endHang(runtime);
      return kHang;
    }
  }
}
