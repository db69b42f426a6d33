#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

namespace tsrun {

namespace {

// Reads up to `max` bytes, to the end of the file or of what is there now. `expected` is the size
// that a file on a disk has, after which its end need not be asked for; files of the kernel's
// making are longer or shorter than theirs.
long readAll(int fd, size_t max, size_t expected, std::string& out) {
  char buffer[16384];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) return 0;
    if (out.size() + static_cast<size_t>(got) > max) return -EFBIG;
    out.append(buffer, static_cast<size_t>(got));
    if (static_cast<size_t>(got) < sizeof buffer && out.size() == expected) return 0;
  }
}

// Without links when O_NOFOLLOW is among the flags, at no component of the path.
long openFile(int dir, const std::string& path, int flags) {
  if ((flags & O_NOFOLLOW) != 0 && path.find('/') != std::string::npos) {
    return openResolved(dir, path, flags, RESOLVE_NO_SYMLINKS);
  }
  const int fd = openat(dir, path.c_str(), flags);
  return fd < 0 ? -errno : fd;
}

// The mode that was asked for, of what has just been made under the program's umask, which stays.
long setModeAt(int dir, const char* name, mode_t mode) {
  struct stat made;
  if (fstatat(dir, name, &made, AT_SYMLINK_NOFOLLOW) == 0 && (made.st_mode & 07777) == mode) {
    return 0;
  }
  const int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  // fchmod takes no descriptor of O_PATH, and another may need rights that the umask took.
  const int changed = chmod(("/proc/self/fd/" + std::to_string(fd)).c_str(), mode);
  const int error = errno;
  close(fd);
  return changed < 0 ? -error : 0;
}

// What could not be given its mode is removed.
long withMode(int dir, const char* name, mode_t mode, int removal) {
  const long error = setModeAt(dir, name, mode);
  if (error < 0) unlinkat(dir, name, removal);
  return error;
}

bool isDots(const char* name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

bool isDirectory(DIR* in, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat found;
  return fstatat(dirfd(in), entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(found.st_mode);
}

}  // namespace

long openResolved(int dir, const std::string& path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = resolve;
  const long fd = syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
  return fd < 0 ? -errno : fd;
}

long readSome(int fd, size_t max, std::string& out) {
  out.resize(max);
  ssize_t got;
  do {
    got = read(fd, out.data(), max);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  out.resize(static_cast<size_t>(got));
  return got;
}

long writeSome(int fd, const char* at, size_t size) {
  ssize_t written;
  do {
    written = write(fd, at, size);
  } while (written < 0 && errno == EINTR);
  return written < 0 ? -errno : written;
}

long writeAll(int fd, const char* at, size_t size) {
  bool began = false;
  while (size > 0) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN && began) {
      // Half a message helps nobody: wait for room.
      fd_set set;
      FD_ZERO(&set);
      if (fd >= FD_SETSIZE) return -EAGAIN;
      FD_SET(fd, &set);
      select(fd + 1, nullptr, &set, nullptr, nullptr);
      continue;
    }
    if (written < 0) return -errno;
    began = true;
    at += written;
    size -= static_cast<size_t>(written);
  }
  return 0;
}

long readFile(int dir, const std::string& path, int flags, int64_t max, std::string& content) {
  const int fd =
      static_cast<int>(openFile(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags));
  if (fd < 0) return fd;
  // What is read from a fifo or a terminal comes when it pleases, or never.
  struct stat opened;
  const int failed = fstat(fd, &opened) < 0 ? errno : 0;
  if (failed != 0 || (!S_ISREG(opened.st_mode) && !S_ISDIR(opened.st_mode))) {
    close(fd);
    return failed != 0 ? -failed : -ESPIPE;
  }
  const long got = readAll(fd, max < 0 ? 0 : static_cast<size_t>(max),
                           static_cast<size_t>(opened.st_size), content);
  close(fd);
  return got;
}

long readLastLine(int dir, const std::string& path, int64_t max, std::string& content) {
  const long got = readFile(dir, path, O_NOFOLLOW, max, content);
  if (got < 0 || content.size() < 2) return got;
  const size_t newline = content.rfind('\n', content.size() - 2);
  if (newline != std::string::npos) content.erase(0, newline + 1);
  return got;
}

long writeFile(int dir, const std::string& path, const std::string& content) {
  const int fd = openat(dir, path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -errno;
  const ssize_t written = write(fd, content.data(), content.size());
  long outcome = 0;
  if (written < 0) outcome = -errno;
  if (written >= 0 && static_cast<size_t>(written) != content.size()) outcome = -EIO;
  close(fd);
  return outcome;
}

long makeDirectory(int dir, const char* name, mode_t mode) {
  if (mkdirat(dir, name, mode) < 0) return -errno;
  return withMode(dir, name, mode, AT_REMOVEDIR);
}

long makeFifo(int dir, const char* name, mode_t mode) {
  if (mkfifoat(dir, name, mode) < 0) return -errno;
  return withMode(dir, name, mode, 0);
}

long readLink(int dir, const char* path, std::string& target) {
  char buffer[PATH_MAX];
  const ssize_t count = readlinkat(dir, path, buffer, sizeof buffer);
  if (count < 0) return -errno;
  target.assign(buffer, static_cast<size_t>(count));
  return count;
}

long listDirectory(const char* path, Wanted wanted, std::vector<std::string>& names) {
  DIR* directory = opendir(path);
  if (directory == nullptr) return -errno;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    if (!isDots(entry->d_name) && (wanted == Wanted::All || isDirectory(directory, *entry))) {
      names.emplace_back(entry->d_name);
    }
    errno = 0;
  }
  const int error = errno;
  closedir(directory);
  return -error;
}

long listOpenDirectory(int fd, std::vector<std::string>& names) {
  if (lseek(fd, 0, SEEK_SET) < 0) return -errno;
  alignas(dirent64) char buffer[16384];
  while (true) {
    const ssize_t got = getdents64(fd, buffer, sizeof buffer);
    if (got < 0) return -errno;
    if (got == 0) return 0;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      if (!isDots(entry->d_name)) names.emplace_back(entry->d_name);
    }
  }
}

long lockFile(int fd, int operation) {
  int locked;
  do {
    locked = flock(fd, operation | LOCK_NB);
  } while (locked < 0 && errno == EINTR);
  return locked < 0 ? -errno : 0;
}

long setNonblocking(int fd, bool on) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  const int set = fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
  return set < 0 ? -errno : 0;
}

}  // namespace tsrun
