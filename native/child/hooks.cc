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
  int directory;  // its working directory, -1 for the helper's
};

// The reading end of what a hook prints, and the beginning of that.
struct Printed {
  int fd;
  size_t size;
  char text[1024];
};

[[noreturn]] static void becomeHook(const char* path, char** args, char** env, const Ends& ends) {
  // A process group of its own, which its timeout ends as a whole.
  long result = sys::call(__NR_setsid);
  if (self.umask >= 0) sys::call(__NR_umask, self.umask);
  if (result >= 0 && ends.directory >= 0) result = sys::call(__NR_fchdir, ends.directory);
  if (result >= 0) result = sys::dup3(ends.input, 0, 0);
  if (result >= 0) result = sys::dup3(ends.output, 1, 0);
  if (result >= 0) result = sys::dup3(ends.output, 2, 0);
  // What the caller preserved is for the program alone.
  if (result >= 0) result = sys::call(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (result >= 0) {
    result = sys::call(__NR_execve, sys::arg(path), sys::arg(args), sys::arg(env));
  }
  sys::write(ends.failure, &result, sizeof result);
  sys::exit(127);
}

static long feed(int fd, const char* text) {
  size_t left = length(text);
  while (left > 0) {
    const long written = sys::write(fd, text, left);
    if (written == -EINTR) continue;
    if (written <= 0) return written < 0 ? written : -EIO;
    text += written;
    left -= static_cast<size_t>(written);
  }
  return 0;
}

// A memory file never blocks, unlike a pipe whose other side does not read.
static long memoryFile(const char* name) {
  constexpr unsigned kCloseOnExec = 1;
  return sys::call(__NR_memfd_create, sys::arg(name), kCloseOnExec);
}

static long stateFile(const wire::Step& step) {
  const long fd = memoryFile("state");
  if (fd < 0) return fd;
  char pid[24] = "";
  appendNumber(pid, sizeof pid, sys::call(__NR_getpid));
  long result = feed(static_cast<int>(fd), TEXT(step, hook, before));
  if (result >= 0) result = feed(static_cast<int>(fd), pid);
  if (result >= 0) result = feed(static_cast<int>(fd), TEXT(step, hook, after));
  if (result >= 0) result = sys::call(__NR_lseek, fd, 0, 0);
  if (result >= 0) return fd;
  sys::close(static_cast<int>(fd));
  return result;
}

// Keeps the beginning and drops the rest, so that a hook can print as much as
// it likes. At a time as much as a pipe holds: its timeout must not be missed.
static void drain(Printed& printed) {
  static char dropped[4096];
  for (int i = 0; i < 16 && printed.fd >= 0; i++) {
    const size_t room = sizeof printed.text - 1 - printed.size;
    const long got = room > 0 ? sys::read(printed.fd, printed.text + printed.size, room)
                              : sys::read(printed.fd, dropped, sizeof dropped);
    if (got == -EAGAIN || got == -EINTR) return;
    if (got <= 0) {
      // Its end: there would be no end of being told so.
      sys::close(printed.fd);
      printed.fd = -1;
    } else if (room > 0) {
      printed.size += static_cast<size_t>(got);
    }
  }
}

// What the hook printed, as one line.
static void appendOutput(char* text, size_t size, Printed& output) {
  char* printed = output.text;
  size_t got = output.size;
  while (got > 0 && printed[got - 1] <= ' ' && printed[got - 1] >= 0) got--;
  if (got == 0) return;
  for (size_t i = 0; i < got; i++) {
    if (printed[i] >= 0 && printed[i] < ' ') printed[i] = ' ';
  }
  printed[got] = 0;
  append(text, size, ": ");
  append(text, size, printed);
}

static long hookResult(const char* path, int code, int status, Printed& output) {
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

static int64_t now() {
  timespec time = {};
  sys::call(__NR_clock_gettime, CLOCK_MONOTONIC, sys::arg(&time));
  return time.tv_sec * 1000000000 + time.tv_nsec;
}

// 1 when it ended within its timeout (seconds, 0 or less for none), 0 when it did not, or a negated
// errno.
static long endsInTime(int pidfd, int64_t timeout, Printed& output) {
  if (timeout < 0) timeout = 0;
  // Longer than machines run, so that no sum overflows.
  constexpr int64_t kLongest = int64_t{1} << 32;
  const int64_t deadline = now() + (timeout < kLongest ? timeout : kLongest) * 1000000000;
  while (true) {
    pollfd waiting[2] = {{pidfd, POLLIN, 0}, {output.fd, POLLIN, 0}};
    int64_t left = deadline - now();
    if (left < 0) left = 0;
    timespec limit = {};
    limit.tv_sec = left / 1000000000;
    limit.tv_nsec = left % 1000000000;
    const long ready =
        sys::call(__NR_ppoll, sys::arg(waiting), 2, timeout > 0 ? sys::arg(&limit) : 0, 0, 8);
    drain(output);
    if (ready > 0 && waiting[0].revents != 0) return 1;
    if (ready < 0 && ready != -EINTR) return ready;
    if (timeout > 0 && now() >= deadline) return 0;
  }
}

static long waitForHook(const wire::Step& step, int pid, int pidfd, Printed& output) {
  const char* path = TEXT(step, hook, path);
  const long inTime = endsInTime(pidfd, NUMBER(step, hook, timeout), output);
  if (inTime <= 0) {
    // Not reaped yet: the numbers are still its own. It has no group before its setsid().
    sys::call(__NR_kill, -pid, SIGKILL);
    const long killed = sys::call(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
    // Or the wait below would be for as long as the hook likes.
    if (killed < 0) return fail(killed, path);
  }
  ChildInfo info = {};
  constexpr int kPidfd = 3;  // P_PIDFD
  const long waited = sys::call(__NR_waitid, kPidfd, pidfd, sys::arg(&info), WEXITED | __WALL, 0);
  if (waited < 0) return fail(waited, path);
  if (inTime < 0) return fail(inTime, path);
  if (inTime == 0) return fail(-ETIMEDOUT, path, wire::Code::HookTimeout);
  if (info.code != 1 || info.status != 0) return hookResult(path, info.code, info.status, output);
  return 0;
}

static long startHook(const wire::Step& step, const Ends& ends, Printed& output) {
  const char* path = TEXT(step, hook, path);
  int failure[2] = {-1, -1};
  const long made = sys::call(__NR_pipe2, sys::arg(failure), O_CLOEXEC | O_NONBLOCK);
  if (made < 0) return fail(made, path);
  int pidfd = -1;
  // Not clone3(2), which profiles deny as long as they cannot see its flags.
  const long pid = sys::call(__NR_clone, CLONE_PIDFD | SIGCHLD, 0, sys::arg(&pidfd), 0, 0);
  if (pid == 0) {
    becomeHook(path, TEXTS(step, hook, args), TEXTS(step, hook, env),
               {ends.input, ends.output, failure[1], ends.directory});
  }
  long result = pid < 0 ? fail(pid, path) : 0;
  if (pid > 0) {
    result = waitForHook(step, static_cast<int>(pid), pidfd, output);
    long reason = 0;
    if (sys::read(failure[0], &reason, sizeof reason) == sizeof reason) result = fail(reason, path);
    sys::close(pidfd);
  }
  sys::close(failure[0]);
  sys::close(failure[1]);
  return result;
}

long operations::hook(const wire::Step& step) {
  const char* path = TEXT(step, hook, path);
  long directory = -1;
  if (NUMBER(step, hook, inRoot) != 0) {
    directory = self.root >= 0 ? self.root : slot(NUMBER(step, hook, slot));
    if (directory < 0) return fail(directory, path);
  }
  const long input = stateFile(step);
  if (input < 0) return fail(input, path);
  int ends[2] = {-1, -1};
  const long made = sys::call(__NR_pipe2, sys::arg(ends), O_CLOEXEC);
  if (made < 0) return fail(made, path);
  // Ours alone: a hook may not expect that its output is non-blocking.
  const long nonblocking = sys::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (nonblocking < 0) return fail(nonblocking, path);
  static Printed output;
  output.fd = ends[0];
  output.size = 0;
  const long result =
      startHook(step, {static_cast<int>(input), ends[1], -1, static_cast<int>(directory)}, output);
  sys::close(static_cast<int>(input));
  sys::close(ends[1]);
  if (output.fd >= 0) sys::close(output.fd);
  return result;
}

}  // namespace tsrun::child
