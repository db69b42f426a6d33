/**
 * tsrun as a library: OCI containers from a Node program.
 *
 * Every function is a promise or does next to nothing. None of them blocks the
 * event loop for longer than the clone of a process takes; hooks, handshakes
 * and waiting go on beside it. The program's umask, working directory, signal
 * handlers, dumpable flag and subreaper state are left alone, and no children
 * but tsrun's own are reaped.
 */

export { Container } from './library/container.js';
export { createContainer, getContainer, listContainers } from './library/containers.js';
export { loadBundle, planContainer } from './library/bundles.js';
export { features } from './features.js';
export { TsrunError } from './errors.js';

export type { ErrorCode, ErrorDetails } from './errors.js';
export type {
  CreateContainerOptions,
  PlanOptions,
  ContainerOptions,
  RootOptions,
  Stdio,
  TraceEntry,
} from './library/options.js';
export type {
  DeleteOptions,
  ExecOptions,
  ExecProcess,
  KillOptions,
  StatsOptions,
} from './library/container.js';
export type {
  ContainerStats,
  Count,
  IoUse,
  MemoryUse,
  Pressure,
  PressureStats,
} from './cgroups/stats.js';
export type { Bundle } from './lifecycle/bundle.js';
export type { ListedView, StateView } from './lifecycle/state.js';
export type { ExitInfo } from './library/child-exit.js';
export type { ContainerPlan } from './plan/plan.js';
export type { Step } from './plan/steps.js';
export type { Features, LinuxResources, Process, Spec } from './spec/types.js';
export type { Status } from './state/status.js';
