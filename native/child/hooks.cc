// Hooks that run in the container's namespaces: createContainer before the
// change of root, startContainer right before the program (config.md, POSIX-platform Hooks).
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>

#include "helper.h"

namespace tsrun::child {

[[noreturn]] static void becomeHook(const char* path, char** args, char** env, int input) {
  sys::dup3(input, 0, 0);
  const long result = sys::call(__NR_execve, sys::arg(path), sys::arg(args), sys::arg(env));
  // 127 and 126 as a shell would say it.
  sys::exit(result == -ENOENT ? 127 : 126);
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

static long stateFile(const wire::Step& step) {
  // A memory file never blocks, unlike a pipe that the hook does not read.
  constexpr unsigned kCloseOnExec = 1;
  const long fd = sys::call(__NR_memfd_create, sys::arg("state"), kCloseOnExec);
  if (fd < 0) return fd;
  char pid[24] = "";
  appendNumber(pid, sizeof pid, sys::call(__NR_getpid));
  feed(static_cast<int>(fd), TEXT(step, Hook, before));
  feed(static_cast<int>(fd), pid);
  feed(static_cast<int>(fd), TEXT(step, Hook, after));
  sys::call(__NR_lseek, fd, 0, 0);
  return fd;
}

static long hookResult(const char* path, int code, int status) {
  static char text[kPathSize];
  text[0] = 0;
  append(text, sizeof text, path);
  constexpr int kExited = 1;
  append(text, sizeof text, code == kExited ? ": exit status " : ": signal ");
  appendNumber(text, sizeof text, status);
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

long runHook(const wire::Step& step) {
  const char* path = TEXT(step, Hook, path);
  const long input = stateFile(step);
  if (input < 0) return fail(input, path);
  int pidfd = -1;
  clone_args arguments = {};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const long pid = sys::call(__NR_clone3, sys::arg(&arguments), sizeof arguments);
  if (pid < 0) return fail(pid, path);
  if (pid == 0) {
    becomeHook(path, TEXTS(step, Hook, args), TEXTS(step, Hook, env), static_cast<int>(input));
  }
  sys::close(static_cast<int>(input));

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
  sys::close(pidfd);
  if (waited < 0) return fail(waited, path);
  if (ready == 0) return fail(-ETIMEDOUT, path, wire::Code::HookTimeout);
  if (info.code != 1 || info.status != 0) return hookResult(path, info.code, info.status);
  return 0;
}

}  // namespace tsrun::child
