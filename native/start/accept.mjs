// Whether start.cc may stand in for the start of a C library: README.md.
//
//   node accept.mjs OUTPUT SOURCE -- COMPILER [FLAG...]
//
// compiles SOURCE (start.cc) to OUTPUT if it leaves behind what the C library's start does, else an empty object,
// and writes the reason to OUTPUT.txt (empty if accepted). The flags are those of the link. No SOURCE: `none`.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How the probe is started and ends: probe.c. */
const SCENARIOS = [
  ...[
    'plain',
    'random',
    'old-kernel',
    'closed',
    'tunables',
    'at-end',
    'secure',
    'last-thread',
    'more-threads',
  ],
];
/** The members of libc.a that start.cc replaces or calls into. */
const PRIVATE = [
  ...['libc-start.o', 'dl-support.o', 'dl-tunables.o', 'libc-tls.o', 'libc_early_init.o'],
  ...['init-first.o', 'check_fds.o', 'cleanup.o', 'dl-origin.o'],
];
const REPLACED = ['libc-start.o', 'dl-origin.o'];
/** Functions that the starts have each for itself, to the same purpose. */
const SAME_PURPOSE = new Set(['call_fini', 'finish']);
/** What differs by nature, and has to be there in both. */
const RANDOM = { tcache_key: 'random bytes by which malloc() finds memory that is freed twice' };
/** Bounds that libc-start.o gives to what a user may set of the caches, and reads alone. */
const OF_THE_PROCESSOR = /^glibc\.cpu\.x86_[a-z_]+$/;
/** Not smaller: for the real processor, of which the C library's start is not told here. Linux tells since 5.14. */
const AT_LEAST = { variable: '_dl_minsigstacksize', scenario: 'old-kernel' };
/** Differences in a message. */
const LISTED = Number(process.env.TSRUN_START_LISTED ?? 4);
const RSEQ_SIZE = 32; // what the kernel writes into while the process runs: the processor it is on

export class Refused extends Error {}

function run(command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error) throw new Refused(`cannot run ${command}: ${error.message}`);
  if (status !== 0) {
    const lines = stderr.trim().split('\n');
    const line = lines.find((text) => /error:|undefined|multiple|hidden/.test(text)) ?? lines[0];
    throw new Refused(`${command} fails: ${line}`);
  }
  return stdout;
}

/** What of the C library does not depend on start.cc. */
export function prepare(work, compiler, flags, timeout = 10_000) {
  const machine = run(compiler, ...flags, '-dumpmachine').trim();
  if (!machine.startsWith('x86_64-') || machine.endsWith('x32')) {
    throw new Refused(`it is written for x86-64, not ${machine}`);
  }
  const libc = run(compiler, ...flags, '-print-file-name=libc.a').trim();
  const symbols = archiveSymbols(libc);
  const of = (members, kinds) =>
    symbols.filter(({ member, kind }) => members.includes(member) && kinds.includes(kind));
  for (const member of PRIVATE) {
    if (of([member], 'TtDdBbRrVWwUi').length === 0) throw new Refused(`${libc} has no ${member}`);
  }
  const names = (list) => new Set(list.map(({ name }) => name));
  const elsewhere = symbols.filter(({ member }) => !REPLACED.includes(member));
  const used = names(elsewhere.filter(({ kind }) => 'Uw'.includes(kind)));
  /** What is lost with the replaced members. */
  const needed = [...names(of(REPLACED, 'TDBRVWi'))].filter((name) => used.has(name));
  const shared = [...names(of(['libc-start.o'], 'DBRV'))];
  const defined = names(elsewhere.filter(({ kind }) => 'TDBRVWi'.includes(kind)));
  const weak = [...names(of(PRIVATE, 'w')), '__rseq_offset'].filter((name) => defined.has(name));
  /** Variables of the private members that the rest of libc.a refers to, and of the rest that they refer to. */
  const isVariable = ({ kind }) => 'DBV'.includes(kind);
  const outer = symbols.filter(({ member }) => !PRIVATE.includes(member));
  const usedOutside = names(outer.filter(({ kind }) => 'Uw'.includes(kind)));
  const usedInside = names(of(PRIVATE, 'Uw'));
  const referred = [
    ...[...names(of(PRIVATE, 'DBV'))].filter((name) => usedOutside.has(name)),
    ...[...names(outer.filter(isVariable))].filter((name) => usedInside.has(name)),
  ];
  run('ar', 'x', '--output', work, libc, 'libc-start.o');
  const start = join(work, 'libc-start.o');
  withoutCpuid(start);
  const rename = (name, other) => ['--redefine-sym', `${name}=${other}`];
  run(
    ...['objcopy', ...rename('__libc_start_main', 'glibc_start_main')],
    ...rename('__libc_start_main_impl', 'glibc_start_main_impl'),
    ...[...shared.flatMap((name) => rename(name, `reference_${name}`)), start],
  );
  const probe = join(work, 'probe.o');
  run(
    ...[
      compiler,
      '-x',
      'c',
      '-std=gnu17',
      '-O1',
      '-fno-builtin',
      '-fno-stack-protector',
      '-fno-pie',
    ],
    ...['-fno-tree-loop-distribute-patterns', '-U_FORTIFY_SOURCE', '-Wall', '-Wextra', '-Werror'],
    ...['-c', '-o', probe, join(import.meta.dirname, 'probe.c')],
  );
  return {
    work,
    timeout,
    compiler,
    flags,
    libc,
    needed,
    shared,
    weak,
    referred,
    objects: [probe, start],
  };
}

/** @returns {{ member: string, kind: string, name: string }[]} */
function archiveSymbols(libc) {
  const text = run('nm', '-A', libc);
  return [...text.matchAll(/:([^:\s]+):[0-9a-f ]{16} (\S) (\S+)$/gm)].map(
    ([, member, kind, name]) => ({ member, kind, name }),
  );
}

/** Makes each CPUID an invalid instruction of the same length, which probe.c answers. */
function withoutCpuid(object) {
  const bytes = readFileSync(object);
  const sections = new Map(
    [...run('objdump', '-hw', object).matchAll(/^ *\d+ (\S+) +\S+ +\S+ +\S+ +(\S+)/gm)].map(
      ([, name, offset]) => [name, parseInt(offset, 16)],
    ),
  );
  let section;
  for (const line of run('objdump', '-dw', '--no-show-raw-insn', object).split('\n')) {
    section = /^Disassembly of section (.*):$/.exec(line)?.[1] ?? section;
    const at = /^ *([0-9a-f]+):\tcpuid/.exec(line)?.[1];
    if (at === undefined) continue;
    const offset = sections.get(section) + parseInt(at, 16);
    if (bytes.readUInt16BE(offset) !== 0x0fa2)
      throw new Refused('objdump does not say where CPUID is');
    bytes.writeUInt16BE(0x0f0b, offset);
  }
  writeFileSync(object, bytes);
}

export function compile(compiler, flags, source, object) {
  run(
    ...[compiler, ...flags, '-std=gnu++20', '-O2', '-fno-rtti', '-fno-exceptions', '-fno-pie'],
    ...['-fno-stack-protector', '-U_FORTIFY_SOURCE', '-ffunction-sections', '-fdata-sections'],
    ...['-fno-lto', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-c', '-o', object, source],
  );
}

/** Throws if the object does not do what the C library's start does. */
export function accept(library, object) {
  const { work, compiler, flags, libc, needed, shared, weak, referred, objects } = library;
  const defined = new Set(
    [...run('nm', object).matchAll(/^\S+ [A-Za-z] (\S+)$/gm)].map(([, name]) => name),
  );
  for (const name of needed) {
    if (!defined.has(name))
      throw new Refused(`libc.a refers to ${name}, which start.cc does not define`);
  }
  const own = join(work, 'own.o');
  const file = join(work, 'probe');
  run('objcopy', '--redefine-sym', '__libc_start_main=own_start_main', object, own);
  const trace = run(
    ...[compiler, ...flags, '-static', '-no-pie', '-fno-lto', '-Wl,-e,probe_entry', '-Wl,--trace'],
    ...[...weak.map((name) => `-Wl,-u,${name}`), '-Wl,-z,relro,-z,now', '-o', file],
    ...[...objects, own],
  );
  const linked = new Set(
    [...trace.matchAll(/\/[^\s()]*\/libc\.a/g)].map(([path]) => realpathSync(path)),
  );
  if (linked.size !== 1 || !linked.has(realpathSync(libc))) {
    throw new Refused(`the compiler says ${libc}, the linker takes ${[...linked].join(', ')}`);
  }
  const program = readProgram(file);
  const guards = new Map();
  for (const scenario of SCENARIOS) {
    const [reference, ours] = ['glibc', 'own'].map((start) =>
      runProbe(library, file, start, scenario),
    );
    const where = `in the scenario ${scenario}`;
    if (reference.end !== ours.end) {
      throw new Refused(
        `${where}: ${JSON.stringify(ours.end)} in the place of ${JSON.stringify(reference.end)}`,
      );
    }
    const differences = compare(
      scenario,
      program,
      shared,
      readDump(reference.dump),
      readDump(ours.dump),
    );
    if (differences.length > 0) {
      const more = differences.length > LISTED ? ` and ${differences.length - LISTED} more` : '';
      throw new Refused(`${where}: ${differences.slice(0, LISTED).join('; ')}${more}`);
    }
    const dump = readDump(ours.dump);
    checkRelocations(program, dump, where);
    for (const name of referred) {
      const at = program.threadLocal.has(name) ? dump.fs - 8n : program.addresses.get(name);
      if (at !== undefined && dump.read(at & ~7n) === undefined)
        throw new Refused(`${name} is not in the dump`);
    }
    guards.set(scenario, [dump.read(dump.fs + 0x28n), dump.read(dump.fs + 0x30n)]);
  }
  const [plain, random] = [guards.get('plain'), guards.get('random')];
  if (plain.some((value, i) => !value || value === random[i])) {
    throw new Refused('the guards do not follow from the random bytes of the kernel');
  }
  const { end } = runProbe(library, file, 'own', 'memory');
  if (!end.startsWith('1 null') || !end.includes('cannot allocate memory')) {
    throw new Refused(`without memory: ${JSON.stringify(end)}`);
  }
}

function readProgram(file) {
  const addresses = new Map();
  const functions = new Map();
  const objects = [];
  for (const line of run('nm', '-nS', file).split('\n')) {
    const [, at, , size, kind, name] = /^(\S{16}) ((\S{16}) )?(\S) (\S+)$/.exec(line) ?? [];
    if (at === undefined) continue;
    const address = BigInt(`0x${at}`);
    addresses.set(name, address);
    if ('TtWw'.includes(kind)) {
      functions.set(address, [...(functions.get(address) ?? []), name]);
    } else if (size !== undefined) objects.push({ address, size: BigInt(`0x${size}`), name });
  }
  const relocations = [
    ...run('readelf', '-rW', file).matchAll(/^(\S{16}) +\S+ (R_X86_64_\S+)/gm),
  ].map(([, at, kind]) => ({ at: BigInt(`0x${at}`), kind }));
  const threadLocal = new Set(
    [...run('readelf', '-sW', file).matchAll(/ TLS +\S+ +\S+ +\S+ (\S+)$/gm)].map(
      ([, name]) => name,
    ),
  );
  return { addresses, functions, objects, relocations, threadLocal };
}

function runProbe({ work, timeout }, file, start, scenario) {
  const path = join(work, `dump-${start}`);
  const fd = openSync(path, 'w');
  const stdio = ['ignore', 'pipe', 'pipe', ...Array(6).fill('ignore'), fd];
  const { status, signal, stdout, stderr, error } = spawnSync(file, [start, scenario], {
    ...{ stdio, encoding: 'utf8', timeout },
  });
  closeSync(fd);
  if (error) throw new Refused(`cannot run the probe: ${error.message}`);
  return { end: `${status} ${signal} ${stdout}${stderr}`, dump: readFileSync(path) };
}

function readDump(bytes) {
  if (bytes.length < 48) throw new Refused('the probe has dumped nothing');
  const [size, from, to, tid, fs, rseq] = Array.from({ length: 6 }, (_, i) =>
    bytes.readBigUInt64LE(i * 8),
  );
  let at = 48 + Number(size);
  const maps = bytes.toString('latin1', 48, at).trimEnd().split('\n');
  const regions = [];
  while (at < bytes.length) {
    const [first, end] = [bytes.readBigUInt64LE(at), bytes.readBigUInt64LE(at + 8)];
    regions.push({
      from: first,
      to: end,
      bytes: bytes.subarray(at + 16, (at += 16 + Number(end - first))),
    });
  }
  const ranges = maps.map((line) => {
    const [, first, end, rights, name] = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line);
    return { from: BigInt(`0x${first}`), to: BigInt(`0x${end}`), rights, name };
  });
  const region = (address) => regions.find((one) => address >= one.from && address + 8n <= one.to);
  const read = (address) => {
    const found = region(address);
    return found?.bytes.readBigUInt64LE(Number(address - found.from));
  };
  const named = (name) => ranges.find((range) => range.name === name);
  // Where these lie is random; their order in the list is too.
  const layout = ranges
    .filter(({ name }) => !['[stack]', '[vsyscall]'].includes(name))
    .map(({ from: first, to: end, rights, name }) =>
      [name.startsWith('[') || name === '' ? end - first : `${first}-${end}`, rights, name].join(
        ' ',
      ),
    )
    .sort()
    .join('\n');
  const guard = read(fs + 0x30n) ?? 0n;
  return {
    maps,
    regions,
    layout,
    read,
    tid,
    fs,
    rseq,
    guard,
    from,
    to,
    heap: named('[heap]'),
    vdso: named('[vdso]'),
  };
}

/** @returns {string[]} the variables that differ */
function compare(scenario, program, shared, reference, ours) {
  const { addresses, objects } = program;
  if (reference.layout !== ours.layout) {
    const lines = reference.layout.split('\n');
    const other = ours.layout.split('\n').find((line) => !lines.includes(line));
    return [`the mappings differ: ${other ?? 'fewer'}`];
  }
  const differences = [];
  // What each start has for itself, and the rest of libc.a of the one that replaces it.
  const skipped = [[reference.from, reference.to], span('probe_start')];
  for (const name of shared) {
    const [own, other] = [span(name), span(`reference_${name}`)];
    skipped.push(own, other);
    for (let i = 0n; i < own[1] - own[0]; i++) {
      const [a, b] = [byteAt(reference, other[0] + i), byteAt(ours, own[0] + i)];
      if (a !== b) {
        differences.push(`${name}: ${b} in the place of ${a} at ${i}`);
        break;
      }
    }
  }
  const random = new Map(
    Object.keys(RANDOM)
      .filter((name) => addresses.has(name))
      .map((name) => [addresses.get(name), name]),
  );

  function span(name) {
    const found = objects.find((one) => one.name === name);
    if (found === undefined) throw new Refused(`the probe has no ${name}`);
    return [found.address, found.address + found.size];
  }
  function byteAt(dump, address) {
    const found = dump.regions.find((one) => address >= one.from && address < one.to);
    if (found === undefined) throw new Refused('a variable of libc-start.o is not in the dump');
    return found.bytes[Number(address - found.from)];
  }
  const within = (range, value) => range !== undefined && value >= range.from && value < range.to;
  function meaning(dump, value, address) {
    const { heap } = dump;
    if (within(heap, value) || value === heap?.to) return `heap+${value - dump.heap.from}`;
    if (within(dump.vdso, value)) return `vdso+${value - dump.vdso.from}`;
    if (within(dump, value)) return 'stack';
    for (const at of random.keys()) {
      if (value !== 0n && value === dump.read(at)) return 'random';
    }
    // How malloc() links what is free.
    const next = value ^ (address >> 12n);
    if (within(heap, address) && (next === 0n || within(heap, next)))
      return `free+${next && next - heap.from}`;
    const plain = (((value >> 17n) | (value << 47n)) & 0xffffffffffffffffn) ^ dump.guard;
    const name = program.functions
      .get(plain)
      ?.find((one) => SAME_PURPOSE.has(one.replace(/^_ZN.*?6finish.*/, 'finish')));
    if (name !== undefined) return 'what is called at the end';
    return undefined;
  }
  const halves = (dump, value) =>
    [value & 0xffffffffn, value >> 32n].map((half) => (half === dump.tid ? 'thread' : half)).join();

  if (reference.regions.length !== ours.regions.length) return ['the dumps have other parts'];
  reference.regions.forEach((region, i) => {
    const other = ours.regions[i];
    const heap = within(reference.heap, region.from);
    if (region.bytes.length !== other.bytes.length || (!heap && region.from !== other.from)) {
      differences.push('the dumps have other parts');
      return;
    }
    if (region.bytes.equals(other.bytes)) return;
    const words = new BigUint64Array(region.bytes.length / 8);
    for (let at = 0; at < words.length * 8; at += 8) {
      const [a, b] = [region.bytes.readBigUInt64LE(at), other.bytes.readBigUInt64LE(at)];
      if (a === b) continue;
      const address = region.from + BigInt(at);
      if (skipped.some(([from, to]) => address >= from && address < to)) continue;
      const rseq = BigInt.asUintN(64, reference.fs + reference.rseq);
      if (heap && reference.rseq !== 0n && address >= rseq && address < rseq + BigInt(RSEQ_SIZE)) {
        // No processor has a negative number: not registered.
        if (a >> 63n === b >> 63n) continue;
      }
      const [x, y] = [meaning(reference, a, address), meaning(ours, b, other.from + BigInt(at))];
      if (x !== undefined && x === y) continue;
      if (halves(reference, a) === halves(ours, b)) continue;
      const name = objects.findLast(
        (one) => one.address <= address && address < one.address + one.size,
      );
      if (scenario === AT_LEAST.scenario && name?.name === AT_LEAST.variable && a !== 0n && b > a)
        continue;
      const tunable = name?.name === 'tunable_list' && tunableAt(region, name, address);
      if (tunable && OF_THE_PROCESSOR.test(tunable)) continue;
      const where = tunable
        ? tunable
        : name
          ? `${name.name}+${address - name.address}`
          : heap
            ? `heap+${at}`
            : address.toString(16);
      differences.push(
        `${where}: ${y ?? `0x${b.toString(16)}`} in the place of ${x ?? `0x${a.toString(16)}`}`,
      );
    }
  });
  return differences;
}

/** An entry begins with its name. */
function tunableAt(region, { address: from }, address) {
  const text = region.bytes.toString(
    'latin1',
    Number(from - region.from),
    Number(address - region.from),
  );
  return /^[^\0]*/.exec(text.slice(text.lastIndexOf('glibc.')))[0];
}

/** Each relocation of a function with several copies is that of one of them. */
function checkRelocations({ relocations, functions }, dump, where) {
  if (relocations.length === 0) throw new Refused('the probe has no function with several copies');
  for (const { at, kind } of relocations) {
    const value = dump.read(at);
    if (!kind.startsWith('R_X86_64_IRELATIV') || value === undefined || !functions.has(value)) {
      throw new Refused(`${where}: the relocation at ${at.toString(16)} is not done`);
    }
  }
}

export function inWorkDirectory(use) {
  const work = mkdtempSync(join(tmpdir(), 'tsrun-start-'));
  try {
    return use(work);
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const [output, source, separator, compiler, ...flags] = process.argv.slice(2);
  if (separator !== '--' || compiler === undefined) {
    throw new Error('usage: accept.mjs OUTPUT SOURCE -- COMPILER [FLAG...]');
  }
  let reason = '';
  try {
    if (source === 'none') throw new Refused('it is told to (TSRUN_GLIBC_START)');
    inWorkDirectory((work) => {
      compile(compiler, flags, source, output);
      accept(prepare(work, compiler, flags), output);
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    reason = error.message;
    execFileSync(compiler, [...flags, '-x', 'c', '-c', '-o', output, '/dev/null']);
  }
  writeFileSync(`${output}.txt`, reason === '' ? '' : `${reason}\n`);
}
