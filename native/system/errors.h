// Texts of errno values, in the words of errno(3), lower case, and the same
// with every C library.
#pragma once

#include <string>

namespace tsrun {

std::string errorText(int error);

}  // namespace tsrun
