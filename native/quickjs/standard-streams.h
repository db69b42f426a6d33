// Descriptors 0, 1 and 2.
#pragma once

namespace tsrun {

// Opens /dev/null for those that the caller closed, as Node does: a descriptor of
// our own would be taken for one of them otherwise, and given to the container.
// Says why and ends the process where that cannot be done.
void openStandardStreams();

}  // namespace tsrun
