/** The option `nsdelegate` of the guest's cgroup hierarchy, which all of its mounts share. */

/** Another mount of the hierarchy without it takes it away, as that of some runtimes does. */
export const WITHOUT_NSDELEGATE =
  'mkdir /run/again && mount -t cgroup2 none /run/again && umount /run/again; rmdir /run/again';

/** As systemd mounts it. */
export const WITH_NSDELEGATE = 'mount -o remount,nsdelegate,memory_recursiveprot /sys/fs/cgroup';
