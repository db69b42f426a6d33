// User, groups and capabilities (credentials(7), capabilities(7)).
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/prctl.h>

#include "helper.h"

namespace tsrun::child {

long restoreDumpable();

static long dropBounding(uint64_t keep) {
  for (int capability = 0; capability < 64; capability++) {
    if ((keep >> capability & 1) != 0) continue;
    const long result = sys::prctl(PR_CAPBSET_DROP, capability);
    if (result == 0) continue;
    // What is not there needs no right to be dropped.
    const long held = sys::prctl(PR_CAPBSET_READ, capability);
    if (held == -EINVAL) return 0;  // past the last one of this kernel
    if (held != 0) return fail(held < 0 ? held : result, "bounding set");
  }
  return 0;
}

static long setGroups(const wire::Step& step) {
  const wire::List groups = LIST(step, credentials, groups);
  // The kernel's NGROUPS_MAX.
  static unsigned ids[65536];
  if (groups.count > sizeof ids / sizeof ids[0]) return -EINVAL;
  for (uint32_t i = 0; i < groups.count; i++) {
    ids[i] = static_cast<unsigned>(numbersOf(groups)[i]);
  }
  return sys::call(__NR_setgroups, groups.count, sys::arg(ids));
}

static long setIds(const wire::Step& step) {
  long result = 0;
  if (NUMBER(step, credentials, setGroups) != 0) {
    result = setGroups(step);
    if (result < 0) return fail(result, "setgroups");
  }
  const long gid = NUMBER(step, credentials, gid);
  result = sys::call(__NR_setresgid, gid, gid, gid);
  if (result < 0) return fail(result, "setresgid");
  const long uid = NUMBER(step, credentials, uid);
  result = sys::call(__NR_setresuid, uid, uid, uid);
  return result < 0 ? fail(result, "setresuid") : 0;
}

static long setSets(const wire::Step& step) {
  const auto effective = static_cast<uint64_t>(NUMBER(step, credentials, effective));
  const auto permitted = static_cast<uint64_t>(NUMBER(step, credentials, permitted));
  const auto inheritable = static_cast<uint64_t>(NUMBER(step, credentials, inheritable));
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; half++) {
    data[half].effective = static_cast<uint32_t>(effective >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(permitted >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(inheritable >> (32 * half));
  }
  const long result = sys::call(__NR_capset, sys::arg(&header), sys::arg(data));
  return result < 0 ? fail(result, "capset") : 0;
}

static long raiseAmbient(uint64_t ambient) {
  long result = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  if (result < 0) return fail(result, "ambient set");
  for (int capability = 0; capability < 64; capability++) {
    if ((ambient >> capability & 1) == 0) continue;
    result = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
    if (result < 0) return fail(result, "ambient set");
  }
  return 0;
}

// The bounding set needs CAP_SETPCAP, which a change of user takes from the
// effective set; the permitted set survives it by PR_SET_KEEPCAPS.
long operations::credentials(const wire::Step& step) {
  long result = dropBounding(static_cast<uint64_t>(NUMBER(step, credentials, bounding)));
  if (result < 0) return result;
  result = sys::prctl(PR_SET_KEEPCAPS, 1);
  if (result < 0) return fail(result, "keep capabilities");
  result = setIds(step);
  if (result < 0) return result;
  result = setSets(step);
  if (result < 0) return result;
  result = sys::prctl(PR_SET_KEEPCAPS, 0);
  if (result < 0) return fail(result, "keep capabilities");
  result = raiseAmbient(static_cast<uint64_t>(NUMBER(step, credentials, ambient)));
  const long restored = restoreDumpable();
  if (result < 0) return result;
  return restored < 0 ? fail(restored, "dumpable") : 0;
}

}  // namespace tsrun::child
