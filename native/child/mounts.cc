// Mounts of the container: a detached mount is made ready first, attributes,
// mapping and contents included, and then moved onto a target that was resolved
// once (security.md row 6).
#include <linux/errno.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "helper.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace tsrun::child {

struct Placement {
  const char* target;
  MountAttributes attributes;
  MountAttributes recursive;
  uint64_t propagation;
  int64_t idMap;
  bool idMapRecursive;
};

// The fields of MountPlacement are the first of every operation that has them.
static Placement placementOf(const wire::Step& step) {
  Placement place = {};
  place.target = TEXT(step, remount, target);
  place.attributes.set = static_cast<uint64_t>(NUMBER(step, remount, attrSet));
  place.attributes.clear = static_cast<uint64_t>(NUMBER(step, remount, attrClear));
  place.recursive.set = static_cast<uint64_t>(NUMBER(step, remount, recursiveSet));
  place.recursive.clear = static_cast<uint64_t>(NUMBER(step, remount, recursiveClear));
  place.propagation = static_cast<uint64_t>(NUMBER(step, remount, propagation));
  place.idMap = NUMBER(step, remount, idMap);
  place.idMapRecursive = NUMBER(step, remount, idMapRecursive) != 0;
  return place;
}

static long applyAttributes(int mount, const Placement& place) {
  long result = 0;
  if (place.recursive.set != 0 || place.recursive.clear != 0) {
    result = mountSetattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, place.recursive);
    if (result < 0) return fail(result, place.target);
  }
  if (place.attributes.set != 0 || place.attributes.clear != 0) {
    result = mountSetattr(mount, "", AT_EMPTY_PATH, place.attributes);
    if (result < 0) return fail(result, place.target);
  }
  if (place.idMap >= 0) {
    const long userNamespace = slot(place.idMap);
    if (userNamespace < 0) return userNamespace;
    MountAttributes mapping = {};
    mapping.set = MOUNT_ATTR_IDMAP;
    mapping.userNamespace = static_cast<uint64_t>(userNamespace);
    result =
        mountSetattr(mount, "", AT_EMPTY_PATH | (place.idMapRecursive ? AT_RECURSIVE : 0), mapping);
    if (result < 0) return fail(result, place.target);
  }
  return 0;
}

// A mount in a shared place of the tree would come out shared; the propagation
// of a mount is therefore set where it ends up.
static long applyPropagation(int mount, const Placement& place) {
  if (place.propagation == 0) return 0;
  MountAttributes change = {};
  change.propagation = place.propagation & ~static_cast<uint64_t>(MS_REC);
  const unsigned recursive = (place.propagation & MS_REC) != 0 ? AT_RECURSIVE : 0;
  const long result = mountSetattr(mount, "", AT_EMPTY_PATH | recursive, change);
  return result < 0 ? fail(result, place.target) : 0;
}

static long moveTo(int mount, int target, const char* path) {
  const long result = attachMount(mount, target, path);
  // Of a file on a directory move_mount(2) only says EINVAL; callers know mount(2)'s words.
  return result == -EINVAL && isDirectory(mount) != isDirectory(target) ? -ENOTDIR : result;
}

static long attach(int mount, int target, const Placement& place) {
  long result = applyAttributes(mount, place);
  if (result < 0) return result;
  result = moveTo(mount, target, place.target);
  if (result >= 0) result = keepMount(place.target, mount);
  if (result < 0) return fail(result, place.target);
  return applyPropagation(mount, place);
}

// The mount of a step that is done: in its slot when a later step changes it.
static long keepOrClose(int mount, int64_t place, long result) {
  if (result >= 0 && place >= 0) result = setSlot(place, mount);
  if (result < 0 || place < 0) sys::close(mount);
  return result;
}

long operations::propagation(const wire::Step& step) {
  return sys::call(__NR_mount, 0, sys::arg("/"), 0, NUMBER(step, propagation, flags), 0);
}

long operations::openTree(const wire::Step& step) {
  const char* path = TEXT(step, openTree, path);
  const unsigned recursive = NUMBER(step, openTree, recursive) != 0 ? AT_RECURSIVE : 0;
  const long fd = openTreeAt(AT_FDCWD, path, OPEN_TREE_CLONE | recursive);
  if (fd < 0) return fail(fd, path);
  return setSlot(NUMBER(step, openTree, slot), static_cast<int>(fd));
}

long openRootOf(const char* path, int64_t place) {
  const long root = sys::openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || place < 0) return root;
  const long known = slot(place);
  const long same = known < 0 ? known : sameFile(static_cast<int>(root), static_cast<int>(known));
  if (same == 1) return root;
  sys::close(static_cast<int>(root));
  return same < 0 ? same : -ESTALE;
}

long operations::root(const wire::Step& step) {
  const char* path = TEXT(step, root, path);
  const long found = openRootOf(path, NUMBER(step, root, slot));
  if (found < 0) return fail(found, path);
  const int target = static_cast<int>(found);
  const long tree = openTreeAt(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
  const long moved = tree < 0 ? tree : moveMount(static_cast<int>(tree), target);
  sys::close(target);
  if (moved < 0) return fail(moved, path);
  self.root = static_cast<int>(tree);
  self.sharing = NUMBER(step, root, sharing) != 0;
  return 0;
}

// A file system that must be the real one: its target may not be reached
// through a link, and what is there afterwards is checked (security.md row 4).
static long expectedType(const char* type) {
  if (equal(type, "proc")) return PROC_SUPER_MAGIC;
  if (equal(type, "sysfs")) return SYSFS_MAGIC;
  return 0;
}

// Masks and labels go through /proc by name, so nothing but a procfs may cover
// one, whatever links of the image lead there; nor anything the root itself. Of
// what is inside, the plan has let through only what may be covered.
static long checkCovered(int target, int mount, const char* path) {
  const long same = sameFile(target, self.root);
  if (same < 0) return fail(same, path);
  if (same != 0) return fail(-EINVAL, path, wire::Code::WrongType);
  if (startsWith(path, "/proc/")) return 0;
  const bool onProc = equal(path, "/proc");
  const long covered = onProc ? PROC_SUPER_MAGIC : fileSystemType(target);
  if (covered < 0) return fail(covered, path);
  if (covered != PROC_SUPER_MAGIC) return 0;
  const long type = fileSystemType(mount);
  if (type < 0) return fail(type, path);
  if (type == PROC_SUPER_MAGIC) {
    if (onProc) return 0;
    struct stat info = {};
    const long result =
        sys::call(__NR_newfstatat, target, sys::arg(""), sys::arg(&info), AT_EMPTY_PATH);
    if (result < 0) return fail(result, path);
    constexpr uint64_t kProcRoot = 1;  // PROC_ROOT_INO of the kernel
    if (info.st_ino == kProcRoot) return 0;
  }
  return fail(-EINVAL, path, wire::Code::WrongFileSystem);
}

// What a link of the image may lead to: no mask would lie on the copy, and some of it never ends.
static long isKernels(int directory) {
  const long type = fileSystemType(directory);
  if (type < 0) return type;
  return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC ? 1 : 0;
}

// The same directory that is going to be covered, whatever its name leads to by now.
static long copyCovered(int target, int mount, const char* path) {
  const long kernels = isKernels(target);
  if (kernels < 0) return fail(kernels, path);
  if (kernels != 0) return fail(-EINVAL, path, wire::Code::WrongType);
  const long source = sys::openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (source < 0) return fail(source, path);
  const long result = copyTree(static_cast<int>(source), mount);
  sys::close(static_cast<int>(source));
  return result;
}

long operations::mount(const wire::Step& step) {
  const Placement place = placementOf(step);
  const long expected = expectedType(TEXT(step, mount, type));
  // The devices of the container are made on what is mounted on /dev.
  const bool plain = expected != 0 || equal(place.target, "/dev");
  const uint64_t resolve = plain ? RESOLVE_NO_SYMLINKS : 0;
  const long existing = openInRoot(place.target, O_PATH | O_DIRECTORY, resolve);
  const long target = existing == -ENOENT ? makeTarget(place.target, true, resolve) : existing;
  if (target == -ELOOP && plain) return fail(target, place.target, wire::Code::WrongType);
  if (target < 0) return fail(target, place.target);
  const long mount = makeFileSystem(step, place.target, existing);
  if (mount < 0) return mount;
  const int fd = static_cast<int>(mount);
  const long type = expected == 0 ? expected : fileSystemType(fd);
  if (type < 0) return fail(type, place.target);
  if (type != expected) return fail(-EINVAL, place.target, wire::Code::WrongFileSystem);
  long result = checkCovered(static_cast<int>(target), fd, place.target);
  if (result >= 0 && NUMBER(step, mount, copyUp) != 0) {
    result = copyCovered(static_cast<int>(target), fd, place.target);
  }
  if (result >= 0) result = attach(fd, static_cast<int>(target), place);
  sys::close(static_cast<int>(target));
  return keepOrClose(fd, NUMBER(step, mount, keep), result);
}

// Without links: one of the volume could lead to a /proc of the container that no mask lies on.
static long openTreeInRoot(const char* path, unsigned flags) {
  const long found = openInRoot(path, O_PATH, RESOLVE_NO_SYMLINKS);
  if (found < 0) return found;
  const long tree = openTreeAt(static_cast<int>(found), "", flags | AT_EMPTY_PATH);
  sys::close(static_cast<int>(found));
  return tree;
}

static long openSource(const wire::Step& step) {
  const int64_t place = NUMBER(step, bind, slot);
  if (place >= 0) return slot(place);
  const char* source = TEXT(step, bind, source);
  const unsigned flags = OPEN_TREE_CLONE | (NUMBER(step, bind, recursive) != 0 ? AT_RECURSIVE : 0);
  if (place == wire::kSourceInRoot) return openTreeInRoot(source, flags);
  return openTreeAt(AT_FDCWD, source, flags);
}

long operations::bind(const wire::Step& step) {
  const Placement place = placementOf(step);
  const char* source = TEXT(step, bind, source);
  const bool fromSlot = NUMBER(step, bind, slot) >= 0;
  const long tree = openSource(step);
  if (tree < 0) return fail(tree, source);
  const int fd = static_cast<int>(tree);
  const long directory = isDirectory(fd);
  if (directory < 0) return fail(directory, source);
  const long target = makeTarget(place.target, directory != 0);
  if (target < 0) return fail(target, place.target);
  long result = checkCovered(static_cast<int>(target), fd, place.target);
  if (result >= 0) result = attach(fd, static_cast<int>(target), place);
  sys::close(static_cast<int>(target));
  return fromSlot ? result : keepOrClose(fd, NUMBER(step, bind, keep), result);
}

long operations::remount(const wire::Step& step) {
  const Placement place = placementOf(step);
  const int64_t kept = NUMBER(step, remount, mount);
  // What came with the root has a name and nothing else.
  const long mount = kept >= 0 ? slot(kept) : openInRoot(place.target, O_PATH);
  if (mount < 0) return fail(mount, place.target);
  long result = applyAttributes(static_cast<int>(mount), place);
  if (result >= 0) result = applyPropagation(static_cast<int>(mount), place);
  if (kept < 0) sys::close(static_cast<int>(mount));
  return result;
}

long cloneOnto(int source, int target, const char* path, unsigned flags,
               const MountAttributes& attributes) {
  const long tree = openTreeAt(source, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | flags);
  if (tree < 0) return tree;
  long result = 0;
  if (attributes.set != 0) {
    result = mountSetattr(static_cast<int>(tree), "", AT_EMPTY_PATH | flags, attributes);
  }
  if (result >= 0) result = attachMount(static_cast<int>(tree), target, path);
  sys::close(static_cast<int>(tree));
  return result;
}

// One empty file system serves all masked directories.
static long maskDirectory(int target, const char* path, const char* label) {
  const MountAttributes none = {};
  if (self.maskDirectory >= 0) return cloneOnto(self.maskDirectory, target, path, 0, none);
  const long made = emptyFileSystem(
      label, "1", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (made < 0) return made;
  self.maskDirectory = static_cast<int>(made);
  return attachMount(self.maskDirectory, target, path);
}

long operations::cover(const wire::Step& step) {
  const char* path = TEXT(step, cover, path);
  const long opened = sys::openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return fail(opened, path);
  const int target = static_cast<int>(opened);
  // Or the cover would come onto the host's too.
  MountAttributes cut = {};
  cut.propagation = MS_PRIVATE;
  long result = mountSetattr(target, "", AT_EMPTY_PATH, cut);
  if (result >= 0) result = maskDirectory(target, path, TEXT(step, cover, label));
  sys::close(target);
  return result < 0 ? fail(result, path) : 0;
}

// /dev/null of the container, if it is that: an image may put anything there
// (security.md row 8).
static long openNull() {
  const long fd = openInRoot("/dev/null", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
  if (fd < 0) return fail(fd, "/dev/null", fd == -ELOOP ? wire::Code::WrongType : wire::Code::None);
  struct stat info = {};
  const long result = sys::call(__NR_newfstatat, fd, sys::arg(""), sys::arg(&info), AT_EMPTY_PATH);
  if (result < 0) return fail(result, "/dev/null");
  constexpr uint64_t kNull = (1U << 8) | 3U;
  if (!S_ISCHR(info.st_mode) || info.st_rdev != kNull) {
    sys::close(static_cast<int>(fd));
    return fail(-EINVAL, "/dev/null", wire::Code::WrongType);
  }
  return fd;
}

long operations::mask(const wire::Step& step) {
  const char* path = TEXT(step, mask, target);
  const long target = openInRoot(path, O_PATH);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return fail(target, path);
  const long directory = isDirectory(static_cast<int>(target));
  if (directory < 0) return fail(directory, path);
  long result;
  if (directory != 0) {
    result = maskDirectory(static_cast<int>(target), path, TEXT(step, mask, label));
  } else {
    const long null = openNull();
    if (null < 0) return null;
    result = cloneOnto(static_cast<int>(null), static_cast<int>(target), path, 0, {});
    sys::close(static_cast<int>(null));
  }
  sys::close(static_cast<int>(target));
  return result < 0 ? fail(result, path) : 0;
}

// One descriptor for the check, the clone and the target (security.md row 16).
// What a mount begins at is not covered but changed itself: an image's link may lead to the root,
// /proc or /sys, and masks go by the descriptors of those, below what would cover them (row E).
long operations::readonly(const wire::Step& step) {
  const char* path = TEXT(step, readonly, target);
  const long target = openInRoot(path, O_PATH);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return fail(target, path);
  MountAttributes readOnly = {};
  readOnly.set = MOUNT_ATTR_RDONLY;
  const long mounted = isMountRoot(static_cast<int>(target));
  if (mounted < 0) return fail(mounted, path);
  const long result = mounted != 0 ? mountSetattr(static_cast<int>(target), "",
                                                  AT_EMPTY_PATH | AT_RECURSIVE, readOnly)
                                   : cloneOnto(static_cast<int>(target), static_cast<int>(target),
                                               path, AT_RECURSIVE, readOnly);
  sys::close(static_cast<int>(target));
  return result < 0 ? fail(result, path) : 0;
}

}  // namespace tsrun::child
