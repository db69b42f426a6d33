// What a container may not write to in the mount of its cgroups.
#include <dirent.h>
#include <linux/mount.h>

#include "helper.h"

namespace tsrun::child {

static bool isDelegated(const char* name, char* const* delegated) {
  for (; *delegated != nullptr; delegated++) {
    if (equal(name, *delegated)) return true;
  }
  return false;
}

static long makeReadOnly(int directory, const char* name) {
  const long file = sys::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return file;
  MountAttributes readOnly = {};
  readOnly.set = MOUNT_ATTR_RDONLY;
  const long result =
      cloneOnto(static_cast<int>(file), static_cast<int>(file), nullptr, 0, readOnly);
  sys::close(static_cast<int>(file));
  return result;
}

// By name, since only the kernel knows which files the controllers of a cgroup have.
static long protectFiles(int directory, char* const* delegated) {
  alignas(8) char buffer[4096] = {};
  while (true) {
    const long count = sys::call(__NR_getdents64, directory, sys::arg(buffer), sizeof buffer);
    if (count <= 0) return count;
    for (long at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      at += entry->size;
      if (entry->type != DT_REG || isDelegated(entry->name, delegated)) continue;
      const long result = makeReadOnly(directory, entry->name);
      if (result < 0) return fail(result, entry->name);
    }
  }
}

// What the option nsdelegate of the hierarchy does for all of them, where that is missing.
long operations::protectLimits(const wire::Step& step) {
  const long mount = slot(NUMBER(step, protectLimits, mount));
  if (mount < 0) return mount;
  // fsmount's descriptor is a path.
  const long directory =
      sys::openat(static_cast<int>(mount), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return directory;
  const long result =
      protectFiles(static_cast<int>(directory), TEXTS(step, protectLimits, delegated));
  sys::close(static_cast<int>(directory));
  return result;
}

}  // namespace tsrun::child
