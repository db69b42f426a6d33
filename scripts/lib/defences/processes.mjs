// What can be seen and had of a process that is set up: rows 1 to 3, 12, 18, 21.

const LEAKED = 'test/security/row-03-leaked-descriptors.test.ts';
const CAPABILITIES = 'test/security/row-12-inheritable-capabilities.test.ts';
const GATE = {
  file: 'test/security/row-02-joining-process.test.ts',
  name: 'at the gate, process 1 has nothing of the set-up open',
};
const MAIN = 'native/child/main.cc';
const CLONE = 'native/system/clone-child.cc';
const PLAN = 'src/plan/container.ts';
const CONTAINER_PLAN = 'test/unit/plan/container.test.ts';

const WRITER = {
  file: 'test/security/row-01-own-executable.test.ts',
  name: 'nothing of the runtime can be written while it joins, and not later by a kept descriptor',
};
const EARLY_FILTER = [
  {
    file: 'src/plan/process.ts',
    from: '...(noNewPrivileges ? [] : context.filter),',
    to: '...context.filter,',
  },
  {
    file: 'src/plan/process.ts',
    from: 'filter: noNewPrivileges ? context.filter : [],',
    to: 'filter: [],',
  },
];
const UNSEALED = {
  file: 'native/system/spawn.cc',
  from: 'F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {',
  to: 'F_SEAL_SEAL) < 0) {',
};
const LOOKER = {
  file: 'test/security/row-02-joining-process.test.ts',
  name: 'nothing of a process that joins can be seen, though it has the same user and no more rights',
  message: /looked into .*memfd:tsrun/,
};
const DUMPABLE = {
  file: 'src/plan/exec.ts',
  from: "{ op: 'dumpable', at: '', on: false },",
  to: '',
};
const GIVEN = {
  file: LEAKED,
  name: 'a cwd through a descriptor of the host that the program is given is refused',
};
const OUTSIDE = {
  file: 'native/child/exec.cc',
  from: "if (current[0] != '/') return fail(-ENOENT, path, wire::Code::OutsideRoot);",
  to: '',
};

const REACHER = {
  file: 'test/security/row-02-joining-process.test.ts',
  name: 'root without capabilities, in the pid namespace of the machine, reaches no file through $what',
  message: /reached of the host/,
};
const reaching = (what) => ({
  ...REACHER,
  title: REACHER.name.replace('$what', `'${what}'`),
});

export const processes = [
  {
    rows: ['M'],
    what: 'pause waits for an exec that has been stopped',
    changes: [
      {
        file: 'src/lifecycle/pause.ts',
        from: "lockContainer(native, root, id, 'exclusive', EXEC_MS);",
        to: "lockContainer(native, root, id, 'exclusive');",
      },
      {
        file: 'src/lifecycle/pause.ts',
        from: "return lockContainer(native, root, id, 'shared');",
        to: 'throw error;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-m-stopped-exec.test.ts',
      name: 'it can be paused all the same, resumed and deleted',
      message: /another command has held it for 30 s/,
    },
  },
  {
    rows: ['G'],
    what: 'a keyring has a name that anybody knows',
    changes: [
      {
        file: 'src/lifecycle/keyring.ts',
        from: 'return `${plannedKeyringName(id)}.${uuid.trim()}`;',
        to: 'return plannedKeyringName(id);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-g-keyring.test.ts',
      name: 'it is its own, whatever another container of the same user has made before',
      message: /not to be '\d+/,
    },
  },
  {
    rows: ['G'],
    what: 'others see the name of a keyring',
    changes: [
      {
        file: 'native/child/namespaces.cc',
        from: 'kPossessorAll | kUserSearch);',
        to: 'kPossessorAll | kUserSearch | 0x00030000);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-g-keyring.test.ts',
      name: 'exec joins it, and another container of the same user neither finds nor joins it',
      message: /to deeply equal \[\]/,
    },
  },
  {
    rows: ['1'],
    what: "the helper's memory file can be written to",
    changes: [UNSEALED],
    build: 'executable',
    test: { ...WRITER, message: /wrote to .*memfd:tsrun/ },
  },
  {
    rows: ['1'],
    what: 'so can what is executed by way of /proc/self/exe',
    changes: [UNSEALED],
    build: 'executable',
    test: {
      ...WRITER,
      name: 'what is executed as %s by way of /proc/self/exe can be written neither then nor later',
      message: /wrote to .*memfd:tsrun/,
    },
  },
  {
    rows: ['1'],
    what: 'nothing of it: the seal is enough for a process that is dumpable',
    changes: [DUMPABLE],
    build: 'executable',
    holds: true,
    test: WRITER,
  },
  {
    rows: ['1'],
    what: "the right to run the helper's memory file can be taken away",
    changes: [
      {
        file: 'native/system/spawn.cc',
        from: 'if (executable && fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) < 0 && errno != EINVAL) return -errno;',
        to: 'static_cast<void>(executable);',
      },
    ],
    build: 'executable',
    test: { ...GATE, message: /chmod:/ },
  },
  {
    rows: ['2', 'R5'],
    what: 'descriptors of set-up stay open at the gate',
    changes: [
      {
        file: 'native/child/descriptors.cc',
        from: 'if (*fd >= 0) sys::close(*fd);',
        to: '',
      },
    ],
    build: 'executable',
    test: { ...GATE, message: /to match \/\^\(/ },
  },
  {
    rows: ['2', 'R5', 'R6'],
    what: 'the plan forgets nothing before the gate',
    changes: [
      {
        file: PLAN,
        from: "{ op: 'forget', at: '', keep: [fifo, report, ...(filter.slot < 0 ? [] : [filter.slot])] },",
        to: '',
      },
    ],
    build: 'none',
    test: {
      file: CONTAINER_PLAN,
      name: 'is this list of operations',
      message: /forget/,
    },
  },
  {
    rows: ['2', 'R4'],
    what: 'the plan of exec leaves the process dumpable',
    changes: [DUMPABLE],
    build: 'none',
    test: {
      file: 'test/unit/plan/exec.test.ts',
      name: 'protects itself before it joins, all at once',
      message: /dumpable/,
    },
  },
  {
    rows: ['2', 'R4'],
    what: 'the process of an exec is dumpable',
    changes: [DUMPABLE],
    build: 'executable',
    test: LOOKER,
  },
  {
    rows: ['2', 'R4'],
    what: 'the first process of a container that joins the namespace of another is dumpable',
    changes: [
      {
        file: 'src/namespaces/stages.ts',
        from: "      { op: 'undumpable' },\n      ...order",
        to: '      ...order',
      },
    ],
    build: 'executable',
    test: LOOKER,
  },
  {
    rows: ['2', 'R4'],
    what: 'the first process of a container with a user namespace is executed in that',
    changes: [
      {
        file: 'src/namespaces/stages.ts',
        from: "if (joined.length === 0 && !(places.user === 'new' && root)) {",
        to: 'if (joined.length === 0) {',
      },
    ],
    build: 'executable',
    test: reaching('a first process'),
  },
  {
    rows: ['2', 'R4'],
    what: 'so is the process whose user namespace maps the ids of a mount',
    changes: [
      {
        file: 'src/lifecycle/inputs.ts',
        from: 'cloneFlags: hidden ? 0 : CLONE_NEWUSER,',
        to: 'cloneFlags: CLONE_NEWUSER,',
      },
      {
        file: 'src/lifecycle/inputs.ts',
        from: '...(hidden ? hideInNewUser(at) : []),',
        to: '',
      },
    ],
    build: 'executable',
    test: reaching('a mapping of ids'),
  },
  {
    rows: ['3'],
    what: 'an exec may have a cwd that is not inside of the root',
    changes: [OUTSIDE],
    build: 'executable',
    test: { ...GIVEN, message: /status"?: \+?0/ },
  },
  {
    rows: ['3'],
    what: 'so may a container (both: the cwd that is made inside, and the look at it)',
    changes: [
      OUTSIDE,
      {
        file: PLAN,
        from: "return cwd === '/' ? [] :",
        to: "return cwd.startsWith('/') ? [] :",
      },
    ],
    build: 'executable',
    test: { ...GIVEN, message: /status"?: \+?0/ },
  },
  {
    rows: ['3', 'R3'],
    what: 'the log file may pass for a descriptor of the caller',
    changes: [
      {
        file: 'src/cli/descriptors.ts',
        from: 'if (own || log.isOpenAs(fd)) {',
        to: 'if (own) {',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-03-preserved-descriptors.test.ts',
      name: 'with "%s" open, --preserve-fds %i is refused for descriptor %i',
      message: /to be ''/,
    },
  },
  {
    rows: ['3', 'R3'],
    what: 'what is open is not closed on execve',
    changes: [
      {
        file: MAIN,
        from: 'if (closed >= 0) closed = sys::call(__NR_close_range, base, ~0U, CLOSE_RANGE_CLOEXEC);',
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: LEAKED,
      name: 'a program has its three streams open and nothing else',
      message: /to be '0 1 2 \\n'/,
    },
  },
  {
    rows: ['3', 'R3'],
    what: 'descriptors of the caller stay open (both: for the helper, and in it)',
    changes: [
      {
        file: CLONE,
        from: 'sys::call(__NR_close_range, work->count, ~0U, CLOSE_RANGE_CLOEXEC)',
        to: '0',
      },
      {
        file: MAIN,
        from: 'sys::call(__NR_close_range, base + 2 + header->inherited, ~0U, 0);',
        to: '0;',
      },
      {
        file: MAIN,
        from: 'sys::call(__NR_close_range, base, ~0U, CLOSE_RANGE_CLOEXEC);',
        to: 'sys::call(__NR_close_range, base, base + 1 + header->inherited, CLOSE_RANGE_CLOEXEC);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/notify.test.ts',
      name: 'no descriptor of the caller reaches the program unasked',
      message: /\d: content \d/,
    },
  },
  {
    rows: ['3', 'R3'],
    what: 'hooks get what is preserved for the program',
    changes: [
      {
        file: 'native/child/hooks.cc',
        from: 'if (result >= 0) result = sys::call(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);',
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: LEAKED,
      name: 'hooks get none of the descriptors that are preserved for the program',
      message: /hook .*preserved/,
    },
  },
  {
    rows: ['12'],
    what: 'inheritable capabilities are those that are permitted',
    changes: [
      {
        file: 'native/child/credentials.cc',
        from: 'data[half].inheritable = static_cast<uint32_t>(inheritable >> (32 * half));',
        to: 'data[half].inheritable = static_cast<uint32_t>(permitted >> (32 * half));\n    static_cast<void>(inheritable);',
      },
    ],
    build: 'executable',
    test: {
      file: CAPABILITIES,
      name: 'capabilities, no_new_privs and limits are those of the container, and options add to them',
      message: /CapInh"?: "?'?0000000020000420/,
    },
  },
  {
    rows: ['12'],
    what: '--cap adds to the inheritable set',
    changes: [
      {
        file: 'src/cli/exec-process.ts',
        from: 'bounding: union(own?.bounding, added),',
        to: 'bounding: union(own?.bounding, added),\n    inheritable: union(own?.inheritable, added),',
      },
    ],
    build: 'executable',
    test: {
      file: CAPABILITIES,
      name: 'capabilities, no_new_privs and limits are those of the container, and options add to them',
      message: /CapInh"?: "?'?0000000000002001/,
    },
  },
  {
    rows: ['12'],
    what: 'hooks keep the capabilities that the helper carried over',
    changes: [
      {
        file: 'native/child/namespaces.cc',
        from: 'return result < 0 ? fail(result, "dumpable") : forgetInheritable();',
        to: 'static_cast<void>(forgetInheritable);\n  return result < 0 ? fail(result, "dumpable") : 0;',
      },
    ],
    build: 'executable',
    test: {
      file: CAPABILITIES,
      name: 'hooks of %s get no capabilities that the helper carried over',
      message: /to have a length of 4/,
    },
  },
  {
    rows: ['12'],
    what: 'the bounding set stays whole',
    changes: [
      {
        file: 'native/child/credentials.cc',
        from: 'if ((keep >> capability & 1) != 0) continue;',
        to: 'if ((keep >> capability & 1) < 2) continue;',
      },
    ],
    build: 'executable',
    test: {
      file: CAPABILITIES,
      name: 'capabilities, no_new_privs and limits are those of the container, and options add to them',
      message: /CapBnd/,
    },
  },
  {
    rows: ['18', 'R6'],
    what: 'the filter is loaded before the user changes, whatever noNewPrivileges says',
    changes: EARLY_FILTER,
    build: 'none',
    test: {
      file: 'test/unit/seccomp/late-calls.test.ts',
      name: 'is the last step of create with noNewPrivileges, and right before the capabilities else',
      message: /credentials/,
    },
  },
  {
    rows: ['18', 'R6'],
    what: 'the same, in a container',
    changes: EARLY_FILTER,
    build: 'executable',
    test: {
      file: 'test/native/seccomp.test.ts',
      name: 'what is not needed any more may be denied, and hooks run behind the filter',
      message: /status|expected/,
    },
  },
  {
    rows: ['18', 'R6'],
    what: 'the same, by calls that would kill',
    changes: EARLY_FILTER,
    build: 'executable',
    test: {
      file: 'test/security/row-18-order.test.ts',
      name: 'at execve rights, descriptors and the filter are as they have to be, noNewPrivileges %s',
      title:
        'at execve rights, descriptors and the filter are as they have to be, noNewPrivileges true',
      message: /status"?: \+?\d/,
    },
  },
  {
    rows: ['18', 'R6'],
    what: 'rights are taken away before no_new_privs and the filter',
    changes: [
      {
        file: 'src/plan/process.ts',
        from: '      // Without noNewPrivileges the kernel asks for CAP_SYS_ADMIN (seccomp(2)), which goes next.\n      ...(noNewPrivileges ? [] : context.filter),\n      planCredentials(process, context),',
        to: '      planCredentials(process, context),\n      ...(noNewPrivileges ? [] : context.filter),',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/seccomp.test.ts',
      name: 'an errno of the profile, noNewPrivileges %s',
      title: 'an errno of the profile, noNewPrivileges false',
      message: /seccomp/,
    },
  },
  {
    rows: ['21', 'R6'],
    what: 'limits are set when the user has changed',
    changes: [
      {
        file: 'src/plan/process.ts',
        from: '      ...planAttributes(process, context),\n',
        to: '',
      },
      {
        file: 'src/plan/process.ts',
        from: '      planCredentials(process, context),\n',
        to: '      planCredentials(process, context),\n      ...planAttributes(process, context),\n',
      },
    ],
    build: 'none',
    test: {
      file: CONTAINER_PLAN,
      name: 'is set up in the order that the kernel asks for',
      message: /rlimit/,
    },
  },
  {
    rows: ['21'],
    what: 'setgroups is not denied',
    changes: [
      {
        file: 'src/lifecycle/id-maps.ts',
        from: "if (gidWriter === 'self') denySetgroups(native, pid);",
        to: '',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/id-maps.test.ts',
      name: 'the own id alone needs nobody, and denies setgroups',
      message: /setgroups|deny/,
    },
  },
  {
    rows: ['21'],
    what: 'the same, in a container of a user',
    changes: [
      {
        file: 'src/lifecycle/id-maps.ts',
        from: "if (gidWriter === 'self') denySetgroups(native, pid);",
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-21-limits-and-groups.test.ts',
      name: 'without privileges setgroups is denied, and limits are in force',
      message: /status"?: \+?\d/,
    },
  },
  {
    rows: ['T'],
    what: 'a process that cannot be read about has ended',
    changes: [
      {
        file: 'src/state/proc-stat.ts',
        from: 'if (!isAbsent(text)) throw cannotLook(native, `read ${path}`, text);',
        to: 'if (!isAbsent(text)) return undefined;',
      },
      {
        file: 'src/state/proc-stat.ts',
        from: 'if (shown !== undefined) return shown;',
        to: 'return shown;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/hidden-proc.test.ts',
      name: 'delete without force removes no container that runs',
      message: /call \d+: expected \[ \+?0, 'openat' \] to deeply equal/,
    },
  },
  {
    rows: ['T'],
    what: 'a process that /proc does not show has ended',
    changes: [
      {
        file: 'src/state/proc-stat.ts',
        from: 'if (gone) return undefined;',
        to: 'if (gone || pid > 0) return undefined;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/hidden-proc.test.ts',
      name: '%s fails, and the container runs on',
      title: 'state fails, and the container runs on',
      message: /expected 0 to be greater than 0/,
    },
  },
  {
    rows: ['T'],
    what: 'an error of another file is an answer',
    changes: [
      {
        file: 'src/native/look.ts',
        from: 'if (isAbsent(text)) return undefined;',
        to: 'if (text < 0) return undefined;',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/unreadable.test.ts',
      name: '%s that cannot be read is no answer',
      title: '/sys/fs/cgroup/a/cgroup.events that cannot be read is no answer',
      message: /promise resolved .* instead of rejecting/,
    },
  },
];
