// What comes from the caller, and what the first process may change for an exec: rows R and S, and
// what row 21 and the rules say of it.

const EXEC_NAMESPACES = 'test/security/exec-namespaces.test.ts';

export const callers = [
  {
    rows: ['21'],
    what: 'an empty list of groups leaves those of the caller',
    changes: [
      {
        file: 'native/child/credentials.cc',
        from: 'if (NUMBER(step, credentials, setGroups) != 0) {',
        to: 'if (NUMBER(step, credentials, setGroups) != 0 && LIST(step, credentials, groups).count != 0) {',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-21-limits-and-groups.test.ts',
      name: 'an empty list of groups is the list: those of the caller go',
      message: /42/,
    },
  },
  {
    rows: ['R1'],
    what: "the image's /etc/passwd is opened on the host",
    changes: [
      {
        file: 'src/lifecycle/root-file.ts',
        from: 'const fd = native.openInRoot(root, path, O_PATH | O_CLOEXEC);',
        to: 'const fd = native.open(`/proc/self/fd/${root}${path}`, O_PATH | O_CLOEXEC, 0);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/passwd-of-the-host.test.ts',
      name: 'by create and by exec',
      message: /of-the-host/,
    },
  },
  {
    rows: ['R'],
    what: 'groups are kept where the first process has had setgroups denied',
    changes: [
      {
        file: 'src/plan/exec.ts',
        from: '    setgroups: target.identity.setgroups,\n    keepGroups',
        to: '    setgroups: false,\n    keepGroups',
      },
      {
        file: 'src/plan/exec.ts',
        from: 'const dropsGroups = facts.mayClearGroups && !target.keepGroups;',
        to: 'const dropsGroups = false && facts.mayClearGroups;',
      },
    ],
    build: 'executable',
    test: {
      file: EXEC_NAMESPACES,
      name: 'setgroups denied by the first process leaves no groups of the caller',
      message: /4 42/,
    },
  },
  {
    rows: ['R'],
    what: 'any user namespace is joined',
    changes: [
      {
        file: 'native/child/namespaces.cc',
        from: 'if (static_cast<int64_t>(info.st_ino) != NUMBER(step, join, user)) {',
        to: 'if (info.st_ino == 0) {',
      },
      {
        file: 'native/child/namespaces.cc',
        from: 'return fail(-EPERM, name.type, wire::Code::NamespaceChanged);',
        to: 'return 0;',
      },
    ],
    build: 'executable',
    test: {
      file: EXEC_NAMESPACES,
      name: 'a user namespace that the first process made is not joined',
      message: /namespace is another one/,
    },
  },
  {
    rows: ['R'],
    what: 'a mount namespace is joined whoever owns it',
    changes: [
      {
        file: 'native/child/namespaces.cc',
        from: 'return fail(-EPERM, name.type, wire::Code::NamespaceChanged);',
        to: 'return 0;',
      },
    ],
    build: 'executable',
    test: {
      file: EXEC_NAMESPACES,
      name: 'a mount namespace of an ordinary user in the container is not joined',
      message: /ran/,
    },
  },
  {
    rows: ['R'],
    what: 'exec follows the first process into any cgroup',
    changes: [
      {
        file: 'src/lifecycle/exec-cgroup.ts',
        from: 'if (!own.startsWith(`${path}/`)) throw error;',
        to: '',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/verbs.test.ts',
      name: "exec does not follow the first process out of the container's cgroup",
      message: /promise resolved|rejects/i,
    },
  },
  {
    rows: ['S'],
    what: 'the CPU affinity is the caller’s',
    changes: [
      {
        file: 'src/plan/attributes.ts',
        from: "(hasAffinity ? [] : [{ op: 'affinity', at: '', cpus: [] }])",
        to: '(hasAffinity ? [] : [])',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/process-attributes.test.ts',
      name: 'in %s are reset or kept as the list says',
      title: 'in a container are reset or kept as the list says',
      message: /affinity/,
    },
  },
];
