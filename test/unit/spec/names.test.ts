import { describe, expect, it } from 'vitest';
import { parseCpuList } from '../../../src/spec/cpu-list.js';
import { sysctlFile, sysctlName, sysctlNamespace } from '../../../src/spec/sysctl.js';

describe('parseCpuList', () => {
  it.each([
    ['0', [0]],
    ['0-3,7', [0, 1, 2, 3, 7]],
    ['7,1-2,2', [1, 2, 7]],
    [' 1 - 2 , 4 ', [1, 2, 4]],
    ['65535', [65535]],
  ])('reads %j', (list, cpus) => {
    expect(parseCpuList(list)).toEqual(cpus);
  });

  it.each(['', ',', '1,', '-1', '1-', '2-1', 'a', '0x1', '65536', '1-2-3', '0-99999999'])(
    'refuses %j',
    (list) => {
      expect(parseCpuList(list)).toBeUndefined();
    },
  );
});

describe('names of sysctls', () => {
  it.each([
    ['net.ipv4.ip_forward', 'net.ipv4.ip_forward', 'net/ipv4/ip_forward', 'network'],
    ['net/ipv4/ip_forward', 'net.ipv4.ip_forward', 'net/ipv4/ip_forward', 'network'],
    [
      'net/ipv4/conf/eth0.1/arp_filter',
      'net.ipv4.conf.eth0/1.arp_filter',
      'net/ipv4/conf/eth0.1/arp_filter',
      'network',
    ],
    [
      'net.ipv4.conf.eth0/1.arp_filter',
      'net.ipv4.conf.eth0/1.arp_filter',
      'net/ipv4/conf/eth0.1/arp_filter',
      'network',
    ],
    ['kernel.sem', 'kernel.sem', 'kernel/sem', 'ipc'],
    ['fs/mqueue/msg_max', 'fs.mqueue.msg_max', 'fs/mqueue/msg_max', 'ipc'],
    ['kernel.hostname', 'kernel.hostname', 'kernel/hostname', 'uts'],
    ['kernel.panic', 'kernel.panic', 'kernel/panic', undefined],
    ['net', 'net', 'net', undefined],
    ['network.x', 'network.x', 'network/x', undefined],
    ['net/../kernel/panic', 'net.//.kernel.panic', 'net/../kernel/panic', undefined],
    ['net.', 'net.', 'net/', undefined],
  ])('%s', (name, dotted, file, namespace) => {
    expect(sysctlName(name)).toBe(dotted);
    expect(sysctlFile(name)).toBe(file);
    expect(sysctlNamespace(name)).toBe(namespace);
  });
});
