/**
 * Races for what a container has once, such as its console, in a directory
 * that it shares with the attacker. 10,000 whole containers would take too
 * long: the plan of one is cut off after the step that is attacked, and the
 * helper that has carried it out is looked at and ended.
 */

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { TsrunError } from '../../../src/errors.js';
import { execute } from '../../../src/lifecycle/execute.js';
import type { Child } from '../../../src/lifecycle/execute.js';
import { readCaller } from '../../../src/lifecycle/caller.js';
import { gatherFacts } from '../../../src/lifecycle/facts.js';
import { SIGKILL } from '../../../src/native/constants.js';
import type { Native, SpawnRequest } from '../../../src/native/types.js';
import { planContainer } from '../../../src/plan/container.js';
import type { ContainerPlan } from '../../../src/plan/plan.js';
import { syncStep } from '../../../src/plan/process.js';
import { SyncPoint } from '../../../src/plan/steps.js';
import type { Operation } from '../../../src/plan/steps.js';
import type { Spec } from '../../../src/spec/types.js';
import { makeBundle } from '../../support/bundle.js';
import type { Bundle } from '../../support/bundle.js';
import { makeRuntime } from '../../support/tsrun.js';
import { compileAttacker } from '../attackers/compile.js';
import { underAttack } from './support.js';
import type { Outcome } from './support.js';

/** Helpers at a time. */
const AT_ONCE = 4;

/** Directories and files of a race. */
export interface Scene {
  rootfs: string;
  /** What the victim has at OnceKind.place, and the attacker on /mnt: the root itself for `/`. */
  volume: string;
  /** A directory of the host. */
  outside: string;
}

export type Landed = 'inside' | 'other' | 'outside';

export interface OnceKind {
  name: string;
  /** The step that is attacked, the last of its kind. */
  step: Operation;
  place: '/' | '/dev' | '/vol';
  /** Names in there. */
  exchanged: readonly [string, string];
  furnish(scene: Scene): void;
  ask(spec: Spec, scene: Scene): void;
  /** What the host sees of a helper that has done the step; `other`: as it has to be, at the second name. */
  landed(pid: number, scene: Scene): Landed;
}

/** With `other`, tries that have met the second name: refused for what they found, or not. */
export interface OnceOutcome extends Outcome {
  other: number;
}

export class OnceRace {
  private readonly scene: Scene;
  private readonly victim: Bundle;
  private readonly attacker: Bundle;
  private readonly runtime = makeRuntime();

  private root = -1;

  constructor(private readonly kind: OnceKind) {
    const [a, b] = kind.exchanged;
    this.attacker = makeBundle(`exec /exchange /mnt ${a} ${b}`);
    compileAttacker('exchange', this.attacker.rootfs);
    this.victim = makeBundle('true');
    const outside = mkdtempSync(join(tmpdir(), 'tsrun-outside-'));
    const { path, rootfs } = this.victim;
    const volume = kind.place === '/' ? rootfs : join(path, 'volume');
    this.scene = { rootfs, volume, outside };
    mkdirSync(join(volume, 'pts'), { recursive: true });
    // The links lead to the same names within the container, which is where they belong.
    mkdirSync(join(rootfs, outside), { recursive: true });
    kind.furnish(this.scene);
    const { spec } = this.attacker;
    spec.mounts?.push({ destination: '/mnt', type: 'bind', source: volume, options: ['rbind'] });
    this.attacker.write();
    this.victim.spec.mounts = [
      ...(kind.place === '/'
        ? []
        : [{ destination: kind.place, type: 'bind', source: volume, options: ['bind'] }]),
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance'] },
    ];
    this.victim.spec.linux = { namespaces: [{ type: 'mount' }] };
    delete this.victim.spec.hostname;
    kind.ask(this.victim.spec, this.scene);
  }

  /** @param addon with the helper that carries out the plan */
  async run(addon: string, tries: number): Promise<OnceOutcome> {
    const native = createRequire(import.meta.url)(addon) as Native;
    const plan = this.plan(native);
    try {
      return await underAttack(this.runtime, this.attacker, () => this.repeat(native, plan, tries));
    } finally {
      closeSync(this.root);
    }
  }

  private plan(native: Native): ContainerPlan {
    const { path, rootfs, spec } = this.victim;
    this.root = openSync(rootfs, constants.O_DIRECTORY);
    const plan = planContainer(
      spec,
      gatherFacts(
        native,
        {
          ...{ id: 'race', bundle: path, rootfs: { fd: this.root, path: rootfs }, spec },
          ...{ namespaces: new Map(), keyring: undefined, cgroup: undefined },
        },
        readCaller(native, spec.process),
      ),
    );
    const last = plan.steps.map(({ op }) => op).lastIndexOf(this.kind.step);
    if (last < 0) throw new Error(`the plan has no ${this.kind.step}`);
    return { ...plan, steps: [...plan.steps.slice(0, last + 1), syncStep('ready')] };
  }

  private async repeat(native: Native, plan: ContainerPlan, tries: number): Promise<OnceOutcome> {
    const { scene } = this;
    const before = readdirSync(scene.outside).join();
    const outcome = { tries: 0, outside: 0, other: 0 };
    const nothing = openSync('/dev/null', 'r+');
    const request = {
      ...{
        cloneFlags: plan.cloneFlags,
        earlyNamespaces: plan.earlyNamespaces,
        cgroupFd: -1,
        stdio: [-1, -1, -1] as const,
        preserve: [],
      },
      // The gate's, which is not come to.
      ...{
        fds: plan.inputs.map(({ kind }) => (kind === 'root' ? this.root : nothing)),
        slots: plan.slots,
        steps: plan.steps,
      },
      trace: false,
    };
    const one = async (): Promise<void> => {
      while (outcome.tries < tries && outcome.outside === 0) {
        outcome.tries++;
        const landed = await this.attempt(native, request);
        if (landed === 'other') outcome.other++;
        if (landed === 'outside') outcome.outside++;
      }
    };
    // The kernel takes its time to take mount namespaces away.
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    if (readdirSync(scene.outside).join() !== before) outcome.outside++;
    closeSync(nothing);
    return outcome;
  }

  private async attempt(native: Native, request: SpawnRequest): Promise<Landed> {
    let landed: Landed | undefined;
    let master = -1;
    const seen = ({ pid, pidfd }: Child): void => {
      landed = this.kind.landed(pid, this.scene);
      native.pidfdKill(pidfd, SIGKILL);
    };
    try {
      await execute(native, request, {
        sync: { [SyncPoint.ready]: seen },
        console: (fd) => (master = fd),
      });
    } catch (error) {
      const { place } = this.kind;
      const isRefusal = error instanceof TsrunError && error.message.includes(`${place}/`);
      if (landed === undefined && !isRefusal) throw error;
    } finally {
      // Not before: that would hang up the helper.
      if (master >= 0) native.close(master);
    }
    return landed ?? 'other';
  }

  async remove(): Promise<void> {
    await this.runtime.clean();
    this.victim.remove();
    this.attacker.remove();
    rmSync(this.scene.outside, { recursive: true, force: true });
  }
}

export function makeNull(path: string): void {
  execFileSync('mknod', ['-m', '666', path, 'c', '1', '3']);
}
