/** What a step was doing, in words, and why it failed, in one sentence. */

import type { ErrorCode } from '../errors.js';
import { describeNamespaces } from '../namespaces/namespaces.js';
import { RLIM_INFINITY } from '../native/constants.js';
import { RLIMITS } from './rlimits.js';
import { FailureCode, SOURCE_IN_ROOT, SyncPoint } from './steps.js';
import type { Step } from './steps.js';

/** `cannot mount tmpfs on /x`, without a reason. */
export function describeStep(step: Step): string {
  switch (step.op) {
    case 'sync':
      if (step.point === SyncPoint.idMap) return 'cannot map the ids of the user namespace';
      return 'cannot wait for the runtime';
    case 'unshare':
      return `cannot make ${describeNew(step.flags)}`;
    case 'setns':
      return `cannot join the ${describeNamespaces(step.flags)}`;
    case 'join':
      return "cannot join the container's namespaces";
    case 'clear-groups':
      return 'cannot give up the supplementary groups of the caller';
    case 'fork':
      return step.flags === 0
        ? 'cannot start a process in the pid namespace'
        : `cannot make ${describeNew(step.flags)}`;
    case 'open-offsets':
      return 'cannot prepare the offsets of a time namespace';
    case 'time':
      return step.offsets === ''
        ? 'cannot make a new time namespace'
        : 'cannot make a new time namespace with offsets';
    case 'dumpable':
      return 'cannot protect the process from being looked into';
    case 'become':
      return `cannot become ${step.uid}:${step.gid} in the user namespace`;
    case 'session':
      return 'cannot make a new session';
    case 'keyring':
      return `cannot join session keyring ${step.name}`;
    case 'loopback':
      return 'cannot bring up the loopback interface';
    case 'hostname':
      return `cannot set the host name to ${step.name}`;
    case 'domainname':
      return `cannot set the domain name to ${step.name}`;
    case 'propagation':
      return 'cannot set the propagation of the mounts';
    case 'open-tree':
      return `cannot open mount source ${step.path}`;
    case 'lock-tree':
      return 'cannot take over a mount source';
    case 'root':
      return `cannot use ${step.path} as the root file system`;
    case 'mount':
      return `cannot mount ${step.type} on ${step.target}`;
    case 'bind':
      if (step.source === '') return `cannot bind-mount on ${step.target}`;
      return step.slot === SOURCE_IN_ROOT
        ? `cannot bind-mount ${step.source} of the container on ${step.target}`
        : `cannot bind-mount ${step.source} on ${step.target}`;
    case 'remount':
      return `cannot change the mount on ${step.target}`;
    case 'protect-limits':
      return 'cannot make the limits of the cgroup read-only';
    case 'root-attributes':
      return 'cannot make the root file system read-only';
    case 'root-propagation':
      return 'cannot set the propagation of the root file system';
    case 'mkdir':
      return `cannot make directory ${step.target}`;
    case 'device':
      return `cannot make device ${step.target}`;
    case 'symlink':
      return `cannot make link ${step.target}`;
    case 'mask':
      return `cannot mask ${step.target}`;
    case 'readonly':
      return `cannot make ${step.target} read-only`;
    case 'proc':
      return 'cannot open a procfs';
    case 'sysctl':
      return `cannot set sysctl ${step.file} to ${step.value}`;
    case 'label':
      // Callers find labels by a path in backticks.
      return `cannot set the label ${step.text}: \`/proc/thread-self/${step.file}\``;
    case 'console':
      return 'cannot make a terminal';
    case 'cover':
      return `cannot cover ${step.path} of the host`;
    case 'pivot':
    case 'move-root':
      return 'cannot change the root file system';
    case 'chroot':
      return `cannot change the root to ${step.path}`;
    case 'stdio-owner':
      return `cannot give the standard streams to user ${step.uid}`;
    case 'scheduler':
      return 'cannot set the scheduler';
    case 'rlimit':
      return `cannot set ${RLIMITS[step.resource] ?? 'limit'} to ${limitText(step.soft)} (soft), ${limitText(step.hard)} (hard)`;
    case 'ioprio':
      return 'cannot set the I/O priority';
    case 'affinity':
      return step.cpus.length === 0
        ? 'cannot reset the CPU affinity'
        : `cannot set the CPU affinity to ${step.cpus.join(',')}`;
    case 'personality':
      return 'cannot set the personality';
    case 'no-new-privileges':
      return 'cannot set no_new_privs';
    case 'seccomp':
      return 'cannot load the filter of system calls';
    case 'umask':
      return 'cannot set the umask';
    case 'credentials':
      return `cannot become user ${step.uid}:${step.gid}`;
    case 'cwd':
    case 'host-cwd':
      return `cannot change to directory ${step.path}`;
    case 'find':
      return `exec: ${quote(step.file)}`;
    case 'forget':
      return 'cannot close what the set-up needed';
    case 'gate':
      return 'cannot wait at the start gate';
    case 'hook':
      return `hook ${quote(step.path)}`;
    case 'exec':
      return `exec: ${quote(step.args[0] ?? '')}`;
  }
}

function limitText(value: bigint): string {
  return value === RLIM_INFINITY ? 'unlimited' : String(value);
}

export interface Explanation {
  /** A whole sentence, with the pointer of the field in front where there is one. */
  message: string;
  code: ErrorCode;
}

/** `a new network namespace`, `new network and mount namespaces`. */
function describeNew(flags: number): string {
  const names = describeNamespaces(flags);
  return names.endsWith('s') ? `new ${names}` : `a new ${names}`;
}

/**
 * Why a step failed.
 *
 * @param errnoText the kernel's reason, e.g. `no such file or directory`
 * @param code a FailureCode
 * @param text what the helper was working on, or what `code` says it is
 */
export function explainFailure(
  step: Step,
  errnoText: string,
  code: number,
  text: string,
): Explanation {
  switch (step.op) {
    // Callers match the beginning of these, so there is no pointer in front.
    case 'find':
    case 'exec':
      return {
        code: 'ERR_EXEC',
        message: `${describeStep(step)}: ${execReason(errnoText, code, text)}`,
      };
    case 'hook':
      return { code: 'ERR_HOOK', message: located(step, hookReason(step, errnoText, code, text)) };
    default:
      return {
        code: step.op === 'console' ? 'ERR_CONSOLE' : 'ERR_SYSTEM',
        message: located(step, reason(step, errnoText, code, text)),
      };
  }
}

/** What the process was doing when it failed before its first step. */
const EARLY: Readonly<Record<number, string>> = {
  [FailureCode.placeDescriptors]: 'cannot place the descriptors of the process',
  [FailureCode.nullDevice]: 'cannot open /dev/null for a closed stream of the process',
  [FailureCode.closeDescriptors]: 'cannot close the descriptors of the runtime in the process',
  [FailureCode.keepCapabilities]: 'cannot keep the capabilities of the process',
  [FailureCode.executeHelper]: 'cannot execute the helper of the runtime',
  [FailureCode.cgroupWait]: 'cannot wait until the process is in its cgroup',
  [FailureCode.readPlan]: 'cannot read the plan of the process',
  [FailureCode.decodePlan]: 'cannot decode the plan of the process',
  [FailureCode.slotTable]: 'cannot allocate the descriptor table of the process',
  [FailureCode.resetSignals]: 'cannot reset the signals of the process',
};

/** Why the process failed before its first step. */
export function explainEarly(errnoText: string, code: number): string {
  return `${EARLY[code] ?? 'cannot start the process'}: ${errnoText}`;
}

function located(step: Step, message: string): string {
  return step.at === '' ? message : `${step.at}: ${message}`;
}

function execReason(errnoText: string, code: number, text: string): string {
  switch (code) {
    case FailureCode.notInPath:
      return 'executable file not found in $PATH';
    case FailureCode.isDirectory:
      return 'is a directory: permission denied';
    case FailureCode.missingInterpreter:
      return `missing interpreter ${quote(text)}: no such file or directory`;
    case FailureCode.notExecutable:
      return 'permission denied (no execute permission)';
    case FailureCode.badFormat:
      return 'exec format error';
    default:
      return errnoText;
  }
}

function hookReason(
  step: Step & { op: 'hook' },
  errnoText: string,
  code: number,
  text: string,
): string {
  switch (code) {
    case FailureCode.hookFailed:
      return `${describeStep(step)} failed: ${withoutPrefix(text, `${step.path}: `)}`;
    case FailureCode.hookTimeout:
      return `${describeStep(step)} ran longer than its timeout of ${step.timeout} s`;
    default:
      return `cannot run ${describeStep(step)}: ${errnoText}`;
  }
}

/** The helper names the hook too, which the sentence already does. */
function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function reason(step: Step, errnoText: string, code: number, text: string): string {
  const doing = describeStep(step);
  switch (code) {
    case FailureCode.notApplied:
      return text === ''
        ? `${doing}: no such profile is loaded`
        : `${doing}: it was not applied, the label is ${quote(text)}`;
    case FailureCode.wrongType:
      return `${doing}: ${wrongType(step, text)}`;
    case FailureCode.namespaceChanged:
      return text === 'user'
        ? `${doing}: the user namespace is another one than at create`
        : `${doing}: the ${text} namespace is another one than at create, and is not owned by the container's user namespace`;
    case FailureCode.outsideRoot:
      return `${doing}: it is outside of the container's root`;
    case FailureCode.wrongFileSystem:
      return `${doing}: ${wrongFileSystem(step, text)}`;
    case FailureCode.explained:
      return `${doing}: ${text}: ${errnoText}`;
    default:
      // The object is worth naming where the sentence does not do so yet.
      return text === '' || doing.includes(text)
        ? `${doing}: ${errnoText}`
        : `${doing}: ${text}: ${errnoText}`;
  }
}

function wrongType(step: Step, text: string): string {
  const object = text === '' && 'target' in step ? step.target : text;
  switch (step.op) {
    case 'mount':
      return `${object} is not a directory of its own (a symbolic link?)`;
    case 'mask':
      return `${object} is not the null device`;
    case 'device':
      return `${object} is there already and is not that device, or a symbolic link leads there`;
    case 'symlink':
      return `a symbolic link leads to ${object}`;
    default:
      return `${object === '' ? 'it' : object} is not what it has to be`;
  }
}

function wrongFileSystem(step: Step, text: string): string {
  const object = text === '' && 'target' in step ? step.target : text;
  if (step.op === 'mount') return `what is on ${object} is not ${step.type}`;
  return step.op === 'console'
    ? `there is no devpts on /dev/pts`
    : `${object === '' ? 'it' : object} is not on the file system that it has to be on`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
