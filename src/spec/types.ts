/**
 * The types of config.json, the state and the features document, as
 * scripts/generate-spec.mjs makes them from the schemas in spec/.
 *
 * Integers that the specification calls int64 or uint64 are `number | bigint`:
 * what parseJson reads is a number up to 2^53 and a bigint beyond it.
 */
export type * from '../../spec/generated/config.js';
export type {
  Features,
  LinuxCgroupFeatures,
  LinuxFeature,
  LinuxFeatures,
  LinuxIntelRdtFeatures,
  LinuxMemoryPolicyFeatures,
  LinuxMountExtensions,
  LinuxSeccompFeatures,
} from '../../spec/generated/features.js';
export type { ContainerState, State } from '../../spec/generated/state.js';
