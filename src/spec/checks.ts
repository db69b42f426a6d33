/**
 * Rules between the fields of a config.json, one small function a rule, by
 * subject in checks/. They read what the schema accepts, and report each
 * finding with the JSON pointer of the field that a user would change.
 *
 * What only the running system can tell (whether a path is there, whether a
 * namespace to be joined is the runtime's own) is not checked here.
 */
import { conflictingDevices } from './checks/devices.js';
import { cpuBurst, intelRdtClass, personalityFlags, unifiedFiles } from './checks/linux.js';
import { idmapOptions, mountIDMappings } from './checks/mounts.js';
import {
  duplicateNamespaces,
  hiddenPathsNamespace,
  idMappingRanges,
  mappingsNamespace,
  netDevices,
  timeOffsetsNamespace,
  userMapped,
  userNamespaceMappings,
  utsNames,
} from './checks/namespaces.js';
import {
  consoleSize,
  environment,
  execCPUAffinity,
  ioPriority,
  rlimits,
  scheduler,
} from './checks/process.js';
import type { ProcessRule, Report, SpecRule } from './checks/rule.js';
import { seccompErrno, seccompMetadata, seccompNotify } from './checks/seccomp.js';
import { sysctls } from './checks/sysctls.js';
import type { Problem } from './problem.js';
import type { LinuxResources, Process, Spec } from './types.js';

const processRules: readonly ProcessRule[] = [
  environment,
  consoleSize,
  rlimits,
  scheduler,
  ioPriority,
  execCPUAffinity,
];

const specRules: readonly SpecRule[] = [
  ociVersion,
  // One by one, for checkMalformedSpec().
  ...processRules.map((rule): SpecRule => ({ process }, report) => {
    if (process !== undefined) rule(process, '/process', report);
  }),
  userMapped,
  utsNames,
  mountIDMappings,
  idmapOptions,
  duplicateNamespaces,
  userNamespaceMappings,
  mappingsNamespace,
  idMappingRanges,
  timeOffsetsNamespace,
  hiddenPathsNamespace,
  sysctls,
  netDevices,
  conflictingDevices,
  unifiedFiles,
  cpuBurst,
  seccompMetadata,
  seccompNotify,
  seccompErrno,
  intelRdtClass,
  personalityFlags,
];

/** What fields of a valid spec have against each other, all of it. */
export function checkSpec(spec: Spec): Problem[] {
  return collect((report) => {
    for (const rule of specRules) rule(spec, report);
  });
}

/** The same for a process alone, as exec takes it; its pointers begin at the process. */
export function checkProcess(process: Process): Problem[] {
  return collect((report) => {
    for (const rule of processRules) rule(process, '', report);
  });
}

/** The same for linux.resources alone, as update takes it; its pointers begin at the resources. */
export function checkResources(resources: LinuxResources): Problem[] {
  const spec: Spec = { ociVersion: '1.0.0', linux: { resources } };
  const prefix = '/linux/resources';
  return collect((report) => {
    for (const rule of [unifiedFiles, cpuBurst]) {
      rule(spec, (pointer, message) => report(pointer.slice(prefix.length), message));
    }
  });
}

/**
 * The same for a document in which the schema found problems, so that all can
 * be told at once. A rule that trips over what is malformed is left out, and so
 * is a finding that is about what is malformed.
 */
export function checkMalformedSpec(value: unknown, malformed: readonly Problem[]): Problem[] {
  const problems = collect((report) => {
    for (const rule of specRules) {
      try {
        rule(value as Spec, report);
      } catch {
        // Only the field that it trips over is wrong, and that is reported.
      }
    }
  });
  const wrong = new Set(malformed.map(({ pointer }) => pointer));
  const above = new Set(malformed.flatMap(({ pointer }) => ancestors(pointer)));
  return problems.filter(
    ({ pointer }) =>
      !wrong.has(pointer) &&
      !above.has(pointer) &&
      !ancestors(pointer).some((ancestor) => wrong.has(ancestor)),
  );
}

/** Pointers of what a pointer's field is in: of `/a/b` these are `/a` and the document. */
function ancestors(pointer: string): string[] {
  const found: string[] = [];
  for (let end = pointer.lastIndexOf('/'); end >= 0; end = pointer.lastIndexOf('/', end - 1)) {
    found.push(pointer.slice(0, end));
    if (end === 0) break;
  }
  return found;
}

function collect(find: (report: Report) => void): Problem[] {
  const problems: Problem[] = [];
  find((pointer, message) => problems.push({ pointer, message }));
  return problems;
}

/** config.md, specification version: versions of one major version are compatible. */
function ociVersion(spec: Spec, report: Report): void {
  if (!spec.ociVersion.startsWith('1.')) {
    report('/ociVersion', `must be 1.x, ${spec.ociVersion} is not supported`);
  }
}
