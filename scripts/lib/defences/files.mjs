// Paths of the container: rows 4, 6 to 11, 16, and masks.

const security = (name) => `test/security/${name}.test.ts`;
const PROC = security('row-04-proc-of-the-image');
const TARGETS = security('row-06-mount-targets');
const MADE = security('row-07-made-outside');
const NULL = security('row-08-null-device');
const CONSOLE = security('row-09-console');
const RENAMED = security('row-a-renamed-proc');

const race = (file, name) => ({
  file,
  name,
  title: `${name} stays inside`,
  message: /outside/,
});

const once = (file, name) => ({
  file,
  name,
  title: `'${name}' stays inside, or is refused`,
});

const PATHS = 'native/child/paths.cc';
const MOUNTS = 'native/child/mounts.cc';

const LINKS_OF_THE_HOST = {
  file: PATHS,
  from: 'how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;',
  to: 'how.resolve = RESOLVE_NO_MAGICLINKS | resolve;',
};

export const files = [
  {
    rows: ['4'],
    what: 'links are followed to where a procfs or sysfs is mounted',
    changes: [
      {
        file: MOUNTS,
        from: 'const uint64_t resolve = plain ? RESOLVE_NO_SYMLINKS : 0;',
        to: 'const uint64_t resolve = 0;',
      },
    ],
    build: 'executable',
    test: {
      file: PROC,
      name: 'a procfs or sysfs is not mounted on a link to elsewhere, and nothing else on /proc',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['4'],
    what: 'what is mounted on /proc is not looked at',
    changes: [
      {
        file: MOUNTS,
        from: '  return fail(-EINVAL, path, wire::Code::WrongFileSystem);\n}\n\n// What a link',
        to: '  return 0;\n}\n\n// What a link',
      },
    ],
    build: 'executable',
    test: {
      file: PROC,
      name: 'nothing but a procfs covers /proc, not by a link of the image either',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['4'],
    what: 'the plan takes mounts inside of /proc',
    changes: [
      {
        file: 'src/plan/mounts/proc.ts',
        from: "if (target.startsWith('/proc/') && !COVERABLE.includes(target)) {",
        to: "if (target.startsWith('/proc//') && !COVERABLE.includes(target)) {",
      },
    ],
    build: 'executable',
    test: {
      file: PROC,
      name: 'nothing can be mounted inside of /proc, but over what lxcfs shows',
      message: /"?status"?: \+?0|inside of/,
    },
  },
  {
    rows: ['6', 'R1'],
    what: 'links of the container lead through the host',
    changes: [LINKS_OF_THE_HOST],
    build: 'executable',
    test: race(TARGETS, 'a mount on a file that is there'),
  },
  {
    rows: ['6', 'R1'],
    what: 'a mount is moved onto a name, not onto the descriptor',
    changes: [
      {
        file: MOUNTS,
        from: '  if (result < 0) return result;\n  result = moveTo(mount, target, place.target);',
        to: `  if (result < 0) return result;
  result = sys::call(__NR_move_mount, mount, sys::arg(""), self.root,
                          sys::arg(place.target + 1), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
  static_cast<void>(target);
  static_cast<void>(moveTo);`,
      },
    ],
    build: 'executable',
    test: race(TARGETS, 'a mount on a directory that is there'),
  },
  {
    rows: ['6', 'R1'],
    what: 'a mount that is changed late is looked for by its name',
    changes: [
      {
        file: MOUNTS,
        from: 'const int64_t kept = NUMBER(step, remount, mount);',
        to: 'const int64_t kept = -1;',
      },
    ],
    build: 'addon',
    test: {
      ...once('test/security/row-06-mount-targets.test.ts', 'a mount that becomes read-only late'),
      message: /outside/,
    },
  },
  {
    rows: ['6', 'R1'],
    what: 'what mount(2) has made is looked for by its name',
    changes: [
      {
        file: MOUNTS,
        from: `  long result = applyAttributes(mount, place);
  if (result < 0) return result;
  result = moveTo(mount, target, place.target);`,
        to: `  long result = moveTo(mount, target, place.target);
  const long named = openInRoot(place.target, O_PATH);
  if (named < 0) return fail(named, place.target);
  if (result >= 0) result = applyAttributes(static_cast<int>(named), place);
  sys::close(static_cast<int>(named));`,
      },
    ],
    build: 'addon',
    test: {
      ...once('test/security/row-06-mount-targets.test.ts', 'a mount with long options'),
      message: /outside/,
    },
  },
  {
    rows: ['7', 'R1'],
    what: 'directories are made by name',
    changes: [
      {
        file: PATHS,
        from: 'sys::call(__NR_mkdirat, current, sys::arg(name), mode);',
        to: "sys::call(__NR_mkdirat, self.root, sys::arg(path + (*path == '/')), mode);",
      },
    ],
    build: 'executable',
    test: race(MADE, 'a directory made for a mount'),
  },
  {
    rows: ['7', 'R1'],
    what: 'the directory above is opened without the bound of the root',
    changes: [
      {
        file: PATHS,
        from: 'if (next == -ENOENT && isName) {',
        to: 'if (next == -ENOENT && (isName || path != nullptr)) {',
      },
    ],
    build: 'addon',
    test: { ...once(MADE, 'a directory behind a link with dots'), message: /outside/ },
  },
  {
    rows: ['7', 'R1'],
    what: 'files are made by name',
    changes: [
      {
        file: PATHS,
        from: 'long fd = sys::openat(directory, name, kNew, 0644);',
        to: "long fd = sys::openat(self.root, path + (*path == '/'), kNew, 0644);",
      },
    ],
    build: 'executable',
    test: race(MADE, 'a file made for a mount'),
  },
  {
    rows: ['7', 'R1'],
    what: 'devices are made by name',
    changes: [
      {
        file: 'native/child/devices.cc',
        from: 'sys::call(__NR_mknodat, parent, sys::arg(name), mode, static_cast<long>(number));',
        to: 'sys::call(__NR_mknodat, self.root, sys::arg(path + 1), mode, static_cast<long>(number));',
      },
    ],
    build: 'executable',
    test: race(MADE, 'a device'),
  },
  {
    rows: ['8'],
    what: 'any file may stand for the null device',
    changes: [
      {
        file: MOUNTS,
        from: 'if (!S_ISCHR(info.st_mode) || info.st_rdev != kNull) {',
        to: 'if (!S_ISCHR(info.st_mode) && info.st_rdev == kNull) {',
      },
    ],
    build: 'executable',
    test: {
      file: NULL,
      name: 'masks cannot be uncovered by a file that stands for /dev/null',
      message: /shown instead|"?status"?: \+?0/,
    },
  },
  {
    rows: ['8'],
    what: 'a link may stand for the null device (behind it: the look at what it leads to)',
    changes: [
      {
        file: MOUNTS,
        from: 'openInRoot("/dev/null", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);',
        to: 'openInRoot("/dev/null", O_PATH);',
      },
      {
        file: MOUNTS,
        from: 'if (!S_ISCHR(info.st_mode) || info.st_rdev != kNull) {',
        to: 'if (!S_ISCHR(info.st_mode) && info.st_rdev == kNull) {',
      },
    ],
    build: 'executable',
    test: {
      file: NULL,
      name: 'masks find the null device or nothing: an image with another /dev/null is refused',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['9'],
    what: 'a link may stand for /dev/console',
    changes: [
      {
        file: 'native/child/console.cc',
        from: 'makeTarget("/dev/console", false, RESOLVE_NO_SYMLINKS);',
        to: 'makeTarget("/dev/console", false);',
      },
    ],
    build: 'executable',
    test: {
      file: CONSOLE,
      name: 'a /dev/console that is a link is refused, and the file that it names is as it was',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['8'],
    what: 'any file may stand for the null device, while it is exchanged',
    changes: [
      {
        file: MOUNTS,
        from: 'if (!S_ISCHR(info.st_mode) || info.st_rdev != kNull) {',
        to: 'if (!S_ISCHR(info.st_mode) && info.st_rdev == kNull) {',
      },
    ],
    build: 'addon',
    test: { ...once(NULL, 'the null device of a mask'), message: /outside/ },
  },
  {
    rows: ['9'],
    what: 'a link may stand for /dev/console, while it is exchanged (and leads through the host)',
    changes: [
      LINKS_OF_THE_HOST,
      {
        file: 'native/child/console.cc',
        from: 'makeTarget("/dev/console", false, RESOLVE_NO_SYMLINKS);',
        to: 'makeTarget("/dev/console", false);',
      },
    ],
    build: 'addon',
    test: { ...once(CONSOLE, 'a console'), message: /outside/ },
  },
  {
    rows: ['9'],
    what: 'what stands for the terminal multiplexer is opened to be looked at',
    changes: [
      {
        file: 'native/child/console.cc',
        from: `  const long directory = openInRoot("/dev/pts", O_PATH | O_DIRECTORY);`,
        to: `  sys::close(static_cast<int>(openInRoot("/dev/pts/ptmx", O_RDWR | O_NOCTTY)));
  const long directory = openInRoot("/dev/pts", O_PATH | O_DIRECTORY);`,
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-09-console.test.ts',
      name: 'nothing is opened to learn whether it is a terminal, by exec neither',
      message: /to be -1/,
    },
  },
  {
    rows: ['10'],
    what: 'streams that the caller has closed stay closed',
    changes: [
      {
        file: 'native/quickjs/prepare-process.cc',
        from: '  openStandardStreams();\n',
        to: '  (void)openStandardStreams;\n',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-10-closed-streams'),
      name: 'are the null device of the host, where that of the image is %s',
      title: 'are the null device of the host, where that of the image is a file',
      message: /expected \d+ to be \+?0|character special file 1:3/,
    },
  },
  {
    rows: ['11'],
    what: '/dev may be a link when devices are made',
    changes: [
      {
        file: 'native/child/devices.cc',
        from: 'return startsWith(path, "/dev/") ? RESOLVE_NO_SYMLINKS : 0;',
        to: 'return startsWith(path, "/dev//") ? RESOLVE_NO_SYMLINKS : 0;',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-11-dev-link'),
      name: 'nothing is made or deleted in there: link to $up/..., with a mount on /dev: $mounted, user namespace: $user',
      title:
        'nothing is made or deleted in there: link to $up/..., with a mount on /dev: $mounted, user namespace: $user',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['16', 'R1'],
    what: 'a read-only path is resolved twice',
    changes: [
      {
        file: MOUNTS,
        from: ': cloneOnto(static_cast<int>(target), static_cast<int>(target),',
        to: ': cloneOnto(static_cast<int>(target), static_cast<int>(openInRoot(path, O_PATH)),',
      },
    ],
    build: 'executable',
    test: race(security('row-16-hidden-paths'), 'a read-only path'),
  },
  {
    rows: ['A'],
    what: 'masks follow the name of /proc',
    changes: [
      {
        file: PATHS,
        from: 'const char* rest = self.onProc >= 0 ? below(*path, "proc") : nullptr;',
        to: 'const char* rest = nullptr;',
      },
    ],
    build: 'executable',
    test: {
      file: RENAMED,
      name: 'is hidden where it went: %s, %s',
      title: 'is hidden where it went: proc, maskedPaths',
      message: /expected '\d+' to be '0'/,
    },
  },
  {
    rows: ['A'],
    what: 'masks follow the name of /sys',
    changes: [
      {
        file: PATHS,
        from: 'rest = self.onSys >= 0 ? below(*path, "sys") : nullptr;',
        to: 'rest = nullptr;',
      },
    ],
    build: 'executable',
    test: {
      file: RENAMED,
      name: 'is hidden where it went: %s, %s',
      title: 'is hidden where it went: sys, maskedPaths',
      message: /expected '\d+' to be '0'/,
    },
  },
  {
    rows: ['E'],
    what: 'what a read-only path leads to is covered, and masks lie below',
    changes: [
      {
        file: MOUNTS,
        from: 'isMountRoot(static_cast<int>(target))',
        to: 'false',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/masks.test.ts',
      name: 'are not covered by a readonlyPath that leads to %s',
      message: /expected '\d+' to be '0'/,
    },
  },
  {
    rows: ['I'],
    what: 'the procfs and sysfs of the host stay in sight without pivot_root',
    changes: [
      {
        file: 'src/plan/container.ts',
        from: "return [...covers, { op: 'move-root', at }];",
        to: "return [...covers.slice(covers.length), { op: 'move-root', at }];",
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/root.test.ts',
      name: 'lets no user namespace inside have a procfs or sysfs without masks: %s',
      title: 'lets no user namespace inside have a procfs or sysfs without masks: --no-pivot',
      message: /to match/,
    },
  },
  {
    rows: ['I'],
    what: 'a procfs below the root file system is left without pivot_root',
    changes: [
      {
        file: 'src/lifecycle/host-mounts.ts',
        from: 'if (point === rootfs || point.startsWith(`${rootfs}/`)) {',
        to: 'if (point === rootfs) {',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/root.test.ts',
      name: 'is refused with --no-pivot where it has a procfs already, which nothing could cover',
      message: /"?status"?: \+?\d/,
    },
  },
  {
    rows: ['H'],
    what: 'a sysfs that a link of the image leads to is copied',
    changes: [
      {
        file: MOUNTS,
        from: 'return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC ? 1 : 0;',
        to: 'return type == PROC_SUPER_MAGIC ? 1 : 0;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/tmpcopyup.test.ts',
      name: 'copies nothing of the kernel, where a link leads there: %s',
      title: 'copies nothing of the kernel, where a link leads there: /sys',
      // Nor does all of it let itself be copied.
      message: /to match/,
    },
  },
  {
    rows: ['H', 'R1'],
    what: 'a file is looked for twice, to look at it and to copy it',
    changes: [
      {
        file: 'native/child/copy.cc',
        from: '  if (result >= 0) result = copyContents(copy, static_cast<int>(file), info);',
        to: `  sys::call(__NR_dup3, sys::openat(from, copy.name, O_PATH | O_NOFOLLOW), file, O_CLOEXEC);
  if (result >= 0) result = copyContents(copy, static_cast<int>(file), info);`,
      },
    ],
    build: 'addon',
    test: {
      ...once('test/security/row-h-copied-files.test.ts', 'a file that is copied into a tmpfs'),
      message: /outside/,
    },
  },
  {
    rows: ['C'],
    what: 'what is given to the owner of a device is not looked at',
    changes: [
      {
        file: 'native/child/devices.cc',
        from: 'if (node >= 0) result = checkNode(static_cast<int>(node), mode & S_IFMT, number);',
        to: 'static_cast<void>(checkNode);\n  if (node >= 0) result = 0;',
      },
      {
        file: 'native/child/devices.cc',
        from: '  if (!made) {',
        to: '  if (!made && result < 0) {',
      },
    ],
    build: 'addon',
    test: { ...once(security('row-c-device-owner'), 'the owner of a device'), message: /outside/ },
  },
  {
    rows: ['L'],
    what: 'the sources of mounts have no locks in a user namespace',
    changes: [
      {
        file: 'src/plan/container.ts',
        from: "if (places.user === 'own' || places.mount !== 'new' || propagation.shared) return [];",
        to: "if (places.mount === 'new' || propagation.shared) return [];",
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'the root of a user namespace cannot undo it: %j',
      title: 'the root of a user namespace cannot undo it: ["rbind"]',
      message: /expected true to be false/,
    },
  },
  {
    rows: ['L'],
    what: 'a source that cannot be looked up again is mounted without locks',
    changes: [
      {
        file: 'src/lifecycle/locked-trees.ts',
        from: 'if (inside < 0) throw cannot(native, input, doing, inside);',
        to: 'if (inside < 0) return -1;',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'does so because somebody exchanges it in a loop',
      message: /expected true to be false/,
    },
  },
  {
    rows: ['L'],
    what: 'an error is a reason for a source without locks',
    changes: [
      {
        file: 'src/lifecycle/locked-trees.ts',
        from: 'if (inside < 0) throw cannot(native, input, doing, inside);',
        to: 'if (inside < 0) return -1;',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/locked-trees.test.ts',
      name: 'the second lookup fails with %i, as whoever owns a directory of the path can bring about',
      title:
        'the second lookup fails with 1, as whoever owns a directory of the path can bring about',
      message: /expected .* to throw/,
    },
  },
  {
    rows: ['L'],
    what: 'the second lookup of a source may lead to another file',
    changes: [
      {
        file: 'src/lifecycle/locked-trees.ts',
        from: 'if (!isSameFile(native.fstat(inside), native.fstat(outside))) {',
        to: 'if (!isSameFile(native.fstat(inside), native.fstat(inside))) {',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'does so because every process has another /proc/self',
      message: /to match object/,
    },
  },
  {
    rows: ['L'],
    what: 'the source of a mount may lead through a magic link',
    changes: [
      {
        file: 'src/lifecycle/inputs.ts',
        from: 'O_PATH | O_CLOEXEC, RESOLVE_NO_MAGICLINKS)',
        to: 'O_PATH | O_CLOEXEC, 0)',
      },
      {
        file: 'native/system/locked-tree.cc',
        from: 'how.resolve = RESOLVE_NO_MAGICLINKS;',
        to: 'how.resolve = 0;',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'does so by /proc/self/cwd',
      message: /to match|to be/,
    },
  },
  {
    rows: ['L'],
    what: 'a source of which something else is asked for is mounted without locks',
    changes: [
      {
        file: 'src/lifecycle/locked-trees.ts',
        from: 'if (tree.changed) return this.lock(tree, outside, mountNamespace);',
        to: 'if (tree.changed) return -1;',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'a configuration gets what it asks for, and no more: %s',
      title: 'a configuration gets what it asks for, and no more: writable',
      message: /to match .*permission denied/,
    },
  },
  {
    rows: ['L'],
    what: 'a part of a tree, as whoever mounts something below makes of it, is mounted without locks',
    changes: [
      {
        file: 'src/lifecycle/locked-trees.ts',
        from: 'if (inside === -EINVAL && tree.isPart) return this.lock(tree, outside, mountNamespace);',
        to: 'if (inside === -EINVAL && tree.isPart) return -1;',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'a configuration gets what it asks for, and no more: %s',
      title: 'a configuration gets what it asks for, and no more: without the mounts below',
      message: /to match .*permission denied/,
    },
  },
  {
    rows: ['L'],
    what: 'what locks a source in the user namespace shares the memory of the runtime with whoever has every right there',
    changes: [
      {
        file: 'native/system/locked-tree.cc',
        from: '  if (prctl(PR_SET_DUMPABLE, 0) < 0) return -errno;\n',
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-l-locked-mounts'),
      name: 'its memory, which is that of the runtime, cannot be looked into there',
      title: 'its memory, which is that of the runtime, cannot be looked into there',
      message: /to deeply equal/,
    },
  },
  {
    rows: ['N'],
    what: 'devices are made on whatever comes to lie on /dev',
    changes: [
      {
        file: 'native/child/paths.cc',
        from: '    rest = self.onDev >= 0 ? below(*path, "dev") : nullptr;',
        to: '    rest = nullptr;',
      },
      {
        file: 'native/child/devices.cc',
        from: '  return linkPolicy(path) | (crosses ? 0 : RESOLVE_NO_XDEV);',
        to: '  static_cast<void>(crosses);\n  return linkPolicy(path);',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-n-devices-on-volumes'),
      name: 'on the volume there are no devices, where it comes over /dev',
      message: /to be ''/,
    },
  },
  {
    rows: ['N'],
    what: 'devices are made on volumes that lie in their way',
    changes: [
      {
        file: 'native/child/devices.cc',
        from: '  return linkPolicy(path) | (crosses ? 0 : RESOLVE_NO_XDEV);',
        to: '  static_cast<void>(crosses);\n  return linkPolicy(path);',
      },
    ],
    build: 'executable',
    test: {
      file: security('row-n-devices-on-volumes'),
      name: 'a device is refused where the volume comes to be in its way: %s',
      title: 'a device is refused where the volume comes to be in its way: below /dev',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['Q'],
    what: 'the view of cgroups is shared with the host when it is mounted on',
    changes: [
      {
        file: 'src/plan/mounts/sources.ts',
        from: 'return this.make(path, recursive, at, -1, false, false);',
        to: 'return this.make(path, recursive, at, -1, false, this.root.shared);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/root.test.ts',
      name: 'shared leaves the host without what the container mounts on its view of cgroups',
      message: /tmpfs made-inside rw/,
    },
  },
  {
    rows: ['Z'],
    what: 'what the runtime mounts on a mount that the host shares is mounted on the host too',
    changes: [
      {
        file: 'native/child/mount-calls.cc',
        from: 'if (!self.sharing || path == nullptr) return moveMount(tree, target);',
        to: 'if (self.sharing || path != nullptr || path == nullptr) return moveMount(tree, target);',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/root.test.ts',
      name: 'shared leaves the host without what is mounted in a volume that it shares%s',
      title: 'shared leaves the host without what is mounted in a volume that it shares',
      message: /to deeply equal/,
    },
  },
  {
    rows: ['AC'],
    what: 'a bind source on the mount of an earlier entry is looked up on the host',
    changes: [
      {
        file: 'src/plan/mounts/sources.ts',
        from: 'return { source: inside, slot: SOURCE_IN_ROOT, propagation: 0, idMap, idMapRecursive };',
        to: 'return { source: path, slot: -1, propagation: 0, idMap, idMapRecursive };',
      },
    ],
    build: 'executable',
    test: {
      file: security('volume-links'),
      name: 'a source is never a directory of the host: %s, %s, %s',
      title: 'a source is never a directory of the host: absolute, bind, in no user namespace',
      message: /expected 'of-the-host\\n' to be ''/,
    },
  },
  {
    rows: ['R1'],
    what: 'the root file system may be another directory when the helper looks it up',
    changes: [
      {
        file: 'native/child/mounts.cc',
        from: 'if (root < 0 || place < 0) return root;',
        to: 'if (root < 0 || place < 0 || root >= 0) return root;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/rootfs-link.test.ts',
      name: 'the root file system is one directory from the beginning to the end',
      message: /to deeply equal \[\]/,
    },
  },
  {
    rows: ['AA'],
    what: 'the path of a namespace is looked up again when it is joined',
    changes: [
      {
        file: 'src/lifecycle/inputs.ts',
        from: 'const place = namespaces?.get(path) ?? -ENOENT;',
        to: 'const place = namespaces === undefined ? -ENOENT : native.open(path, O_PATH | O_CLOEXEC, 0);',
      },
    ],
    build: 'executable',
    test: {
      file: security('namespace-exchanged'),
      name: 'the namespace that was compared with the runtime’s own is the one that is joined',
      message: /to be 'net:/,
    },
  },
];
