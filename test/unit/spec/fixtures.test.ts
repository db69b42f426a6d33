import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { validate as featuresValidator } from '../../../spec/generated/validate-features.js';
import { validate as stateValidator } from '../../../spec/generated/validate-state.js';
import { JsonError, parseJson } from '../../../src/spec/json.js';
import type { Problem } from '../../../src/spec/problem.js';
import { problemsOf, validateSpec } from '../../../src/spec/validate.js';

const root = fileURLToPath(new URL('../../fixtures/runtime-spec', import.meta.url));

const validators: Record<string, (value: unknown) => Problem[]> = {
  config: validateSpec,
  features: (value) => problemsOf(featuresValidator, value),
  state: (value) => problemsOf(stateValidator, value),
};

/** Pointers of the problems, or the reader's message. */
function judge(kind: string, path: string): string[] {
  let value;
  try {
    value = parseJson(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof JsonError) return [error.message];
    throw error;
  }
  return validators[kind]?.(value).map(({ pointer }) => pointer) ?? [];
}

describe.each(Object.keys(validators))('documents of the specification: %s', (kind) => {
  const good = readdirSync(`${root}/${kind}/good`);
  const bad = readdirSync(`${root}/${kind}/bad`);

  it('has documents', () => {
    expect(good.length).toBeGreaterThan(0);
    expect(bad.length).toBeGreaterThan(0);
  });

  it.each(good)('accepts good/%s', (file) => {
    expect(judge(kind, `${root}/${kind}/good/${file}`)).toEqual([]);
  });

  it.each(bad)('rejects bad/%s', (file) => {
    expect(judge(kind, `${root}/${kind}/bad/${file}`)).not.toEqual([]);
  });
});

describe('bad documents are rejected for what is bad in them', () => {
  it.each([
    ['freebsd-vnet-disable', '/freebsd/jail/vnet'],
    ['invalid-json', "line 1, column 2: expected a member name in double quotes or '}'"],
    ['linux-hugepage', '/linux/resources/hugepageLimits/0/pageSize'],
    ['linux-netdevice', '/linux/netDevices/eth0/name'],
    ['linux-rdma', '/linux/resources/rdma/mlx5_1/hcaHandles'],
  ])('%s', (file, pointer) => {
    expect(judge('config', `${root}/config/bad/${file}.json`)).toEqual([pointer]);
  });
});
