#include "image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string>

#include "arena.h"
#include "chunks.h"
#include "training.h"

// Ends of the sections before the arena (ld).
extern "C" const char etext[];
extern "C" const char edata[];
extern "C" const char __bss_start[];

namespace tsrun {

namespace {

// Where things are in the executable that the image was made by: pointers into
// another one would be wrong.
struct Layout {
  const void* addresses[5];

  static Layout now() {
    return {{etext, edata, __bss_start, reinterpret_cast<const void*>(&JS_NewRuntime2),
             reinterpret_cast<const void*>(&createImage)}};
  }
};

struct Header {
  Layout layout;
  Program* program;
};

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "tsrun: %s\n", message.c_str());
  _exit(1);
}

// Mapped, since the arena is for what is saved.
const uint8_t* mapFile(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (fd < 0 || fstat(fd, &found) < 0) die(std::string("cannot open ") + path);
  void* contents = mmap(nullptr, static_cast<size_t>(found.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  if (contents == MAP_FAILED) die(std::string("cannot read ") + path);
  close(fd);
  return static_cast<const uint8_t*>(contents);
}

void writeFile(const char* path, const char* from, size_t size) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, from, size) != static_cast<ssize_t>(size) || close(fd) < 0) {
    die(std::string("cannot write ") + path);
  }
}

struct Range {
  uintptr_t from;
  uintptr_t to;
};

// What is mapped at addresses that another process would not have: all that is
// not of the executable. Not in the arena itself, which is about to be searched.
struct Ranges {
  Range items[64];
  size_t count = 0;
};

Ranges foreignRanges(const char* end) {
  Ranges ranges;
  FILE* maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) die("cannot read /proc/self/maps");
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    char* rest = nullptr;
    const unsigned long from = std::strtoul(line, &rest, 16);
    if (rest == line || *rest != '-') continue;  // the end of a long line
    const unsigned long to = std::strtoul(rest + 1, nullptr, 16);
    if (from < reinterpret_cast<uintptr_t>(end)) continue;
    if (ranges.count == std::size(ranges.items)) die("/proc/self/maps is too long");
    ranges.items[ranges.count++] = {from, to};
  }
  std::fclose(maps);
  return ranges;
}

// `runtime` knows where the stack is, and where it has to end: savedProgram()
// tells it anew. Where it was depends on the environment of the build.
void forgetStack(JSRuntime* runtime) {
  constexpr uintptr_t kStackMax = uintptr_t{64} << 20;
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  char* from = reinterpret_cast<char*>(runtime);
  const char* to = from + arena::usableSize(runtime);
  for (char* at = from; at + sizeof(uintptr_t) <= to; at += sizeof(uintptr_t)) {
    uintptr_t word;
    memcpy(&word, at, sizeof word);
    if (word > here - kStackMax && word < here + kStackMax) memset(at, 0, sizeof word);
  }
}

// The C library's heap is right behind the arena, where bytecode has numbers that look like
// pointers. What points into a block of it comes with what points to its beginning.
bool isPointer(uintptr_t word) {
  constexpr uintptr_t kLow = uintptr_t{1} << 32;
  constexpr uintptr_t kAlignment = 16;
  return word >= kLow || word % kAlignment == 0;
}

void refuseForeignPointers(const Ranges& ranges, const char* from, const char* to) {
  for (const char* at = from; at + sizeof(uintptr_t) <= to; at += sizeof(uintptr_t)) {
    uintptr_t word;
    memcpy(&word, at, sizeof word);
    for (size_t i = 0; i < ranges.count; i++) {
      const Range& range = ranges.items[i];
      if (word >= range.from && word < range.to && isPointer(word)) {
        char text[96];
        std::snprintf(text, sizeof text,
                      "the image has a pointer to elsewhere: %#lx at offset %#zx", word,
                      static_cast<size_t>(at - from));
        die(text);
      }
    }
  }
}

}  // namespace

Program* savedProgram() {
  const auto* saved = static_cast<const Header*>(arena::root());
  if (saved == nullptr) return nullptr;
  const Layout now = Layout::now();
  if (memcmp(&saved->layout, &now, sizeof now) != 0) {
    die("internal error, please report it: the saved program is another executable's");
  }
  JS_UpdateStackTop(JS_GetRuntime(saved->program->host.context()));
  return saved->program;
}

// At random places, the C library's heap may be where the image has a number
// that looks like a pointer to it. So once more at the places that are fixed.
static void withoutRandomPlaces(const char* chunks, const char* output, const char* commands) {
  const int now = personality(0xffffffff);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) return;
  execl("/proc/self/exe", "tsrun", chunks, output, commands, nullptr);
}

static const uint8_t* chunksToLoad;

static Program* loadAll() {
  auto* program = new Program(chunksToLoad, &arena::engine);
  Host& host = program->host;
  const JSValue error = program->load() ? host.importAll() : JS_GetException(host.context());
  if (!JS_IsUndefined(error)) die(host.describe(error));
  JS_RunGC(JS_GetRuntime(host.context()));
  return program;
}

int createImage(const char* chunks, const char* output, const char* commands) {
  withoutRandomPlaces(chunks, output, commands);
  chunksToLoad = mapFile(chunks);
  if (commands != nullptr) {
    training::arrange(training::train(loadAll, mapFile(commands)));
  }
  Program* program = loadAll();
  arena::root() = new Header{Layout::now(), program};
  const char* end = arena::finish();
  forgetStack(JS_GetRuntime(program->host.context()));
  refuseForeignPointers(foreignRanges(end), arena::begin(), end);
  writeFile(output, arena::begin(), static_cast<size_t>(end - arena::begin()));
  return 0;
}

}  // namespace tsrun

// In the place of the C library's. The engine seeds Math.random() by the time
// when it starts, and an image is to have the same bytes each time it is made.
extern "C" int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  timespec time{};
  if (tsrun::arena::root() != nullptr) clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}
