// The binding: the only file that knows Node-API. Each function turns arguments
// into plain C++, calls the kernel or system/, and turns the answer back.
// The contracts are in src/native/types.ts.

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <napi.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <dirent.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "system/blake2b.h"
#include "system/bpf.h"
#include "system/bus.h"
#include "system/children.h"
#include "system/datagram-socket.h"
#include "system/device-tree.h"
#include "system/encode.h"
#include "system/errors.h"
#include "system/locked-tree.h"
#include "system/messages.h"
#include "system/poller.h"
#include "system/seccomp.h"
#include "system/signals.h"
#include "system/spawn.h"
#include "wire/wire.h"

namespace tsrun {
namespace {

using Napi::CallbackInfo;
using Napi::Env;
using Napi::Value;

// Arguments. A wrong type is a bug of the caller's: a TypeError, and a value
// that the call then uses harmlessly before the error is seen.

bool wrongType(Env env, const char* what) {
  // A property whose getter has thrown: an empty value, without an environment.
  if (static_cast<napi_env>(env) == nullptr) return false;
  if (!env.IsExceptionPending()) Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
  return false;
}

bool readNumber(const Value& value, int64_t& out) {
  if (value.IsNumber()) {
    out = value.As<Napi::Number>().Int64Value();
    return true;
  }
  if (value.IsBoolean()) {
    out = value.As<Napi::Boolean>().Value() ? 1 : 0;
    return true;
  }
  if (value.IsBigInt()) {
    // Two's complement, so that unsigned 64-bit masks pass unchanged.
    bool lossless = false;
    out = static_cast<int64_t>(value.As<Napi::BigInt>().Uint64Value(&lossless));
    if (!lossless) out = value.As<Napi::BigInt>().Int64Value(&lossless);
    return lossless || wrongType(value.Env(), "the number has more than 64 bits");
  }
  return wrongType(value.Env(), "a number is expected");
}

int64_t number(const CallbackInfo& info, size_t index) {
  int64_t value = 0;
  readNumber(info[index], value);
  return value;
}

int integer(const CallbackInfo& info, size_t index) {
  return static_cast<int>(number(info, index));
}

std::string text(const CallbackInfo& info, size_t index) {
  if (!info[index].IsString()) {
    wrongType(info.Env(), "a string is expected");
    return {};
  }
  return info[index].As<Napi::String>().Utf8Value();
}

bool hasNul(const std::string& value) { return value.find('\0') != std::string::npos; }

// Text or bytes.
bool data(const CallbackInfo& info, size_t index, std::string& copy, const char*& at,
          size_t& size) {
  const Value value = info[index];
  if (value.IsString()) {
    copy = value.As<Napi::String>().Utf8Value();
    at = copy.data();
    size = copy.size();
    return true;
  }
  if (value.IsTypedArray()) {
    const auto bytes = value.As<Napi::Uint8Array>();
    at = reinterpret_cast<const char*>(bytes.Data());
    size = bytes.ByteLength();
    return true;
  }
  return wrongType(info.Env(), "a string or bytes are expected");
}

// No list is made room for before its items are there: a length may be anything.
bool integers(const Value& value, std::vector<int>& out) {
  if (!value.IsArray()) return wrongType(value.Env(), "an array of numbers is expected");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    int64_t item = 0;
    if (!readNumber(array.Get(i), item)) return false;
    out.push_back(static_cast<int>(item));
  }
  return true;
}

// Results.

Value result(const CallbackInfo& info, int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

// The answer of a libc wrapper: -1 and errno become a negated errno.
Value answer(const CallbackInfo& info, int64_t value) {
  return result(info, value < 0 ? -errno : value);
}

Value string(const CallbackInfo& info, const std::string& value) {
  return Napi::String::New(info.Env(), value);
}

Value bytes(const CallbackInfo& info, const void* from, size_t size) {
  auto array = Napi::Uint8Array::New(info.Env(), size);
  if (size > 0) memcpy(array.Data(), from, size);
  return array;
}

Value pair(const CallbackInfo& info, int64_t first, int64_t second) {
  auto array = Napi::Array::New(info.Env(), 2);
  array.Set(0U, result(info, first));
  array.Set(1U, result(info, second));
  return array;
}

// Calls with one path, which may not hold a NUL.
#define PATH(name, index)                     \
  const std::string name = text(info, index); \
  if (hasNul(name)) return result(info, -EINVAL)

// Files.

// Two flags differ between architectures; the interface has those of x86-64.
int openFlags(const CallbackInfo& info, size_t index) {
  constexpr int kDirectory = 0200000;
  constexpr int kNoFollow = 0400000;
  const int flags = integer(info, index);
  return (flags & ~(kDirectory | kNoFollow)) | O_CLOEXEC |
         ((flags & kDirectory) != 0 ? O_DIRECTORY : 0) |
         ((flags & kNoFollow) != 0 ? O_NOFOLLOW : 0);
}

Value Open(const CallbackInfo& info) {
  PATH(path, 0);
  return answer(info, open(path.c_str(), openFlags(info, 1), integer(info, 2)));
}

// The same where it may be bytes: a name that a program has chosen need not be UTF-8.
bool nameOf(const CallbackInfo& info, size_t index, std::string& name) {
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, index, name, at, size)) return false;
  if (at != name.data()) name.assign(at, size);
  return true;
}

Value OpenAt(const CallbackInfo& info) {
  std::string path;
  if (!nameOf(info, 1, path) || hasNul(path)) return result(info, -EINVAL);
  return answer(info, openat(integer(info, 0), path.c_str(), openFlags(info, 2), integer(info, 3)));
}

long openResolved(int dir, const std::string& path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = resolve;
  return syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
}

Value OpenInRoot(const CallbackInfo& info) {
  PATH(path, 1);
  return answer(info, openResolved(integer(info, 0), path, openFlags(info, 2),
                                   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
}

// openat2(dirfd, path, flags, resolve)
Value Openat2(const CallbackInfo& info) {
  PATH(path, 1);
  return answer(info, openResolved(integer(info, 0), path, integer(info, 2) | O_CLOEXEC,
                                   static_cast<uint64_t>(integer(info, 3))));
}

// Of a program that may have worker threads: where a child is known that is to be reaped, and where
// it has been, or is no longer to be.
void noteChild(Env env, int pidfd);
void forgetChild(Env env, int pidfd);

Value Close(const CallbackInfo& info) {
  const int fd = integer(info, 0);
  forgetChild(info.Env(), fd);
  return answer(info, close(fd));
}

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

Value Read(const CallbackInfo& info) {
  constexpr int64_t kMost = 1 << 20;
  const int64_t wanted = number(info, 1);
  const auto max = static_cast<size_t>(wanted < 0 ? 0 : wanted > kMost ? kMost : wanted);
  std::string buffer(max, '\0');
  ssize_t got;
  do {
    got = read(integer(info, 0), buffer.data(), max);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return result(info, -errno);
  return bytes(info, buffer.data(), static_cast<size_t>(got));
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

Value Write(const CallbackInfo& info) {
  std::string copy;
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, 1, copy, at, size)) return info.Env().Undefined();
  const long written = writeAll(integer(info, 0), at, size);
  return result(info, written < 0 ? written : static_cast<int64_t>(size));
}

Value WriteSome(const CallbackInfo& info) {
  std::string copy;
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, 1, copy, at, size)) return info.Env().Undefined();
  ssize_t written;
  do {
    written = write(integer(info, 0), at, size);
  } while (written < 0 && errno == EINTR);
  return answer(info, written);
}

// Without links when O_NOFOLLOW is among the flags, at no component of the path.
long openFile(int dir, const std::string& path, int flags) {
  if ((flags & O_NOFOLLOW) == 0 || path.find('/') == std::string::npos) {
    return openat(dir, path.c_str(), flags);
  }
  return openResolved(dir, path, flags, RESOLVE_NO_SYMLINKS);
}

long readFile(int dir, const std::string& path, int flags, int64_t max, std::string& content) {
  const int fd =
      static_cast<int>(openFile(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags));
  if (fd < 0) return -errno;
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

Value readFileAt(const CallbackInfo& info, int dir, const std::string& path, int flags,
                 int64_t max) {
  std::string content;
  const long got = readFile(dir, path, flags, max, content);
  return got < 0 ? result(info, got) : string(info, content);
}

// What comes before it is not made a string of the engine's.
Value ReadLastLineAt(const CallbackInfo& info) {
  PATH(name, 1);
  std::string content;
  const long got = readFile(integer(info, 0), name, O_NOFOLLOW, number(info, 2), content);
  if (got < 0) return result(info, got);
  if (content.size() >= 2) {
    const size_t newline = content.rfind('\n', content.size() - 2);
    if (newline != std::string::npos) content.erase(0, newline + 1);
  }
  return string(info, content);
}

Value ReadText(const CallbackInfo& info) {
  PATH(path, 0);
  return readFileAt(info, AT_FDCWD, path, 0, number(info, 1));
}

Value ReadTextAt(const CallbackInfo& info) {
  PATH(name, 1);
  return readFileAt(info, integer(info, 0), name, O_NOFOLLOW, number(info, 2));
}

Value writeFileAt(const CallbackInfo& info, int dir, const std::string& path,
                  const std::string& content) {
  const int fd = openat(dir, path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return result(info, -errno);
  const ssize_t written = write(fd, content.data(), content.size());
  long outcome = 0;
  if (written < 0) outcome = -errno;
  if (written >= 0 && static_cast<size_t>(written) != content.size()) outcome = -EIO;
  close(fd);
  return result(info, outcome);
}

Value WriteText(const CallbackInfo& info) {
  PATH(path, 0);
  return writeFileAt(info, AT_FDCWD, path, text(info, 1));
}

Value WriteTextAt(const CallbackInfo& info) {
  PATH(path, 1);
  return writeFileAt(info, integer(info, 0), path, text(info, 2));
}

// The mode that was asked for, of what has just been made under the program's umask, which stays.
int setModeAt(int dir, const char* name, mode_t mode) {
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

// An error means that nothing was made: what could not be given its mode is removed.
Value withMode(const CallbackInfo& info, int dir, const char* name, mode_t mode, int removal) {
  const int error = setModeAt(dir, name, mode);
  if (error < 0) unlinkat(dir, name, removal);
  return result(info, error);
}

Value Mkdir(const CallbackInfo& info) {
  PATH(path, 0);
  const auto mode = static_cast<mode_t>(integer(info, 1));
  if (mkdir(path.c_str(), mode) < 0) return result(info, -errno);
  return withMode(info, AT_FDCWD, path.c_str(), mode, AT_REMOVEDIR);
}

Value MkdirAt(const CallbackInfo& info) {
  PATH(name, 1);
  const int dir = integer(info, 0);
  const auto mode = static_cast<mode_t>(integer(info, 2));
  if (mkdirat(dir, name.c_str(), mode) < 0) return result(info, -errno);
  return withMode(info, dir, name.c_str(), mode, AT_REMOVEDIR);
}

Value Rmdir(const CallbackInfo& info) {
  PATH(path, 0);
  return answer(info, rmdir(path.c_str()));
}

Value RmdirAt(const CallbackInfo& info) {
  std::string name;
  if (!nameOf(info, 1, name) || hasNul(name)) return result(info, -EINVAL);
  return answer(info, unlinkat(integer(info, 0), name.c_str(), AT_REMOVEDIR));
}

Value Unlink(const CallbackInfo& info) {
  PATH(path, 0);
  return answer(info, unlink(path.c_str()));
}

Value Rename(const CallbackInfo& info) {
  PATH(from, 0);
  PATH(to, 1);
  return answer(info, rename(from.c_str(), to.c_str()));
}

Value UnlinkAt(const CallbackInfo& info) {
  std::string name;
  if (!nameOf(info, 1, name) || hasNul(name)) return result(info, -EINVAL);
  return answer(info, unlinkat(integer(info, 0), name.c_str(), integer(info, 2)));
}

Value RenameAt(const CallbackInfo& info) {
  std::string from;
  std::string to;
  if (!nameOf(info, 1, from) || hasNul(from)) return result(info, -EINVAL);
  if (!nameOf(info, 3, to) || hasNul(to)) return result(info, -EINVAL);
  return answer(info, renameat(integer(info, 0), from.c_str(), integer(info, 2), to.c_str()));
}

Value LinkAt(const CallbackInfo& info) {
  PATH(from, 1);
  PATH(to, 3);
  return answer(info, linkat(integer(info, 0), from.c_str(), integer(info, 2), to.c_str(), 0));
}

Value MkfifoAt(const CallbackInfo& info) {
  PATH(name, 1);
  const int dir = integer(info, 0);
  const auto mode = static_cast<mode_t>(integer(info, 2));
  if (mkfifoat(dir, name.c_str(), mode) < 0) return result(info, -errno);
  return withMode(info, dir, name.c_str(), mode, 0);
}

Value readlinkAt(const CallbackInfo& info, int dir, const std::string& path) {
  char buffer[PATH_MAX];
  const ssize_t count = readlinkat(dir, path.c_str(), buffer, sizeof buffer);
  if (count < 0) return result(info, -errno);
  return string(info, std::string(buffer, static_cast<size_t>(count)));
}

Value Readlink(const CallbackInfo& info) {
  PATH(path, 0);
  return readlinkAt(info, AT_FDCWD, path);
}

Value ReadlinkAt(const CallbackInfo& info) {
  PATH(name, 1);
  return readlinkAt(info, integer(info, 0), name);
}

Value Realpath(const CallbackInfo& info) {
  PATH(path, 0);
  char buffer[PATH_MAX];
  if (realpath(path.c_str(), buffer) == nullptr) return result(info, -errno);
  return string(info, buffer);
}

Value Chown(const CallbackInfo& info) {
  PATH(path, 0);
  return answer(info, lchown(path.c_str(), static_cast<uid_t>(number(info, 1)),
                             static_cast<gid_t>(number(info, 2))));
}

Value statResult(const CallbackInfo& info, int outcome, const struct stat& from) {
  if (outcome < 0) return result(info, -errno);
  auto object = Napi::Object::New(info.Env());
  object.Set("mode", result(info, from.st_mode));
  object.Set("uid", result(info, from.st_uid));
  object.Set("gid", result(info, from.st_gid));
  object.Set("devMajor", result(info, major(from.st_dev)));
  object.Set("devMinor", result(info, minor(from.st_dev)));
  object.Set("ino", Napi::BigInt::New(info.Env(), static_cast<uint64_t>(from.st_ino)));
  object.Set("size", result(info, from.st_size));
  object.Set("rdevMajor", result(info, major(from.st_rdev)));
  object.Set("rdevMinor", result(info, minor(from.st_rdev)));
  return object;
}

Value Stat(const CallbackInfo& info) {
  PATH(path, 0);
  struct stat found;
  return statResult(info, stat(path.c_str(), &found), found);
}

Value Lstat(const CallbackInfo& info) {
  PATH(path, 0);
  struct stat found;
  return statResult(info, lstat(path.c_str(), &found), found);
}

Value Fstat(const CallbackInfo& info) {
  struct stat found;
  return statResult(info, fstat(integer(info, 0), &found), found);
}

Value FstatAt(const CallbackInfo& info) {
  PATH(name, 1);
  struct stat found;
  return statResult(
      info, fstatat(integer(info, 0), name.c_str(), &found, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH),
      found);
}

// The names but `.` and `..`, each made a value by `make`.
template <typename Wanted, typename Make>
Value names(const CallbackInfo& info, Wanted wanted, Make make) {
  PATH(path, 0);
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return result(info, -errno);
  auto found = Napi::Array::New(info.Env());
  uint32_t count = 0;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && wanted(directory, *entry)) found.Set(count++, make(name));
    errno = 0;
  }
  const int error = errno;
  closedir(directory);
  if (error != 0) return result(info, -error);
  return found;
}

Value Readdir(const CallbackInfo& info) {
  return names(
      info, [](DIR*, const dirent&) { return true; },
      [&](const std::string& name) { return string(info, name); });
}

// Without another descriptor, of which there may be none left: opendir would need one.
Value Names(const CallbackInfo& info) {
  const int fd = integer(info, 0);
  if (lseek(fd, 0, SEEK_SET) < 0) return result(info, -errno);
  auto found = Napi::Array::New(info.Env());
  uint32_t count = 0;
  alignas(dirent64) char buffer[16384];
  while (true) {
    const ssize_t got = getdents64(fd, buffer, sizeof buffer);
    if (got < 0) return result(info, -errno);
    if (got == 0) return found;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      const size_t length = strlen(entry->d_name);
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      found.Set(count++, bytes(info, entry->d_name, length));
    }
  }
}

Value Directories(const CallbackInfo& info) {
  const auto isDirectory = [](DIR* in, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    struct stat found;
    return fstatat(dirfd(in), entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(found.st_mode);
  };
  return names(info, isDirectory,
               [&](const std::string& name) { return bytes(info, name.data(), name.size()); });
}

Value StatfsType(const CallbackInfo& info) {
  PATH(path, 0);
  struct statfs found;
  if (statfs(path.c_str(), &found) < 0) return result(info, -errno);
  return result(info, static_cast<int64_t>(found.f_type));
}

Value FstatfsType(const CallbackInfo& info) {
  struct statfs found;
  if (fstatfs(integer(info, 0), &found) < 0) return result(info, -errno);
  return result(info, static_cast<int64_t>(found.f_type));
}

Value FstatfsFlags(const CallbackInfo& info) {
  struct statfs found;
  if (fstatfs(integer(info, 0), &found) < 0) return result(info, -errno);
  return result(info, static_cast<int64_t>(found.f_flags));
}

Value Flock(const CallbackInfo& info) {
  int locked;
  do {
    locked = flock(integer(info, 0), integer(info, 1) | LOCK_NB);
  } while (locked < 0 && errno == EINTR);
  return answer(info, locked);
}

Value Access(const CallbackInfo& info) {
  PATH(path, 0);
  return answer(info, faccessat(AT_FDCWD, path.c_str(), integer(info, 1), AT_EACCESS));
}

Value Memfd(const CallbackInfo& info) {
  PATH(name, 0);
  std::string copy;
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, 1, copy, at, size)) return info.Env().Undefined();
  return result(info, sealedFile(name.c_str(), at, size, false));
}

Value Pipe(const CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return result(info, -errno);
  return pair(info, ends[0], ends[1]);
}

Value SetNonblocking(const CallbackInfo& info) {
  const int fd = integer(info, 0);
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return result(info, -errno);
  const bool on = number(info, 1) != 0;
  return answer(info, fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

Value Dup(const CallbackInfo& info) {
  return answer(info, fcntl(integer(info, 0), F_DUPFD_CLOEXEC, 0));
}

Value NamespaceOwner(const CallbackInfo& info) {
  return answer(info, ioctl(integer(info, 0), NS_GET_USERNS));
}

// Sockets.

// A name that does not fit into sun_path is reached through its directory's
// descriptor.
class UnixAddress {
 public:
  explicit UnixAddress(const std::string& path) {
    address.sun_family = AF_UNIX;
    if (path.size() < sizeof address.sun_path) {
      memcpy(address.sun_path, path.c_str(), path.size() + 1);
      return;
    }
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    directory_ = open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_ < 0) {
      error = errno;
      return;
    }
    const std::string shortened = "/proc/self/fd/" + std::to_string(directory_) + "/" + name;
    if (shortened.size() >= sizeof address.sun_path) {
      error = ENAMETOOLONG;
      return;
    }
    memcpy(address.sun_path, shortened.c_str(), shortened.size() + 1);
  }
  ~UnixAddress() {
    if (directory_ >= 0) close(directory_);
  }
  UnixAddress(const UnixAddress&) = delete;
  UnixAddress& operator=(const UnixAddress&) = delete;

  sockaddr_un address = {};
  int error = 0;

 private:
  int directory_ = -1;
};

template <typename Call>
Value withUnixSocket(const CallbackInfo& info, size_t index, int type, Call call) {
  const std::string path = text(info, index);
  if (path.empty() || hasNul(path)) return result(info, -EINVAL);
  const UnixAddress where(path);
  if (where.error != 0) return result(info, -where.error);
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return result(info, -errno);
  const long outcome = call(fd, reinterpret_cast<const sockaddr*>(&where.address));
  if (outcome < 0) {
    const int error = errno;
    close(fd);
    return result(info, -error);
  }
  return result(info, fd);
}

Value ConnectUnix(const CallbackInfo& info) {
  // A full backlog is -EAGAIN and not a wait.
  return withUnixSocket(info, 0, SOCK_STREAM | SOCK_NONBLOCK, [](int fd, const sockaddr* address) {
    const int connected = connect(fd, address, sizeof(sockaddr_un));
    return connected < 0 ? connected : fcntl(fd, F_SETFL, 0);
  });
}

// bindDatagramAt(dirfd, name, mode)
Value BindDatagramAt(const CallbackInfo& info) {
  PATH(name, 1);
  return result(
      info, bindDatagramAt(integer(info, 0), name.c_str(), static_cast<mode_t>(integer(info, 2))));
}

Value SendUnixDatagram(const CallbackInfo& info) {
  std::string path = text(info, 0);
  const std::string message = text(info, 1);
  const int carried = integer(info, 2);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return result(info, -errno);
  int connected = -1;
  if (!path.empty() && path[0] == '@') {
    // systemd writes an abstract name so (sd_notify(3)).
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const size_t size = std::min(path.size(), sizeof address.sun_path);
    memcpy(address.sun_path, path.data(), size);
    address.sun_path[0] = 0;
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address),
                        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
  } else {
    const UnixAddress where(path);
    if (where.error != 0) {
      close(fd);
      return result(info, -where.error);
    }
    connected =
        connect(fd, reinterpret_cast<const sockaddr*>(&where.address), sizeof where.address);
  }
  long sent = connected < 0 ? -errno : 0;
  if (sent == 0 && carried >= 0) {
    sent = sendDescriptor(fd, message, carried);
  } else if (sent == 0 && send(fd, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    sent = -errno;
  }
  close(fd);
  return result(info, sent);
}

Value SendFd(const CallbackInfo& info) {
  return result(info, sendDescriptor(integer(info, 0), text(info, 1), integer(info, 2)));
}

const char* kindName(wire::Kind kind) {
  switch (kind) {
    case wire::Kind::Sync:
      return "sync";
    case wire::Kind::Failed:
      return "failed";
    case wire::Kind::Forked:
      return "forked";
    case wire::Kind::Console:
      return "console";
    case wire::Kind::Warning:
      return "warning";
    case wire::Kind::Trace:
      return "trace";
    case wire::Kind::Listener:
      return "listener";
    case wire::Kind::Tree:
      return "tree";
  }
  return "unknown";
}

Value Receive(const CallbackInfo& info) {
  Message message;
  const long got = receiveMessage(integer(info, 0), message);
  if (got <= 0) return result(info, got);
  if (message.kind == wire::Kind::Forked && message.fd >= 0) noteChild(info.Env(), message.fd);
  auto object = Napi::Object::New(info.Env());
  object.Set("type", string(info, kindName(message.kind)));
  object.Set("step", result(info, message.step));
  object.Set("value", result(info, message.value));
  object.Set("code", result(info, message.code));
  object.Set("text", string(info, message.text));
  object.Set("fd", result(info, message.fd));
  if (message.kind == wire::Kind::Trace) {
    auto times = Napi::Array::New(info.Env(), message.times.size());
    for (uint32_t i = 0; i < message.times.size(); i++)
      times.Set(i, result(info, message.times[i]));
    object.Set("times", times);
  }
  return object;
}

Value Proceed(const CallbackInfo& info) { return result(info, proceed(integer(info, 0))); }

// Processes.

Value Getpid(const CallbackInfo& info) { return result(info, getpid()); }
Value Getuid(const CallbackInfo& info) { return pair(info, getuid(), geteuid()); }
Value Getgid(const CallbackInfo& info) { return pair(info, getgid(), getegid()); }

Value Kill(const CallbackInfo& info) {
  return answer(info, kill(integer(info, 0), integer(info, 1)));
}

Value PidfdOpen(const CallbackInfo& info) {
  return answer(info, syscall(SYS_pidfd_open, integer(info, 0), 0));
}

Value PidfdKill(const CallbackInfo& info) {
  return answer(info,
                syscall(SYS_pidfd_send_signal, integer(info, 0), integer(info, 1), nullptr, 0));
}

Value Reap(const CallbackInfo& info) {
  siginfo_t ended = {};
  int outcome;
  do {
    outcome =
        waitid(P_PIDFD, static_cast<id_t>(integer(info, 0)), &ended, WEXITED | WNOHANG | __WALL);
  } while (outcome < 0 && errno == EINTR);
  if (outcome < 0) return result(info, -errno);
  if (ended.si_pid == 0) return result(info, -EAGAIN);
  forgetChild(info.Env(), integer(info, 0));
  auto object = Napi::Object::New(info.Env());
  const bool exited = ended.si_code == CLD_EXITED;
  object.Set("status", result(info, exited ? ended.si_status : 0));
  object.Set("signal", result(info, exited ? 0 : ended.si_status));
  return object;
}

Value ReapGroup(const CallbackInfo& info) {
  const int group = integer(info, 0);
  // 0 would be our own.
  if (group <= 0) return result(info, -EINVAL);
  while (true) {
    siginfo_t ended = {};
    const int outcome =
        waitid(P_PGID, static_cast<id_t>(group), &ended, WEXITED | WNOHANG | __WALL);
    if (outcome < 0) return result(info, errno == ECHILD ? 0 : -errno);
    if (ended.si_pid == 0) return result(info, -EAGAIN);
  }
}

// Orphans that a subreaper has been given have nobody who waits for them by
// name. Behind the excepted child others may hide: it is being waited for.
Value ReapOthers(const CallbackInfo& info) {
  // A container that makes them faster than we reap them is not to stop us.
  constexpr int kMost = 1024;
  const auto except = static_cast<pid_t>(integer(info, 0));
  int count = 0;
  for (; count < kMost; count++) {
    siginfo_t ended = {};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0) {
      if (errno == ECHILD) break;
      return result(info, -errno);
    }
    if (ended.si_pid == 0 || ended.si_pid == except) break;
    waitid(P_PID, static_cast<id_t>(ended.si_pid), &ended, WEXITED | WNOHANG);
  }
  return result(info, count);
}

// One step of the plan, its fields in wire order.
bool encodeFields(PlanEncoder& encoder, const Napi::Object& step, const char* fields) {
  for (const char* at = fields; *at != 0;) {
    const char* start = at;
    while (*at != ':') at++;
    const std::string name(start, at);
    const char type = at[1];
    at += 2;
    while (*at == ' ') at++;
    const Value value = step.Get(name);
    const Env env = step.Env();
    if (env.IsExceptionPending()) return false;
    if (type == 'n') {
      int64_t item = 0;
      if (!readNumber(value, item)) return false;
      encoder.number(item);
    } else if (type == 's') {
      if (!value.IsString()) return wrongType(env, "a step's field must be a string");
      const std::string item = value.As<Napi::String>().Utf8Value();
      if (hasNul(item)) return wrongType(env, "a step's string holds a NUL");
      encoder.text(item);
    } else {
      if (!value.IsArray()) return wrongType(env, "a step's field must be an array");
      const auto array = value.As<Napi::Array>();
      std::vector<std::string> items;
      std::vector<int64_t> numbers;
      for (uint32_t i = 0; i < array.Length(); i++) {
        const Value element = array.Get(i);
        if (type == 'u') {
          int64_t item = 0;
          if (!readNumber(element, item)) return false;
          numbers.push_back(item);
          continue;
        }
        if (!element.IsString()) return wrongType(env, "a step's list must hold strings");
        items.push_back(element.As<Napi::String>().Utf8Value());
        if (hasNul(items.back())) return wrongType(env, "a step's string holds a NUL");
      }
      if (type == 'u') {
        encoder.numbers(numbers);
      } else {
        encoder.texts(items);
      }
    }
  }
  return true;
}

struct Operation {
  const char* name;
  const char* fields;
};

constexpr Operation kOperations[] = {
#define OPERATION(name, text, fields) {text, fields},
#include "wire/operations.def"
#undef OPERATION
};

bool encodeStep(PlanEncoder& encoder, const Value& value) {
  if (!value.IsObject()) return wrongType(value.Env(), "a step must be an object");
  const auto step = value.As<Napi::Object>();
  const Value op = step.Get("op");
  if (!op.IsString()) return wrongType(value.Env(), "a step must have an operation");
  const std::string name = op.As<Napi::String>().Utf8Value();
  for (uint32_t i = 0; i < static_cast<uint32_t>(wire::Op::Count); i++) {
    if (name != kOperations[i].name) continue;
    encoder.begin(static_cast<wire::Op>(i));
    return encodeFields(encoder, step, kOperations[i].fields);
  }
  return wrongType(value.Env(), "a step has an unknown operation");
}

Value Spawn(const CallbackInfo& info) {
  const Env env = info.Env();
  if (!info[0].IsObject()) {
    wrongType(env, "a spawn request is expected");
    return env.Undefined();
  }
  const auto request = info[0].As<Napi::Object>();
  SpawnRequest work;
  int64_t flags = 0;
  int64_t early = 0;
  int64_t cgroup = 0;
  int64_t slots = 0;
  std::vector<int> stdio;
  const bool read =
      readNumber(request.Get("cloneFlags"), flags) &&
      readNumber(request.Get("earlyNamespaces"), early) &&
      readNumber(request.Get("cgroupFd"), cgroup) && readNumber(request.Get("slots"), slots) &&
      integers(request.Get("stdio"), stdio) && integers(request.Get("preserve"), work.preserve) &&
      integers(request.Get("fds"), work.slots);
  if (!read) return env.Undefined();
  if (stdio.size() != 3) return result(info, -EINVAL);
  // A process of its own in new namespaces; with CLONE_THREAD it would take the caller's place.
  constexpr int64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  if ((flags & ~kNamespaces) != 0) return result(info, -EINVAL);
  if (early < 0 || early > UINT32_MAX) return result(info, -EINVAL);
  work.cloneFlags = static_cast<unsigned long>(flags);
  work.early = static_cast<unsigned long>(early);
  work.cgroup = static_cast<int>(cgroup);
  std::copy(stdio.begin(), stdio.end(), work.stdio);
  const Value steps = request.Get("steps");
  if (!steps.IsArray()) {
    wrongType(env, "steps must be an array");
    return env.Undefined();
  }
  const auto array = steps.As<Napi::Array>();
  const uint32_t count = array.Length();
  if (slots < static_cast<int64_t>(work.slots.size()) || slots > wire::kMaxSlots ||
      work.preserve.size() > wire::kMaxSlots || count == 0) {
    return result(info, -EINVAL);
  }
  int64_t trace = 0;
  if (!readNumber(request.Get("trace"), trace)) return env.Undefined();
  PlanEncoder encoder;
  // Before there is a process: of what is no plan there need be none.
  if (!encodeStep(encoder, array.Get(0U))) return env.Undefined();
  Spawned spawned;
  long outcome = spawnHelper(work, spawned);
  if (outcome < 0) return result(info, outcome);
  for (uint32_t i = 1; i < count; i++) {
    if (encodeStep(encoder, array.Get(i))) continue;
    abandon(spawned);
    return env.Undefined();
  }
  const std::string plan =
      encoder.finish(static_cast<uint32_t>(slots), static_cast<uint32_t>(work.slots.size()),
                     static_cast<uint32_t>(work.preserve.size()), trace != 0);
  if (plan.empty()) {
    abandon(spawned);
    return result(info, -E2BIG);
  }
  outcome = givePlan(spawned, plan);
  if (outcome < 0) return result(info, outcome);
  noteChild(env, spawned.pidfd);
  auto object = Napi::Object::New(env);
  object.Set("pid", result(info, spawned.pid));
  object.Set("pidfd", result(info, spawned.pidfd));
  object.Set("socket", result(info, spawned.socket));
  return object;
}

Value RaiseHardLimit(const CallbackInfo& info) {
  const auto pid = static_cast<pid_t>(integer(info, 0));
  const auto resource = static_cast<__rlimit_resource>(integer(info, 1));
  const auto hard = static_cast<rlim64_t>(number(info, 2));
  rlimit64 limit;
  if (prlimit64(pid, resource, nullptr, &limit) < 0) return result(info, -errno);
  if (hard <= limit.rlim_max) return result(info, 0);
  limit.rlim_max = hard;
  return answer(info, prlimit64(pid, resource, &limit, nullptr));
}

Value SetSoftLimit(const CallbackInfo& info) {
  const auto resource = static_cast<__rlimit_resource>(integer(info, 0));
  rlimit64 limit;
  if (getrlimit64(resource, &limit) < 0) return result(info, -errno);
  limit.rlim_cur = std::min(static_cast<rlim64_t>(number(info, 1)), limit.rlim_max);
  return answer(info, setrlimit64(resource, &limit));
}

Value Capabilities(const CallbackInfo& info) {
  int64_t asked = 0;
  if (!readNumber(info[0], asked)) return info.Env().Undefined();
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) < 0) return result(info, -errno);
  const uint64_t effective = sets[0].effective | uint64_t{sets[1].effective} << 32;
  // No kernel with the mount API knows fewer.
  int last = CAP_CHECKPOINT_RESTORE - 1;
  for (; last < 63; last++) {
    if (prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0) continue;
    if (errno == EINVAL) break;
    return result(info, -errno);
  }
  uint64_t bounding = 0;
  for (int number = 0; number <= last; number++) {
    const uint64_t bit = uint64_t{1} << number;
    if ((static_cast<uint64_t>(asked) & bit) == 0) continue;
    if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) > 0) bounding |= bit;
  }
  auto object = Napi::Object::New(info.Env());
  object.Set("effective", Napi::BigInt::New(info.Env(), effective));
  object.Set("bounding", Napi::BigInt::New(info.Env(), bounding));
  object.Set("last", result(info, last));
  return object;
}

Value SetSubreaper(const CallbackInfo& info) {
  return answer(info, prctl(PR_SET_CHILD_SUBREAPER, number(info, 0) != 0 ? 1 : 0));
}

Value CatchSignals(const CallbackInfo& info) {
  std::vector<int> signals;
  if (!integers(info[0], signals)) return info.Env().Undefined();
  return result(info, catchSignals(signals));
}

Value MonotonicNs(const CallbackInfo& info) {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return result(info, int64_t{time.tv_sec} * 1000000000 + time.tv_nsec);
}

// Terminals.

Value IsTerminal(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), isatty(integer(info, 0)) == 1);
}

Value GetWindowSize(const CallbackInfo& info) {
  winsize size;
  if (ioctl(integer(info, 0), TIOCGWINSZ, &size) < 0) return result(info, -errno);
  return pair(info, size.ws_col, size.ws_row);
}

Value SetWindowSize(const CallbackInfo& info) {
  winsize size = {};
  size.ws_col = static_cast<unsigned short>(integer(info, 1));
  size.ws_row = static_cast<unsigned short>(integer(info, 2));
  return answer(info, ioctl(integer(info, 0), TIOCSWINSZ, &size));
}

Value MakeRaw(const CallbackInfo& info) {
  termios before;
  if (tcgetattr(integer(info, 0), &before) < 0) return result(info, -errno);
  termios raw = before;
  cfmakeraw(&raw);
  // The container's terminal writes bare newlines, which this one has to complete.
  raw.c_oflag |= OPOST;
  if (tcsetattr(integer(info, 0), TCSANOW, &raw) < 0) return result(info, -errno);
  return bytes(info, &before, sizeof before);
}

Value RestoreTerminal(const CallbackInfo& info) {
  std::string copy;
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, 1, copy, at, size)) return info.Env().Undefined();
  termios settings;
  if (size != sizeof settings) return result(info, -EINVAL);
  memcpy(&settings, at, sizeof settings);
  return answer(info, tcsetattr(integer(info, 0), TCSANOW, &settings));
}

// Mounts and control groups.

// openTreeAt(dirfd, path, flags)
Value OpenTreeAt(const CallbackInfo& info) {
  PATH(path, 1);
  return answer(info, syscall(SYS_open_tree, integer(info, 0), path.c_str(),
                              static_cast<unsigned>(integer(info, 2)) | OPEN_TREE_CLOEXEC));
}

// openTreeIn(mountNamespace, path, flags)
Value OpenTreeIn(const CallbackInfo& info) {
  PATH(path, 1);
  return result(
      info, openTreeIn(integer(info, 0), path.c_str(), static_cast<unsigned>(integer(info, 2))));
}

// lockTree(tree, mountNamespace, belowSet, belowClear, topSet, topClear)
Value LockTree(const CallbackInfo& info) {
  const auto bits = [&](size_t at) { return static_cast<unsigned>(integer(info, at)); };
  return result(
      info, lockTree(integer(info, 0), integer(info, 1), {bits(2), bits(3)}, {bits(4), bits(5)}));
}

// deviceTree(mode, major, minor, uid, gid, label)
Value DeviceTree(const CallbackInfo& info) {
  PATH(label, 5);
  const dev_t device =
      makedev(static_cast<unsigned>(integer(info, 1)), static_cast<unsigned>(integer(info, 2)));
  return result(info, deviceTree(static_cast<mode_t>(integer(info, 0)), device,
                                 static_cast<uid_t>(integer(info, 3)),
                                 static_cast<gid_t>(integer(info, 4)), label.c_str()));
}

Value IdMapTree(const CallbackInfo& info) {
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(integer(info, 1));
  const bool recursive = info[2].ToBoolean();
  return answer(info, syscall(SYS_mount_setattr, integer(info, 0), "",
                              AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
                              sizeof attributes));
}

Value LoadDeviceProgram(const CallbackInfo& info) {
  std::string copy;
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, 0, copy, at, size)) return info.Env().Undefined();
  return result(info, loadDeviceProgram(at, size));
}

Value AttachDeviceProgram(const CallbackInfo& info) {
  return result(info, attachDeviceProgram(integer(info, 0), integer(info, 1), integer(info, 2)));
}

Value DetachDeviceProgram(const CallbackInfo& info) {
  return result(info, detachDeviceProgram(integer(info, 0), integer(info, 1)));
}

Value DevicePrograms(const CallbackInfo& info) {
  std::vector<DeviceProgram> found;
  const long status = devicePrograms(integer(info, 0), found);
  if (status < 0) return result(info, status);
  auto programs = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const DeviceProgram& program : found) {
    auto object = Napi::Object::New(info.Env());
    object.Set("fd", result(info, program.fd));
    object.Set("name", string(info, program.name));
    programs.Set(count++, object);
  }
  return programs;
}

// Filters of system calls.

bool strings(const Value& value, std::vector<std::string>& out) {
  if (!value.IsArray()) return wrongType(value.Env(), "an array of strings is expected");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    const Value item = array.Get(i);
    if (!item.IsString()) return wrongType(value.Env(), "a string is expected");
    out.push_back(item.As<Napi::String>().Utf8Value());
  }
  return true;
}

bool seccompRule(const Value& value, SeccompRule& rule) {
  if (!value.IsObject()) return wrongType(value.Env(), "a rule must be an object");
  const auto object = value.As<Napi::Object>();
  int64_t action = 0;
  const Value compare = object.Get("args");
  if (!strings(object.Get("names"), rule.names) || !readNumber(object.Get("action"), action)) {
    return false;
  }
  rule.action = static_cast<uint32_t>(action);
  if (!compare.IsArray()) return wrongType(value.Env(), "an array of numbers is expected");
  const auto array = compare.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length % 4 != 0) return wrongType(value.Env(), "four numbers an argument are expected");
  for (uint32_t i = 0; i < length; i += 4) {
    int64_t part[4] = {};
    for (uint32_t j = 0; j < 4; j++) {
      if (!readNumber(array.Get(i + j), part[j])) return false;
    }
    rule.arguments.push_back({static_cast<unsigned>(part[0]), static_cast<int>(part[1]),
                              static_cast<uint64_t>(part[2]), static_cast<uint64_t>(part[3])});
  }
  return true;
}

bool seccompProfile(const CallbackInfo& info, SeccompProfile& profile) {
  if (!info[0].IsObject()) return wrongType(info.Env(), "a profile is expected");
  const auto object = info[0].As<Napi::Object>();
  int64_t action = 0;
  if (!readNumber(object.Get("defaultAction"), action) ||
      !strings(object.Get("architectures"), profile.architectures)) {
    return false;
  }
  profile.defaultAction = static_cast<uint32_t>(action);
  const Value rules = object.Get("rules");
  if (!rules.IsArray()) return wrongType(info.Env(), "an array of rules is expected");
  const auto array = rules.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    if (!seccompRule(array.Get(i), profile.rules.emplace_back())) return false;
  }
  return true;
}

Value CompileSeccomp(const CallbackInfo& info) {
  const Env env = info.Env();
  SeccompProfile profile;
  if (!seccompProfile(info, profile)) return env.Undefined();
  SeccompFilter filter;
  const long outcome = compileSeccomp(profile, filter);
  auto object = Napi::Object::New(env);
  object.Set("error", result(info, outcome));
  object.Set("architecture", result(info, filter.failedArchitecture));
  object.Set("rule", result(info, filter.failedRule));
  object.Set("name", string(info, filter.failedName));
  object.Set("program", bytes(info, filter.program.data(), filter.program.size()));
  auto architectures = Napi::Array::New(env);
  uint32_t count = 0;
  for (const auto& [token, highest] : filter.architectures) {
    architectures.Set(count++, pair(info, token, highest));
  }
  object.Set("architectures", architectures);
  auto unknown = Napi::Array::New(env);
  count = 0;
  for (const auto& name : filter.unknown) unknown.Set(count++, string(info, name));
  object.Set("unknown", unknown);
  return object;
}

Value SeccompSystem(const CallbackInfo& info) { return string(info, seccompSystem()); }
Value SeccompVersion(const CallbackInfo& info) { return string(info, seccompVersion()); }
Value SeccompFlagWorks(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(),
                            seccompFlagWorks(static_cast<unsigned long>(number(info, 0))));
}
Value SystemCallNumber(const CallbackInfo& info) {
  return result(info, systemCallNumber(text(info, 0).c_str()));
}

Value Digest(const CallbackInfo& info) {
  std::string copy;
  const char* at = nullptr;
  size_t size = 0;
  if (!data(info, 0, copy, at, size)) return info.Env().Undefined();
  return string(info, blake2b(at, size));
}

// Message bus.

Value OpenBus(const CallbackInfo& info) {
  PATH(address, 0);
  return result(info, openBus(address));
}

Value CloseBus(const CallbackInfo& info) {
  closeBus(integer(info, 0));
  return result(info, 0);
}

Value WatchBus(const CallbackInfo& info) {
  int fd = -1;
  int events = 0;
  const long outcome = watchBus(integer(info, 0), fd, events);
  if (outcome < 0) return result(info, outcome);
  return pair(info, fd, events);
}

bool readItems(const Value& value, std::vector<BusItem>& items) {
  if (!value.IsArray()) return wrongType(value.Env(), "the body of a message must be an array");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    const Value item = array.Get(i);
    if (!item.IsArray()) return wrongType(value.Env(), "an item of a message must be an array");
    const Value code = item.As<Napi::Array>().Get(0U);
    const Value text = item.As<Napi::Array>().Get(1U);
    if (!code.IsString() || !text.IsString()) {
      return wrongType(value.Env(), "an item of a message must be two strings");
    }
    items.push_back({code.As<Napi::String>().Utf8Value(), text.As<Napi::String>().Utf8Value()});
  }
  return true;
}

Value CallBus(const CallbackInfo& info) {
  BusCall call = {text(info, 1), text(info, 2), text(info, 3), text(info, 4), {}};
  if (!readItems(info[5], call.body)) return info.Env().Undefined();
  return result(info, callBus(integer(info, 0), call));
}

const char* kindName(BusMessage::Kind kind) {
  switch (kind) {
    case BusMessage::Kind::Reply:
      return "reply";
    case BusMessage::Kind::Error:
      return "error";
    case BusMessage::Kind::Signal:
      return "signal";
  }
  return "unknown";
}

Value ReceiveBus(const CallbackInfo& info) {
  BusMessage message;
  const long got = receiveBus(integer(info, 0), message);
  if (got < 0) return result(info, got);
  auto object = Napi::Object::New(info.Env());
  object.Set("type", string(info, kindName(message.kind)));
  object.Set("cookie", result(info, static_cast<int64_t>(message.cookie)));
  object.Set("name", string(info, message.name));
  object.Set("text", string(info, message.text));
  auto body = Napi::Array::New(info.Env(), message.body.size());
  for (uint32_t i = 0; i < message.body.size(); i++) {
    auto item = Napi::Array::New(info.Env(), 2);
    item.Set(0U, string(info, message.body[i].code));
    item.Set(1U, string(info, message.body[i].text));
    body.Set(i, item);
  }
  object.Set("body", body);
  return object;
}

Value Strerror(const CallbackInfo& info) { return string(info, errorText(integer(info, 0))); }

Value Operations(const CallbackInfo& info) {
  auto names = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const auto& operation : kOperations) {
    names.Set(count++, string(info, std::string(operation.name) + " " + operation.fields));
  }
  return names;
}

// The asynchronous part: one poller for an environment, its callbacks on the
// environment's own thread. How they get there differs between the hosts.
#ifdef TSRUN_EXECUTABLE

// The executable's loop calls from that thread, and ends when the command does.
class Bell {
 public:
  Bell(Env env, std::function<void(Env)> ring) : env_(env), ring_(std::move(ring)) {}
  void operator()() { ring_(env_); }
  void keepAlive(Env /*env*/, bool /*on*/) {}
  void silence() {}

 private:
  Env env_;
  std::function<void(Env)> ring_;
};

#else

// The poller has a thread of its own on Node.
class Bell {
 public:
  Bell(Env env, std::function<void(Env)> ring) : ring_(std::move(ring)) {
    tell_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const CallbackInfo&) {}),
                                          "tsrun", 0, 1);
    // Only waits that ask for it keep the program alive.
    tell_.Unref(env);
  }
  void operator()() {
    tell_.NonBlockingCall([this](Env env, Napi::Function) { ring_(env); });
  }
  void keepAlive(Env env, bool on) {
    if (on) {
      tell_.Ref(env);
    } else {
      tell_.Unref(env);
    }
  }
  void silence() { tell_.Abort(); }

 private:
  Napi::ThreadSafeFunction tell_;
  std::function<void(Env)> ring_;
};

#endif

class Waits {
 public:
  explicit Waits(Env env) : bell_(env, [this](Env callEnv) { deliver(callEnv); }) {
    poller_ = makePoller([this] { bell_(); });
  }

  ~Waits() {
    poller_.reset();
    bell_.silence();
  }

  long add(Env env, int fd, uint32_t events, int64_t timeoutMs, bool keepAlive,
           const Napi::Function& callback) {
    const uint32_t id = next_++;
    callbacks_[id] = {Napi::Persistent(callback), keepAlive};
    if (keepAlive && alive_++ == 0) bell_.keepAlive(env, true);
    const long added = poller_->add(id, fd, events, timeoutMs);
    if (added < 0) {
      remove(env, id);
      return added;
    }
    return id;
  }

  void cancel(Env env, uint32_t id) {
    poller_->cancel(id);
    remove(env, id);
  }

 private:
  struct Waiting {
    Napi::FunctionReference callback;
    bool keepAlive = false;
  };

  void remove(Env env, uint32_t id) {
    const auto found = callbacks_.find(id);
    if (found == callbacks_.end()) return;
    if (found->second.keepAlive && --alive_ == 0) bell_.keepAlive(env, false);
    callbacks_.erase(found);
  }

  void deliver(Env env) {
    for (const auto& [id, events] : poller_->take()) {
      const auto found = callbacks_.find(id);
      if (found == callbacks_.end()) continue;
      const Napi::HandleScope scope(env);
      const napi_value callback = found->second.callback.Value();
      remove(env, id);
      const napi_value argument = Napi::Number::New(env, events);
      // Not by Napi::Function, whose wrapper ends a program with a fatal error that is about to end
      // by itself: the bell still rings while Node takes the environment down, and nothing can be
      // called then.
      const napi_status called =
          napi_make_callback(env, nullptr, env.Global(), callback, 1, &argument, nullptr);
      if (called != napi_ok) return;
    }
  }

  Bell bell_;
  std::unique_ptr<Poller> poller_;
  std::map<uint32_t, Waiting> callbacks_;
  uint32_t next_ = 1;
  int alive_ = 0;
};

// What belongs to an environment: the program's, or that of a worker thread of it.
struct Instance {
  explicit Instance(Env env) : waits(env) {}

  Waits waits;
#ifndef TSRUN_EXECUTABLE
  Children children;
#endif
};

Instance& instanceOf(Env env) {
  auto* instance = env.GetInstanceData<Instance>();
  if (instance == nullptr) {
    instance = new Instance(env);
    env.SetInstanceData(instance);
  }
  return *instance;
}

#ifdef TSRUN_EXECUTABLE
// Its children get another parent when it ends.
void noteChild(Env /*env*/, int /*pidfd*/) {}
void forgetChild(Env /*env*/, int /*pidfd*/) {}
#else
void noteChild(Env env, int pidfd) { instanceOf(env).children.add(pidfd); }

void forgetChild(Env env, int pidfd) {
  auto* instance = env.GetInstanceData<Instance>();
  if (instance != nullptr) instance->children.remove(pidfd);
}
#endif

Value Wait(const CallbackInfo& info) {
  if (!info[4].IsFunction()) {
    wrongType(info.Env(), "a function is expected");
    return info.Env().Undefined();
  }
  // No sum with the clock overflows; nobody waits for so long.
  constexpr int64_t kLongest = int64_t{1} << 52;
  const int64_t timeoutMs = std::min(number(info, 2), kLongest);
  return result(
      info, instanceOf(info.Env())
                .waits.add(info.Env(), integer(info, 0), static_cast<uint32_t>(integer(info, 1)),
                           timeoutMs, number(info, 3) != 0, info[4].As<Napi::Function>()));
}

Value CancelWait(const CallbackInfo& info) {
  instanceOf(info.Env()).waits.cancel(info.Env(), static_cast<uint32_t>(integer(info, 0)));
  return info.Env().Undefined();
}

struct Entry {
  const char* name;
  Value (*function)(const CallbackInfo&);
};

constexpr Entry kEntries[] = {
    {"open", Open},
    {"openat", OpenAt},
    {"openInRoot", OpenInRoot},
    {"openat2", Openat2},
    {"close", Close},
    {"read", Read},
    {"write", Write},
    {"writeSome", WriteSome},
    {"readText", ReadText},
    {"readLastLineAt", ReadLastLineAt},
    {"readTextAt", ReadTextAt},
    {"writeText", WriteText},
    {"writeTextAt", WriteTextAt},
    {"mkdir", Mkdir},
    {"mkdirAt", MkdirAt},
    {"rmdir", Rmdir},
    {"rmdirAt", RmdirAt},
    {"unlink", Unlink},
    {"rename", Rename},
    {"unlinkAt", UnlinkAt},
    {"renameAt", RenameAt},
    {"linkAt", LinkAt},
    {"mkfifoAt", MkfifoAt},
    {"readlink", Readlink},
    {"readlinkAt", ReadlinkAt},
    {"realpath", Realpath},
    {"chown", Chown},
    {"stat", Stat},
    {"lstat", Lstat},
    {"fstat", Fstat},
    {"fstatAt", FstatAt},
    {"readdir", Readdir},
    {"names", Names},
    {"directories", Directories},
    {"statfsType", StatfsType},
    {"fstatfsType", FstatfsType},
    {"fstatfsFlags", FstatfsFlags},
    {"flock", Flock},
    {"access", Access},
    {"memfd", Memfd},
    {"pipe", Pipe},
    {"setNonblocking", SetNonblocking},
    {"dup", Dup},
    {"namespaceOwner", NamespaceOwner},
    {"connectUnix", ConnectUnix},
    {"bindDatagramAt", BindDatagramAt},
    {"sendUnixDatagram", SendUnixDatagram},
    {"sendFd", SendFd},
    {"receive", Receive},
    {"proceed", Proceed},
    {"getpid", Getpid},
    {"getuid", Getuid},
    {"getgid", Getgid},
    {"kill", Kill},
    {"pidfdOpen", PidfdOpen},
    {"pidfdKill", PidfdKill},
    {"reap", Reap},
    {"reapGroup", ReapGroup},
    {"reapOthers", ReapOthers},
    {"spawn", Spawn},
    {"raiseHardLimit", RaiseHardLimit},
    {"setSoftLimit", SetSoftLimit},
    {"setSubreaper", SetSubreaper},
    {"catchSignals", CatchSignals},
    {"monotonicNs", MonotonicNs},
    {"capabilities", Capabilities},
    {"isTerminal", IsTerminal},
    {"getWindowSize", GetWindowSize},
    {"setWindowSize", SetWindowSize},
    {"makeRaw", MakeRaw},
    {"restoreTerminal", RestoreTerminal},
    {"openTreeAt", OpenTreeAt},
    {"openTreeIn", OpenTreeIn},
    {"lockTree", LockTree},
    {"deviceTree", DeviceTree},
    {"idMapTree", IdMapTree},
    {"loadDeviceProgram", LoadDeviceProgram},
    {"attachDeviceProgram", AttachDeviceProgram},
    {"compileSeccomp", CompileSeccomp},
    {"seccompSystem", SeccompSystem},
    {"seccompVersion", SeccompVersion},
    {"seccompFlagWorks", SeccompFlagWorks},
    {"systemCallNumber", SystemCallNumber},
    {"digest", Digest},
    {"openBus", OpenBus},
    {"closeBus", CloseBus},
    {"watchBus", WatchBus},
    {"callBus", CallBus},
    {"receiveBus", ReceiveBus},
    {"detachDeviceProgram", DetachDeviceProgram},
    {"devicePrograms", DevicePrograms},
    {"strerror", Strerror},
    {"operations", Operations},
    {"wait", Wait},
    {"cancelWait", CancelWait},
};

napi_value callEntry(napi_env env, napi_callback_info info) {
  const CallbackInfo arguments(env, info);
  return static_cast<const Entry*>(arguments.Data())->function(arguments);
}

// In one go, so that a host can put off making each function until its first use.
Napi::Object Init(Env env, Napi::Object exports) {
  napi_property_descriptor properties[std::size(kEntries)] = {};
  for (size_t i = 0; i < std::size(kEntries); i++) {
    properties[i].utf8name = kEntries[i].name;
    properties[i].method = callEntry;
    properties[i].attributes = napi_default_jsproperty;
    properties[i].data = const_cast<Entry*>(&kEntries[i]);
  }
  const napi_status status =
      napi_define_properties(env, exports, std::size(properties), properties);
  NAPI_THROW_IF_FAILED(env, status, exports);
  return exports;
}

}  // namespace
}  // namespace tsrun

static Napi::Object InitTsrun(Napi::Env env, Napi::Object exports) {
  return tsrun::Init(env, exports);
}

NODE_API_MODULE(tsrun, InitTsrun)
