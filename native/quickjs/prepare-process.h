// What a process of the executable does before anything else.
#pragma once

namespace tsrun {

// Opens /dev/null for those of descriptors 0, 1 and 2 that the caller closed, as Node does: a
// descriptor of our own would be taken for one of them otherwise, and given to the container.
// Says why and ends the process where that cannot be done.
//
// Ignores SIGXFSZ, as the entry for Node does.
void prepareProcess();

}  // namespace tsrun
