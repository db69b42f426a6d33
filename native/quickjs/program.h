// The command line's program, ready to be started.
#pragma once

#include "host.h"

namespace tsrun {

class Program {
 public:
  Program(const uint8_t* chunks, const JSMallocFunctions* memory) : host(chunks, memory) {}
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Loads the module main.js (src/cli/main-quickjs.ts) and the addon; false with an exception
  // pending.
  bool load();
  // The command's exit status. Bugs end as messages on standard error.
  int run(int argc, char** argv);

  // The addon's functions.
  JSValueConst native() const { return native_; }

  Host host;

 private:
  JSValue start_ = JS_UNDEFINED;
  JSValue native_ = JS_UNDEFINED;
  JSClassID environmentClass_ = 0;
  // Of run(). Kept, since the executable ends without taking anything down.
  JSValue words_ = JS_UNDEFINED;
  JSValue environment_ = JS_UNDEFINED;
  JSValue promise_ = JS_UNDEFINED;
};

}  // namespace tsrun
