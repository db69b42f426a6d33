#include <linux/nsfs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value NamespaceOwner(const CallbackInfo& info) {
  return answer(info, ioctl(integer(info, 0), NS_GET_USERNS));
}

constexpr Entry kEntries[] = {
    {"namespaceOwner", NamespaceOwner},
};

}  // namespace

constinit const Entries kNamespaces = kEntries;

}  // namespace tsrun::binding
