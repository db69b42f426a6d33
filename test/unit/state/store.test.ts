import { expect, test } from 'vitest';

import { EIO, ENOSPC, O_RDONLY } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import { parseJson } from '../../../src/spec/json.js';
import { STATE_VERSION } from '../../../src/state/state.js';
import type { ContainerState } from '../../../src/state/state.js';
import {
  claimDirectory,
  findListed,
  findState,
  listIds,
  loadState,
  readLater,
  readLaterLine,
} from '../../../src/state/store.js';
import { StateRoot } from '../../../src/state/root.js';
import { MAX_STATE } from '../../../src/state/state-file.js';
import { salvage } from '../../../src/state/salvage.js';
import { ROOT, ROOT_PATH, remove, stateFile, stateOf, system } from './scene.js';

const LATER = {
  process: { cwd: '/', rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 2n ** 64n - 1n }] },
  lateSteps: [],
  identity: { user: 4026531837, setgroups: true, joined: [] },
};

/** The file of a container `a`, as create writes it. */
function made(fake: FakeSystem, changes: Partial<ContainerState> = {}): ContainerState {
  claimDirectory(fake.native, ROOT, 'a');
  const state = stateOf('a', { phase: 'creating', ...changes });
  const file = stateFile(fake.native, 'a');
  file.noteCgroup('/sys/fs/cgroup/a');
  file.save(state);
  file.saveSummary({ ...state, phase: 'created', pid: 7 }, file.laterLine(LATER));
  fake.native.close(file.fd);
  return state;
}

test('an id can be claimed once', () => {
  const { native } = system();
  claimDirectory(native, ROOT, 'a');
  expect(() => claimDirectory(native, ROOT, 'a')).toThrow(
    'container with given ID already exists: "a"',
  );
});

test('a state is read back as its lines say, and is readable by hand', () => {
  const fake = system();
  const state = made(fake, { annotations: { 'org.x': 'ü "q"' } });
  const whole = { ...state, phase: 'created', pid: 7 };
  expect(loadState(fake.native, ROOT, 'a')).toEqual(whole);
  expect(salvage(fake.native, ROOT, 'a').notedCgroup).toBe('/sys/fs/cgroup/a');
  const file = fake.files.get(`${ROOT_PATH}/a/state.json`);
  const lines = (file?.content ?? '').trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  expect(readLaterLine(fake.native, ROOT, 'a')).toBe(lines[3]);
  expect(parseJson(lines[3] ?? '')).toEqual({ later: LATER });
  expect(readLater(fake.native, ROOT, 'a', parseJson)).toEqual(LATER);
  expect(() =>
    readLater(fake.native, ROOT, 'a', () => {
      throw new SyntaxError('of the engine');
    }),
  ).toThrow('the state of container "a" is incomplete');
  // As `jq -s add` shows it.
  const { details, ...rest } = Object.assign(
    {},
    ...lines.map((line) => parseJson(line) as object),
  ) as { details: object };
  expect({ ...details, ...rest }).toEqual({
    notedCgroup: '/sys/fs/cgroup/a',
    later: LATER,
    ...whole,
  });
});

test('for a list the summary is read, which is the last line', () => {
  const fake = system();
  const state = made(fake);
  const { version, id, startTime, bundle, created, owner, cgroupPath } = state;
  const summary = { version, id, startTime, bundle, created, owner, cgroupPath };
  const wanted = { kind: 'state', state: { ...summary, phase: 'created', pid: 7 } };
  expect(findListed(fake.native, ROOT, 'a')).toEqual(wanted);
  const file = fake.files.get(`${ROOT_PATH}/a/state.json`);
  if (file === undefined) throw new Error('no file');
  const lines = file.content.trimEnd().split('\n');
  // Whatever the other lines are.
  file.content = ['{"details":', 'x', lines.at(-1), ''].join('\n');
  expect(findListed(fake.native, ROOT, 'a')).toEqual(wanted);
  expect(findState(fake.native, ROOT, 'a').kind).toBe('broken');
});

test('of lines of a kind the last one counts', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  const file = stateFile(fake.native, 'a');
  file.save(stateOf('a', { rootless: true }));
  const cgroup = { manager: 'systemd', path: '/sys/fs/cgroup/s', inode: '9' } as const;
  const now = stateOf('a', { cgroup, cgroupPath: cgroup.path });
  file.save(now);
  expect(loadState(fake.native, ROOT, 'a')).toEqual(now);
  expect(salvage(fake.native, ROOT, 'a').cgroup).toEqual(cgroup);
});

test.each([
  ['in a line', (whole: object) => JSON.stringify(whole)],
  ['in a line that ends', (whole: object) => `${JSON.stringify(whole)}\n`],
  ['in many', (whole: object) => `${JSON.stringify(whole, null, 2)}\n`],
])('a state file that a person has made one object of is the same state: %s', (_, text) => {
  const fake = system();
  const state = made(fake);
  const file = fake.files.get(`${ROOT_PATH}/a/state.json`);
  if (file === undefined) throw new Error('no file');
  const lines = file.content.trimEnd().split('\n');
  file.content = text(
    Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as object,
  );
  const wanted = { ...state, phase: 'created', pid: 7 };
  expect(loadState(fake.native, ROOT, 'a')).toMatchObject(wanted);
  expect(findListed(fake.native, ROOT, 'a')).toMatchObject({ state: { id: 'a', pid: 7 } });
});

test('wherever a state file is torn, it is what it was before', () => {
  const whole = system();
  const state = made(whole);
  const text = whole.files.get(`${ROOT_PATH}/a/state.json`)?.content ?? '';
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index);
  const [noted = 0, , first = 0, , last = 0] = ends;
  for (let length = 0; length <= text.length; length++) {
    const fake = system();
    fake.files.put(`${ROOT_PATH}/a/state.json`, 'file', text.slice(0, length));
    for (const found of [findState(fake.native, ROOT, 'a'), findListed(fake.native, ROOT, 'a')]) {
      // A line is whole with its end.
      if (length <= first) expect(found.kind).toBe('broken');
      else if (found.kind !== 'state') throw new Error(`broken at ${length}`);
      else expect(found.state.phase).toBe(length <= last ? state.phase : 'created');
    }
    expect(salvage(fake.native, ROOT, 'a').notedCgroup === undefined).toBe(length < noted);
  }
});

test('a line that cannot be written is told, and is not read', () => {
  for (let nth = 1; ; nth++) {
    const fake = system();
    claimDirectory(fake.native, ROOT, 'a');
    const fd = ROOT.openContainer('a');
    fake.failNth(nth, ENOSPC);
    try {
      stateFile(fake.native, 'a', fd).save(stateOf('a'));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STATE', errno: ENOSPC });
      expect(findState(fake.native, ROOT, 'a').kind).toBe('broken');
      continue;
    }
    expect(nth).toBe(3);
    return;
  }
});

test('a torn, foreign or missing state is broken, another format is an error', () => {
  const fake = system();
  expect(findState(fake.native, ROOT, 'a').kind).toBe('absent');
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('container "a" does not exist');
  claimDirectory(fake.native, ROOT, 'a');
  expect(findState(fake.native, ROOT, 'a').kind).toBe('broken');
  const file = fake.files.put(`${ROOT_PATH}/a/state.json`);
  for (const text of ['', '{"version": 1, "id"', 'null', '[]', JSON.stringify(stateOf('b'))]) {
    file.content = text;
    expect(findState(fake.native, ROOT, 'a').kind, text).toBe('broken');
  }
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('delete --force removes it');
  for (const [version, which] of [
    [1, 'an older'],
    [STATE_VERSION + 1, 'a newer'],
  ] as const) {
    // The only line of one, with what version 1 had in it, or the last.
    const line = JSON.stringify({ ...stateOf('a'), version });
    for (const text of [line, `{"notedCgroup":"/c"}\n${line}\n{"later":{}}\n`, `${line}\n`]) {
      file.content = text;
      for (const find of [findState, findListed]) {
        expect(() => find(fake.native, ROOT, 'a')).toThrow(
          `cannot read ${ROOT_PATH}/a/state.json: format version ${version} is of ${which} tsrun`,
        );
      }
    }
  }
});

test('a container of runc or crun in the same directory is not taken for remains', () => {
  for (const [file, text] of [
    ['state.json', '{"id":"a","init_process_pid":7,"init_process_start":8,"config":{}}'],
    ['status', '{"pid":7}'],
  ] as const) {
    const fake = system();
    claimDirectory(fake.native, ROOT, 'a');
    fake.files.put(`${ROOT_PATH}/a/${file}`).content = text;
    for (const find of [findState, findListed, loadState]) {
      expect(() => find(fake.native, ROOT, 'a')).toThrow(
        `container "a" is of another runtime: ${ROOT_PATH}/a/${file}`,
      );
    }
  }
});

test('a state that cannot be read is no missing container', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  fake.failNth(2, EIO);
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('cannot open /run/tsrun/a');
  for (const nth of [1, 3]) {
    fake.failNth(nth, EIO);
    expect(() => loadState(fake.native, ROOT, 'a')).toThrow('cannot read /run/tsrun/a/state.json');
  }
  fake.failNth(1, EIO);
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('cannot read /run/tsrun/a/state.json');
});

test('removal takes everything, the state last', () => {
  for (let nth = 1; ; nth++) {
    const fake = system();
    const before = fake.files.paths();
    claimDirectory(fake.native, ROOT, 'a');
    stateFile(fake.native, 'a').save(stateOf('a'));
    fake.files.put(`${ROOT_PATH}/a/exec.fifo`, 'fifo');
    fake.files.put(`${ROOT_PATH}/a/notify/notify.sock`, 'socket');
    const fd = ROOT.openContainer('a', O_RDONLY);
    fake.failNth(nth, EIO);
    try {
      remove(fake.native, 'a', fd);
      expect(fake.files.paths()).toEqual(before);
      return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STATE', errno: EIO });
      fake.failNth(0, 0);
      // As long as the directory is there, `list` shows the container and delete knows it.
      if (fake.files.get(`${ROOT_PATH}/a`) !== undefined) {
        expect(loadState(fake.native, ROOT, 'a')).toEqual(stateOf('a'));
      }
      remove(fake.native, 'a');
      expect(fake.files.paths()).toEqual(before);
    }
  }
});

test('a state that would be too large to be read again is not written', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  const file = stateFile(fake.native, 'a');
  // Three bytes a character, and a surrogate pair.
  const text = '\u20ac'.repeat(MAX_STATE / 3 - 1000);
  file.save(stateOf('a', { annotations: { text: `${text}\u{1f600}` } }));
  expect(() => file.saveSummary(stateOf('a'), 'x'.repeat(1 << 16))).toThrow(
    `cannot write ${ROOT_PATH}/a/state.json: the state would be larger than 16 MiB`,
  );
});

test('only names that can be ids are listed', () => {
  const fake = system();
  expect(listIds(fake.native, StateRoot.open(fake.native, '/nowhere'))).toEqual([]);
  for (const name of ['b', 'a', 'no id', 'x~']) fake.files.put(`${ROOT_PATH}/${name}`, 'directory');
  expect(listIds(fake.native, ROOT)).toEqual(['a', 'b']);
});
