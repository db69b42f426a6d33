// Settings, labels, cgroups, filters and sockets: rows 5, 14, 18 and 20, and
// what the rules say of them.

const CGROUP = 'test/security/row-14-cgroups.test.ts';
const REMOUNTED = 'test/security/remounted-cgroups.test.ts';
const SECCOMP = 'test/native/seccomp-cache.test.ts';
const CACHE = 'src/seccomp/cache.ts';
const SAFE_PATH = 'src/state/safe-path.ts';
const STATE_ROOT = 'test/unit/state/root.test.ts';
const STATE_DIRECTORY = 'test/security/state-directory.test.ts';
const CACHE_OF_USER = 'test/native/seccomp-cache-user.test.ts';
const USED_AGAIN = {
  file: SECCOMP,
  name: 'a compiled program is used again, unless others could have changed it',
  message: /Cannot assign requested address/,
};
const TAMPERED = {
  file: SECCOMP,
  name: 'an entry that was tampered with is not used, nor one that is a link or of another',
  message: /expected false to be true/,
};

/** Settings and labels are looked for in whatever is called /proc. */
const BY_NAME = {
  file: 'native/child/proc.cc',
  from: '  return openInProc(self.proc, path, flags, resolve);',
  to: `  static_cast<void>(resolve);
  static char name[kPathSize + 8];
  name[0] = 0;
  append(name, sizeof name, "/proc/");
  append(name, sizeof name, path);
  return sys::openat(AT_FDCWD, name, flags | O_CLOEXEC);`,
};

export const confinement = [
  {
    rows: ['5', 'R2'],
    what: 'settings are written through whatever is called /proc',
    changes: [BY_NAME],
    build: 'executable',
    test: {
      file: 'test/security/row-05-false-proc.test.ts',
      name: 'a sysctl is the kernel’s own, whatever has the name /proc by then',
      message: /\+ 77/,
    },
  },
  {
    rows: ['5', 'R2'],
    what: 'settings are written through whatever is called /proc, while that is exchanged',
    changes: [BY_NAME],
    build: 'addon',
    test: {
      file: 'test/security/row-05-false-proc.test.ts',
      name: 'a sysctl',
      title: "'a sysctl' stays inside, or is refused",
      message: /outside/,
    },
  },
  {
    rows: ['5', 'R2'],
    what: 'labels are written through whatever is called /proc',
    changes: [BY_NAME],
    build: 'executable',
    test: {
      file: 'test/vm/selinux.test.ts',
      name: 'a /proc that is exchanged for a false one takes no label away (row 5)',
      message: /to be/,
    },
  },
  {
    rows: ['5', 'R7'],
    what: 'a profile that the kernel does not have is let pass',
    changes: [
      {
        file: 'native/child/labels.cc',
        from: 'return fail(result, "", wire::Code::NotApplied);',
        to: 'return 0;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/vm/apparmor.test.ts',
      name: 'a profile that is not loaded is an error that names it, and nothing is left',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['5', 'R7'],
    what: 'a label is not read back',
    changes: [
      {
        file: 'native/child/labels.cc',
        from: 'if (result >= 0 && !isLabel(got, expected)) {',
        to: 'if (result >= 0 && !isLabel(got, expected) && result < 0) {',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/vm/apparmor.test.ts',
      name: 'a profile that is not the one that was asked for is an error, and nothing is left (row 5)',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['5', 'R7'],
    what: 'of a stack of profiles only the first is read back',
    changes: [
      {
        file: 'native/child/labels.cc',
        from: 'if (*end == 0) return true;\n    expected = end',
        to: 'return true;\n    expected = end',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/vm/apparmor.test.ts',
      name: 'a stack that lacks one of those that were asked for is an error (row 5)',
      message: /\+ ran/,
    },
  },
  {
    rows: ['14'],
    what: 'cgroups stay writable in a user namespace without a cgroup namespace',
    changes: [
      {
        file: 'src/plan/mounts/cgroup.ts',
        from: 'recursiveAttributes.set |= MOUNT_ATTR_RDONLY;',
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'is read-only in a user namespace without a cgroup namespace, which is told',
      message: /expected '1\\n' to be '0\\n'/,
    },
  },
  {
    rows: ['14'],
    what: 'the whole hierarchy is writable without a cgroup namespace',
    changes: [
      {
        file: 'src/plan/mounts/cgroup.ts',
        from: 'return wholeTree && !readOnly && !mayWriteAll(context) ? facts.cgroup?.path : undefined;',
        to: 'return wholeTree && readOnly && !readOnly && mayWriteAll(context) ? facts.cgroup?.path : undefined;',
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'without a cgroup namespace, is writable in the container’s own part alone %s',
      title:
        'without a cgroup namespace, is writable in the container’s own part alone without CAP_SYS_ADMIN',
      message: /to have a length of 2 but got \+?0/,
    },
  },
  {
    rows: ['14'],
    what: 'a later entry makes a read-only mount of cgroups writable',
    changes: [
      {
        file: 'src/plan/mounts/mount.ts',
        from: 'if (mounted !== undefined && context.cgroups.has(mounted)) keepReadOnly(parsed, context);',
        to: 'if (mounted === undefined && context.cgroups.has(mounted)) keepReadOnly(parsed, context);',
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'a later entry makes no read-only mount writable that must stay so: %s',
      title:
        'a later entry makes no read-only mount writable that must stay so: in a user namespace',
      message: /to match/,
    },
  },
  {
    rows: ['14'],
    what: 'who owns the files of the limits may write to them in a cgroup namespace that is joined',
    changes: [
      {
        file: 'src/plan/mounts/cgroup.ts',
        from: "if (places.cgroup === 'joined' && ownsLimits(places, facts, uidMappings)) {",
        to: "if (places.cgroup === 'joined' && !ownsLimits(places, facts, uidMappings)) {",
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'of a cgroup namespace that is joined are read-only to a user, which is told',
      message: /writable|read-only, since a cgroup namespace/,
    },
  },
  {
    rows: ['14'],
    what: 'processes of who owns the files of the limits are in the cgroup of these',
    changes: [
      {
        file: 'src/plan/beginning.ts',
        from: 'return ownsLimits(places, facts, spec.linux?.uidMappings ?? []) && !facts.hasNsdelegate();',
        to: 'return ownsLimits(places, facts, spec.linux?.uidMappings ?? []) && facts.hasNsdelegate();',
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'are out of reach for an ordinary user’s container that has none of them mounted',
      message: /"cgroup\.max\.depth": "1"/,
    },
  },
  {
    rows: ['14'],
    what: 'files of limits stay writable where they are mounted',
    changes: [
      {
        file: 'native/child/cgroups.cc',
        from: 'if (entry->type != DT_REG || isDelegated(entry->name, delegated)) continue;',
        to: 'if (entry->type != DT_LNK || isDelegated(entry->name, delegated)) continue;',
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'of the host’s root, which may not mount, have limits that it cannot write',
      message: /expected \[ 'cgroup\.[a-z]+', .*\] to deeply equal \[\]/,
    },
  },
  {
    rows: ['AB'],
    what: 'a later remount by another name makes the mount of cgroups writable',
    changes: [
      {
        file: 'src/plan/mounts/mount.ts',
        from: 'if (below || clearsReadOnly(attributes)) {',
        to: 'if (below && !clearsReadOnly(recursiveAttributes)) {',
      },
    ],
    build: 'executable',
    test: {
      file: REMOUNTED,
      name: 'the hierarchy beside the container’s own part stays read-only after a remount by %s',
      title:
        'the hierarchy beside the container’s own part stays read-only after a remount by a link of the image to the mount',
      message: /expected true to be false/,
    },
  },
  {
    rows: ['AB'],
    what: 'a later bind mount clones the mount of cgroups',
    changes: [
      {
        file: 'src/plan/mounts/mount.ts',
        from: 'return [...before, ...steps, ...after];',
        to: 'return [...after, ...steps, ...after];',
      },
    ],
    build: 'executable',
    test: {
      file: REMOUNTED,
      name: 'a bind mount whose source a link of the image leads there is refused',
      message: /expected true to be false/,
    },
  },
  {
    rows: ['V'],
    what: 'who may not mount is in the cgroup of its limits, where files appear later',
    changes: [
      {
        file: 'src/plan/beginning.ts',
        from: "if (places.cgroup === 'new' && mountsLimits(spec, places, facts)) return true;",
        to: "if (places.cgroup !== 'new' && mountsLimits(spec, places, facts)) return true;",
      },
      {
        file: 'src/plan/container.ts',
        from: '(limits && cgroupSubgroup !== true)',
        to: 'false',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/limits-appear-later.test.ts',
      name: 'are not to be written by a root that may not mount',
      message: /expected '0\\n' to be/,
    },
  },
  {
    rows: ['V'],
    what: 'in a cgroup namespace that is joined, files of limits that appear later are writable',
    changes: [
      {
        file: 'src/plan/mounts/cgroup.ts',
        from: "return context.places.cgroup === 'joined' && couldWriteLimits(context) ? JOINED : undefined;",
        to: "return context.places.cgroup === 'new' && couldWriteLimits(context) ? JOINED : undefined;",
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/limits-appear-later.test.ts',
      name: 'are not to be written in a cgroup namespace that is joined, whose root is where it is',
      message: /not to match \/\^written \/m/,
    },
  },
  {
    rows: ['14'],
    what: 'a container is bound by what an earlier one wrote to its own cgroup',
    changes: [
      {
        file: 'src/cgroups/subgroup.ts',
        from: 'if (made === -EEXIST && native.rmdir(path) === 0)',
        to: 'if (made === EEXIST && native.rmdir(path) === 0)',
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'are as new for a container, whatever an earlier one wrote to its own',
      message: /expected '3' to be 'max'/,
    },
  },
  {
    rows: ['14'],
    what: 'limits are given to the container with its cgroup',
    changes: [
      {
        file: 'src/cgroups/delegate.ts',
        from: "return files.filter((file) => file !== '');",
        to: "return ['cgroup.max.depth', ...files.filter((file) => file !== '')];",
      },
    ],
    build: 'executable',
    test: {
      file: CGROUP,
      name: 'belongs to the container’s user where it is delegated, but not its limits',
      message: /cgroup\.max\.depth 0/,
    },
  },
  {
    rows: ['18'],
    what: 'an entry of the cache may be written by others',
    changes: [
      {
        file: CACHE,
        from: '(mode & S_IFMT) === type && uid === ownUid(native) && (mode & WRITABLE_BY_OTHERS) === 0',
        to: '(mode & S_IFMT) === type && uid === ownUid(native)',
      },
    ],
    build: 'executable',
    test: USED_AGAIN,
  },
  {
    rows: ['18'],
    what: 'an entry of the cache may be of anybody',
    changes: [
      {
        file: CACHE,
        from: '(mode & S_IFMT) === type && uid === ownUid(native) && (mode & WRITABLE_BY_OTHERS) === 0',
        to: '(mode & S_IFMT) === type && (uid >= 0 || ownUid(native) === 0) && (mode & WRITABLE_BY_OTHERS) === 0',
      },
    ],
    build: 'executable',
    test: TAMPERED,
  },
  {
    rows: ['18'],
    what: 'an entry of the cache is not checked for what it holds',
    changes: [
      {
        file: CACHE,
        from: 'if (data[i] !== digest.charCodeAt(i)) return undefined;',
        to: 'if (data[i] !== digest.charCodeAt(i)) continue;',
      },
    ],
    build: 'executable',
    test: TAMPERED,
  },
  {
    rows: ['18'],
    what: 'the cache may be of anybody',
    changes: [
      {
        file: CACHE,
        from: 'if (isOurs(native, native.fstat(fd), S_IFDIR)) return fd;',
        to: 'if (fd >= 0) return fd;',
      },
    ],
    build: 'executable',
    test: {
      file: CACHE_OF_USER,
      name: 'where %s nothing is used',
      title: 'where the cache is of somebody else nothing is used',
      message: /expected false to be true/,
    },
  },
  {
    rows: ['18'],
    what: 'the cache grows without bounds',
    changes: [
      {
        file: CACHE,
        from: 'for (const name of names.slice(MAX_ENTRIES - 1))',
        to: 'for (const name of names.slice(100 * MAX_ENTRIES))',
      },
    ],
    build: 'executable',
    test: {
      file: CACHE_OF_USER,
      name: 'a full cache makes room, and no more than 64 stay',
      message: /to have a length of 64/,
    },
  },
  {
    rows: ['18'],
    what: 'a rule that contradicts an earlier one is left out',
    changes: [
      {
        file: 'native/system/seccomp.cc',
        from: '      if (added < 0) {',
        to: '      if (added < 0 && added != -EEXIST) {',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/seccomp.test.ts',
      name: 'a rule that contradicts an earlier one is refused by its pointer, and the same twice is not',
      message: /status"?: \+?0/,
    },
  },
  {
    rows: ['18'],
    what: 'a call of the helper is not on the list that the profile is held against',
    changes: [
      {
        file: 'src/seccomp/late-calls.ts',
        from: "    call('capset', ADDRESS, ADDRESS),\n",
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/seccomp-late-calls.test.ts',
      name: 'create %s names each that is denied',
      title: 'create without names each that is denied',
      message: /capset/,
    },
  },
  {
    rows: ['18'],
    what: 'the helper calls something that is not expected behind the filter',
    changes: [
      {
        file: 'native/child/exec.cc',
        from: '  // How the parent, if it still listens, learns that a filter is loaded.\n',
        to: '  sys::call(__NR_getpid);\n',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/seccomp-late-calls.test.ts',
      name: 'create %s calls this and nothing else',
      title: 'create with noNewPrivileges calls this and nothing else',
      message: /getpid/,
    },
  },
  {
    rows: ['18'],
    what: 'the listener is handed over in the filtered thread',
    changes: [
      {
        file: 'native/child/seccomp.cc',
        from: '  if (listener < 0) return listener;\n  self.filtered = true;',
        to: `  if (listener < 0) return listener;
  self.filtered = true;
  send(wire::Kind::Listener, 0, wire::Code::None, nullptr, 0, static_cast<int>(listener));`,
      },
      {
        file: 'native/child/seccomp.cc',
        from: '    send(wire::Kind::Listener, 0, wire::Code::None, nullptr, 0, static_cast<int>(result));\n  }',
        to: '  }',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/seccomp-listener.test.ts',
      name: 'handing the listener over is no call that the profile judges',
      message: /\+ +"status": (1|null|137)/,
    },
  },
  {
    rows: ['20'],
    what: 'the socket for messages of the container has no path',
    changes: [
      {
        file: 'native/system/datagram-socket.cc',
        from: '  strcpy(request.address.sun_path, name);',
        to: '  strcpy(request.address.sun_path + 1, name);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-20-abstract-sockets.test.ts',
      name: 'a container on the network of the host sees no socket of the runtime but those with a path',
      message: /to deeply equal \[\]/,
    },
  },
  {
    rows: ['20'],
    what: 'the directory of states is for everybody, on disk',
    changes: [
      {
        file: SAFE_PATH,
        from: 'native.mkdirAt(this.at, name, 0o700)',
        to: 'native.mkdirAt(this.at, name, 0o755)',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-20-abstract-sockets.test.ts',
      name: 'a container on the network of the host sees no socket of the runtime but those with a path',
      message: /expected \d+ to be \+?0/,
    },
  },
  {
    rows: ['20'],
    what: 'the directory of states is for everybody',
    changes: [
      {
        file: SAFE_PATH,
        from: 'native.mkdirAt(this.at, name, 0o700)',
        to: 'native.mkdirAt(this.at, name, 0o755)',
      },
    ],
    build: 'none',
    test: {
      file: STATE_ROOT,
      name: 'it is made with its parents, for its owner alone',
      message: /to be 448/,
    },
  },
  {
    rows: ['K'],
    what: 'the directory of states, and those above it, may be anybody’s',
    changes: [
      {
        file: SAFE_PATH,
        from: 'if (!trusted) throw',
        to: 'if (!trusted && uid < 0) throw',
      },
    ],
    build: 'none',
    test: {
      file: STATE_ROOT,
      name: 'the directory of a session is not used when somebody else was there first',
      message: /to throw/,
    },
  },
  {
    rows: ['K'],
    what: 'anybody may write to a directory above that of states',
    changes: [
      {
        file: SAFE_PATH,
        from: 'if (this.shared && (mode & STICKY) === 0) {',
        to: 'if (this.shared && mode < STICKY - STICKY) {',
      },
    ],
    build: 'none',
    test: {
      file: STATE_ROOT,
      name: 'a directory on the way to it %s is refused by name',
      title: 'a directory on the way to it of everybody is refused by name',
      message: /to throw/,
    },
  },
  {
    rows: ['K'],
    what: 'anybody may make containers in a sticky directory of states',
    changes: [
      {
        file: 'src/state/root.ts',
        from: 'if (fd < 0 || !this.opened.shared) return fd;',
        to: 'if (fd < 0 || access >= 0) return fd;',
      },
    ],
    build: 'none',
    test: {
      file: STATE_ROOT,
      name: 'in a sticky directory nobody can exchange it, but others can make containers there',
      message: /to throw/,
    },
  },
  {
    rows: ['K'],
    what: 'whoever has no id in its user namespace trusts all others that have none',
    changes: [
      {
        file: 'src/state/user-namespace.ts',
        from: 'return uid === OVERFLOW_UID && !inInitialUserNamespace(native) ? undefined : uid;',
        to: 'return uid;',
      },
    ],
    build: 'none',
    test: {
      file: STATE_ROOT,
      name: 'nothing is of a caller that its user namespace does not map: others look the same',
      message: /to throw/,
    },
  },
  {
    rows: ['K'],
    what: 'a user namespace trusts any directory whose owner it does not know',
    changes: [
      {
        file: SAFE_PATH,
        from: "SYSTEM_DIRECTORIES.includes(directory === '' ? '/' : directory) &&",
        to: 'SYSTEM_DIRECTORIES.length > 0 &&',
      },
    ],
    build: 'none',
    test: {
      file: STATE_ROOT,
      name: 'a user namespace trusts directories %s',
      title: 'a user namespace trusts directories of the system, unmapped',
      message: /to throw/,
    },
  },
  {
    rows: ['K'],
    what: 'the directory of a container is for everybody',
    changes: [
      {
        file: 'src/state/store.ts',
        from: 'native.mkdirAt(root.fd, id, 0o711)',
        to: 'native.mkdirAt(root.fd, id, 0o777)',
      },
    ],
    build: 'executable',
    test: {
      file: STATE_DIRECTORY,
      name: 'what is made in it is for its owner alone to read and to change',
      message: /'777'/,
    },
  },
  {
    rows: ['K'],
    what: 'everybody may change the state, and open the gate',
    changes: [
      { file: 'src/state/paths.ts', from: 'STATE_MODE = 0o1600', to: 'STATE_MODE = 0o1666' },
    ],
    build: 'executable',
    test: {
      file: STATE_DIRECTORY,
      name: 'what is made in it is for its owner alone to read and to change',
      message: /'1666'/,
    },
  },
  {
    rows: ['K'],
    what: 'run believes what the state says when its container has ended',
    changes: [
      {
        file: 'src/lifecycle/delete.ts',
        from: 'options, options.ended ?? now.state',
        to: 'options, now.state',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/verbs.test.ts',
      name: 'who knows that a container has ended runs the hooks that it was made with, and removes no other',
      message: /another/,
    },
  },
  {
    rows: ['R7'],
    what: 'an AppArmor profile is left out where there is no AppArmor',
    changes: [
      {
        file: 'src/apparmor/apparmor.ts',
        from: 'if (profile === UNCONFINED) return undefined;',
        to: 'if (profile !== undefined) return undefined;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/labels.test.ts',
      name: '%s is refused without its module',
      title: 'apparmorProfile is refused without its module',
      message: /status"?: \+?0/,
    },
  },
  {
    rows: ['R7'],
    what: 'an SELinux label is left out where there is no SELinux',
    changes: [
      {
        file: 'src/selinux/selinux.ts',
        from: "if (native.statfsType('/sys/fs/selinux') >>> 0 !== SELINUX_MAGIC) {",
        to: "if (native.statfsType('/sys/fs/selinux') >>> 0 !== SELINUX_MAGIC) return undefined;\n  if (label === '') {",
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/labels.test.ts',
      name: '%s is refused without its module',
      title: 'selinuxLabel is refused without its module',
      message: /status"?: \+?0/,
    },
  },
  {
    rows: ['D'],
    what: "the process of an exec is born in a cgroup below the container's",
    changes: [
      {
        file: 'src/lifecycle/exec-cgroup.ts',
        from: "if (below !== '/' || isMemoryLimited(native, root, path)) return false;",
        to: 'if (isMemoryLimited(native, root, path)) return false;',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/verbs.test.ts',
      name: "exec is not born in a cgroup below the container's, which may limit its memory at any time",
      message: /to be -1/,
    },
  },
  {
    rows: ['F'],
    what: 'names of cgroups are taken for UTF-8',
    changes: [
      {
        file: 'native/binding/files.cc',
        from: 'array.Set(count++, bytes(info, name.data(), name.size()));',
        to: 'array.Set(count++, string(info, name));',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/deep-cgroups.test.ts',
      name: 'whatever bytes their names have, their processes are found, and they are removed',
      message: /expected \[\] to deeply equal/,
    },
  },
  {
    rows: ['J'],
    what: 'what the container says goes on to the service manager up to the end of its line',
    changes: [
      {
        file: 'src/lifecycle/notify.ts',
        from: 'this.send(`${READY}\\n`);',
        to: `const said = data.reduce((text, byte) => text + String.fromCharCode(byte), '');
        this.send(\`\${said.split('\\n').find((line) => line.startsWith(READY)) ?? READY}\\n\`);`,
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/notify.test.ts',
      name: 'start relays READY=1 alone, tells the pid, and returns then',
      message: /expected 'READY=1\\rMAINPID=1/,
    },
  },
  {
    rows: ['P'],
    what: 'the mode of the notify socket is changed by its name',
    changes: [
      {
        file: 'native/system/datagram-socket.cc',
        from: '  umask(0777 & ~request.mode);',
        to: '',
      },
      {
        file: 'native/system/datagram-socket.cc',
        from: 'sizeof request.address) == 0;',
        to: `sizeof request.address) == 0 &&
                     chmod(request.address.sun_path, request.mode) == 0;`,
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/notify-link.test.ts',
      name: 'a link in the place of the notify socket gives nothing of the host away',
      message: /expected 511 to be 384/,
    },
  },
  {
    rows: ['AE'],
    what: 'a device program that another runtime left in the cgroup stands for the rules',
    changes: [
      {
        file: 'src/cgroups/devices/replace.ts',
        from: "if (container === 'running' && own.length",
        to: 'if (own.length',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/left-device-rules.test.ts',
      name: 'the device rules of a container hold in a cgroup with a program of another runtime',
      message: /opened/,
    },
  },
];
