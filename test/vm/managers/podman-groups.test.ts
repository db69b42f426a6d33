/** podman, as it comes from Debian: networks, pods, files for Kubernetes. */

import { beforeAll } from 'vitest';

import { testOperations } from './support/operations.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

// dockerd leaves it at DROP, which is also for what podman's bridges forward.
beforeAll(() => guest.run('iptables -P FORWARD ACCEPT'));

/** NAME is put in. */
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
      resources: { limits: { memory: 64Mi } }
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes:
    - name: data
      emptyDir: {}
`;

beforeAll(async () => {
  await guest.output(`cp ${guest.write('kube.yaml', KUBE)} /run/kube.yaml`);
});

/** A web server that serves the file /index.html. */
const SERVER = `sh -c 'echo page >/home/index.html; exec busybox httpd -f -h /home'`;

testOperations(guest, 'networks', {
  ...rootfulPodman('systemd'),
  operations: [
    {
      name: '--network bridge, -p',
      script: `
        [ $runtime = tsrun ] && port=8081 || port=8082
        podman network create $name >/dev/null
        podman run -d --name $name --network $name -p $port:80 busybox ${SERVER} >/dev/null
        get() { busybox wget -q -O - http://127.0.0.1:$port/; }
        until_true get`,
      prints: 'page',
    },
    {
      name: 'names in a network',
      script: `podman run --rm --network $name busybox sh -c "busybox wget -q -O - http://$name/; ip address | grep -c 'inet '"`,
      prints: 'page\n2',
    },
    {
      name: '--network container:',
      script: `podman run --rm --network container:$name busybox busybox wget -q -O - http://127.0.0.1/`,
      prints: 'page',
    },
    {
      name: '--network none, host',
      script: `
        podman run --rm --network none busybox sh -c "ip address | grep -c 'inet '"
        podman run --rm --network host busybox sh -c "ip address | grep -c ': podman'"`,
      prints: /^1\n[1-9]$/,
    },
  ],
  cleanUp: `
    podman rm -f -t 0 --ignore $name >/dev/null
    podman network rm -f $name >/dev/null
    rm -r $directory`,
});

testOperations(guest, 'pods', {
  ...rootfulPodman('systemd'),
  operations: [
    {
      name: 'pod create, run --pod',
      script: `
        podman pod create --name $name-pod --share pid,net,ipc,uts --hostname together --memory 96m >/dev/null
        podman run -d --pod $name-pod --name $name --pidfile $directory/pid busybox ${SERVER} >/dev/null
        podman run --rm --pod $name-pod busybox sh -c \\
          'hostname; busybox wget -q -O - http://127.0.0.1/; cat /proc/1/comm; ps | grep -c [h]ttpd'
        cat $(place | sed 's|/libpod-[^/]*.scope.*||')/memory.max`,
      prints: 'together\npage\ncatatonit\n1\n100663296',
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
        sed s/NAME/$name-kube/ /run/kube.yaml >$directory/kube.yaml
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
  ],
  cleanUp: `
    podman pod rm -f -t 0 --ignore $name-pod $name-kube >/dev/null
    rm -r $directory`,
});
