import type { LinuxNamespace, LinuxNamespaceType, Process, Spec } from '../types.js';

/** Takes what a rule found. */
export type Report = (pointer: string, message: string) => void;

/** A rule about a config.json. */
export type SpecRule = (spec: Spec, report: Report) => void;

/** A rule about a process alone; `at` is the pointer of the process. */
export type ProcessRule = (process: Process, at: string, report: Report) => void;

/** The entry of linux.namespaces of that type, if there is one. */
export function listedNamespace(spec: Spec, type: LinuxNamespaceType): LinuxNamespace | undefined {
  for (const namespace of spec.linux?.namespaces ?? []) {
    if (namespace.type === type) return namespace;
  }
  return undefined;
}

/** Whether a namespace of that type is made, not joined. */
export function isNewNamespace(spec: Spec, type: LinuxNamespaceType): boolean {
  const namespace = listedNamespace(spec, type);
  return namespace !== undefined && !namespace.path;
}

/** How many bytes a text is in UTF-8. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
