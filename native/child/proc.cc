// A procfs of the helper's own, which nothing in the container can have
// mounted over, and the writes that go through it (security.md row 5).
#include <linux/errno.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#include "helper.h"

namespace tsrun::child {

static long newProc() {
  const long context = sys::call(__NR_fsopen, sys::arg("proc"), FSOPEN_CLOEXEC);
  if (context < 0) return context;
  long result = sys::call(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result >= 0) {
    result = sys::call(__NR_fsmount, context, FSMOUNT_CLOEXEC,
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  }
  sys::close(static_cast<int>(context));
  return result;
}

long operations::proc(const wire::Step& step) {
  long fd = -EPERM;
  if (NUMBER(step, proc, private) != 0) fd = newProc();
  // A user namespace whose own procfs is partly covered may not have a new one
  // (mount_too_revealing() in the kernel): then the caller's, which the
  // container has not had in its hands yet.
  if (fd == -EPERM) {
    fd = sys::openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (fd < 0) return fail(fd, "/proc");
  const long type = fileSystemType(static_cast<int>(fd));
  if (type != PROC_SUPER_MAGIC) {
    sys::close(static_cast<int>(fd));
    return type < 0 ? fail(type, "/proc") : fail(-EINVAL, "/proc", wire::Code::WrongFileSystem);
  }
  self.proc = static_cast<int>(fd);
  return 0;
}

long openInProc(int proc, const char* path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV | resolve;
  return sys::call(__NR_openat2, proc, sys::arg(path), sys::arg(&how), sizeof how);
}

long openOwnProc(const char* path, int flags) {
  const long proc = sys::openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (proc < 0) return proc;
  long result = fileSystemType(static_cast<int>(proc));
  if (result == PROC_SUPER_MAGIC) {
    result = openInProc(static_cast<int>(proc), path, flags, 0);
  } else if (result >= 0) {
    result = -EINVAL;
  }
  sys::close(static_cast<int>(proc));
  return result;
}

long openProcFile(const char* directory, const char* file, int flags, uint64_t resolve) {
  static char path[kPathSize];
  path[0] = 0;
  if (!append(path, sizeof path, directory) || !append(path, sizeof path, file)) {
    return -ENAMETOOLONG;
  }
  return openInProc(self.proc, path, flags, resolve);
}

long operations::sysctl(const wire::Step& step) {
  const char* file = TEXT(step, sysctl, file);
  const long fd = openProcFile("sys/", file, O_WRONLY, RESOLVE_NO_SYMLINKS);
  if (fd < 0) return fail(fd, file);
  const char* value = TEXT(step, sysctl, value);
  long result = sys::write(static_cast<int>(fd), value, length(value));
  sys::close(static_cast<int>(fd));
  return result < 0 ? fail(result, file) : 0;
}

}  // namespace tsrun::child
