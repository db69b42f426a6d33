#include "../system/errors.h"

#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value Strerror(const CallbackInfo& info) { return string(info, errorText(integer(info, 0))); }

constexpr Entry kEntries[] = {
    {"strerror", Strerror},
};

}  // namespace

constinit const Entries kErrors = kEntries;

}  // namespace tsrun::binding
