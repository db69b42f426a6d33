# The arena (arena.h): at its beginning the image, which is empty at the first
# link (blank.S), then zeros. All in all it is a page short of 4 MiB: no range of 2 MiB
# that a huge page could take is whole behind the image, so that the kernel is
# not tempted to clear one.
  .section .arena.image, "aw", %progbits
  .balign 4096
  .globl tsrunArena
tsrunArena:
#ifdef TSRUN_BLANK
  .skip 8
#else
  .incbin TSRUN_IMAGE
#endif
  .balign 4096
.Lend:
#ifdef TSRUN_BLANK
  .section .arena.rest, "aw", %nobits
  .skip 0x3ff000 - (.Lend - tsrunArena)
  .globl tsrunArenaLoaded
tsrunArenaLoaded:
#else
# The rest is mapped when it is needed (arena.cc): where the kernel has no room for a section it
# ends the program at its start by a signal, and nobody knows why.
  .globl tsrunArenaLoaded
tsrunArenaLoaded:
#endif
  .section .arena.end, "aw", %nobits
  .skip 4096
  .section .note.GNU-stack, "", %progbits
