#include <sys/sysmacros.h>

#include <cerrno>

#include "../system/device-tree.h"
#include "../system/locked-tree.h"
#include "../system/trees.h"
#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

// openTreeAt(dirfd, path, flags)
Value OpenTreeAt(const CallbackInfo& info) {
  REQUIRE_PATH(path, 1);
  return result(
      info, openTreeAt(integer(info, 0), path.c_str(), static_cast<unsigned>(integer(info, 2))));
}

// openTreeIn(mountNamespace, path, flags)
Value OpenTreeIn(const CallbackInfo& info) {
  REQUIRE_PATH(path, 1);
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
  REQUIRE_PATH(label, 5);
  const dev_t device =
      makedev(static_cast<unsigned>(integer(info, 1)), static_cast<unsigned>(integer(info, 2)));
  return result(info, deviceTree(static_cast<mode_t>(integer(info, 0)), device,
                                 static_cast<uid_t>(integer(info, 3)),
                                 static_cast<gid_t>(integer(info, 4)), label.c_str()));
}

Value IdMapTree(const CallbackInfo& info) {
  return result(info, idMapTree(integer(info, 0), integer(info, 1), info[2].ToBoolean()));
}

constexpr Entry kEntries[] = {
    {"openTreeAt", OpenTreeAt}, {"openTreeIn", OpenTreeIn}, {"lockTree", LockTree},
    {"deviceTree", DeviceTree}, {"idMapTree", IdMapTree},
};

}  // namespace

constinit const Entries kMounts = kEntries;

}  // namespace tsrun::binding
