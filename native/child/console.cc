// The pseudoterminal of a process.
#include <asm/termbits.h>
#include <linux/errno.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>

#include "helper.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

namespace tsrun::child {

// Of a devpts and of nothing else: what is opened to be looked at could be a fifo, or a device that
// does something when it is opened. In a devpts nobody can make anything, and nothing may lie on
// it.
static long openMaster() {
  const long directory = openInRoot("/dev/pts", O_PATH | O_DIRECTORY);
  if (directory < 0) return fail(directory, "/dev/pts");
  long result = fileSystemType(static_cast<int>(directory));
  if (result == DEVPTS_SUPER_MAGIC) {
    open_how how = {};
    how.flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    result = sys::call(__NR_openat2, directory, sys::arg("ptmx"), sys::arg(&how), sizeof how);
    if (result < 0) fail(result, "/dev/pts/ptmx");
  } else if (result >= 0) {
    result = fail(-EINVAL, "/dev/pts", wire::Code::WrongFileSystem);
  }
  sys::close(static_cast<int>(directory));
  return result;
}

// The other side is asked of the master itself: its name in /dev/pts could have
// been replaced (security.md row 9).
static long openPair(int* master, int* slave) {
  const long fd = openMaster();
  if (fd < 0) return fd;
  *master = static_cast<int>(fd);
  int unlocked = 0;
  long result = sys::ioctl(*master, TIOCSPTLCK, sys::arg(&unlocked));
  if (result < 0) return fail(result, "/dev/pts/ptmx");
  result = sys::ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (result < 0) return fail(result, "/dev/pts/ptmx");
  *slave = static_cast<int>(result);
  return 0;
}

static long mountOnConsole(int slave) {
  const long target = makeTarget("/dev/console", false, RESOLVE_NO_SYMLINKS);
  if (target < 0) {
    return fail(target, "/dev/console",
                target == -ELOOP ? wire::Code::WrongType : wire::Code::None);
  }
  const long tree = openTreeAt(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  long result = tree;
  if (tree >= 0) {
    result = attachMount(static_cast<int>(tree), static_cast<int>(target), "/dev/console");
    sys::close(static_cast<int>(tree));
  }
  sys::close(static_cast<int>(target));
  return result < 0 ? fail(result, "/dev/console") : 0;
}

// Here and not in the parent, which the program would not wait for.
static long clearOnlcr(int slave) {
  termios settings = {};
  const long result = sys::ioctl(slave, TCGETS, sys::arg(&settings));
  if (result < 0) return result;
  settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  return sys::ioctl(slave, TCSETS, sys::arg(&settings));
}

long operations::console(const wire::Step& step) {
  if (self.root < 0) {
    // An exec has entered a root that is there already.
    const long root = sys::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return root;
    self.root = static_cast<int>(root);
  }
  int master = -1;
  int slave = -1;
  long result = openPair(&master, &slave);
  if (result < 0) return result;
  const auto columns = static_cast<unsigned short>(NUMBER(step, console, columns));
  const auto rows = static_cast<unsigned short>(NUMBER(step, console, rows));
  if (columns != 0 || rows != 0) {
    winsize size = {};
    size.ws_col = columns;
    size.ws_row = rows;
    result = sys::ioctl(slave, TIOCSWINSZ, sys::arg(&size));
    if (result < 0) return fail(result, "window size");
  }
  if (NUMBER(step, console, bareNewlines) != 0) {
    result = clearOnlcr(slave);
    if (result < 0) return fail(result, "terminal");
  }
  result = sys::call(__NR_fchown, slave, NUMBER(step, console, uid), -1);
  if (result < 0) return fail(result, "/dev/pts");
  if (NUMBER(step, console, mountConsole) != 0) {
    result = mountOnConsole(slave);
    if (result < 0) return result;
  }
  unsigned index = 0;
  result = sys::ioctl(master, TIOCGPTN, sys::arg(&index));
  if (result < 0) return fail(result, "/dev/pts/ptmx");
  char name[40] = "/dev/pts/";
  appendNumber(name, sizeof name, index);
  send(wire::Kind::Console, 0, wire::Code::None, name, length(name), master);
  sys::close(master);
  result = sys::ioctl(slave, TIOCSCTTY, 0);
  if (result < 0) return fail(result, name);
  for (int fd = 0; fd < 3; fd++) {
    result = sys::dup3(slave, fd, 0);
    if (result < 0) return fail(result, name);
  }
  sys::close(slave);
  return 0;
}

}  // namespace tsrun::child
