/** Operations of podman on pods, and on files for Kubernetes. */

import type { Operation } from './operations.js';

/** NAME and LIMITS are put in. */
const KUBE = `
apiVersion: v1
kind: Pod
metadata:
  name: NAME
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
    - name: first
      image: localhost/busybox
      imagePullPolicy: Never
      command: [sh, -c, 'echo written >/data/file']
      volumeMounts: [{ name: data, mountPath: /data }]
  containers:
    - name: main
      image: localhost/busybox
      imagePullPolicy: Never
      command: [sh, -c, 'cat /data/file; id -u; grep -E "CapBnd|NoNewPrivs" /proc/self/status; touch /file; exec sleep 1000']
      securityContext:
        runAsUser: 1000
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        capabilities: { drop: [ALL] }
      LIMITS
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes:
    - name: data
      emptyDir: {}
`;

/** A web server that serves the file /index.html. */
export const SERVER = `sh -c 'echo page >/home/index.html; exec busybox httpd -f -h /home'`;

/** Whose limits podman sets: with cgroupfs a user's pod gets none; on this machine nothing does. */
export type PodLimits = 'of pods' | 'of containers' | 'none';

export const pods = (limits: PodLimits): Operation[] => [
  {
    name: 'pod create, run --pod',
    script: `
        podman pod create --name $name-pod --share pid,net,ipc,uts --hostname together ${limits === 'none' ? '' : '--memory 96m'} >/dev/null
        podman run -d --pod $name-pod --name $name --pidfile $directory/pid busybox ${SERVER} >/dev/null
        podman run --rm --pod $name-pod busybox sh -c \\
          'hostname; busybox wget -q -O - http://127.0.0.1/; cat /proc/1/comm; ps | grep -c [h]ttpd'
        place=$(place) && place=\${place%/container} && cat \${place%/*}/${limits === 'none' ? 'cgroup.freeze' : 'memory.max'}`,
    prints: `together\npage\ncatatonit\n1\n${{ 'of pods': 100663296, 'of containers': 'max', none: 0 }[limits]}`,
  },
  {
    name: 'pod pause, unpause',
    script: `
        podman pod pause $name-pod >/dev/null && grep frozen $(place)/cgroup.events
        podman pod unpause $name-pod >/dev/null && grep frozen $(place)/cgroup.events`,
    prints: 'frozen 1\nfrozen 0',
  },
  {
    name: 'pod stop, start, rm -f',
    script: `
        podman pod stop -t 0 $name-pod >/dev/null
        podman pod start $name-pod >/dev/null && podman exec $name cat /home/index.html
        podman pod rm -f -t 0 $name-pod >/dev/null; podman container exists $name`,
    prints: 'page',
    status: 1,
  },
  {
    name: 'kube play',
    script: `
        sed "s/NAME/$name-kube/; s/LIMITS/${limits === 'none' ? '' : 'resources: { limits: { memory: 64Mi } }'}/" >$directory/kube.yaml <<'END'
${KUBE}END
        podman kube play --log-driver k8s-file --network none $directory/kube.yaml >/dev/null
        logs() { podman logs $name-kube-main 2>&1 | grep -q Read-only; }
        until_true logs
        podman logs $name-kube-main`,
    prints:
      /^written\n1000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\ntouch: .*Read-only file system$/,
  },
  {
    name: 'kube down',
    script: `podman kube down $directory/kube.yaml >/dev/null; podman pod exists $name-kube`,
    prints: '',
    status: 1,
  },
];

/** The names of those that have to do with limits and freezing. */
export const OF_GROUPS = /^(pod create.*|pod pause.*)$/;

/** Afterwards, whatever has failed. */
export const cleanUpPods =
  'podman pod rm -f -t 0 --ignore $name-pod $name-kube >/dev/null; rm -r $directory';
