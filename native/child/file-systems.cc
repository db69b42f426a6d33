// New file systems, each a mount that is nowhere yet.
#include <linux/errno.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "helper.h"

namespace tsrun::child {

// The kernel's own words on a refused option, if it has any.
static long explain(long result, int context, const char* target) {
  static char words[512];
  const long count = sys::read(context, words, sizeof words - 1);
  if (count <= 2) return fail(result, target);
  words[count] = 0;
  char* end = words + count;
  while (end > words && (end[-1] == '\n' || end[-1] == ' ')) *--end = 0;
  return fail(result, words + 2, wire::Code::Explained);
}

static long configure(int context, unsigned command, const char* key, const char* value) {
  return sys::call(__NR_fsconfig, context, command, sys::arg(key), sys::arg(value), 0);
}

static long setOption(int context, const char* option) {
  static char key[256];
  size_t at = 0;
  while (option[at] != 0 && option[at] != '=') {
    if (at + 1 >= sizeof key) return -EINVAL;
    key[at] = option[at];
    at++;
  }
  key[at] = 0;
  if (option[at] == 0) return configure(context, FSCONFIG_SET_FLAG, key, nullptr);
  return configure(context, FSCONFIG_SET_STRING, key, option + at + 1);
}

// Four octal digits and a NUL.
static long modeOf(int file, char* mode) {
  struct stat info = {};
  const long result =
      sys::call(__NR_newfstatat, file, sys::arg(""), sys::arg(&info), AT_EMPTY_PATH);
  for (int shift = 9; shift >= 0; shift -= 3) {
    *mode++ = static_cast<char>('0' + (info.st_mode >> shift & 7));
  }
  *mode = 0;
  return result;
}

// A tmpfs without a mode of its own takes that of the directory it covers.
static long coveredMode(int context, int target) {
  char mode[5];
  const long result = modeOf(target, mode);
  return result < 0 ? result : configure(context, FSCONFIG_SET_STRING, "mode", mode);
}

long emptyFileSystem(const char* label, const char* files, unsigned attributes) {
  const long context = sys::call(__NR_fsopen, sys::arg("tmpfs"), FSOPEN_CLOEXEC);
  if (context < 0) return context;
  long result = configure(static_cast<int>(context), FSCONFIG_SET_STRING, "source", "tmpfs");
  if (result >= 0) {
    result = configure(static_cast<int>(context), FSCONFIG_SET_STRING, "nr_inodes", files);
  }
  if (result >= 0 && label[0] != 0) {
    result = configure(static_cast<int>(context), FSCONFIG_SET_STRING, "context", label);
  }
  if (result >= 0) {
    result = configure(static_cast<int>(context), FSCONFIG_CMD_CREATE, nullptr, nullptr);
  }
  if (result >= 0) result = sys::call(__NR_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  sys::close(static_cast<int>(context));
  return result;
}

static long makeByNewCalls(const wire::Step& step, const char* target, long covered) {
  const char* type = TEXT(step, mount, type);
  const long opened = sys::call(__NR_fsopen, sys::arg(type), FSOPEN_CLOEXEC);
  if (opened < 0) return fail(opened, target);
  const int context = static_cast<int>(opened);
  const char* source = TEXT(step, mount, source);
  long result = 0;
  if (source[0] != 0) result = configure(context, FSCONFIG_SET_STRING, "source", source);
  if (result >= 0 && covered >= 0 && equal(type, "tmpfs")) {
    // First, so that an option of the configuration overrides it.
    result = coveredMode(context, static_cast<int>(covered));
  }
  char** options = TEXTS(step, mount, options);
  for (; result >= 0 && *options != nullptr; options++) result = setOption(context, *options);
  if (result >= 0) result = configure(context, FSCONFIG_CMD_CREATE, nullptr, nullptr);
  if (result >= 0) {
    // Some attributes (the access time ones) exist only as what fsmount is given or a later change.
    result = sys::call(__NR_fsmount, context, FSMOUNT_CLOEXEC, 0);
  }
  if (result < 0) result = explain(result, context, target);
  sys::close(context);
  return result;
}

// fsconfig(2) takes values of up to 255 bytes, which the layers of an overlay
// exceed; mount(2) takes a page of all options together.
static bool needsOldCall(const wire::Step& step) {
  constexpr size_t kMost = 255;
  if (length(TEXT(step, mount, source)) > kMost) return true;
  for (char** option = TEXTS(step, mount, options); *option != nullptr; option++) {
    if (length(*option) > kMost) return true;
  }
  return false;
}

// A label may have commas, which separate the options here, so that it is quoted.
static bool appendOption(char* data, size_t size, const char* option) {
  const bool label = startsWith(option, "context=") || startsWith(option, "fscontext=") ||
                     startsWith(option, "defcontext=") || startsWith(option, "rootcontext=");
  if (!label) return append(data, size, option);
  char part[2] = {};
  bool quoted = false;
  for (const char* at = option; *at != 0; at++) {
    part[0] = *at;
    if (!append(data, size, part)) return false;
    if (*at != '=' || quoted) continue;
    quoted = true;
    if (!append(data, size, "\"")) return false;
  }
  return append(data, size, "\"");
}

// All options in one text, as mount(2) takes them.
static bool joinOptions(const wire::Step& step, long covered, char* data, size_t size) {
  data[0] = 0;
  char mode[sizeof "mode=0755"] = "mode=";
  bool fits = true;
  if (covered >= 0 && equal(TEXT(step, mount, type), "tmpfs")) {
    fits = modeOf(static_cast<int>(covered), mode + length(mode)) >= 0 && append(data, size, mode);
  }
  for (char** option = TEXTS(step, mount, options); fits && *option != nullptr; option++) {
    fits = (data[0] == 0 || append(data, size, ",")) && appendOption(data, size, *option);
  }
  return fits;
}

// mount(2) on a directory that is open. By the host's procfs: the root has not been changed yet.
static long mountOn(const wire::Step& step, int directory, const char* data) {
  char path[40] = "/proc/self/fd/";
  appendNumber(path, sizeof path, directory);
  return sys::call(__NR_mount, sys::arg(TEXT(step, mount, source)), sys::arg(path),
                   sys::arg(TEXT(step, mount, type)), 0, sys::arg(data));
}

// What mount(2) makes in a shelter, a file system that nobody else has, as a tree of its own.
static long mountInShelter(const wire::Step& step, int shelter, const char* data) {
  constexpr const char* kName = "mount";
  long result = sys::call(__NR_mkdirat, shelter, sys::arg(kName), 0700);
  if (result < 0) return result;
  const long opened = sys::openat(shelter, kName, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0) return opened;
  const int directory = static_cast<int>(opened);
  result = mountOn(step, directory, data);
  if (result >= 0) result = openTreeAt(shelter, kName, OPEN_TREE_CLONE);
  const long same = result >= 0 ? sameFile(static_cast<int>(result), directory) : 0;
  if (same != 0) {
    // A mount namespace that was joined has another /proc.
    sys::close(static_cast<int>(result));
    result = same < 0 ? same : -EXDEV;
  }
  sys::close(directory);
  return result;
}

static long detach(int mount) {
  char path[40] = "/proc/self/fd/";
  appendNumber(path, sizeof path, mount);
  return sys::call(__NR_umount2, sys::arg(path), MNT_DETACH);
}

// mount(2) gives no descriptor, and the name of what it made may lead elsewhere at once: it mounts
// in a shelter. That lies on the helper's own /, to which no path leads, and takes what is in it
// along when it goes.
static long mountAside(const wire::Step& step, const char* data) {
  constexpr unsigned kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  // Labels take room as files do.
  const long made = emptyFileSystem("", "16", kAttributes);
  if (made < 0) return made;
  const int shelter = static_cast<int>(made);
  const long top = sys::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  long result = top;
  if (top >= 0) {
    result = moveMount(shelter, static_cast<int>(top));
    sys::close(static_cast<int>(top));
  }
  if (result >= 0) {
    result = mountInShelter(step, shelter, data);
    const long detached = detach(shelter);
    if (detached < 0 && result >= 0) {
      sys::close(static_cast<int>(result));
      result = detached;
    }
  }
  sys::close(shelter);
  return result;
}

static long makeByOldCall(const wire::Step& step, const char* target, long covered) {
  static char data[kPathSize];
  if (!joinOptions(step, covered, data, sizeof data)) return fail(-E2BIG, target);
  const long result = mountAside(step, data);
  return result < 0 ? fail(result, target) : result;
}

long makeFileSystem(const wire::Step& step, const char* target, long covered) {
  return needsOldCall(step) ? makeByOldCall(step, target, covered)
                            : makeByNewCalls(step, target, covered);
}

}  // namespace tsrun::child
