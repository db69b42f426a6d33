/**
 * The annotations of a config.json that change what is done. All others are data,
 * which the state keeps and hooks see.
 *
 * Whoever sets one of these chooses for the caller: a manager that takes annotations
 * from an image has to leave them out, and learns them from `features`.
 */

import type { Spec } from './spec/types.js';

/**
 * crun's annotation for podman's `--group-add keep-groups`: the process keeps
 * the supplementary groups of the caller, whatever they are called inside.
 */
export const KEEP_GROUPS = 'run.oci.keep_original_groups';

/** Properties of the container's systemd unit, as with runc. */
export const SYSTEMD_PROPERTY = 'org.systemd.property.';

/** Each by its name, or, with a dot at the end, by what its name begins with (features.md). */
export const OBEYED_ANNOTATIONS = [SYSTEMD_PROPERTY, KEEP_GROUPS] as const;

type Annotations = Spec['annotations'];

type Obeyed = (typeof OBEYED_ANNOTATIONS)[number];

/** The value of one. */
export function annotation(
  annotations: Annotations,
  name: Exclude<Obeyed, `${string}.`>,
): string | undefined {
  return annotations?.[name];
}

/** Those whose names begin so, each with its whole name, the rest of that, and its value. */
export function annotationsBelow(
  annotations: Annotations,
  prefix: Extract<Obeyed, `${string}.`>,
): { key: string; name: string; text: string }[] {
  return Object.entries(annotations ?? {})
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, text]) => ({ key, name: key.slice(prefix.length), text }));
}
