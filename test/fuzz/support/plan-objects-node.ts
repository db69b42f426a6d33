/** plan-objects.ts as a program for Node: the addon, the seed, and how often. */

import { createRequire } from 'node:module';

import type { Native } from '../../../src/native/types.js';
import { planObjects } from './plan-objects.js';

const [addon = '', seed, runs] = process.argv.slice(2);
const native = createRequire(import.meta.url)(addon) as Native;
console.log(JSON.stringify(await planObjects(native, Number(seed), Number(runs))));
