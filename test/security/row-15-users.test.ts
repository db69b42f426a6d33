/** Row 15 (CVE-2026-30892): `exec --user` that is read as another user than the one that is asked for. */

import { expect, test } from 'vitest';

import { execOutput, fieldsOf, useScene } from '../support/scene.js';

const scene = useScene();

test('users are what they say: a lone uid keeps the gid of the container', async () => {
  const container = await scene.started('exec sleep 1000');
  const ids = async (...user: string[]): Promise<string> => {
    const status = fieldsOf(
      await execOutput(scene.runtime, container.id, user, 'cat /proc/self/status'),
    );
    // The real, effective, saved and file system ids, which have to be the same.
    const one = (name: string): string => [...new Set(status[name]?.split('\t'))].join('!');
    return `${one('Uid')}:${one('Gid')} ${status['Groups'] ?? ''}`;
  };
  expect(await ids()).toBe('0:0 ');
  // CVE-2026-30892: it was 0:0.
  expect(await ids('-u', '1')).toBe('1:0 ');
  expect(await ids('-u', '1:2')).toBe('1:2 ');
  expect(await ids('--user', '1000:1000', '-g', '5', '--additional-gids', '70000')).toBe(
    '1000:1000 5 70000',
  );
  // An empty value is what managers pass for none.
  expect(await ids('--user', '')).toBe('0:0 ');
  for (const user of [
    ...['root', 'user', '1:', ':1', ':', '-1', '+1', '1:2:3', '1:root', '1,2', '1 ', ' 1', '1\n'],
    ...['4294967295', '4294967296', '1:4294967296', '99999999999', '0x1', '1e3', '1.0', '١'],
  ]) {
    const refused = await scene.runtime(['exec', '--user', user, container.id, 'id']);
    expect(refused).toMatchObject({ status: 255, stdout: '' });
    expect(refused.stderr).not.toBe('');
  }
  await container.remove();
});
