// Labels of security modules, written to the helper's own attributes through
// the procfs that `proc` has opened (security.md row 5): the kernel lets a
// process change its own ones only, whatever file this is, and what is read
// back says that it took.
#include <linux/errno.h>

#include "helper.h"

namespace tsrun::child {

// The kernel ends a label with a NUL, a new line, or its mode in parentheses.
static bool isLabel(const char* got, const char* expected) {
  if (!startsWith(got, expected)) return false;
  const char end = got[length(expected)];
  return end == 0 || end == '\n' || end == ' ';
}

long writeLabel(const wire::Step& step) {
  const char* file = TEXT(step, Label, file);
  // A link of procfs itself, and no magic one.
  const long fd = openProcFile("thread-self/", file, O_RDWR, 0);
  if (fd < 0) return fail(fd, file);
  const char* text = TEXT(step, Label, text);
  long result = sys::write(static_cast<int>(fd), text, length(text));
  if (result == -ENOENT) {
    sys::close(static_cast<int>(fd));
    return fail(result, "", wire::Code::NotApplied);
  }
  const char* expected = TEXT(step, Label, expected);
  if (result >= 0 && expected[0] != 0) {
    static char got[kPathSize];
    result = sys::call(__NR_pread64, fd, sys::arg(got), sizeof got - 1, 0);
    if (result >= 0) got[result] = 0;
    if (result >= 0 && !isLabel(got, expected)) {
      sys::close(static_cast<int>(fd));
      return fail(-EACCES, got, wire::Code::NotApplied);
    }
  }
  sys::close(static_cast<int>(fd));
  return result < 0 ? fail(result, file) : 0;
}

}  // namespace tsrun::child
