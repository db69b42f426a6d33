#include <unistd.h>

#include "../system/terminal.h"
#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value IsTerminal(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), isatty(integer(info, 0)) == 1);
}

Value GetWindowSize(const CallbackInfo& info) {
  unsigned short columns = 0;
  unsigned short rows = 0;
  const long outcome = getWindowSize(integer(info, 0), columns, rows);
  return outcome < 0 ? result(info, outcome) : pair(info, columns, rows);
}

Value SetWindowSize(const CallbackInfo& info) {
  return result(info, setWindowSize(integer(info, 0), static_cast<unsigned short>(integer(info, 1)),
                                    static_cast<unsigned short>(integer(info, 2))));
}

Value MakeRaw(const CallbackInfo& info) {
  termios before;
  const long outcome = makeRaw(integer(info, 0), before);
  return outcome < 0 ? result(info, outcome) : bytes(info, &before, sizeof before);
}

Value RestoreTerminal(const CallbackInfo& info) {
  REQUIRE_DATA(settings, 1);
  return result(info, restoreTerminal(integer(info, 0), settings.at, settings.size));
}

constexpr Entry kEntries[] = {
    {"isTerminal", IsTerminal},           {"getWindowSize", GetWindowSize},
    {"setWindowSize", SetWindowSize},     {"makeRaw", MakeRaw},
    {"restoreTerminal", RestoreTerminal},
};

}  // namespace

constinit const Entries kTerminals = kEntries;

}  // namespace tsrun::binding
