# The bytecode of the TypeScript as data of the executable (chunks.h).
  .section .rodata
  .balign 64
  .globl tsrunChunks
tsrunChunks:
  .incbin TSRUN_CHUNKS
  .section .note.GNU-stack, "", %progbits
