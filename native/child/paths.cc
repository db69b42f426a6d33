// Paths of the container, which its image and its other processes control.
//
// Nothing is ever resolved by name twice: a path becomes a descriptor once,
// with openat2(RESOLVE_IN_ROOT), and everything after that goes by descriptor.
#include <linux/errno.h>
#include <linux/openat2.h>

#include "helper.h"

namespace tsrun::child {

// The rest of a path below a directory of the root; null when it is not there.
static const char* below(const char* path, const char* directory) {
  if (!startsWith(path, directory)) return nullptr;
  path += length(directory);
  return *path == 0 || *path == '/' ? path : nullptr;
}

long keepMount(const char* path, int mount) {
  while (*path == '/') path++;
  int* kept = equal(path, "proc")  ? &self.onProc
              : equal(path, "sys") ? &self.onSys
              : equal(path, "dev") ? &self.onDev
                                   : nullptr;
  if (kept == nullptr) return 0;
  if (*kept >= 0) sys::close(*kept);
  *kept = -1;
  if (mount < 0) return 0;
  const long copy = sys::fcntl(mount, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) *kept = static_cast<int>(copy);
  return copy < 0 ? copy : 0;
}

// Whoever can write to the directory of the root may rename its /proc, with
// which the mount goes, and put another in its place. A volume comes over it by a link of the
// image that leads there. In /dev others have links that count from the root.
static int startOf(const char** path, uint64_t resolve) {
  const char* rest = self.onProc >= 0 ? below(*path, "proc") : nullptr;
  int start = self.onProc;
  if (rest == nullptr) {
    rest = self.onSys >= 0 ? below(*path, "sys") : nullptr;
    start = self.onSys;
  }
  if (rest == nullptr && (resolve & RESOLVE_NO_SYMLINKS) != 0) {
    rest = self.onDev >= 0 ? below(*path, "dev") : nullptr;
    start = self.onDev;
  }
  if (rest == nullptr) return self.root;
  while (*rest == '/') rest++;
  *path = rest;
  return start;
}

long openInRoot(const char* path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  // An absolute path would be taken from the descriptor's root all the same.
  while (*path == '/') path++;
  const int start = startOf(&path, resolve);
  if (*path == 0) path = ".";
  // -EAGAIN: something was renamed while `..` was followed; bounded, since an
  // attacker may go on forever.
  long fd = -EAGAIN;
  for (int tries = 0; tries < 256 && fd == -EAGAIN; tries++) {
    fd = sys::call(__NR_openat2, start, sys::arg(path), sys::arg(&how), sizeof how);
  }
  return fd;
}

static constexpr int kDirectory = O_PATH | O_DIRECTORY;

// A path of which nothing is left to resolve but names: the part that exists is
// opened as a whole, the rest is made below it one directory at a time. A link
// whose destination is missing (/var/run -> /run in an image without /run) is
// replaced by its destination and the walk starts again.
static bool expandLink(int parent, const char* name, const char* before, const char* after,
                       char* out, size_t size) {
  static char link[kPathSize];
  const long count =
      sys::call(__NR_readlinkat, parent, sys::arg(name), sys::arg(link), sizeof link - 1);
  if (count <= 0) return false;
  link[count] = 0;
  static char joined[kPathSize];
  joined[0] = 0;
  bool fits = true;
  if (link[0] != '/') {
    fits = append(joined, sizeof joined, before) && append(joined, sizeof joined, "/");
  }
  fits = fits && append(joined, sizeof joined, link) && append(joined, sizeof joined, "/") &&
         append(joined, sizeof joined, after);
  out[0] = 0;
  return fits && append(out, size, joined);
}

static long walkAndMake(char* path, unsigned mode, uint64_t resolve, bool* again) {
  *again = false;
  long current = openInRoot("", kDirectory);
  if (current < 0) return current;
  char* at = path;
  while (true) {
    while (*at == '/') at++;
    if (*at == 0) return current;
    char* name = at;
    while (*at != 0 && *at != '/') at++;
    const char saved = *at;
    *at = 0;
    // The whole prefix from the root, so that links and `..` in it count as in the container.
    long next = openInRoot(path, kDirectory, resolve);
    // What led here has been exchanged: the one above is whatever it is without the root's bound.
    const bool isName = !equal(name, ".") && !equal(name, "..");
    if (next == -ENOENT && isName) {
      const long made = sys::call(__NR_mkdirat, current, sys::arg(name), mode);
      if (made == 0 || made == -EEXIST) {
        next = sys::openat(static_cast<int>(current), name, kDirectory | O_NOFOLLOW | O_CLOEXEC);
        if ((next == -ENOTDIR || next == -ELOOP) && resolve == 0) {
          static char expanded[kPathSize];
          char* end = name;
          while (end > path && end[-1] == '/') end--;
          const char separator = *end;
          if (end != name) *end = 0;
          const bool ok = expandLink(static_cast<int>(current), name, end == name ? "" : path,
                                     saved == 0 ? "" : at + 1, expanded, sizeof expanded);
          if (end != name) *end = separator;
          sys::close(static_cast<int>(current));
          if (!ok) return next;
          path[0] = 0;
          append(path, kPathSize, expanded);
          *again = true;
          return -EAGAIN;
        }
      } else {
        next = made;
      }
    }
    sys::close(static_cast<int>(current));
    if (next < 0) return next;
    *at = saved;
    current = next;
  }
}

static long openOrMake(const char* path, unsigned mode, uint64_t resolve) {
  const long found = openInRoot(path, kDirectory, resolve);
  if (found != -ENOENT) return found;
  static char work[kPathSize];
  work[0] = 0;
  if (!append(work, sizeof work, path)) return -ENAMETOOLONG;
  for (int links = 0; links < 40; links++) {
    bool again = false;
    const long fd = walkAndMake(work, mode, resolve, &again);
    if (!again) return fd;
  }
  return -ELOOP;
}

long makeDirectory(const char* path, unsigned mode) { return openOrMake(path, mode, 0); }

long openParent(const char* path, char* name, size_t size, uint64_t resolve) {
  static char parent[kPathSize];
  parent[0] = 0;
  if (!append(parent, sizeof parent, path)) return -ENAMETOOLONG;
  size_t end = length(parent);
  while (end > 0 && parent[end - 1] == '/') parent[--end] = 0;
  size_t start = end;
  while (start > 0 && parent[start - 1] != '/') start--;
  name[0] = 0;
  if (!append(name, size, parent + start)) return -ENAMETOOLONG;
  if (name[0] == 0 || equal(name, ".") || equal(name, "..")) return -EINVAL;
  parent[start] = 0;
  return openOrMake(parent, 0755, resolve);
}

// A file that is missing is made where its links lead, as directories are.
static long makeFile(const char* path, uint64_t resolve) {
  static char work[kPathSize];
  static char expanded[kPathSize];
  static char name[256];
  work[0] = 0;
  if (!append(work, sizeof work, path)) return -ENAMETOOLONG;
  for (int links = 0; links < 40; links++) {
    const long found = openInRoot(work, O_PATH, resolve);
    if (found != -ENOENT) return found;
    const long parent = openParent(work, name, sizeof name, resolve);
    if (parent < 0) return parent;
    const int directory = static_cast<int>(parent);
    constexpr int kNew = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC;
    long fd = sys::openat(directory, name, kNew, 0644);
    bool isLink = false;
    if (fd == -EEXIST && resolve == 0) {
      size_t end = length(work);
      while (end > 0 && work[end - 1] == '/') work[--end] = 0;
      while (end > 0 && work[end - 1] != '/') work[--end] = 0;
      isLink = expandLink(directory, name, work, "", expanded, sizeof expanded);
    }
    if (fd >= 0) sys::close(static_cast<int>(fd));
    if (!isLink && (fd >= 0 || fd == -EEXIST)) {
      fd = sys::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    sys::close(directory);
    if (!isLink) return fd;
    // Not the slash at its end: that would ask for a directory.
    expanded[length(expanded) - 1] = 0;
    work[0] = 0;
    append(work, sizeof work, expanded);
  }
  return -ELOOP;
}

long makeTarget(const char* path, bool directory, uint64_t resolve) {
  return directory ? openOrMake(path, 0755, resolve) : makeFile(path, resolve);
}

}  // namespace tsrun::child
