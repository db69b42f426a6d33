// Signals of the command line as a descriptor.
#pragma once

#include <vector>

namespace tsrun {

// From now on each of these signals adds a byte, its number, to a pipe, whose
// reading end is the result; or a negated errno. A second call changes nothing
// that the first has set up but adds signals to it.
long catchSignals(const std::vector<int>& signals);

}  // namespace tsrun
