// The helper's executable as data of the addon.
  .section .rodata
  .balign 64
  .globl tsrunHelperStart
  .hidden tsrunHelperStart
  .globl tsrunHelperEnd
  .hidden tsrunHelperEnd
tsrunHelperStart:
  .incbin TSRUN_HELPER
tsrunHelperEnd:
  .section .note.GNU-stack, "", %progbits
