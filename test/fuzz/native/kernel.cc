#include "kernel.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fuzz.h"

namespace tsrun::fuzz {

namespace {

// More than any plan of a test can make: then a loop has no end.
constexpr long kMostCalls = 1000000;

// Reads a text to its end, as the kernel would.
size_t textAt(long at) {
  HOLDS(at != 0);
  return strlen(reinterpret_cast<const char*>(at));
}

void listAt(long at) {
  HOLDS(at != 0);
  for (auto* const* entry = reinterpret_cast<char* const*>(at); *entry != nullptr; entry++) {
    textAt(reinterpret_cast<long>(*entry));
  }
}

}  // namespace

Kernel::Kernel(FuzzedDataProvider& data, const std::string& plan, int base, uint32_t slots)
    : data_(data), base_(base), plan_(plan.begin(), plan.end()) {
  for (int fd = 0; fd < base + 2 + static_cast<int>(slots); fd++) open_.insert(fd);
  // Slots may have trees.
  for (int fd = base + 2; fd < base + 2 + static_cast<int>(slots); fd++) tree_.insert(fd);
}

// With nothing left to say, everything works.
bool Kernel::fails() { return !done() && data_.ConsumeIntegral<uint8_t>() >= 216; }

long Kernel::error(int likely) {
  if (likely != 0 && data_.ConsumeIntegralInRange<int>(0, 3) != 0) return -likely;
  static constexpr int known[] = {EINTR, EAGAIN, ENOENT,  EEXIST, EPERM,   EACCES, EINVAL,
                                  ELOOP, ENOSYS, ENOEXEC, EROFS,  ENOTDIR, EIO};
  return -known[data_.ConsumeIntegralInRange<size_t>(0, std::size(known) - 1)];
}

// The lowest free number, as the kernel's.
int Kernel::newDescriptor() {
  int fd = 0;
  while (open_.contains(fd)) fd++;
  open_.insert(fd);
  return fd;
}

long Kernel::descriptorOrError(int likely) { return fails() ? error(likely) : newDescriptor(); }

// A plan out of order has steps without a root or a procfs (-1), and the socket
// is closed at the gate; any other number is of a descriptor that was given back
// and by then may be another's.
bool Kernel::isOpen(long fd) const {
  if (open_.contains(static_cast<int>(fd))) return true;
  // Until there is a plan, the number of the socket is what somebody may have typed.
  HOLDS(fd < 0 || fd == base_ || mapped_.empty());
  return false;
}

bool Kernel::isInTree(long fd) const { return tree_.contains(static_cast<int>(fd)); }

long Kernel::treeDescriptor(bool inTree, int likely) {
  const long fd = descriptorOrError(likely);
  if (fd >= 0 && inTree) tree_.insert(static_cast<int>(fd));
  return fd;
}

// What is looked for by name below a directory of the container's, and not by openat2(2) within its
// bounds, is the directory itself or one name in it: `..` leads out of the root when the directory
// has been moved, and so does a link in a path of several names. (Each of those who ask for a name
// says O_NOFOLLOW, or makes what it names.)
void Kernel::checkName(long dir, long path) const {
  if (!isInTree(dir)) return;
  const char* name = reinterpret_cast<const char*>(path);
  HOLDS(strchr(name, '/') == nullptr && strcmp(name, "..") != 0);
}

// How files begin that the helper looks into.
std::string Kernel::known() {
  Elf64_Ehdr elf = {};
  memcpy(elf.e_ident, ELFMAG, SELFMAG);
  elf.e_ident[EI_CLASS] = ELFCLASS64;
  elf.e_phnum = data_.ConsumeIntegralInRange<uint16_t>(0, 3);
  Elf64_Phdr segment = {};
  segment.p_type = PT_INTERP;
  segment.p_filesz = data_.ConsumeBool() ? data_.ConsumeIntegral<uint64_t>() : 9;
  switch (data_.ConsumeIntegralInRange<int>(0, 4)) {
    case 0:
      return "#! ";
    case 1:
      return "#!/a";
    case 2:
      return {reinterpret_cast<const char*>(&elf), sizeof elf};
    case 3:
      return {reinterpret_cast<const char*>(&segment), sizeof segment};
    default:
      return "label";
  }
}

long Kernel::fill(long to, size_t most) {
  if (done()) return 0;
  const size_t size = data_.ConsumeIntegralInRange<size_t>(0, std::min<size_t>(most, 700));
  auto* bytes = reinterpret_cast<char*>(to);
  size_t got = 0;
  if (data_.ConsumeIntegralInRange<int>(0, 3) == 0) {
    got = std::min(size, known().copy(bytes, size));
  }
  got += data_.ConsumeData(bytes + got, size - got);
  while (got < size) bytes[got++] = 'z';
  // The kernel may write all that it was given room for.
  if (most > 0) bytes[most - 1] = size == most ? bytes[most - 1] : '\0';
  return static_cast<long>(size);
}

long Kernel::readFrom(long fd, long to, size_t most) {
  if (!isOpen(fd)) return -EBADF;
  if (fd == base_ && thread_ != nullptr) {
    void (*run)() = thread_;
    thread_ = nullptr;
    try {
      run();
      HOLDS(false);
    } catch (const ThreadEnded&) {
    }
  }
  // The word that the plan is there always comes: what would not, is the same at each sync point.
  if (fd == base_ && (mapped_.empty() || !fails())) {
    HOLDS(most >= 1);
    *reinterpret_cast<char*>(to) = 'g';
    return 1;
  }
  return fails() ? error() : fill(to, most);
}

long Kernel::taken(long from, size_t size) {
  const auto* bytes = reinterpret_cast<const char*>(from);
  unsigned sum = 0;
  for (size_t i = 0; i < size; i++) sum += static_cast<unsigned char>(bytes[i]);
  __asm__ volatile("" : : "r"(sum));
  if (fails()) return error(ENOENT);
  // All of it mostly, and sometimes a part.
  return size > 0 && fails() ? data_.ConsumeIntegralInRange<long>(0, static_cast<long>(size))
                             : static_cast<long>(size);
}

long Kernel::directory(char* to, size_t most) {
  if (fails()) return error();
  long used = 0;
  while (!done() && data_.ConsumeBool()) {
    static const char* const known[] = {".", "..", "a", "b"};
    std::string name = known[data_.ConsumeIntegralInRange<size_t>(0, 3)];
    if (data_.ConsumeBool()) name = data_.ConsumeRandomLengthString(255);
    std::erase(name, '\0');
    // The kernel lets no such name of a file system through (verify_dirent_name()).
    std::erase(name, '/');
    constexpr size_t kName = offsetof(dirent64, d_name);
    const size_t size = (kName + name.size() + 1 + 7) / 8 * 8;
    if (static_cast<size_t>(used) + size > most) break;
    auto* entry = reinterpret_cast<dirent64*>(to + used);
    entry->d_reclen = static_cast<unsigned short>(size);
    entry->d_type = name == "." || name == ".." ? DT_DIR : DT_REG;
    memcpy(entry->d_name, name.c_str(), name.size() + 1);
    used += static_cast<long>(size);
  }
  return used;
}

long Kernel::status(long to) {
  if (fails()) return error();
  struct stat info = {};
  static constexpr mode_t known[] = {S_IFDIR, S_IFREG, S_IFLNK, S_IFCHR, S_IFIFO};
  info.st_mode = known[data_.ConsumeIntegralInRange<size_t>(0, 4)] |
                 data_.ConsumeIntegralInRange<mode_t>(0, 07777);
  info.st_rdev = data_.ConsumeBool() ? 0x103 : 7;
  info.st_ino = data_.ConsumeIntegralInRange<ino_t>(0, 3);
  info.st_dev = data_.ConsumeIntegralInRange<dev_t>(0, 1);
  info.st_uid = data_.ConsumeIntegralInRange<uid_t>(0, 3);
  memcpy(reinterpret_cast<void*>(to), &info, sizeof info);
  return 0;
}

long Kernel::controlDescriptor(long fd, long command) {
  if (command != F_DUPFD_CLOEXEC) return fails() ? error() : 0;
  return treeDescriptor(isInTree(fd));
}

long Kernel::controlFile(long fd, long request, long value) {
  if (!isOpen(fd)) return -EBADF;
  if (fails()) return error();
  switch (request) {
    case TIOCGPTPEER:
    case NS_GET_USERNS:
      return newDescriptor();
    case TIOCGPTN:
      *reinterpret_cast<unsigned*>(value) = data_.ConsumeIntegral<unsigned>();
      return 0;
    case SIOCGIFFLAGS:
    case SIOCSIFFLAGS:
      HOLDS(strcmp(reinterpret_cast<const char*>(value), "lo") == 0);
      return 0;
    default:
      return 0;
  }
}

long Kernel::newProcess(int* pidfd) {
  if (fails()) return error();
  if (data_.ConsumeIntegralInRange<int>(0, 3) == 1) return 0;
  *pidfd = newDescriptor();
  return 4242;
}

long Kernel::startThread(void (*run)()) {
  if (fails()) return error();
  thread_ = run;
  return 4243;
}

// Calls whose arguments are looked at, and that answer 0 or an error.
long Kernel::readsPaths(long number, long a, long b, long c, long d, long e) {
  switch (number) {
    case SYS_mount:
      if (a != 0) textAt(a);
      textAt(b);
      if (c != 0) textAt(c);
      if (e != 0) textAt(e);
      break;
    case SYS_move_mount:
      if (!isOpen(a)) return -EBADF;
      if (!isOpen(c)) return -EBADF;
      textAt(b);
      textAt(d);
      checkName(a, b);
      checkName(c, d);
      break;
    case SYS_mount_setattr:
      textAt(b);
      checkName(a, b);
      (void)taken(d, static_cast<size_t>(e));
      break;
    case SYS_fsconfig:
      if (!isOpen(a)) return -EBADF;
      if (c != 0) textAt(c);
      // A value of more bytes is none (fsconfig(2)).
      if (b == FSCONFIG_SET_STRING && textAt(d) > 255) return -EINVAL;
      break;
    case SYS_symlinkat:
      textAt(a);
      if (!isOpen(b)) return -EBADF;
      textAt(c);
      checkName(b, c);
      break;
    case SYS_mkdirat:
    case SYS_mknodat:
    case SYS_fchownat:
    case SYS_fchmodat:
    case SYS_unlinkat:
    case SYS_utimensat:
      if (!isOpen(a)) return -EBADF;
      textAt(b);
      checkName(a, b);
      break;
    case SYS_chdir:
    case SYS_chroot:
      textAt(a);
      break;
    case SYS_pivot_root:
      textAt(a);
      textAt(b);
      break;
    case SYS_sethostname:
    case SYS_setdomainname:
      (void)taken(a, static_cast<size_t>(b));
      break;
    case SYS_setgroups:
      (void)taken(b, static_cast<size_t>(a) * 4);
      break;
    case SYS_sched_setaffinity:
      (void)taken(c, static_cast<size_t>(b));
      break;
    case SYS_faccessat2:
      textAt(b);
      break;
    default:
      break;
  }
  const bool makes = number == SYS_mkdirat || number == SYS_mknodat || number == SYS_symlinkat;
  return fails() ? error(makes ? EEXIST : 0) : 0;
}

long Kernel::call(long number, long a, long b, long c, long d, long e) {
  HOLDS(++calls_ < kMostCalls);
  switch (number) {
    case SYS_exit_group:
      throw Ended{static_cast<int>(a)};
    case SYS_exit:
      throw ThreadEnded{};
    case SYS_close:
      if (!isOpen(a)) return -EBADF;
      open_.erase(static_cast<int>(a));
      tree_.erase(static_cast<int>(a));
      return 0;
    case SYS_lseek:
      // The first call of all, at a number that a person may have typed.
      if (!open_.contains(static_cast<int>(a))) return -EBADF;
      return a == base_ + 1 ? static_cast<long>(plan_.size()) : 0;
    case SYS_mmap: {
      const auto size = static_cast<size_t>(b);
      if (fails()) return error();
      mapped_.emplace_back(new char[size]());
      if (static_cast<int>(e) >= 0) memcpy(mapped_.back().get(), plan_.data(), size);
      return reinterpret_cast<long>(mapped_.back().get());
    }
    case SYS_openat:
    case SYS_open_tree:
      if (a != AT_FDCWD && !isOpen(a)) return -EBADF;
      textAt(b);
      checkName(a, b);
      return treeDescriptor(number == SYS_open_tree || isInTree(a), (c & O_CREAT) != 0      ? EEXIST
                                                                    : (c & O_NOFOLLOW) != 0 ? ELOOP
                                                                                            : 0);
    case SYS_openat2: {
      if (!isOpen(a)) return -EBADF;
      textAt(b);
      open_how how = {};
      memcpy(&how, reinterpret_cast<const void*>(c), static_cast<size_t>(d));
      // Up to where a mount begins, and not out of it.
      const bool up = strcmp(reinterpret_cast<const char*>(b), "..") == 0 &&
                      (how.resolve & RESOLVE_NO_XDEV) != 0;
      HOLDS(up || (how.resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH)) != 0);
      return treeDescriptor(up || (how.resolve & RESOLVE_IN_ROOT) != 0, ENOENT);
    }
    case SYS_fsopen:
    case SYS_memfd_create:
      textAt(a);
      return descriptorOrError();
    case SYS_fsmount:
      if (!isOpen(a)) return -EBADF;
      return treeDescriptor(true);
    case SYS_socket:
      return descriptorOrError();
    case SYS_dup3:
      if (!isOpen(a)) return -EBADF;
      if (fails()) return error();
      open_.insert(static_cast<int>(b));
      tree_.erase(static_cast<int>(b));
      return b;
    case SYS_fcntl:
      if (!isOpen(a)) return -EBADF;
      return controlDescriptor(a, b);
    case SYS_pipe2: {
      if (fails()) return error();
      auto* ends = reinterpret_cast<int*>(a);
      ends[0] = newDescriptor();
      ends[1] = newDescriptor();
      return 0;
    }
    case SYS_seccomp: {
      // sock_fprog: a length in instructions, and where they are.
      const auto* program = reinterpret_cast<const char*>(c);
      unsigned short count = 0;
      long at = 0;
      memcpy(&count, program, sizeof count);
      memcpy(&at, program + 8, sizeof at);
      (void)taken(at, size_t{count} * 8);
      if (fails()) return error();
      return (b & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0 ? newDescriptor() : 0;
    }
    case SYS_clone:
      return newProcess(reinterpret_cast<int*>(c));
    case SYS_clone3: {
      clone_args arguments = {};
      memcpy(&arguments, reinterpret_cast<const void*>(a), static_cast<size_t>(b));
      return newProcess(reinterpret_cast<int*>(arguments.pidfd));
    }
    case SYS_read:
      return readFrom(a, b, static_cast<size_t>(c));
    case SYS_pread64:
      if (!isOpen(a)) return -EBADF;
      if (fails()) return error();
      if (c > 5 && data_.ConsumeBool()) {
        memcpy(reinterpret_cast<char*>(b), "label", 5);
        return 5;
      }
      return fill(b, static_cast<size_t>(c));
    case SYS_write:
      // A plan out of order may have closed the report of the gate.
      if (!open_.contains(static_cast<int>(a))) return -EBADF;
      return taken(b, static_cast<size_t>(c));
    case SYS_sendmsg: {
      if (!isOpen(a)) return -EBADF;
      const auto* message = reinterpret_cast<const msghdr*>(b);
      long sum = 0;
      for (size_t i = 0; i < message->msg_iovlen; i++) {
        const iovec& part = message->msg_iov[i];
        const auto* bytes = static_cast<const char*>(part.iov_base);
        for (size_t k = 0; k < part.iov_len; k++) sum += bytes[k];
      }
      __asm__ volatile("" : : "r"(sum));
      return fails() ? error() : 1;
    }
    case SYS_recvmsg: {
      if (!isOpen(a)) return -EBADF;
      if (fails()) return error();
      auto* message = reinterpret_cast<msghdr*>(b);
      *static_cast<char*>(message->msg_iov[0].iov_base) = 'g';
      if (data_.ConsumeBool()) {
        message->msg_controllen = 0;
        return 1;
      }
      HOLDS(message->msg_controllen >= CMSG_LEN(sizeof(int)));
      cmsghdr* header = CMSG_FIRSTHDR(message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = newDescriptor();
      memcpy(CMSG_DATA(header), &fd, sizeof fd);
      return 1;
    }
    case SYS_sendfile:
      if (!isOpen(a)) return -EBADF;
      if (!isOpen(b)) return -EBADF;
      if (fails()) return error();
      return done() ? 0 : data_.ConsumeIntegralInRange<long>(0, 9);
    case SYS_getcwd: {
      if (fails()) return error();
      const long size = fill(a, static_cast<size_t>(b));
      reinterpret_cast<char*>(a)[std::min(size, b - 1)] = '\0';
      return size + 1;
    }
    case SYS_readlinkat:
      if (!isOpen(a)) return -EBADF;
      textAt(b);
      checkName(a, b);
      return fails() ? error() : fill(c, static_cast<size_t>(d));
    case SYS_getdents64:
      if (!isOpen(a)) return -EBADF;
      return directory(reinterpret_cast<char*>(b), static_cast<size_t>(c));
    case SYS_newfstatat:
      textAt(b);
      checkName(a, b);
      return status(c);
    case SYS_statx:
      if (textAt(b), fails()) return error();
      fill(e, sizeof(struct statx));
      return 0;
    case SYS_fstat:
      return status(b);
    case SYS_fstatfs: {
      if (!isOpen(a)) return -EBADF;
      if (fails()) return error();
      static constexpr long known[] = {0x9fa0, 0x62656572, 0x1cd1, 0x01021994};
      reinterpret_cast<struct statfs*>(b)->f_type =
          known[data_.ConsumeIntegralInRange<size_t>(0, 3)];
      return 0;
    }
    case SYS_keyctl:
      if (a == KEYCTL_JOIN_SESSION_KEYRING) textAt(b);
      if (fails()) return error();
      // It tells the size that it would have taken.
      if (a == KEYCTL_DESCRIBE) {
        return fill(c, static_cast<size_t>(d)) + (fails() ? 1000 : 1);
      }
      return 7;
    case SYS_clock_gettime: {
      clock_ += data_.ConsumeIntegralInRange<int64_t>(0, 3000000000);
      *reinterpret_cast<timespec*>(b) = {clock_ / 1000000000, clock_ % 1000000000};
      return 0;
    }
    case SYS_ppoll: {
      auto* waiting = reinterpret_cast<pollfd*>(a);
      if (fails()) return error();
      waiting[0].revents = done() || data_.ConsumeBool() ? POLLIN : 0;
      return data_.ConsumeIntegralInRange<long>(0, 2) + (done() ? 1 : 0);
    }
    case SYS_waitid: {
      if (!isOpen(b)) return -EBADF;
      if (fails()) return error();
      auto* info = reinterpret_cast<int*>(c);
      info[2] = data_.ConsumeIntegralInRange<int>(0, 3);
      info[6] = data_.ConsumeIntegral<uint8_t>();
      return 0;
    }
    case SYS_ioctl:
      return controlFile(a, b, c);
    case SYS_execve:
      textAt(a);
      listAt(b);
      listAt(c);
      return done() ? -ENOENT : error(ENOENT);
    case SYS_prctl:
      // Capabilities past the kernel's last one.
      if (a == PR_CAPBSET_READ && b > 40) return -EINVAL;
      // With a name in memory it cannot fail (prctl(2)).
      if (a == PR_SET_NAME) return 0;
      return fails() ? error() : data_.ConsumeIntegralInRange<long>(0, 1);
    case SYS_close_range:
      if ((c & 4) == 0) open_.erase(open_.lower_bound(static_cast<int>(a)), open_.end());
      if ((c & 4) == 0) tree_.erase(tree_.lower_bound(static_cast<int>(a)), tree_.end());
      return 0;
    case SYS_umask:
      // It cannot fail (umask(2)).
      return 022;
    default:
      return readsPaths(number, a, b, c, d, e);
  }
}

}  // namespace tsrun::fuzz
