// Copies what a tmpfs is going to cover into it (the mount option tmpcopyup).
#include <dirent.h>
#include <linux/errno.h>
#include <sys/stat.h>
#include <time.h>

#include "helper.h"

namespace tsrun::child {

// Deep trees are refused, not followed until the stack ends.
static constexpr int kMaxDepth = 64;

// One entry of a directory, and where it is copied to.
struct Copy {
  int links;  // /proc/self/fd
  int to;
  const char* name;
  int depth;
};

static long copyInto(int links, int from, int to, int depth);

static long copyFile(const Copy& copy, int file) {
  char number[24] = "";
  appendNumber(number, sizeof number, file);
  // Files of the kernel's may keep who reads them waiting.
  const long source = sys::openat(copy.links, number, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (source < 0) return source;
  const long target =
      sys::openat(copy.to, copy.name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  long result = target;
  while (result >= 0) {
    result = sys::call(__NR_sendfile, target, source, 0, 1 << 20);
    if (result == 0) break;
  }
  sys::close(static_cast<int>(source));
  if (target >= 0) sys::close(static_cast<int>(target));
  return result;
}

static long copyLink(const Copy& copy, int file) {
  char contents[kPathSize];
  const long count =
      sys::call(__NR_readlinkat, file, sys::arg(""), sys::arg(contents), sizeof contents - 1);
  if (count < 0) return count;
  contents[count] = 0;
  return sys::call(__NR_symlinkat, sys::arg(contents), copy.to, sys::arg(copy.name));
}

static long copyDirectory(const Copy& copy, int file) {
  long result = sys::call(__NR_mkdirat, copy.to, sys::arg(copy.name), 0700);
  if (result < 0) return result;
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const long source = sys::openat(file, ".", kFlags);
  if (source < 0) return source;
  const long target = sys::openat(copy.to, copy.name, kFlags);
  result = target < 0 ? target
                      : copyInto(copy.links, static_cast<int>(source), static_cast<int>(target),
                                 copy.depth + 1);
  sys::close(static_cast<int>(source));
  if (target >= 0) sys::close(static_cast<int>(target));
  return result;
}

static long copyAttributes(const Copy& copy, const struct stat& info) {
  const int to = copy.to;
  const char* name = copy.name;
  long result =
      sys::call(__NR_fchownat, to, sys::arg(name), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
  if (result >= 0 && !S_ISLNK(info.st_mode)) {
    result = sys::call(__NR_fchmodat, to, sys::arg(name), info.st_mode & 07777);
  }
  if (result < 0) return result;
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return sys::call(__NR_utimensat, to, sys::arg(name), sys::arg(times), AT_SYMLINK_NOFOLLOW);
}

static long copyContents(const Copy& copy, int file, const struct stat& info) {
  if (S_ISREG(info.st_mode)) return copyFile(copy, file);
  if (S_ISLNK(info.st_mode)) return copyLink(copy, file);
  if (S_ISDIR(info.st_mode)) return copyDirectory(copy, file);
  return sys::call(__NR_mknodat, copy.to, sys::arg(copy.name), info.st_mode,
                   static_cast<long>(info.st_rdev));
}

// The name may lead elsewhere at any time: what it led to once is looked at, and copied.
static long copyEntry(const Copy& copy, int from) {
  const long file = sys::openat(from, copy.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return fail(file, copy.name);
  struct stat info = {};
  long result = sys::call(__NR_newfstatat, file, sys::arg(""), sys::arg(&info), AT_EMPTY_PATH);
  if (result >= 0) result = copyContents(copy, static_cast<int>(file), info);
  if (result >= 0) result = copyAttributes(copy, info);
  sys::close(static_cast<int>(file));
  return result < 0 ? fail(result, copy.name) : 0;
}

static long copyInto(int links, int from, int to, int depth) {
  if (depth > kMaxDepth) return -ELOOP;
  alignas(8) char buffer[4096] = {};
  while (true) {
    const long count = sys::call(__NR_getdents64, from, sys::arg(buffer), sizeof buffer);
    if (count <= 0) return count;
    for (long at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      at += entry->size;
      if (equal(entry->name, ".") || equal(entry->name, "..")) continue;
      const long result = copyEntry({links, to, entry->name, depth}, from);
      if (result < 0) return result;
    }
  }
}

long copyTree(int from, int to) {
  // Where what is open by path alone is opened to be read.
  const long links = openOwnProc("self/fd", O_PATH | O_DIRECTORY);
  if (links < 0) return fail(links, "/proc/self/fd");
  // fsmount's descriptor is a path; files are made through a real one.
  const long target = sys::openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) return target;
  const long result = copyInto(static_cast<int>(links), from, static_cast<int>(target), 0);
  sys::close(static_cast<int>(target));
  sys::close(static_cast<int>(links));
  return result;
}

}  // namespace tsrun::child
