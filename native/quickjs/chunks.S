# The bytecode of the TypeScript as data, for main-plain.cc.
  .section .rodata
  .balign 64
  .globl tsrunChunks
tsrunChunks:
  .incbin TSRUN_CHUNKS
  .section .note.GNU-stack, "", %progbits
