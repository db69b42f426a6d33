// Hooks that run in the container's namespaces: createContainer before the
// change of root, startContainer right before the program (config.md, POSIX-platform Hooks).
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>

#include "helper.h"

namespace tsrun::child {

// What a hook has on 0, 1 and 2, and where it says why it could not be run.
struct Ends {
  int input;
  int output;
  int failure;
};

[[noreturn]] static void becomeHook(const char* path, char** args, char** env, const Ends& ends) {
  sys::dup3(ends.input, 0, 0);
  sys::dup3(ends.output, 1, 0);
  sys::dup3(ends.output, 2, 0);
  // What the caller preserved is for the program alone.
  sys::call(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  const long result = sys::call(__NR_execve, sys::arg(path), sys::arg(args), sys::arg(env));
  sys::write(ends.failure, &result, sizeof result);
  sys::exit(127);
}

// The state goes in as fast as the hook reads it; a hook that does not read is
// no failure.
static void feed(int fd, const char* text) {
  size_t left = length(text);
  while (left > 0) {
    const long written = sys::write(fd, text, left);
    if (written == -EINTR) continue;
    if (written <= 0) return;
    text += written;
    left -= static_cast<size_t>(written);
  }
}

// A memory file never blocks, unlike a pipe whose other side does not read or write.
static long memoryFile(const char* name) {
  constexpr unsigned kCloseOnExec = 1;
  return sys::call(__NR_memfd_create, sys::arg(name), kCloseOnExec);
}

static long stateFile(const wire::Step& step) {
  const long fd = memoryFile("state");
  if (fd < 0) return fd;
  char pid[24] = "";
  appendNumber(pid, sizeof pid, sys::call(__NR_getpid));
  feed(static_cast<int>(fd), TEXT(step, Hook, before));
  feed(static_cast<int>(fd), pid);
  feed(static_cast<int>(fd), TEXT(step, Hook, after));
  sys::call(__NR_lseek, fd, 0, 0);
  return fd;
}

// The beginning of what the hook printed, as one line.
static void appendOutput(char* text, size_t size, int output) {
  static char printed[1024];
  long got = sys::call(__NR_pread64, output, sys::arg(printed), sizeof printed - 1, 0);
  while (got > 0 && printed[got - 1] <= ' ' && printed[got - 1] >= 0) got--;
  if (got <= 0) return;
  for (long i = 0; i < got; i++) {
    if (printed[i] >= 0 && printed[i] < ' ') printed[i] = ' ';
  }
  printed[got] = 0;
  append(text, size, ": ");
  append(text, size, printed);
}

static long hookResult(const char* path, int code, int status, int output) {
  static char text[kPathSize];
  text[0] = 0;
  append(text, sizeof text, path);
  constexpr int kExited = 1;
  append(text, sizeof text, code == kExited ? ": exit status " : ": signal ");
  appendNumber(text, sizeof text, status);
  appendOutput(text, sizeof text, output);
  return fail(-ECANCELED, text, wire::Code::HookFailed);
}

// The kernel's siginfo_t of waitid(2), SIGCHLD part.
struct ChildInfo {
  int signal;
  int error;
  int code;
  int padding;
  int pid;
  unsigned uid;
  int status;
  char rest[128 - 7 * sizeof(int)];
};

static long waitForHook(const wire::Step& step, int pidfd, int output) {
  const char* path = TEXT(step, Hook, path);
  const int64_t timeout = NUMBER(step, Hook, timeout);
  timespec limit = {};
  limit.tv_sec = timeout;
  pollfd waiting = {pidfd, POLLIN, 0};
  const long ready =
      sys::call(__NR_ppoll, sys::arg(&waiting), 1, timeout > 0 ? sys::arg(&limit) : 0, 0, 8);
  if (ready == 0) sys::call(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
  ChildInfo info = {};
  constexpr int kPidfd = 3;  // P_PIDFD
  const long waited = sys::call(__NR_waitid, kPidfd, pidfd, sys::arg(&info), WEXITED | __WALL, 0);
  if (waited < 0) return fail(waited, path);
  if (ready == 0) return fail(-ETIMEDOUT, path, wire::Code::HookTimeout);
  if (info.code != 1 || info.status != 0) return hookResult(path, info.code, info.status, output);
  return 0;
}

static long startHook(const wire::Step& step, const Ends& ends) {
  const char* path = TEXT(step, Hook, path);
  int failure[2] = {-1, -1};
  const long made = sys::call(__NR_pipe2, sys::arg(failure), O_CLOEXEC | O_NONBLOCK);
  if (made < 0) return fail(made, path);
  int pidfd = -1;
  // Not clone3(2), which profiles deny as long as they cannot see its flags.
  const long pid = sys::call(__NR_clone, CLONE_PIDFD | SIGCHLD, 0, sys::arg(&pidfd), 0, 0);
  if (pid == 0) {
    becomeHook(path, TEXTS(step, Hook, args), TEXTS(step, Hook, env),
               {ends.input, ends.output, failure[1]});
  }
  long result = pid < 0 ? fail(pid, path) : 0;
  if (pid > 0) {
    result = waitForHook(step, pidfd, ends.output);
    long reason = 0;
    if (sys::read(failure[0], &reason, sizeof reason) == sizeof reason) result = fail(reason, path);
    sys::close(pidfd);
  }
  sys::close(failure[0]);
  sys::close(failure[1]);
  return result;
}

long runHook(const wire::Step& step) {
  const char* path = TEXT(step, Hook, path);
  const long input = stateFile(step);
  if (input < 0) return fail(input, path);
  const long output = memoryFile("output");
  if (output < 0) return fail(output, path);
  const long result = startHook(step, {static_cast<int>(input), static_cast<int>(output), -1});
  sys::close(static_cast<int>(input));
  sys::close(static_cast<int>(output));
  return result;
}

}  // namespace tsrun::child
