// Copies what a tmpfs is going to cover into it (the mount option tmpcopyup).
#include <dirent.h>
#include <linux/errno.h>
#include <sys/stat.h>
#include <time.h>

#include "helper.h"

namespace tsrun::child {

struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

// Deep trees are refused, not followed until the stack ends.
static constexpr int kMaxDepth = 64;

static long copyInto(int from, int to, int depth);

static long copyFile(int from, int to, const char* name) {
  // Something else may have taken the name since: a fifo must not hold us up.
  const long source =
      sys::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (source < 0) return source;
  const long target =
      sys::openat(to, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  long result = target;
  while (result >= 0) {
    result = sys::call(__NR_sendfile, target, source, 0, 1 << 20);
    if (result == 0) break;
  }
  sys::close(static_cast<int>(source));
  if (target >= 0) sys::close(static_cast<int>(target));
  return result;
}

static long copyLink(int from, int to, const char* name) {
  char contents[kPathSize];
  const long count =
      sys::call(__NR_readlinkat, from, sys::arg(name), sys::arg(contents), sizeof contents - 1);
  if (count < 0) return count;
  contents[count] = 0;
  return sys::call(__NR_symlinkat, sys::arg(contents), to, sys::arg(name));
}

static long copyDirectory(int from, int to, const char* name, int depth) {
  long result = sys::call(__NR_mkdirat, to, sys::arg(name), 0700);
  if (result < 0) return result;
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const long source = sys::openat(from, name, kFlags);
  if (source < 0) return source;
  const long target = sys::openat(to, name, kFlags);
  result =
      target < 0 ? target : copyInto(static_cast<int>(source), static_cast<int>(target), depth + 1);
  sys::close(static_cast<int>(source));
  if (target >= 0) sys::close(static_cast<int>(target));
  return result;
}

static long copyAttributes(int to, const char* name, const struct stat& info) {
  long result =
      sys::call(__NR_fchownat, to, sys::arg(name), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
  if (result >= 0 && !S_ISLNK(info.st_mode)) {
    result = sys::call(__NR_fchmodat, to, sys::arg(name), info.st_mode & 07777);
  }
  if (result < 0) return result;
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return sys::call(__NR_utimensat, to, sys::arg(name), sys::arg(times), AT_SYMLINK_NOFOLLOW);
}

static long copyEntry(int from, int to, const char* name, int depth) {
  struct stat info = {};
  long result =
      sys::call(__NR_newfstatat, from, sys::arg(name), sys::arg(&info), AT_SYMLINK_NOFOLLOW);
  if (result < 0) return result;
  if (S_ISREG(info.st_mode)) {
    result = copyFile(from, to, name);
  } else if (S_ISLNK(info.st_mode)) {
    result = copyLink(from, to, name);
  } else if (S_ISDIR(info.st_mode)) {
    result = copyDirectory(from, to, name, depth);
  } else {
    result =
        sys::call(__NR_mknodat, to, sys::arg(name), info.st_mode, static_cast<long>(info.st_rdev));
  }
  if (result >= 0) result = copyAttributes(to, name, info);
  return result < 0 ? fail(result, name) : 0;
}

static long copyInto(int from, int to, int depth) {
  if (depth > kMaxDepth) return -ELOOP;
  alignas(8) char buffer[4096] = {};
  while (true) {
    const long count = sys::call(__NR_getdents64, from, sys::arg(buffer), sizeof buffer);
    if (count <= 0) return count;
    for (long at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      at += entry->size;
      if (equal(entry->name, ".") || equal(entry->name, "..")) continue;
      const long result = copyEntry(from, to, entry->name, depth);
      if (result < 0) return result;
    }
  }
}

long copyTree(int from, int to) {
  // fsmount's descriptor is a path; files are made through a real one.
  const long target = sys::openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) return target;
  struct stat info = {};
  long result = sys::call(__NR_fstat, from, sys::arg(&info));
  if (result >= 0) result = copyInto(from, static_cast<int>(target), 0);
  sys::close(static_cast<int>(target));
  return result;
}

}  // namespace tsrun::child
