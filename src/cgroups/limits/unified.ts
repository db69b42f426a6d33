/**
 * linux.resources.unified: files of the cgroup by their own names, written
 * after all other fields, so that they win (config-linux.md, "Unified").
 */

import { pointerToken } from '../../spec/problem.js';
import type { CgroupWrite } from './write.js';

/**
 * A file with one setting a line takes one line a write. Nothing at all, which
 * resets a cpuset, is told as an empty line: a write of no bytes tells the
 * kernel nothing.
 */
export function unifiedWrites(
  unified: Readonly<Record<string, string>>,
  at: string,
): CgroupWrite[] {
  return Object.entries(unified).flatMap(([file, text]) => {
    const pointer = `${at}/${pointerToken(file)}`;
    const lines = text.split('\n').filter((line) => line !== '');
    if (lines.length === 0) lines.push('\n');
    return lines.map((value): CgroupWrite => ({ file, value, pointer }));
  });
}
