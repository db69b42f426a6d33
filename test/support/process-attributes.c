// What a process passes on to what it executes.
//
//   process-attributes show              a line `name value` for each
//   process-attributes NAME... -- FILE   gives each an unusual value, and executes FILE
//   process-attributes all -- FILE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

static void put(const char* file, const char* text) {
  int fd = open(file, O_WRONLY);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) {
    perror(file);
    exit(1);
  }
  close(fd);
}

static void get(const char* name, const char* file) {
  char text[256] = "";
  int fd = open(file, O_RDONLY);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (size > 0 && text[size - 1] == '\n') text[size - 1] = 0;
  if (size < 0) snprintf(text, sizeof text, "error %d", errno);
  printf("%s %s\n", name, text);
  if (fd >= 0) close(fd);
}

static void check(const char* what, long result) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static void oddGroups(void) {
  gid_t groups[2] = {4, 42};
  check("setgroups", setgroups(2, groups));
}
static void showGroups(void) {
  gid_t groups[256];
  int count = getgroups(256, groups);
  printf("groups");
  for (int i = 0; i < count; i++) printf(" %u", groups[i]);
  printf("\n");
}

static void oddOom(void) { put("/proc/self/oom_score_adj", "333"); }
static void showOom(void) { get("oom-score-adj", "/proc/self/oom_score_adj"); }

static void oddAffinity(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  check("affinity", sched_setaffinity(0, sizeof set, &set));
}
static void showAffinity(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  printf("affinity %d\n", CPU_COUNT(&set));
}

static void oddNice(void) { check("nice", setpriority(PRIO_PROCESS, 0, 7)); }
static void showNice(void) { printf("nice %d\n", getpriority(PRIO_PROCESS, 0)); }

static void oddScheduler(void) {
  struct sched_param none = {0};
  check("scheduler", sched_setscheduler(0, SCHED_BATCH, &none));
}
static void showScheduler(void) { printf("scheduler %d\n", sched_getscheduler(0)); }

static void oddIoPriority(void) { check("ioprio", syscall(SYS_ioprio_set, 1, 0, (2 << 13) | 6)); }
static void showIoPriority(void) { printf("io-priority %ld\n", syscall(SYS_ioprio_get, 1, 0)); }

static void oddSlack(void) { check("slack", prctl(PR_SET_TIMERSLACK, 77777, 0, 0, 0)); }
static void showSlack(void) { printf("timer-slack %d\n", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)); }

static void oddUmask(void) { umask(0); }
static void showUmask(void) { printf("umask %03o\n", umask(0)); }

static void oddSignals(void) {
  signal(SIGUSR1, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGRTMIN + 5);
  check("mask", sigprocmask(SIG_BLOCK, &set, NULL));
}
static void showSignals(void) {
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  printf("signals");
  for (int i = 1; i < 65; i++) {
    struct sigaction action;
    if (sigismember(&set, i) == 1) printf(" blocked-%d", i);
    if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf(" ignored-%d", i);
  }
  printf("\n");
}

// Not RLIMIT_NOFILE, which Node raises for itself.
static void oddLimits(void) {
  struct rlimit limit = {777, 888};
  check("rlimit", setrlimit(RLIMIT_MSGQUEUE, &limit));
}
static void showLimits(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_MSGQUEUE, &limit);
  printf("limits %lu:%lu\n", limit.rlim_cur, limit.rlim_max);
}

static void oddEnvironment(void) { setenv("ODD", "1", 1); }
static void showEnvironment(void) { printf("environment %s\n", getenv("ODD") ? "odd" : "own"); }

static void oddKeyring(void) {
  check("keyring", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "odd-keyring"));
}
static void showKeyring(void) {
  char text[256] = "";
  long size = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text - 1);
  const char* name = strrchr(text, ';');
  printf("keyring %s\n", size < 0 ? "none" : name == NULL ? text : name + 1);
}

static void oddPersonality(void) { check("personality", personality(ADDR_NO_RANDOMIZE)); }
static void showPersonality(void) { printf("personality %x\n", personality(0xffffffff)); }

static void oddSecurebits(void) { check("securebits", prctl(PR_SET_SECUREBITS, 4, 0, 0, 0)); }
static void showSecurebits(void) {
  printf("securebits %x\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
}

static void oddNnp(void) { check("nnp", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
static void showNnp(void) {
  printf("no-new-privileges %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void oddFilter(void) { put("/proc/self/coredump_filter", "0x7f"); }
static void showFilter(void) { get("coredump-filter", "/proc/self/coredump_filter"); }

static void oddMempolicy(void) {
  unsigned long nodes = 1;
  check("mempolicy", syscall(SYS_set_mempolicy, 3 /* MPOL_INTERLEAVE */, &nodes, 64));
}
static void showMempolicy(void) {
  int mode = -1;
  syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0);
  printf("memory-policy %d\n", mode);
}

static void oddAutogroup(void) {
  setsid();
  int fd = open("/proc/self/autogroup", O_RDWR);
  // Without CAP_SYS_ADMIN, ten writes a second are allowed on the whole machine.
  while (write(fd, "5", 1) < 0 && errno == EAGAIN) usleep(20000);
  close(fd);
}
static void showAutogroup(void) {
  char text[128] = "";
  int fd = open("/proc/self/autogroup", O_RDONLY);
  if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) {
    const char* nice = strstr(text, "nice ");
    printf("autogroup %d\n", nice == NULL ? -100 : atoi(nice + 5));
  } else {
    printf("autogroup none\n");
  }
}

static void oddHugePages(void) { check("thp", prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)); }
static void showHugePages(void) {
  printf("thp-disable %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
}

static void oddMerge(void) { check("ksm", prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)); }
static void showMerge(void) { printf("memory-merge %d\n", prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0)); }

static void oddMdwe(void) { check("mdwe", prctl(65, 1, 0, 0, 0)); }
static void showMdwe(void) { printf("mdwe %d\n", prctl(66, 0, 0, 0, 0)); }

static void oddSpeculation(void) {
  check("spec", prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0));
}
static void showSpeculation(void) {
  printf("speculation %d\n", prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));
}

static void oddTsc(void) { check("tsc", prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0)); }
static void showTsc(void) {
  int mode = -1;
  prctl(PR_GET_TSC, &mode, 0, 0, 0);
  printf("tsc %d\n", mode);
}

static void oddMce(void) {
  check("mce", prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
}
static void showMce(void) { printf("machine-check %d\n", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)); }

static void oddReaper(void) { check("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }
static void showReaper(void) {
  int value = -1;
  prctl(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0);
  printf("subreaper %d\n", value);
}
static void oddDeath(void) { check("death", prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0)); }
static void showDeath(void) {
  int value = -1;
  prctl(PR_GET_PDEATHSIG, &value, 0, 0, 0);
  printf("death-signal %d\n", value);
}
static void oddFlusher(void) { check("io flusher", prctl(57, 1, 0, 0, 0)); }
static void showFlusher(void) { printf("io-flusher %d\n", prctl(58, 0, 0, 0, 0)); }
static void oddTimer(void) { alarm(1000); }
static void showTimer(void) { printf("alarm %u\n", alarm(0)); }
static void showDumpable(void) { printf("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); }
static void oddDumpable(void) { check("dumpable", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }
static void oddLogin(void) { put("/proc/self/loginuid", "4242"); }
static void showLogin(void) { get("login-uid", "/proc/self/loginuid"); }
static void oddKeep(void) { check("keepcaps", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)); }
static void showKeep(void) { printf("keep-capabilities %d\n", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0)); }

// `apart`: not among `all`: it cannot be taken back, or keeps programs from running.
static const struct {
  const char* name;
  void (*set)(void);
  void (*show)(void);
  int apart;
} kAttributes[] = {
    {"affinity", oddAffinity, showAffinity, 0},
    {"scheduler", oddScheduler, showScheduler, 0},
    {"nice", oddNice, showNice, 0},
    {"io-priority", oddIoPriority, showIoPriority, 0},
    {"oom-score-adj", oddOom, showOom, 0},
    {"timer-slack", oddSlack, showSlack, 0},
    {"umask", oddUmask, showUmask, 0},
    {"signals", oddSignals, showSignals, 0},
    {"limits", oddLimits, showLimits, 0},
    {"environment", oddEnvironment, showEnvironment, 0},
    {"keyring", oddKeyring, showKeyring, 0},
    {"personality", oddPersonality, showPersonality, 0},
    {"securebits", oddSecurebits, showSecurebits, 0},
    {"coredump-filter", oddFilter, showFilter, 0},
    {"memory-policy", oddMempolicy, showMempolicy, 0},
    {"autogroup", oddAutogroup, showAutogroup, 0},
    {"thp-disable", oddHugePages, showHugePages, 0},
    {"memory-merge", oddMerge, showMerge, 0},
    {"speculation", oddSpeculation, showSpeculation, 1},
    {"machine-check", oddMce, showMce, 0},
    {"subreaper", oddReaper, showReaper, 0},
    {"death-signal", oddDeath, showDeath, 0},
    {"alarm", oddTimer, showTimer, 0},
    {"dumpable", oddDumpable, showDumpable, 0},
    {"keep-capabilities", oddKeep, showKeep, 0},
    {"groups", oddGroups, showGroups, 0},
    {"no-new-privileges", oddNnp, showNnp, 1},
    {"mdwe", oddMdwe, showMdwe, 1},
    {"tsc", oddTsc, showTsc, 1},
    {"login-uid", oddLogin, showLogin, 1},
    {"io-flusher", oddFlusher, showFlusher, 1},
};

int main(int count, char** text) {
  const int attributes = sizeof kAttributes / sizeof kAttributes[0];
  if (count == 2 && strcmp(text[1], "show") == 0) {
    for (int i = 0; i < attributes; i++) kAttributes[i].show();
    return 0;
  }
  int at = 1;
  for (; at < count && strcmp(text[at], "--") != 0; at++) {
    int found = 0;
    for (int i = 0; i < attributes; i++) {
      const int all = strcmp(text[at], "all") == 0 && !kAttributes[i].apart;
      if (!all && strcmp(text[at], kAttributes[i].name) != 0) continue;
      kAttributes[i].set();
      found = 1;
    }
    if (!found) {
      fprintf(stderr, "no attribute %s\n", text[at]);
      return 2;
    }
  }
  if (at + 1 >= count) return 2;
  execvp(text[at + 1], text + at + 1);
  perror(text[at + 1]);
  return 127;
}
