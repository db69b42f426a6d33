// The targets of libFuzzer: what each is made of, what it is for, and the bugs
// that are planted to see them found.
//
//   sources    compiled with test/fuzz/native/NAME.cc
//   covers     the files whose lines the target is for
//   plants     changes of the code, where `from` stands in `file` once, and how
//              what is found describes itself
//   maxLength  of an input, in bytes
//   libraries  for the linker

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const child = readdirSync(join(import.meta.dirname, '../../native/child'))
  .filter((name) => name.endsWith('.cc'))
  .map((name) => `native/child/${name}`)
  .sort();

/** The helper's own memory functions, beside those of the C library. */
const RENAMED = ['memcpy', 'memset', 'memmove', 'memcmp', 'strlen'].map(
  (name) => `-D${name}=helper${name[0].toUpperCase()}${name.slice(1)}`,
);

export const targets = {
  decode: {
    sources: [],
    covers: ['native/wire/decode.h'],
    plants: [
      {
        file: 'native/wire/decode.h',
        from: 'uint64_t{text.length} + 1, size)) return false;',
        to: 'uint64_t{text.length}, size)) return false;',
        finding: /heap-buffer-overflow[^]*validText/,
      },
    ],
    maxLength: 4096,
    libraries: [],
  },
  encode: {
    sources: ['native/system/encode.cc'],
    covers: ['native/system/encode.cc'],
    plants: [
      {
        file: 'native/system/encode.cc',
        from: `  }
  tables_.push_back(0);
  tableIsOffset_.push_back(false);`,
        to: `  }
  if (values.size() != 3) {
    tables_.push_back(0);
    tableIsOffset_.push_back(false);
  }`,
        finding: /encode\.cc:\d+: not so: header != nullptr/,
      },
    ],
    maxLength: 2048,
    libraries: [],
  },
  helper: {
    sources: ['native/system/encode.cc', 'test/fuzz/native/kernel.cc', ...child],
    covers: child,
    plants: [
      {
        file: 'native/child/exec.cc',
        from: "start[at] > ' ' && used + 1 < size) out[used++]",
        to: "start[at] > ' ' && used < size) out[used++]",
        finding: /global-buffer-overflow[^]*scriptInterpreter/,
      },
      // It was one: mended in bd58931.
      {
        file: 'native/child/paths.cc',
        from: 'if (next == -ENOENT && isName) {',
        to: 'if (next == -ENOENT && (isName || path != nullptr)) {',
        finding: /kernel\.cc:\d+: not so: strchr[^]*walkAndMake/,
      },
    ],
    maxLength: 4096,
    libraries: [],
    flags: { 'native/child/text.cc': RENAMED },
  },
  messages: {
    sources: ['native/system/messages.cc'],
    covers: ['native/system/messages.cc'],
    plants: [
      {
        file: 'native/system/messages.cc',
        from: 'message.times.resize(rest / sizeof(int64_t));',
        to: 'message.times.resize(message.step % 8);',
        finding: /messages\.cc:\d+: not so: message\.text\.empty/,
      },
    ],
    maxLength: 1024,
    libraries: [],
  },
  bus: {
    sources: ['native/system/bus.cc'],
    covers: ['native/system/bus.cc'],
    plants: [
      {
        file: 'native/system/bus.cc',
        from: `    if (status >= 0) status = sd_bus_message_exit_container(message);
    if (status < 0) return status;
    items.push_back({")", ""});`,
        to: `    if (status >= 0) status = sd_bus_message_exit_container(message);
    if (status < 0) return status;
    if (items.size() != 5) items.push_back({")", ""});`,
        finding: /bus\.cc:\d+: not so: depth == 0/,
      },
    ],
    maxLength: 1024,
    libraries: ['-l:libsystemd.a', '-l:libcap.a'],
  },
  seccomp: {
    sources: ['native/system/seccomp.cc'],
    covers: ['native/system/seccomp.cc'],
    plants: [
      {
        file: 'native/system/seccomp.cc',
        from: 'filter.failedRule = static_cast<int>(i);',
        to: 'filter.failedRule = static_cast<int>(i + profile.rules[i].names.size());',
        finding: /seccomp\.cc:\d+: not so: filter\.failedRule/,
      },
    ],
    maxLength: 1024,
    libraries: ['-l:libseccomp.a'],
  },
  utf8: {
    sources: ['native/quickjs/napi/utf8.cc'],
    covers: ['native/quickjs/napi/utf8.cc'],
    plants: [
      {
        file: 'native/quickjs/napi/utf8.cc',
        from: 'if (i >= left || at[i] < low',
        to: 'if (i > left || at[i] < low',
        finding: /heap-buffer-overflow[^]*sequenceAt/,
      },
      {
        file: 'native/quickjs/napi/utf8.cc',
        from: 'if (lead == 0xf4) high = 0x8f;',
        to: 'if (lead == 0xf4) high = 0x90;',
        finding: /utf8\.cc:\d+: not so: (got == expected\.text|.*firstBad)/,
      },
    ],
    maxLength: 128,
    libraries: [],
  },
};
