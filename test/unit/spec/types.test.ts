import { describe, expect, expectTypeOf, it } from 'vitest';
import { parseSpec } from '../../../src/spec/load.js';
import type {
  Box,
  CPUAffinity,
  Features,
  Hook,
  Hooks,
  Linux,
  LinuxCapabilities,
  LinuxDevice,
  LinuxDeviceCgroup,
  LinuxHugepageLimit,
  LinuxIDMapping,
  LinuxIntelRdt,
  LinuxIOPriority,
  LinuxMemory,
  LinuxMemoryPolicy,
  LinuxNamespace,
  LinuxNetDevice,
  LinuxPersonality,
  LinuxResources,
  LinuxSeccomp,
  LinuxTimeOffset,
  Mount,
  POSIXRlimit,
  Process,
  Root,
  Scheduler,
  Spec,
  State,
  User,
} from '../../../src/spec/types.js';

// tsc checks these: `npm run typecheck` fails when a schema no longer says so.
describe('the types made from the schemas', () => {
  it('are those of the specification', () => {
    expectTypeOf<Spec['process']>().toEqualTypeOf<Process | undefined>();
    expectTypeOf<Spec['root']>().toEqualTypeOf<Root | undefined>();
    expectTypeOf<Spec['mounts']>().toEqualTypeOf<Mount[] | undefined>();
    expectTypeOf<Spec['hooks']>().toEqualTypeOf<Hooks | undefined>();
    expectTypeOf<Spec['linux']>().toEqualTypeOf<Linux | undefined>();
    expectTypeOf<Hooks['poststop']>().toEqualTypeOf<Hook[] | undefined>();
    expectTypeOf<Process['user']>().toEqualTypeOf<User | undefined>();
    expectTypeOf<Process['args']>().toEqualTypeOf<string[] | undefined>();
    expectTypeOf<Process['consoleSize']>().toEqualTypeOf<Box | undefined>();
    expectTypeOf<Process['capabilities']>().toEqualTypeOf<LinuxCapabilities | undefined>();
    expectTypeOf<Process['rlimits']>().toEqualTypeOf<POSIXRlimit[] | undefined>();
    expectTypeOf<Process['scheduler']>().toEqualTypeOf<Scheduler | undefined>();
    expectTypeOf<Process['ioPriority']>().toEqualTypeOf<LinuxIOPriority | undefined>();
    expectTypeOf<Process['execCPUAffinity']>().toEqualTypeOf<CPUAffinity | undefined>();
    expectTypeOf<Mount['uidMappings']>().toEqualTypeOf<LinuxIDMapping[] | undefined>();
    expectTypeOf<Linux['namespaces']>().toEqualTypeOf<LinuxNamespace[] | undefined>();
    expectTypeOf<Linux['devices']>().toEqualTypeOf<LinuxDevice[] | undefined>();
    expectTypeOf<Linux['seccomp']>().toEqualTypeOf<LinuxSeccomp | undefined>();
    expectTypeOf<Linux['personality']>().toEqualTypeOf<LinuxPersonality | undefined>();
    expectTypeOf<Linux['intelRdt']>().toEqualTypeOf<LinuxIntelRdt | undefined>();
    expectTypeOf<Linux['memoryPolicy']>().toEqualTypeOf<LinuxMemoryPolicy | undefined>();
    expectTypeOf<Linux['netDevices']>().toEqualTypeOf<Record<string, LinuxNetDevice> | undefined>();
    expectTypeOf<Linux['timeOffsets']>().toEqualTypeOf<
      { monotonic?: LinuxTimeOffset; boottime?: LinuxTimeOffset } | undefined
    >();
    expectTypeOf<LinuxResources['devices']>().toEqualTypeOf<LinuxDeviceCgroup[] | undefined>();
    expectTypeOf<LinuxResources['hugepageLimits']>().toEqualTypeOf<
      LinuxHugepageLimit[] | undefined
    >();
    expectTypeOf<State['status']>().toEqualTypeOf<'creating' | 'created' | 'running' | 'stopped'>();
    expectTypeOf<Features['ociVersionMin']>().toEqualTypeOf<string>();
  });

  it('have bigint where 64 bits are needed, and only there', () => {
    expectTypeOf<POSIXRlimit['soft']>().toEqualTypeOf<number | bigint>();
    expectTypeOf<LinuxMemory['limit']>().toEqualTypeOf<number | bigint | undefined>();
    expectTypeOf<LinuxTimeOffset['secs']>().toEqualTypeOf<number | bigint | undefined>();
    expectTypeOf<Scheduler['runtime']>().toEqualTypeOf<number | bigint | undefined>();
    expectTypeOf<User['uid']>().toEqualTypeOf<number>();
    expectTypeOf<LinuxDevice['major']>().toEqualTypeOf<number | undefined>();
  });

  it('take a spec that is written in TypeScript', () => {
    const spec = {
      ociVersion: '1.3.0',
      process: {
        cwd: '/',
        args: ['true'],
        rlimits: [{ type: 'RLIMIT_AS', soft: 1, hard: 18446744073709551615n }],
      },
      linux: { namespaces: [{ type: 'pid' }, { type: 'network', path: '/run/netns/x' }] },
    } satisfies Spec;
    // @ts-expect-error: a namespace has one of eight types
    const wrong: Spec = { ociVersion: '1.3.0', linux: { namespaces: [{ type: 'net' }] } };
    expect(() => parseSpec(JSON.stringify(wrong))).toThrow('/linux/namespaces/0/type');
    expect(spec.process.rlimits[0]?.hard).toBe(18446744073709551615n);
  });
});
