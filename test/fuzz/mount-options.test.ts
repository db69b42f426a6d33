/** mounts[].options: the later of two that contradict each other wins, and nothing is lost. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Options from '../../src/plan/mounts/options.js';
import { fuzz } from './support/property.js';

/** What is switched on and off by a pair of words, with its bit of mount_setattr(2). */
const SWITCHES: readonly (readonly [on: string, off: string, bit: number])[] = [
  ['ro', 'rw', 0x1],
  ['nosuid', 'suid', 0x2],
  ['nodev', 'dev', 0x4],
  ['noexec', 'exec', 0x8],
  ['nodiratime', 'diratime', 0x80],
  ['nosymfollow', 'symfollow', 0x200000],
];
const ATIME = 0x70;

fuzz({
  name: 'mount options',
  modules: { options: 'src/plan/mounts/options.ts' },
  covers: ['src/plan/mounts/options.ts'],
  plant: {
    file: 'src/plan/mounts/options.ts',
    from: 'attributes.set &= ~option.clear;',
    to: 'if (attributes.set !== 0x6) attributes.set &= ~option.clear;',
  },
  runs: 1500,
  property: ({ options: subject }: { options: typeof Options }) => {
    const known = subject.knownMountOptions();
    const word = fc.oneof(
      { arbitrary: fc.constantFrom(...known), weight: 5 },
      { arbitrary: fc.constantFrom(...SWITCHES.flatMap(([on, off]) => [on, off])), weight: 4 },
      fc.constantFrom('', 'size=64m', 'mode=755', 'RO', 'ro ', 'constructor', '__proto__'),
      fc.string({ unit: 'binary', maxLength: 6 }),
    );
    return fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const result = subject.parseMountOptions(words);
      for (const [attributes, prefix] of [
        [result.attributes, ''],
        [result.recursiveAttributes, 'r'],
      ] as const) {
        for (const [on, off, bit] of SWITCHES) {
          const last = words.filter((one) => one === prefix + on || one === prefix + off).at(-1);
          const set = (attributes.set & bit) !== 0;
          const clear = (attributes.clear & bit) !== 0;
          assert.deepEqual([set, clear], [last === prefix + on, last === prefix + off]);
        }
        // The access time is one value of three, which the kernel takes only when it is cleared.
        assert([0, 0x10, 0x20].includes(attributes.set & ATIME));
        assert([0, ATIME].includes(attributes.clear & ATIME));
        if ((attributes.set & ATIME) !== 0) assert.equal(attributes.clear & ATIME, ATIME);
      }
      // What is not ours goes to the file system, in order; nothing is dropped.
      assert.deepEqual(
        result.data,
        words.filter((one) => one !== '' && !known.includes(one)),
      );
      assert.equal(result.bind, words.includes('bind') || words.includes('rbind'));
      assert.equal(result.recursive, words.includes('rbind'));
      assert.equal(result.remount, words.includes('remount'));
      assert.equal(result.copyUp, words.includes('tmpcopyup'));
      assert.deepEqual(
        result.ineffective,
        words.filter((one) => one === 'iversion'),
      );
      assert.equal(result.idMap, words.filter((one) => /^r?idmap$/.test(one)).at(-1) ?? 'none');
      assert.equal(
        result.propagation.length,
        words.filter((one) => /^r?(private|shared|slave|unbindable)$/.test(one)).length,
      );
      assert.deepEqual(
        result.superblock,
        words.filter((one) => /^(async|sync|dirsync|(no)?(lazytime|mand))$/.test(one)),
      );
      // Given twice they come to the same.
      const twice = subject.parseMountOptions([...words, ...words]);
      assert.deepEqual(twice.attributes, result.attributes);
      assert.deepEqual(twice.recursiveAttributes, result.recursiveAttributes);
    });
  },
});
