/** What the helper calls once a filter is loaded, from a trace of strace(1). */

/** strace(1); a runtime with sanitizers cannot look for its leaks then. */
export const STRACE = ['strace', '--follow-forks', '--env=ASAN_OPTIONS=detect_leaks=0'];

/** The same, such that `callsAfterLoading` reads the output: numbers instead of names. */
export const TRACE = [...STRACE, '--const-print-style=raw'];

const PR_CAP_AMBIENT = '47';

/**
 * The calls up to the program's execve(2), those of hooks until they are
 * programs of their own included: names, of prctl(2) with its option.
 */
export function callsAfterLoading(trace: string): string[] {
  const lines = trace.split('\n').flatMap((line) => {
    const [, pid = '', name = '', rest = ''] = /^(\d+) +(\w+)\((.*)/.exec(line) ?? [];
    return name === '' ? [] : [{ pid, name, rest }];
  });
  // Who only asks what the kernel can do passes no program.
  const load = lines.findIndex(
    ({ name, rest }) => name === 'seccomp' && rest.startsWith('0x1,') && !rest.includes('NULL'),
  );
  if (load < 0) throw new Error('no filter was loaded');
  const helper = lines[load]?.pid ?? '';
  const known = new Set(lines.slice(0, load).map(({ pid }) => pid));
  const hooks = new Set<string>();
  const done = new Set<string>();
  const found: string[] = [];
  for (const { pid, name, rest } of lines.slice(load + 1)) {
    // Other new ones are threads of the runtime.
    if (!known.has(pid) && name === 'setsid') hooks.add(pid);
    known.add(pid);
    if ((pid !== helper && !hooks.has(pid)) || done.has(pid)) continue;
    found.push(name === 'prctl' ? prctl(rest) : name);
    if (name === 'execve') done.add(pid);
  }
  return [...new Set(found)].sort();
}

function prctl(rest: string): string {
  const [option = '', first = ''] = rest.split(/[,)]/).map((text) => String(Number(text)));
  return option === PR_CAP_AMBIENT ? `prctl ${option} ${first}` : `prctl ${option}`;
}
