// Of a program that may have worker threads: a child of an environment's that is to be reaped, and
// one that has been, or whose pidfd is closed (system/children.h). Nothing in the executable.
#pragma once

#include <napi.h>

namespace tsrun::binding {

void noteChild(Napi::Env env, int pidfd);
void forgetChild(Napi::Env env, int pidfd);

}  // namespace tsrun::binding
