#include "../system/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "../system/spawn.h"
#include "arguments.h"
#include "children.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

// Two flags differ between architectures; the interface has those of x86-64.
int openFlags(const CallbackInfo& info, size_t index) {
  constexpr int kDirectory = 0200000;
  constexpr int kNoFollow = 0400000;
  const int flags = integer(info, index);
  return (flags & ~(kDirectory | kNoFollow)) | O_CLOEXEC |
         ((flags & kDirectory) != 0 ? O_DIRECTORY : 0) |
         ((flags & kNoFollow) != 0 ? O_NOFOLLOW : 0);
}

mode_t mode(const CallbackInfo& info, size_t index) {
  return static_cast<mode_t>(integer(info, index));
}

Value Open(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return answer(info, open(path.c_str(), openFlags(info, 1), mode(info, 2)));
}

Value OpenAt(const CallbackInfo& info) {
  REQUIRE_NAME(name, 1);
  return answer(info, openat(integer(info, 0), name.c_str(), openFlags(info, 2), mode(info, 3)));
}

Value OpenInRoot(const CallbackInfo& info) {
  REQUIRE_PATH(path, 1);
  return result(info, openResolved(integer(info, 0), path, openFlags(info, 2),
                                   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
}

// openat2(dirfd, path, flags, resolve)
Value Openat2(const CallbackInfo& info) {
  REQUIRE_PATH(path, 1);
  return result(info, openResolved(integer(info, 0), path, integer(info, 2) | O_CLOEXEC,
                                   static_cast<uint64_t>(integer(info, 3))));
}

Value Close(const CallbackInfo& info) {
  const int fd = integer(info, 0);
  forgetChild(info.Env(), fd);
  return answer(info, close(fd));
}

Value Read(const CallbackInfo& info) {
  constexpr int64_t kMost = 1 << 20;
  const int64_t wanted = number(info, 1);
  const auto max = static_cast<size_t>(wanted < 0 ? 0 : wanted > kMost ? kMost : wanted);
  std::string content;
  const long got = readSome(integer(info, 0), max, content);
  return got < 0 ? result(info, got) : bytes(info, content.data(), content.size());
}

Value Write(const CallbackInfo& info) {
  REQUIRE_DATA(data, 1);
  const long written = writeAll(integer(info, 0), data.at, data.size);
  return result(info, written < 0 ? written : static_cast<int64_t>(data.size));
}

Value WriteSome(const CallbackInfo& info) {
  REQUIRE_DATA(data, 1);
  return result(info, writeSome(integer(info, 0), data.at, data.size));
}

Value ReadText(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  std::string content;
  const long got = readFile(AT_FDCWD, path, 0, number(info, 1), content);
  return got < 0 ? result(info, got) : string(info, content);
}

Value ReadTextAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  std::string content;
  const long got = readFile(integer(info, 0), name, O_NOFOLLOW, number(info, 2), content);
  return got < 0 ? result(info, got) : string(info, content);
}

// Only the last line is converted to a JavaScript string.
Value ReadLastLineAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  std::string content;
  const long got = readLastLine(integer(info, 0), name, number(info, 2), content);
  return got < 0 ? result(info, got) : string(info, content);
}

Value WriteText(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return result(info, writeFile(AT_FDCWD, path, text(info, 1)));
}

Value WriteTextAt(const CallbackInfo& info) {
  REQUIRE_PATH(path, 1);
  return result(info, writeFile(integer(info, 0), path, text(info, 2)));
}

Value Mkdir(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return result(info, makeDirectory(AT_FDCWD, path.c_str(), mode(info, 1)));
}

Value MkdirAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  return result(info, makeDirectory(integer(info, 0), name.c_str(), mode(info, 2)));
}

Value Rmdir(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return answer(info, rmdir(path.c_str()));
}

Value RmdirAt(const CallbackInfo& info) {
  REQUIRE_NAME(name, 1);
  return answer(info, unlinkat(integer(info, 0), name.c_str(), AT_REMOVEDIR));
}

Value Unlink(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return answer(info, unlink(path.c_str()));
}

Value UnlinkAt(const CallbackInfo& info) {
  REQUIRE_NAME(name, 1);
  return answer(info, unlinkat(integer(info, 0), name.c_str(), integer(info, 2)));
}

Value Rename(const CallbackInfo& info) {
  REQUIRE_PATH(from, 0);
  REQUIRE_PATH(to, 1);
  return answer(info, rename(from.c_str(), to.c_str()));
}

Value RenameAt(const CallbackInfo& info) {
  REQUIRE_NAME(from, 1);
  REQUIRE_NAME(to, 3);
  return answer(info, renameat(integer(info, 0), from.c_str(), integer(info, 2), to.c_str()));
}

Value LinkAt(const CallbackInfo& info) {
  REQUIRE_PATH(from, 1);
  REQUIRE_PATH(to, 3);
  return answer(info, linkat(integer(info, 0), from.c_str(), integer(info, 2), to.c_str(), 0));
}

Value MkfifoAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  return result(info, makeFifo(integer(info, 0), name.c_str(), mode(info, 2)));
}

Value linkTarget(const CallbackInfo& info, int dir, const std::string& path) {
  std::string target;
  const long got = readLink(dir, path.c_str(), target);
  return got < 0 ? result(info, got) : string(info, target);
}

Value Readlink(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return linkTarget(info, AT_FDCWD, path);
}

Value ReadlinkAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  return linkTarget(info, integer(info, 0), name);
}

Value Realpath(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  char buffer[PATH_MAX];
  if (realpath(path.c_str(), buffer) == nullptr) return result(info, -errno);
  return string(info, buffer);
}

Value Chown(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
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
  REQUIRE_PATH(path, 0);
  struct stat found;
  return statResult(info, stat(path.c_str(), &found), found);
}

Value Lstat(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  struct stat found;
  return statResult(info, lstat(path.c_str(), &found), found);
}

Value Fstat(const CallbackInfo& info) {
  struct stat found;
  return statResult(info, fstat(integer(info, 0), &found), found);
}

Value FstatAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  struct stat found;
  return statResult(
      info, fstatat(integer(info, 0), name.c_str(), &found, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH),
      found);
}

// As the bytes that they are.
Value namesResult(const CallbackInfo& info, long outcome, const std::vector<std::string>& names) {
  if (outcome < 0) return result(info, outcome);
  auto array = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const auto& name : names) array.Set(count++, bytes(info, name.data(), name.size()));
  return array;
}

Value Readdir(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  std::vector<std::string> names;
  const long outcome = listDirectory(path.c_str(), Wanted::All, names);
  return outcome < 0 ? result(info, outcome) : strings(info, names);
}

Value Names(const CallbackInfo& info) {
  std::vector<std::string> names;
  const long outcome = listOpenDirectory(integer(info, 0), names);
  return namesResult(info, outcome, names);
}

Value Directories(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  std::vector<std::string> names;
  const long outcome = listDirectory(path.c_str(), Wanted::Directories, names);
  return namesResult(info, outcome, names);
}

Value StatfsType(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
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
  return result(info, lockFile(integer(info, 0), integer(info, 1)));
}

Value Access(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return answer(info, faccessat(AT_FDCWD, path.c_str(), integer(info, 1), AT_EACCESS));
}

Value Memfd(const CallbackInfo& info) {
  REQUIRE_PATH(name, 0);
  REQUIRE_DATA(data, 1);
  return result(info, sealedFile(name.c_str(), data.at, data.size, false));
}

Value Pipe(const CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return result(info, -errno);
  return pair(info, ends[0], ends[1]);
}

Value SetNonblocking(const CallbackInfo& info) {
  return result(info, setNonblocking(integer(info, 0), number(info, 1) != 0));
}

Value Dup(const CallbackInfo& info) {
  return answer(info, fcntl(integer(info, 0), F_DUPFD_CLOEXEC, 0));
}

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
    {"unlinkAt", UnlinkAt},
    {"rename", Rename},
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
};

}  // namespace

constinit const Entries kFiles = kEntries;

}  // namespace tsrun::binding
