// Labels of security modules, written to the helper's own attributes through
// the procfs that `proc` has opened (security.md row 5): the kernel lets a
// process change its own ones only, whatever file this is, and what is read
// back says that it took.
#include <linux/errno.h>

#include "helper.h"

namespace tsrun::child {

// Cuts off what the kernel ends a label with: a NUL, a new line, and AppArmor's mode in
// parentheses.
static void cutLabel(char* got) {
  size_t size = length(got);
  if (size > 0 && got[size - 1] == '\n') got[--size] = 0;
  if (size == 0 || got[size - 1] != ')') return;
  while (size > 0 && !startsWith(got + size, " (")) size--;
  if (size > 0) got[size] = 0;
}

// AppArmor's sign between the profiles of a stack.
static constexpr const char* kStacked = "//&";

static const char* profileEnd(const char* label) {
  while (*label != 0 && !startsWith(label, kStacked)) label++;
  return label;
}

static bool same(const char* a, const char* b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// Whether the label is, or has in its stack, the `size` characters at `wanted`: a name, or
// `:NAMESPACE:NAME`. The kernel orders a stack, and leaves a namespace out where it is that of the
// profile before.
static bool hasProfile(const char* got, const char* wanted, size_t size) {
  const char* scope = got;
  size_t scopeSize = 0;
  for (;;) {
    const char* end = profileEnd(got);
    if (*got == ':') {
      scope = got++;
      while (got < end && *got != ':') got++;
      if (got < end) got++;
      scopeSize = static_cast<size_t>(got - scope);
    }
    const auto nameSize = static_cast<size_t>(end - got);
    if (scopeSize + nameSize == size && same(wanted, scope, scopeSize) &&
        same(wanted + scopeSize, got, nameSize)) {
      return true;
    }
    if (*end == 0) return false;
    got = end + length(kStacked);
  }
}

static bool isLabel(const char* got, const char* expected) {
  for (;;) {
    const char* end = profileEnd(expected);
    if (!hasProfile(got, expected, static_cast<size_t>(end - expected))) return false;
    if (*end == 0) return true;
    expected = end + length(kStacked);
  }
}

long operations::label(const wire::Step& step) {
  const char* file = TEXT(step, label, file);
  // A link of procfs itself, and no magic one.
  const long fd = openProcFile("thread-self/", file, O_RDWR, 0);
  if (fd < 0) return fail(fd, file);
  const char* text = TEXT(step, label, text);
  long result = sys::write(static_cast<int>(fd), text, length(text));
  if (result == -ENOENT) {
    sys::close(static_cast<int>(fd));
    return fail(result, "", wire::Code::NotApplied);
  }
  const char* expected = TEXT(step, label, expected);
  if (result >= 0 && expected[0] != 0) {
    static char got[kPathSize];
    result = sys::call(__NR_pread64, fd, sys::arg(got), sizeof got - 1, 0);
    if (result >= 0) {
      got[result] = 0;
      cutLabel(got);
    }
    if (result >= 0 && !isLabel(got, expected)) {
      sys::close(static_cast<int>(fd));
      return fail(-EACCES, got, wire::Code::NotApplied);
    }
  }
  sys::close(static_cast<int>(fd));
  return result < 0 ? fail(result, file) : 0;
}

}  // namespace tsrun::child
